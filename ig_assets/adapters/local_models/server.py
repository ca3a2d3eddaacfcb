"""One OpenAI-compatible server a data folder, shared by every process that writes.

`ensure_server` finds or starts it under a lock; it ends itself when idle. What it is
stands in `server.json` (mode 0600, it holds the key); what it says in `server.log`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ig_assets.adapters.openai.writer import Endpoint, OpenAIWriter
from ig_assets.errors import ModelFileError

CONTEXT_TOKENS = 4096
WRITE_TIMEOUT_S = 900.0  # several callers may queue for the one slot
_KEY_VARIABLE = "IG_LOCAL_SERVER_KEY"
_NOT_FOR_THE_CHILD = re.compile(r"API_KEY|ADMIN_KEY|TOKEN|SECRET|PASSWORD", re.I)
_POLL_S = 0.1
_PATIENCE_S = 30.0
_BUSY = re.compile(r"^llamacpp:requests_(?:processing|deferred) (\S+)$", re.M)
_DONE = re.compile(r"^llamacpp:(?:prompt_tokens|tokens_predicted)_total (\S+)$", re.M)


@dataclass(frozen=True)
class ServerAddress:
    """Where the server listens, its own key, and the model's name."""

    base_url: str
    api_key: str
    model: str


@dataclass(frozen=True)
class _Record:
    """What `server.json` says of a running server."""

    pid: int
    started: float
    port: int
    key: str
    model: str
    model_size: int
    model_mtime_ns: int
    threads: int

    @property
    def address(self) -> ServerAddress:
        name = Path(self.model).stem
        return ServerAddress(f"http://127.0.0.1:{self.port}/v1", self.key, name)


_children: list[subprocess.Popen[bytes]] = []  # kept so that ended ones are reaped


def ensure_server(
    state_dir: Path,
    model_path: Path,
    threads: int = 1,
    idle_s: int = 300,
    start_timeout_s: float = 120,
    prompt_threads: int = 1,
) -> ServerAddress:
    """Return the address of a server that serves this model, starting it if needed.

    Callers in any process wait for each other. A server of another model or thread
    count is stopped first. `threads` write and `prompt_threads` read; `idle_s` counts
    from the last request or call of this. Raises ModelFileError where the model does
    not load.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    if not model_path.is_file():
        raise ModelFileError(f"There is no model file at {model_path}.")
    wanted = _identity(model_path, threads)
    try:
        with _lock(state_dir, start_timeout_s + 30):
            found = _read(state_dir)
            if found is not None:
                if wanted == _served(found) and _is_ours(found) and _answers(found):
                    touch_server(state_dir)
                    return found.address
                _stop(state_dir, found)
            touch_server(state_dir)
            options = ["--threads", str(threads), "--idle-s", str(idle_s)]
            options += ["--prompt-threads", str(max(threads, prompt_threads))]
            return _start(state_dir, model_path, options, start_timeout_s)
    except Timeout:
        raise ModelFileError(
            "Another process has been starting the local model for more than "
            f"{start_timeout_s:.0f} s; see {state_dir / 'server.log'}."
        ) from None


def touch_server(state_dir: Path) -> None:
    """Say that the server is about to be used; never raises if it is gone."""
    with suppress(OSError):
        (state_dir / "server.used").touch()


def stop_server(state_dir: Path) -> bool:
    """Stop the folder's server; return whether there was one."""
    if not state_dir.is_dir():
        return False
    with _lock(state_dir, 150):
        found = _read(state_dir)
        return found is not None and _stop(state_dir, found)


def local_writer(
    state_dir: Path,
    model_path: Callable[[], Path],
    model: str,
    threads: int = 1,
    idle_s: int = 300,
    prompt_threads: int = 1,
) -> OpenAIWriter:
    """A writer on the shared server, which it finds or starts before each request.

    `model_path` is asked at the first request, so that building a writer neither
    downloads nor loads anything; `model` is the name that rows carry.
    """
    known: list[Path] = []

    def locate() -> Endpoint:
        if not known:
            known.append(model_path())
        address = ensure_server(
            state_dir, known[0], threads, idle_s, prompt_threads=prompt_threads
        )
        return Endpoint(address.base_url, address.api_key)

    return OpenAIWriter(
        model,
        api_key="set by the server",
        base_url="http://127.0.0.1",
        provider="local",
        timeout_s=WRITE_TIMEOUT_S,
        before_call=locate,
        local=True,
    )


def _start(
    state_dir: Path, model: Path, options: list[str], timeout_s: float
) -> ServerAddress:
    key = secrets.token_urlsafe(24)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not _NOT_FOR_THE_CHILD.search(name)
    }
    environment[_KEY_VARIABLE] = key
    log = state_dir / "server.log"
    command = [sys.executable, "-m", "ig_assets.adapters.local_models.server"]
    command += ["--state-dir", str(state_dir), "--model", str(model), *options]
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    _children[:] = [c for c in _children if c.poll() is None] + [child]
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = _read(state_dir)
        if found is not None and found.key == key and _answers(found):
            return found.address
        if child.poll() is not None:
            raise ModelFileError(
                f"The local model {model.name} did not load (the server ended with "
                f"code {child.returncode}); see {log}."
            )
        time.sleep(_POLL_S)
    child.kill()
    child.wait()
    raise ModelFileError(
        f"The local model {model.name} did not load within {timeout_s:.0f} s; "
        f"see {log}."
    )


def _stop(state_dir: Path, found: _Record) -> bool:
    """End the recorded server if it is still that process; forget the record."""
    import psutil

    alive = _is_ours(found)
    if alive:
        with suppress(psutil.Error):
            process = psutil.Process(found.pid)
            process.terminate()
            try:
                process.wait(10)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(10)
    (state_dir / "server.json").unlink(missing_ok=True)
    return alive


def _is_ours(found: _Record) -> bool:
    """Whether the pid is still that server and not a later process's."""
    import psutil

    try:
        process = psutil.Process(found.pid)
        started = process.create_time()
        ended = process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
    return abs(started - found.started) < 2.0 and not ended


def _answers(found: _Record) -> bool:
    """Whether /v1/models says 200; no connection, or 503 while loading, is a no.

    The patience is for a machine that is busy writing: a server that only answers
    slowly must not be taken for dead and stopped under its callers.
    """
    connection = HTTPConnection("127.0.0.1", found.port, timeout=_PATIENCE_S)
    try:
        headers = {"Authorization": f"Bearer {found.key}"}
        connection.request("GET", "/v1/models", headers=headers)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _read(state_dir: Path) -> _Record | None:
    try:
        return _Record(**json.loads((state_dir / "server.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _lock(state_dir: Path, timeout_s: float) -> FileLock:
    return FileLock(state_dir / "server.lock", timeout=timeout_s)


def _identity(model: Path, threads: int) -> tuple[str, int, int, int]:
    state = model.stat()
    return str(model.resolve()), state.st_size, state.st_mtime_ns, threads


def _served(found: _Record) -> tuple[str, int, int, int]:
    return found.model, found.model_size, found.model_mtime_ns, found.threads


def _serve(
    state_dir: Path, model: Path, threads: int, idle_s: float, prompt_threads: int
) -> None:
    """The child: load, write the record, and end when idle or told to."""
    import psutil
    from xllamacpp import CommonParams, Server

    key = os.environ.pop(_KEY_VARIABLE)
    parameters: Any = CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {model.stem}
    parameters.port = 0  # a free one
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = prompt_threads
    parameters.cache_prompt = False
    parameters.offline = True
    parameters.ui = False
    parameters.endpoint_metrics = True
    parameters.api_keys = [key]
    server: Any = Server(parameters)
    resolved, size, mtime_ns, _ = _identity(model, threads)
    record = _Record(
        pid=os.getpid(),
        started=psutil.Process().create_time(),
        port=int(server.listening_address.rsplit(":", 1)[1]),
        key=key,
        model=resolved,
        model_size=size,
        model_mtime_ns=mtime_ns,
        threads=threads,
    )
    _write(state_dir, record)
    _wait_until_idle(state_dir, record, server, idle_s)


def _write(state_dir: Path, record: _Record) -> None:
    part = state_dir / "server.json.part"
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as output:
        json.dump(asdict(record), output)
    os.replace(part, state_dir / "server.json")


def _wait_until_idle(
    state_dir: Path, record: _Record, server: Any, idle_s: float
) -> None:
    """Return once neither a request nor a caller came for `idle_s`.

    The server's own counters tell of requests, the touched file of callers that
    are about to send one. The record goes under the lock, so that nobody is given
    the address of a server that is ending.
    """
    last_used, counters, mark = time.monotonic(), "", 0
    while True:
        time.sleep(min(1.0, idle_s / 4))
        metrics = str(server.handle_metrics())
        done, touched = repr(_DONE.findall(metrics)), _touched(state_dir)
        busy = any(float(value) > 0 for value in _BUSY.findall(metrics))
        if busy or (done, touched) != (counters, mark):
            last_used, counters, mark = time.monotonic(), done, touched
        if not state_dir.is_dir():
            return
        if time.monotonic() - last_used < idle_s:
            continue
        with suppress(Timeout), _lock(state_dir, 0):
            if _touched(state_dir) != mark:
                continue
            current = _read(state_dir)
            if current is not None and current.pid == record.pid:
                (state_dir / "server.json").unlink(missing_ok=True)
            return


def _touched(state_dir: Path) -> int:
    try:
        return (state_dir / "server.used").stat().st_mtime_ns
    except OSError:
        return 0


def main() -> None:
    """The command that `ensure_server` starts."""
    parser = argparse.ArgumentParser(description="Serve one local model until idle.")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prompt-threads", type=int, default=1)
    parser.add_argument("--idle-s", type=float, default=300)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _serve(
        given.state_dir,
        given.model,
        given.threads,
        given.idle_s,
        given.prompt_threads,
    )


if __name__ == "__main__":
    main()
