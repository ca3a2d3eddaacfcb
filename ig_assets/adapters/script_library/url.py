"""A script library at a URL that fsspec opens: S3, Google Cloud Storage, SFTP, etc.

Credentials come from the store's own environment variables and files. A store's error
messages may quote the URL with its password, so they are never passed on.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ig_assets.adapters.script_library.folder import is_script
from ig_assets.core.ports import InvalidFile, LibraryFile
from ig_assets.errors import (
    AccessError,
    IgAssetsError,
    InputError,
    SettingsError,
    TransientVendorError,
)

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

BATCH_FILES = 128
BATCH_BYTES = 16 * 1024 * 1024

# Names that stores give to a hash or version of the content.
_CONTENT_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "checksum")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
# fsspec lists these stores as one tree, in pages of 1,000 keys, and raises on any
# failure. Elsewhere its `find` treats a folder that cannot be listed as empty, so we
# walk the folders ourselves.
_FLAT = {"s3", "s3a"}


class UrlLibrary:
    """The files below a URL, except hidden files and folders."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.location = redacted_url(url)

    def files(self, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        """List every file. Raises InputError, AccessError, TransientVendorError."""
        with self._translated_errors("listed"):
            fs, root = self._open()
            fs.invalidate_cache()
            infos = [info for info in _all_files(fs, root) if not _is_marker(info)]
        if any(_path(info) == root for info in infos):
            raise InputError(
                f"The library {self.location} is a file; set IG_LIBRARY to the folder "
                "that it is in."
            )
        return [
            self._file(root, info, suffixes)
            for info in infos
            if not any(
                part.startswith(".") for part in _path(info)[len(root) :].split("/")
            )
        ]

    def contents(
        self, files: Iterable[LibraryFile]
    ) -> Iterator[tuple[LibraryFile, bytes | InvalidFile | None]]:
        """Yield each file with its content; the files of a batch are read concurrently.

        The content is None if the file has vanished, and an InvalidFile if access is
        denied.
        """
        with self._translated_errors("read"):
            fs, _ = self._open()
        for batch in _batches(files):
            with self._translated_errors("read"):
                # Not `cat`: it reads `[1]` in a file's name as a pattern.
                answers = fs.cat_ranges(
                    [file.address for file in batch], None, None, on_error="return"
                )
                contents = [_content(answer) for answer in answers]
            yield from zip(batch, contents, strict=True)

    def _open(self) -> tuple[AbstractFileSystem, str]:
        from fsspec.core import url_to_fs

        fs, root = url_to_fs(self._url)
        return fs, str(fs._strip_protocol(root)).rstrip("/")

    def _file(
        self, root: str, info: Mapping[str, Any], suffixes: tuple[str, ...]
    ) -> LibraryFile:
        relative = _path(info)[len(root) :].lstrip("/")
        plain = relative.encode("utf-8", "replace").decode("utf-8")
        tag = next((info[name] for name in _CONTENT_TAGS if info.get(name)), None)
        time = next((info[name] for name in _TIMES if info.get(name)), "")
        size = int(info.get("size") or 0)
        hashed = hashlib.sha256(f"{self._url}\n{tag or time}\n{size}".encode())
        stamp = hashed.hexdigest()[:32]
        return LibraryFile(
            path=unicodedata.normalize("NFC", plain),
            address=str(info["name"]),
            size=size,
            stamp=stamp,
            version=None if tag is None else stamp,
            is_script=is_script(relative.rpartition("/")[2], suffixes),
        )

    @contextmanager
    def _translated_errors(self, action: str) -> Iterator[None]:
        """Turn a store's errors into ours, which name the library and the error's kind.

        `action` is the participle in the message: "listed" or "read".
        """
        try:
            yield
        except IgAssetsError:
            raise
        except FileNotFoundError:
            raise InputError(
                f"The library {self.location} does not exist or has no files; nothing "
                "was changed. Put scripts there or correct IG_LIBRARY."
            ) from None
        except ImportError:
            raise SettingsError(
                f"The library {self.location} needs a package that is not installed; "
                "for s3:// it is `pip install 'ig-assets[s3]'`, for others the one "
                "that fsspec names (gcsfs, adlfs, paramiko, …)."
            ) from None
        except Exception as error:
            raise self._translated(error, action) from None

    def _translated(self, error: Exception, action: str) -> IgAssetsError:
        kind = type(error).__name__
        if isinstance(error, PermissionError) or "credential" in kind.lower():
            return AccessError(
                f"The library {self.location} cannot be {action}: access is refused "
                f"({kind}); nothing was changed. Check the store's credentials."
            )
        if isinstance(error, ValueError) or "validation" in kind.lower():
            return InputError(
                f"The library {self.location} cannot be {action} ({kind}); nothing was "
                "changed. Correct the URL in IG_LIBRARY."
            )
        return TransientVendorError(
            f"The library {self.location} cannot be {action} ({kind}); nothing was "
            "changed. Try again when the store can be reached.",
            outcome_unknown=False,
        )


def redacted_url(url: str) -> str:
    """Return the URL for messages, without user, password and query."""
    links = []
    for link in url.split("::"):
        scheme, separator, rest = link.partition("://")
        rest = rest.partition("?")[0]
        if "@" in rest:
            rest = f"…@{rest.rpartition('@')[2]}"
        links.append(f"{scheme.partition('?')[0]}{separator}{rest}")
    return "::".join(links)


def _all_files(fs: AbstractFileSystem, root: str) -> Iterator[Mapping[str, Any]]:
    protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    if protocol not in _FLAT:
        yield from _walked(fs, root)
        return
    found = fs.find(root, detail=True)
    if not found:
        raise FileNotFoundError(root)
    yield from found.values()


def _walked(fs: AbstractFileSystem, folder: str) -> Iterator[Mapping[str, Any]]:
    for info in fs.ls(folder, detail=True):
        if info["type"] != "directory":
            yield info
        elif _path(info) != folder:
            yield from _walked(fs, _path(info))


def _is_marker(info: Mapping[str, Any]) -> bool:
    """Whether an object marks a folder instead of being a file."""
    return str(info["name"]).endswith("/")


def _path(info: Mapping[str, Any]) -> str:
    return str(info["name"]).rstrip("/")


def _batches(files: Iterable[LibraryFile]) -> Iterator[list[LibraryFile]]:
    batch: list[LibraryFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == BATCH_FILES or size + file.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _content(answer: object) -> bytes | InvalidFile | None:
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, FileNotFoundError):
        return None
    if isinstance(answer, PermissionError):
        return InvalidFile("unreadable", "The file cannot be read: permission denied.")
    assert isinstance(answer, BaseException)
    raise answer
