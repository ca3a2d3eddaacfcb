"""The entry point of `ig-assets`; Ctrl-C while its modules load prints one line."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130
WITHOUT_PANDAS = frozenset(
    "accept costs db experiments lineage models posts scripts search status topics "
    "variants".split()
)
"""Commands that answer from the warehouse and give it no frames."""
_COMPLETION = "_IG_ASSETS_COMPLETE"
"""Set by the shell when it asks how a command goes on."""


def main() -> None:
    """Run the command; SIGTERM ends it as Ctrl-C does."""
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
    """Let DuckDB not find pandas in this process.

    It looks for pandas at the first parameter of a query and loads it where it is
    installed, which takes longer than all else that these commands do (DuckDB 1.5).
    """
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
