"""A library behind a URL is listed completely or not at all, and shows no password."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from ig_assets.adapters.script_library.url import BATCH_FILES, UrlLibrary, redacted_url
from ig_assets.core.corpus.library.scan import (
    LibraryScan,
    library_fingerprint,
    scan_library,
)
from ig_assets.core.corpus.library.sync import sync_corpus
from ig_assets.errors import (
    AccessError,
    IgAssetsError,
    InputError,
    SettingsError,
    TransientVendorError,
)
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory

SCRIPT = b"---\nid: %s\n---\n# A hook\n\nAbout %s.\n"


class BreakingFileSystem(MemoryFileSystem):
    """Memory that behaves as a store does: it fails, and remembers its listings.

    `breaks` maps a path to its exception, `tags` a path to its ETag.
    """

    protocol = "breaking"
    store: dict[str, Any] = {}
    pseudo_dirs: list[str] = [""]
    breaks: dict[str, Exception] = {}
    tags: dict[str, str] = {}
    remembered: dict[str, Any] = {}

    def invalidate_cache(self, path: str | None = None) -> None:
        self.remembered.clear()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        plain = path.removeprefix("breaking://").rpartition("@")[2]
        return "/" + plain.strip("/") if plain.strip("/") else ""

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        self._break(path)
        if path not in self.remembered:
            self.remembered[path] = super().ls(path, detail=detail, **kwargs)
        found = self.remembered[path]
        for info in found if detail else []:
            if info["name"] in self.tags:
                info["ETag"] = self.tags[info["name"]]
        return found

    def cat_file(self, path: str, *args: Any, **kwargs: Any) -> Any:
        self._break(path)
        return super().cat_file(path, *args, **kwargs)

    def _break(self, path: str) -> None:
        if error := self.breaks.get(self._strip_protocol(path)):
            raise error


fsspec.register_implementation("breaking", BreakingFileSystem, clobber=True)


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusFactory:
    return CorpusFactory(tmp_path)


@pytest.fixture
def memory() -> Iterator[str]:
    """A URL that no other test uses."""
    yield f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def breaking() -> Iterator[MemoryFileSystem]:
    fs = fsspec.filesystem("breaking")
    for kept in (fs.store, fs.breaks, fs.tags, fs.remembered):
        kept.clear()
    fs.pseudo_dirs[:] = [""]
    yield fs


def put(url: str, name: str, content: bytes | None = None) -> None:
    data = SCRIPT % (name.encode(), name.encode()) if content is None else content
    with fsspec.open(f"{url}/{name}", "wb") as file:
        file.write(data)


def sources(scan: LibraryScan) -> list[str]:
    return [uri for b in scan.parsed.batches() for uri in b.scripts["source_uri"]]


def paths(url: str) -> list[str]:
    return sources(scan_library(UrlLibrary(url)))


def test_files_of_all_folders_are_read_and_hidden_ones_left_alone(memory: str) -> None:
    for name in ("b.md", "deep/er/a.TXT", "what[1]?.md", "deep/caf\u0065\u0301.md"):
        put(memory, name)
    put(memory, "rows.jsonl", b'{"id": "r", "text": "A row"}')
    for name in (".git/x.md", ".hidden.md", "picture.png"):
        put(memory, name, b"\x00")
    scan = scan_library(UrlLibrary(f"{memory}/"))
    assert scan.rejects == {}
    assert sources(scan) == [
        "b.md",
        "deep/caf\u00e9.md",
        "deep/er/a.TXT",
        "rows.jsonl#r",
        "what[1]?.md",
    ]


def test_many_files_come_in_batches_and_all_of_them(memory: str) -> None:
    for number in range(BATCH_FILES + 3):
        put(memory, f"{number}.md")
    assert len(paths(memory)) == BATCH_FILES + 3


def test_a_synced_url_follows_its_files(corpus: CorpusFactory, memory: str) -> None:
    def sync() -> Any:
        return sync_corpus(corpus.warehouse, UrlLibrary(memory), corpus.clock)

    put(memory, "a.md")
    put(memory, "b.md")
    assert (sync().new, sync().unchanged) == (2, 2)
    fsspec.filesystem("memory").rm(f"{memory}/b.md")
    put(memory, "a.md", b"---\nid: a.md\n---\n# Other words")
    change = sync()
    assert (change.changed, change.retired) == (1, 1)
    fsspec.filesystem("memory").rm(memory, recursive=True)
    before = corpus.everything()
    with pytest.raises(InputError, match="does not exist or has no files"):
        sync()
    assert corpus.everything() == before


def test_the_fingerprint_changes_with_the_files_and_reads_none(
    breaking: MemoryFileSystem,
) -> None:
    put("breaking://lib", "a.md")
    breaking.breaks["/lib/a.md"] = AssertionError("it was read")
    library = UrlLibrary("breaking://lib")
    first = library_fingerprint(library)
    assert library_fingerprint(library) == first
    put("breaking://lib", "b.md")
    assert library_fingerprint(library) != first


def test_files_with_the_same_tag_are_not_read_twice(
    breaking: MemoryFileSystem, corpus: CorpusFactory
) -> None:
    for name in "ab":
        put("breaking://lib", f"{name}.md")
        breaking.tags[f"/lib/{name}.md"] = "1"
    library = UrlLibrary("breaking://lib")
    sync_corpus(corpus.warehouse, library, corpus.clock)
    breaking.breaks["/lib/a.md"] = AssertionError("it was read")
    breaking.tags["/lib/b.md"] = "2"
    put("breaking://lib", "b.md", b"---\nid: b.md\n---\n# Other words")
    change = sync_corpus(corpus.warehouse, library, corpus.clock)
    assert (change.unchanged, change.changed, change.parsed) == (1, 1, 1)


class NoCredentialsError(Exception):
    """As botocore names it."""


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (FileNotFoundError("/lib/deep"), InputError, "does not exist"),
        (PermissionError("key-1234"), AccessError, "Check the store's credentials"),
        (NoCredentialsError("key-1234"), AccessError, "NoCredentialsError"),
        (OSError(5, "key-1234"), TransientVendorError, "Try again"),
        (TimeoutError("key-1234"), TransientVendorError, "Try again"),
        (ValueError("key-1234"), InputError, "Correct the URL"),
    ],
)
def test_a_folder_that_cannot_be_listed_is_an_error_and_never_an_empty_one(
    breaking: MemoryFileSystem,
    corpus: CorpusFactory,
    error: Exception,
    kind: type[IgAssetsError],
    sentence: str,
) -> None:
    url = "breaking://user:pass-1234@lib"
    for name in ("a.md", "deep/b.md"):
        put("breaking://lib", name)
    sync_corpus(corpus.warehouse, UrlLibrary(url), corpus.clock)
    before = corpus.everything()
    breaking.breaks["/lib/deep"] = error
    with pytest.raises(kind, match=sentence) as raised:
        sync_corpus(corpus.warehouse, UrlLibrary(url), corpus.clock)
    assert "nothing was changed" in str(raised.value)
    assert "1234" not in str(raised.value)
    assert raised.value.__suppress_context__
    assert corpus.everything() == before


@pytest.mark.parametrize(
    ("error", "rejected"),
    [(FileNotFoundError(), {}), (PermissionError(), {"b.md": "unreadable"})],
)
def test_one_file_that_is_refused_does_not_stop_the_others(
    breaking: MemoryFileSystem, error: Exception, rejected: dict[str, str]
) -> None:
    for name in ("a.md", "b.md", "c.md"):
        put("breaking://lib", name)
    breaking.breaks["/lib/b.md"] = error
    scan = scan_library(UrlLibrary("breaking://lib"))
    assert sources(scan) == ["a.md", "c.md"]
    assert {uri: r.reason for uri, r in scan.rejects.items()} == rejected
    assert scan.unreadable == {"b.md"}


def test_a_store_that_fails_while_it_is_read_is_an_error(
    breaking: MemoryFileSystem,
) -> None:
    put("breaking://lib", "a.md")
    breaking.breaks["/lib/a.md"] = ConnectionResetError("key-1234")
    with pytest.raises(TransientVendorError, match="cannot be read"):
        scan_library(UrlLibrary("breaking://lib"))


def test_a_url_of_a_file_or_of_no_known_kind_is_one_sentence(memory: str) -> None:
    put(memory, "a.md")
    with pytest.raises(InputError, match="is a file; set IG_LIBRARY to the folder"):
        paths(f"{memory}/a.md")
    with pytest.raises(InputError, match="Correct the URL"):
        paths("nowhere://bucket")


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: Any, **kwargs: Any) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.filesystem", missing)
    with pytest.raises(SettingsError, match=r"pip install 'ig-assets\[s3\]'"):
        paths("s3://bucket/scripts")


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("s3://bucket/scripts", "s3://bucket/scripts"),
        ("ftp://me:se/cr@t@host/x", "ftp://…@host/x"),
        ("https://host/x?sig=secret", "https://host/x"),
        ("simplecache::sftp://me:secret@host/x", "simplecache::sftp://…@host/x"),
    ],
)
def test_messages_show_no_secret_of_a_url(url: str, redacted: str) -> None:
    assert redacted_url(url) == redacted
