"""The lines of the log: one tree of loggers, one format, and where each was written.

    2026-02-01 09:05:00,123 WARNING ig_script_writer.index The … [run=… asset=…]

or as JSON, an object a line. Every record of the process, also of an SDK or of Dagster,
is redacted where it begins and knows the run, asset and partition that it was made in.
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
"""Tracebacks of what ended a command or a step; people are shown a sentence."""
LogFormat = Literal["text", "json"]
TEXT_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
LOG_FILE = Path("logs") / "ig-assets.log"
"""Where commands write warnings and tracebacks, in the data folder."""
_FILE_BYTES, _FILES_KEPT = 1_000_000, 3
_PLACE = "ig_place"


@dataclass(frozen=True)
class Place:
    """In which run, asset and partition a line was written; None where in none."""

    run_id: str | None = None
    asset: str | None = None
    partition: str | None = None

    def __str__(self) -> str:
        """As it ends a line: ` [run=… asset=… partition=…]`, or nothing."""
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
    """Lines that are written meanwhile name the run, asset and partition.

    Also those of threads that are started meanwhile, as long as one place is open.
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
    """Where a record was made."""
    place = getattr(record, _PLACE, _NOWHERE)
    return place if isinstance(place, Place) else _NOWHERE


def prepare_records() -> None:
    """Let every record of this process be redacted and know its place.

    A filter of a logger is not asked for the records of the loggers below it, and
    handlers come and go (Dagster adds one per run), so both are done where a record
    begins. May be called again.
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
    """Write the tree's lines to standard output, as a code location does.

    Where a command has set up its own log, that stays.
    """
    prepare_records()
    tree = logging.getLogger(TREE)
    if not any(getattr(handler, "is_of_ig_assets", False) for handler in tree.handlers):
        _install(tree, [_ours(_Stdout(), log_format)], level)


def log_to_file(data_dir: Path, log_format: LogFormat, level: str) -> None:
    """Write warnings and tracebacks to `LOG_FILE`, as a server does until it ends.

    Where the tree has a file of this data folder already, that stays.
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
    """Warnings to standard error without tracebacks, and with them to `LOG_FILE`.

    Standard output is the command's result. Afterwards the log is as it was before.
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
        """The traceback; its lines of source code may hold a secret as well."""
        return redact(super().formatException(ei))


class TextFormatter(_CleanTracebacks):
    """The text format, with the place at the end of the message."""

    def __init__(self) -> None:
        super().__init__(TEXT_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """One line; line breaks of the message are kept from forging another."""
        line = super().formatMessage(record)
        return line.replace("\r", "\\r").replace("\n", "\\n") + str(place_of(record))


class JsonFormatter(_CleanTracebacks):
    """One JSON object per line; `time` is UTC, `exception` the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        """The object; what is not known is null."""
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
    """Standard output as it is at each line: Dagster puts another in its place."""

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
    """A file that is made at the first line; a folder that refuses it stops nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            maxBytes=_FILE_BYTES,
            backupCount=_FILES_KEPT,
            encoding="utf-8",
            delay=True,
        )
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Nothing: the line is lost, the command goes on."""


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
