"""Reads a library folder: Markdown scripts with front matter, or why not.

---
id: slow-onions            (missing: the file's path names it)
topic: caramelising onions
hook_style: story
author: jonas
language: en
performance: {source: export, as_of: 2026-01-31, views: 1200, likes: 80}
---
# hook

body

CTA: call to action
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ig_assets.core.identity import normalise_text, text_hash
from ig_assets.errors import InputError

SUFFIXES = (".md", ".txt")
MAX_BYTES = 64 * 1024
MAX_ID_LENGTH = 200
COUNTS = ("views", "reach", "likes", "comments", "shares", "saves")

_HEADING = re.compile(r"#{1,6}[ \t]+(\S.*)")
_CALL_TO_ACTION = re.compile(r"CTA:[ \t]*", re.IGNORECASE)
_SECRETS = {
    "an OpenAI key": re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"),
    "a Pinecone key": re.compile(r"\bpcsk_[A-Za-z0-9_-]{16,}"),
    "a Meta access token": re.compile(r"\b(?:EAA|IGQ)[A-Za-z0-9]{20,}"),
    "an AWS key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}"),
    "a Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    "a Google key": re.compile(r"\bAIza[A-Za-z0-9_-]{30,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
}


@dataclass(frozen=True)
class Performance:
    """Cumulative counts of one script as of a time; None is 'not reported'."""

    source: str
    as_of: datetime
    views: float | None = None
    reach: float | None = None
    likes: float | None = None
    comments: float | None = None
    shares: float | None = None
    saves: float | None = None

    @property
    def rate(self) -> float | None:
        """Likes per view, or per person reached where views are not reported."""
        seen = self.views if self.views is not None else self.reach
        if self.likes is None or not seen:
            return None
        return self.likes / seen


@dataclass(frozen=True)
class ParsedScript:
    """One script of the library; `text` is hook, body and call to action."""

    script_id: str
    source_uri: str
    author: str | None
    topic: str
    hook_style: str
    hook: str
    body: str
    call_to_action: str
    text: str
    language: str
    performance: Performance | None = None

    @property
    def revision_hash(self) -> str:
        """SHA-256 (hex) of the normalised text."""
        return text_hash(self.text)


@dataclass(frozen=True)
class Reject:
    """A source that cannot be used; `detail` quotes nothing of its text."""

    source_uri: str
    reason: str
    detail: str


@dataclass(frozen=True)
class LibraryReading:
    """What one look at the library found, ordered by source_uri."""

    scripts: tuple[ParsedScript, ...]
    rejects: tuple[Reject, ...]


class _Refused(Exception):
    """A file is rejected: (reason, detail)."""


def read_library(location: str) -> LibraryReading:
    """Read every `.md` and `.txt` file under a folder, in the order of their paths.

    A file that cannot be used becomes a Reject, never an exception. Of two files
    with one id the first is taken. Raises InputError when the folder is missing.
    """
    scripts: dict[str, ParsedScript] = {}
    rejects: list[Reject] = []
    root = _root(location)
    for path, source_uri in _files(root):
        try:
            script = parse_script(_content(root, path), source_uri)
            earlier = scripts.setdefault(script.script_id, script)
            if earlier.text != script.text:
                raise _Refused(
                    "duplicate id",
                    f"The id is taken by {earlier.source_uri} with other words; "
                    "give one of them another id.",
                )
        except FileNotFoundError:
            continue  # it vanished between listing and reading
        except OSError as error:
            detail = f"The file cannot be read: {error.strerror}."
            rejects.append(Reject(source_uri, "unreadable", detail))
        except _Refused as refused:
            rejects.append(Reject(source_uri, *refused.args))
    return LibraryReading(tuple(scripts.values()), tuple(rejects))


def library_fingerprint(location: str) -> str:
    """A hash of the files' paths, sizes and times; reads no file.

    Raises InputError when the folder is missing.
    """
    digest = hashlib.sha256()
    for path, source_uri in _files(_root(location)):
        try:
            status = path.stat()
        except OSError:
            continue
        line = f"{source_uri}\x1f{status.st_size}\x1f{status.st_mtime_ns}\n"
        digest.update(line.encode("utf-8"))
    return digest.hexdigest()


def secret_kind(text: str) -> str | None:
    """What kind of secret the text seems to contain, if any."""
    kinds = (kind for kind, pattern in _SECRETS.items() if pattern.search(text))
    return next(kinds, None)


def join_script(hook: str, body: str, call_to_action: str) -> str:
    """The text of a script: its parts, joined by blank lines, normalised."""
    parts = (hook.strip(), body.strip(), call_to_action.strip())
    return normalise_text("\n\n".join(part for part in parts if part))


def parse_script(content: bytes, source_uri: str) -> ParsedScript:
    """One file's bytes as a script; raises the private refusal of this module."""
    text = _decoded(content)
    if not text.strip():
        raise _Refused("empty", "The file has no text.")
    if kind := secret_kind(text):
        raise _Refused(
            "looks like a secret",
            f"The file seems to contain {kind}; remove it from the file and revoke it.",
        )
    front, rest = _split_front_matter(text)
    hook, body, call_to_action = _parts(rest)
    own_id = _word(front, "id") or source_uri.rsplit(".", 1)[0]
    if len(own_id) > MAX_ID_LENGTH:
        raise _Refused(
            "broken front matter", f"The id is longer than {MAX_ID_LENGTH} characters."
        )
    return ParsedScript(
        script_id=f"library/{own_id}",
        source_uri=source_uri,
        author=_word(front, "author") or None,
        topic=_word(front, "topic"),
        hook_style=_word(front, "hook_style"),
        hook=hook,
        body=body,
        call_to_action=call_to_action,
        text=join_script(hook, body, call_to_action),
        language=_word(front, "language"),
        performance=_performance(front.get("performance")),
    )


def _root(location: str) -> Path:
    if "://" in location:
        raise InputError(
            f"The library {location} is a URL, and only folders can be read; "
            "set IG_LIBRARY to a folder."
        )
    root = Path(location).expanduser()
    if not root.is_dir():
        raise InputError(
            f"The library folder {location} does not exist; create it or set "
            "IG_LIBRARY to the folder with your scripts."
        )
    return root.resolve()


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    """Paths with their source_uri, by source_uri; hidden folders are left out."""
    found = []
    for folder, folders, names in os.walk(root):
        links = [n for n in folders if os.path.islink(os.path.join(folder, n))]
        folders[:] = [n for n in folders if not n.startswith(".")]
        named = [n for n in names if n.lower().endswith(SUFFIXES)]
        for name in (n for n in named + links if not n.startswith(".")):
            path = Path(folder, name)
            if name in links and _is_inside(root, path):
                continue  # its files are read where they are
            relative = path.relative_to(root).as_posix()
            plain = relative.encode("utf-8", "replace").decode("utf-8")
            found.append((unicodedata.normalize("NFC", plain), path))
    return iter([(path, source_uri) for source_uri, path in sorted(found)])


def _is_inside(root: Path, path: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(root)


def _content(root: Path, path: Path) -> bytes:
    if not _is_inside(root, path):
        raise _Refused(
            "outside the library",
            "The link points outside the library folder; copy the file instead.",
        )
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise _Refused("unreadable", "It is not a regular file.")
    if status.st_size > MAX_BYTES:
        raise _Refused("over 64 KiB", f"The file has {status.st_size} bytes.")
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)[:MAX_BYTES]


def _decoded(content: bytes) -> str:
    if b"\x00" in content:
        raise _Refused("binary", "The file contains NUL bytes; save it as UTF-8 text.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Refused(
            "invalid UTF-8", f"Byte {error.start} is not UTF-8; save the file as UTF-8."
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _split_front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    import yaml

    lines = text.lstrip("\n").split("\n")
    if lines[0].rstrip() != "---":
        return {}, text
    ends = [n for n, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")]
    if not ends:
        raise _Refused("broken front matter", "The closing --- is missing.")
    try:
        # BaseLoader makes text of every scalar: `language: no` is not False.
        front = yaml.load("\n".join(lines[1 : ends[0]]), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 2}" if mark else ""
        raise _Refused("broken front matter", f"It is not YAML{where}.") from None
    if front and not isinstance(front, dict):
        raise _Refused("broken front matter", "It is not a list of `name: value`.")
    return front or {}, "\n".join(lines[ends[0] + 1 :])


def _parts(text: str) -> tuple[str, str, str]:
    """Hook, body and call to action of the text below the front matter."""
    first, _, rest = normalise_text(text).partition("\n")
    heading = _HEADING.fullmatch(first)
    if heading is None:
        raise _Refused("no hook", "The text does not start with a line `# hook`.")
    paragraphs = re.split(r"\n{2,}", rest.strip())
    call_to_action = ""
    if start := _CALL_TO_ACTION.match(paragraphs[-1]):
        call_to_action = paragraphs.pop()[start.end() :]
    return heading.group(1), "\n\n".join(paragraphs), call_to_action


def _word(front: Mapping[str, Any], name: str) -> str:
    value = front.get(name) or ""
    if not isinstance(value, str):
        raise _Refused("broken front matter", f"`{name}` is not a plain text.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        value = "\x00"
    if "\x00" in value or "\n" in value.strip():
        raise _Refused("broken front matter", f"`{name}` is not one line of text.")
    return unicodedata.normalize("NFC", value.strip())


def _performance(block: object) -> Performance | None:
    if not block:
        return None
    if not isinstance(block, dict):
        raise _Refused("broken front matter", "`performance` has no named values.")
    return Performance(
        source=_word(block, "source") or "library",
        as_of=_instant(_word(block, "as_of")),
        **{name: _count(block, name) for name in COUNTS},
    )


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _Refused(
            "broken front matter",
            "`performance.as_of` is not a date such as 2026-01-31.",
        ) from None
    if instant.tzinfo is not None:
        instant = instant.astimezone(timezone.utc).replace(tzinfo=None)
    return instant


def _count(block: Mapping[str, Any], name: str) -> float | None:
    text = _word(block, name)
    if text in ("", "~", "null"):
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise _Refused(
            "broken front matter",
            f"`performance.{name}` is not a number of 0 or more.",
        )
    return number
