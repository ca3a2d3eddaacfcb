"""The shared local server: with the 0.5B model (marked), and what needs no model."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
from pydantic import BaseModel

from ig_assets.adapters.local_models.files import fetch_model_file
from ig_assets.adapters.local_models.registry import WRITERS
from ig_assets.adapters.local_models.serving import server, server_process
from ig_assets.adapters.local_models.serving.server import ServerAddress, ensure_server
from ig_assets.adapters.local_models.serving.server_record import (
    ServerRecord,
    identify,
    read_record,
    server_lock,
    touch_server,
)
from ig_assets.adapters.local_models.writer import LocalWriter
from ig_assets.core.ports import WriteRequest
from ig_assets.errors import MalformedAnswerError, ModelFileError

SERVED = "the file that was verified"
CACHE = Path.home() / ".cache" / "ig_assets" / "models"


class Script(BaseModel):
    hook: str
    body: str


def request(seed: int = 5, limit: int = 200) -> WriteRequest:
    return WriteRequest(
        "You write Instagram Reels scripts as JSON with a hook and a body.",
        "Topic: PASTAWATER, salting it. Keep it to two short sentences.",
        Script,
        limit,
        0.7,
        seed,
    )


def stop_server(state_dir: Path) -> bool:
    """End the folder's server; whether one was running."""
    with server_lock(state_dir, 150):
        found = read_record(state_dir)
        return found is not None and server._stop(state_dir, found)


def local_writer(state_dir: Path, model: Path, name: str = "qwen") -> LocalWriter:
    return LocalWriter(state_dir, lambda: model, name, SERVED)


def record(state_dir: Path) -> dict[str, object]:
    return dict(json.loads((state_dir / "server.json").read_text()))


@pytest.fixture(scope="module")
def model() -> Path:
    return fetch_model_file(WRITERS["0.5b"], CACHE)


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("server")
    yield folder
    stop_server(folder)


@pytest.mark.model
def test_a_structured_answer_comes_back_with_what_it_took(
    state_dir: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    answer = local_writer(state_dir, model, "another model").write(request())
    assert isinstance(answer.parsed, Script) and answer.parsed.hook
    assert answer.usage.input_tokens > 20 and answer.usage.output_tokens > 5
    assert answer.model == SERVED


@pytest.mark.model
def test_the_same_seed_writes_the_same_words(state_dir: Path, model: Path) -> None:
    writer = local_writer(state_dir, model)
    one, same, other = (writer.write(request(seed)).parsed for seed in (5, 5, 6))
    assert one == same != other


@pytest.mark.model
def test_an_answer_that_does_not_fit_its_limit_is_malformed_and_counted(
    state_dir: Path, model: Path
) -> None:
    with pytest.raises(MalformedAnswerError, match="cut off") as caught:
        local_writer(state_dir, model).write(request(limit=6))
    assert caught.value.output_tokens == 6


@pytest.mark.model
def test_callers_in_several_processes_share_one_server(
    state_dir: Path, model: Path
) -> None:
    stop_server(state_dir)
    code = (
        "import sys; from pathlib import Path; "
        "from ig_assets.adapters.local_models.serving.server import ensure_server; "
        "print(ensure_server(Path(sys.argv[1]), Path(sys.argv[2])))"
    )
    callers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(state_dir), str(model)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    answers = {caller.communicate()[0] for caller in callers}
    assert len(answers) == 1
    assert answers == {f"{ensure_server(state_dir, model)}\n"}


@pytest.mark.model
def test_the_server_wants_its_own_key_and_only_its_owner_may_read_it(
    state_dir: Path, model: Path
) -> None:
    address = ensure_server(state_dir, model)
    assert answers_with(address, "Bearer wrong") == 401
    assert answers_with(address, f"Bearer {address.api_key}") == 200
    mode = stat.S_IMODE((state_dir / "server.json").stat().st_mode)
    assert mode == 0o600
    process = psutil.Process(int(str(record(state_dir)["pid"])))
    assert address.api_key not in " ".join(process.cmdline())


@pytest.mark.model
def test_the_server_never_sees_a_vendor_s_key(
    state_dir: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_server(state_dir)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.setenv("HF_TOKEN", "hf-real")
    ensure_server(state_dir, model)
    environment = psutil.Process(int(str(record(state_dir)["pid"]))).environ()
    assert not {"sk-real", "hf-real"} & set(environment.values())


@pytest.mark.model
def test_no_prompt_stands_in_the_server_s_log(state_dir: Path, model: Path) -> None:
    local_writer(state_dir, model).write(request())
    assert "PASTAWATER" not in (state_dir / "server.log").read_text(errors="replace")


@pytest.mark.model
def test_a_server_that_was_killed_is_replaced(state_dir: Path, model: Path) -> None:
    ensure_server(state_dir, model)
    killed = int(str(record(state_dir)["pid"]))
    psutil.Process(killed).kill()
    writer = local_writer(state_dir, model)
    assert writer.write(request()).usage.output_tokens > 0
    assert record(state_dir)["pid"] != killed


@pytest.mark.model
def test_another_model_or_thread_count_replaces_the_server(
    state_dir: Path, model: Path, tmp_path: Path
) -> None:
    first = ensure_server(state_dir, model)
    old = psutil.Process(int(str(record(state_dir)["pid"])))
    copy = tmp_path / "renamed.gguf"
    try:
        os.link(model, copy)
    except OSError:  # the cache is on another disk
        shutil.copy(model, copy)
    second = ensure_server(state_dir, copy)
    assert first != second and record(state_dir)["model"] == str(copy.resolve())
    assert not old.is_running() or old.status() == psutil.STATUS_ZOMBIE
    assert ensure_server(state_dir, copy) == second


@pytest.mark.model
def test_an_idle_server_ends_and_takes_its_record_with_it(
    tmp_path: Path, model: Path
) -> None:
    ensure_server(tmp_path, model, idle_s=1)
    process = psutil.Process(int(str(record(tmp_path)["pid"])))
    psutil.wait_procs([process], timeout=60)
    assert not process.is_running()
    assert not (tmp_path / "server.json").exists()


def answers_with(address: ServerAddress, authorization: str) -> int:
    port = int(address.base_url.split(":")[2].split("/")[0])
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"model": "m", "input": "hi", "max_output_tokens": 1})
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    connection.request("POST", "/v1/responses", body, headers)
    return connection.getresponse().status


# What follows needs no model.


def test_a_file_that_is_no_model_is_told_with_the_log_s_path(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"not a model")
    with pytest.raises(ModelFileError, match="broken.gguf did not load") as caught:
        ensure_server(tmp_path / "state", broken)
    assert str(tmp_path / "state" / "server.log") in str(caught.value)
    assert not (tmp_path / "state" / "server.json").exists()


def test_a_missing_model_file_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no model file"):
        ensure_server(tmp_path, tmp_path / "none.gguf")
    assert not (tmp_path / "server.log").exists()


def test_building_a_writer_neither_fetches_nor_starts(tmp_path: Path) -> None:
    def fetch() -> Path:
        raise AssertionError("fetched")

    writer = LocalWriter(tmp_path / "state", fetch, "qwen", SERVED)
    assert writer.provider == "local" and not (tmp_path / "state").exists()


class FakeServer(HTTPServer):
    """Answers /v1/models as a running server would."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakePage)


class FakePage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    fake = FakeServer()
    threading.Thread(target=fake.serve_forever, args=(0.01,), daemon=True).start()
    yield fake.server_address[1]
    fake.shutdown()
    fake.server_close()


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield psutil.Process(child.pid)
    child.kill()
    child.wait()


def write_record(
    state_dir: Path, model: Path, process: psutil.Process, port: int, **changed: float
) -> None:
    loaded = identify(model)
    found = ServerRecord(
        pid=process.pid,
        started=process.create_time(),
        port=port,
        key="k",
        model=loaded.path,
        model_size=loaded.size,
        model_mtime_ns=loaded.mtime_ns,
        model_ctime_ns=loaded.ctime_ns,
        model_inode=loaded.inode,
        threads=1,
    )
    state_dir.mkdir(exist_ok=True)
    fields = {**asdict(found), **changed}
    (state_dir / "server.json").write_text(json.dumps(fields))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.gguf"
    path.write_bytes(b"not a model")
    return path


def test_a_live_server_of_the_same_model_is_used(
    tmp_path: Path, file: Path, sleeper: psutil.Process, port: int
) -> None:
    write_record(tmp_path, file, sleeper, port)
    expected = ServerAddress(f"http://127.0.0.1:{port}/v1", "k")
    assert ensure_server(tmp_path, file) == expected


def test_a_server_of_other_bytes_of_the_same_size_and_time_is_not_used(
    tmp_path: Path, file: Path, sleeper: psutil.Process, port: int
) -> None:
    write_record(tmp_path, file, sleeper, port)
    record = read_record(tmp_path)
    assert record is not None and record.serves(identify(file), threads=1)
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    file.write_bytes(b"now a model")
    os.utime(file, ns=times)
    assert identify(file).mtime_ns == record.model_mtime_ns
    assert not record.serves(identify(file), threads=1)


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(
    tmp_path: Path, file: Path, sleeper: psutil.Process, port: int
) -> None:
    write_record(tmp_path, file, sleeper, port, started=sleeper.create_time() - 500)
    assert stop_server(tmp_path) is False
    assert sleeper.is_running()
    assert not (tmp_path / "server.json").exists()


def test_stopping_ends_the_process_and_forgets_it(
    tmp_path: Path, file: Path, sleeper: psutil.Process, port: int
) -> None:
    write_record(tmp_path, file, sleeper, port)
    assert stop_server(tmp_path) is True
    assert not sleeper.is_running() or sleeper.status() == psutil.STATUS_ZOMBIE
    assert stop_server(tmp_path) is False


def test_a_half_written_record_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text('{"pid": 1')
    assert stop_server(tmp_path) is False


class Busy:
    """A server whose counters move, or show work, for a number of looks."""

    def __init__(self, say: Callable[[int], str], looks: int) -> None:
        self.seen = 0
        self._say, self._looks = say, looks

    def handle_metrics(self) -> str:
        self.seen += 1
        return self._say(min(self.seen, self._looks))


LOOKS = 12  # of 25 ms each: three times as long as an idle server has


@pytest.mark.parametrize(
    "say",
    [
        lambda n: f"llamacpp:tokens_predicted_total {n}\n",
        lambda n: f"llamacpp:requests_processing {1 if n < LOOKS else 0}\n",
        lambda n: f"llamacpp:requests_deferred {2 if n < LOOKS else 0}\n",
    ],
)
def test_a_server_at_work_is_not_idle(
    tmp_path: Path, file: Path, sleeper: psutil.Process, say: Callable[[int], str]
) -> None:
    write_record(tmp_path, file, sleeper, 1)
    found = read_record(tmp_path)
    assert found is not None
    busy = Busy(say, looks=LOOKS)
    server_process.wait_until_idle(tmp_path, found, busy, idle_s=0.1)
    assert busy.seen > LOOKS
    assert not (tmp_path / "server.json").exists()


def test_a_server_that_callers_ask_for_is_not_idle(
    tmp_path: Path, file: Path, sleeper: psutil.Process
) -> None:
    write_record(tmp_path, file, sleeper, 1)
    found = read_record(tmp_path)
    assert found is not None

    def touching(look: int) -> str:
        if look < LOOKS:
            touch_server(tmp_path)
        return ""

    busy = Busy(touching, looks=LOOKS)
    server_process.wait_until_idle(tmp_path, found, busy, idle_s=0.1)
    assert busy.seen > LOOKS


def test_a_server_does_not_end_while_a_caller_holds_the_lock(
    tmp_path: Path, file: Path, sleeper: psutil.Process
) -> None:
    write_record(tmp_path, file, sleeper, 1)
    found = read_record(tmp_path)
    assert found is not None
    idle = Busy(lambda _: "", looks=1)
    with ThreadPoolExecutor(1) as pool:
        with server_lock(tmp_path, 10):
            ending = pool.submit(
                server_process.wait_until_idle, tmp_path, found, idle, 0.05
            )
            while idle.seen < 20 and not ending.done():
                time.sleep(0.01)
            assert not ending.done() and (tmp_path / "server.json").exists()
        ending.result()
    assert not (tmp_path / "server.json").exists()
