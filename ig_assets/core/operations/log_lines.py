"""Writes the log: one tree of loggers, one format, and the place of each line.

    2026-02-01 09:05:00,123 WARNING ig_script_writer.index The … [run=… asset=…]

The JSON format writes one object per line. Every record of the process, including those
of SDKs and of Dagster, is redacted when it is made, and stores its run, asset and
partition.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TextIO

from ig_assets.core.operations.redaction import RedactionFilter, redact

TREE = "ig_script_writer"
"""The root of the loggers of this project (`python_logs` in dagster.yaml)."""
FAILURES = f"{TREE}.failures"
"""Logger of tracebacks that ended a command or a step; users see only a sentence."""
LogFormat = Literal["text", "json"]
TEXT_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
LOG_FILE = Path("logs") / "ig-assets.log"
"""File in the data folder to which commands write warnings and tracebacks."""
_FILE_BYTES, _FILES_KEPT = 1_000_000, 3
_PLACE = "ig_place"


@dataclass(frozen=True)
class Place:
    """The run, asset and partition in which a line was logged.

    A field is None if there was none.
    """

    run_id: str | None = None
    asset: str | None = None
    partition: str | None = None

    def __str__(self) -> str:
        """Return the end of a log line, ` [run=… asset=… partition=…]`, or ''."""
        named = {
            "run": self.run_id,
            "asset": self.asset,
            "partition": self.partition,
        }
        parts = [f"{name}={value}" for name, value in named.items() if value]
        return f" [{' '.join(parts)}]" if parts else ""


_NOWHERE = Place()
_here: ContextVar[Place | None] = ContextVar("log_place", default=None)
_open_places: list[Place] = []
_mutex = threading.Lock()


@contextmanager
def log_place(
    run_id: str | None, asset: str | None, partition: str | None = None
) -> Iterator[None]:
    """Add run, asset and partition to all lines that are logged within the block.

    This includes lines of threads that are started within it, unless several different
    places are open.
    """
    place = Place(run_id, asset, partition)
    token = _here.set(place)
    with _mutex:
        _open_places.append(place)
    try:
        yield
    finally:
        with _mutex:
            _open_places.remove(place)
        _here.reset(token)


def place_of(record: logging.LogRecord) -> Place:
    """Return the place in which a record was made."""
    place = getattr(record, _PLACE, _NOWHERE)
    return place if isinstance(place, Place) else _NOWHERE


def prepare_records() -> None:
    """Let every log record of this process be redacted and store its place.

    Both are done when a record is made, since a logger's filter does not see the
    records of the loggers below it, and handlers come and go (Dagster adds one per
    run). May be called again.
    """
    present = logging.getLogRecordFactory()
    if getattr(present, "is_of_ig_assets", False):
        return
    redaction = RedactionFilter()

    def make_record(*args: object, **kwargs: object) -> logging.LogRecord:
        record = present(*args, **kwargs)
        redaction.filter(record)
        setattr(record, _PLACE, _current_place())
        return record

    make_record.is_of_ig_assets = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make_record)


def log_to_stdout(log_format: LogFormat, level: str) -> None:
    """Write the lines of this project's loggers to standard output.

    A code location uses this. A log that a command has set up stays as it is.
    """
    prepare_records()
    tree = logging.getLogger(TREE)
    if not any(getattr(handler, "is_of_ig_assets", False) for handler in tree.handlers):
        _install(tree, [_ours(_Stdout(), log_format)], level)


def log_to_file(data_dir: Path, log_format: LogFormat, level: str) -> None:
    """Write warnings and tracebacks to `LOG_FILE` until the process ends.

    Servers use this. If the loggers already write to this data folder's file, nothing
    changes.
    """
    prepare_records()
    tree = logging.getLogger(TREE)
    path = str((data_dir / LOG_FILE).absolute())
    with _mutex:
        if any(getattr(one, "baseFilename", None) == path for one in tree.handlers):
            return
        kept = _ours(_File(Path(path)), log_format)
        kept.setLevel(logging.WARNING)
        _install(tree, [kept], level)


@contextmanager
def log_of_command(data_dir: Path, log_format: LogFormat, level: str) -> Iterator[None]:
    """Log warnings of a command within the block.

    They go to standard error without tracebacks, and to `LOG_FILE` with tracebacks.
    Standard output is left to the command's result. After the block the former log is
    restored.
    """
    prepare_records()
    tree = logging.getLogger(TREE)
    before, level_before = list(tree.handlers), tree.level
    shown = _ours(_Stderr(), log_format)
    shown.setLevel(logging.WARNING)
    shown.addFilter(_without_failures)
    kept = _ours(_File(data_dir / LOG_FILE), log_format)
    kept.setLevel(logging.WARNING)
    _install(tree, [shown, kept], level)
    try:
        yield
    finally:
        kept.close()
        tree.handlers[:] = before
        tree.setLevel(level_before)


class _CleanTracebacks(logging.Formatter):
    def formatException(  # noqa: N802
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | Any
    ) -> str:
        """Return the traceback, redacted: its source lines may contain a secret."""
        return redact(super().formatException(ei))


class TextFormatter(_CleanTracebacks):
    """Formats a record as text, with the place at the end of the line."""

    def __init__(self) -> None:
        super().__init__(TEXT_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the message as one line.

        Line breaks in it are escaped, so that no message can imitate another line.
        """
        line = super().formatMessage(record)
        return line.replace("\r", "\\r").replace("\n", "\\n") + str(place_of(record))


class JsonFormatter(_CleanTracebacks):
    """Formats a record as one JSON object per line.

    `time` is UTC; `exception` is the traceback, if any.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON object as a line; an unknown place is null."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **asdict(place_of(record)),
        }
        if record.exc_info:
            line["exception"] = record.exc_text or self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, ensure_ascii=False)


class _Stdout(logging.StreamHandler[TextIO]):
    """Writes to the current `sys.stdout`, since Dagster replaces it while it runs."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


class _Stderr(_Stdout):
    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class _File(RotatingFileHandler):
    """A log file that is created at its first line.

    If the folder cannot be written to, the command continues. A new data folder is
    created only to write a traceback. A data folder that is missing (for example, its
    disk is not mounted) is not created again.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            maxBytes=_FILE_BYTES,
            backupCount=_FILES_KEPT,
            encoding="utf-8",
            delay=True,
        )
        self._path = path
        self._data_dir = path.parent.parent
        self._was_there = self._data_dir.is_dir()

    def emit(self, record: logging.LogRecord) -> None:
        is_there = self._data_dir.is_dir()
        if not is_there and (self._was_there or not record.exc_info):
            return
        self._was_there = True
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Ignore the error: the line is lost and the command continues."""


def _ours(handler: logging.Handler, log_format: LogFormat) -> logging.Handler:
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    handler.addFilter(RedactionFilter())  # also of records that were made elsewhere
    handler.is_of_ig_assets = True  # type: ignore[attr-defined]
    return handler


def _install(tree: logging.Logger, handlers: list[logging.Handler], level: str) -> None:
    for old in list(tree.handlers):
        if getattr(old, "is_of_ig_assets", False):
            tree.removeHandler(old)
    for handler in handlers:
        tree.addHandler(handler)
    tree.setLevel(level.upper())


def _without_failures(record: logging.LogRecord) -> bool:
    return record.name != FAILURES


def _current_place() -> Place:
    place = _here.get()
    if place is not None:
        return place
    with _mutex:
        return _open_places[0] if len(set(_open_places)) == 1 else _NOWHERE
