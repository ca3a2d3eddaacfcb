"""The entry point of `ig-assets`; Ctrl-C while its modules load prints one line.

If the reader of a pipe ends early, as `head` does, a command ends like other Unix
tools: without a message, with exit code 141.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import TextIO

INTERRUPTED = 130
READER_GONE = 128 + 13
"""Exit code that a shell reports for a process ended by SIGPIPE."""
WITHOUT_PANDAS = frozenset(
    "accept costs db experiments lineage models posts scripts search status sync "
    "topics variants".split()
)
"""Commands that work with the warehouse without data frames."""
_COMPLETION = "_IG_ASSETS_COMPLETE"
"""Variable that the shell sets when it asks for completions of a command."""


class _ReaderGone(BaseException):
    """The pipe of the output was closed.

    Like KeyboardInterrupt, it is no `Exception`.
    """


class _Output(io.TextIOWrapper):
    """A stream that raises `_ReaderGone` when its pipe is closed.

    Unlike a `BrokenPipeError`, that is not mistaken for a vendor's closed connection,
    and Rich and Typer do not catch it. SIGPIPE stays ignored, since it would end the
    process at a closed socket too.
    """

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            raise _ReaderGone from None

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            raise _ReaderGone from None


def main() -> None:
    """Run the command; SIGTERM ends it like Ctrl-C."""
    sys.stdout, sys.stderr = map(_output, (sys.stdout, sys.stderr))
    try:
        try:
            _run()
        except SystemExit as end:
            if end.code == INTERRUPTED:
                _end_interrupted()
            raise
        finally:
            sys.stdout.flush()  # not after this, where Python would print an error
    except _ReaderGone:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        sys.exit(READER_GONE)


def _end_interrupted() -> None:
    """End the process at once if a daemon thread still runs.

    Python does not wait for such a thread, which may be within DuckDB. If Python (up to
    3.13) stops it while the interpreter shuts down, DuckDB's code ends the process by
    SIGABRT.
    """
    left = [one for one in threading.enumerate() if one is not threading.main_thread()]
    if any(thread.daemon for thread in left):
        for thread in left:
            if not thread.daemon:
                thread.join()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)


def _output(stream: TextIO) -> TextIO:
    """Return the stream as an `_Output`, which raises `_ReaderGone` at a closed pipe.

    A stream of another kind, such as a test's, is returned unchanged.
    """
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    return _Output(
        stream.buffer,
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _run() -> None:
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        from ig_assets.cli.commands import COMMANDS, make_app, make_list

        asked = sys.argv[1] if len(sys.argv) > 1 else None
        if asked in WITHOUT_PANDAS:
            _leave_pandas_out()
        if asked in COMMANDS:
            make_app(asked)()
        elif _COMPLETION in os.environ:
            make_app()()
        else:  # the list of commands, or an error
            make_list()()
    except KeyboardInterrupt:
        print("Stopped before anything was done.", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _leave_pandas_out() -> None:
    """Keep DuckDB from finding pandas in this process.

    DuckDB looks for pandas at the first parameter of a query and loads it if it is
    installed. That takes longer than all else that these commands do (DuckDB 1.5).
    """
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
