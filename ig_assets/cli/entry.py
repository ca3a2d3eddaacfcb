"""The entry point of `ig-assets`; Ctrl-C while its modules load prints one line."""

from __future__ import annotations

import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run the command; SIGTERM ends it as Ctrl-C does."""
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        from ig_assets.cli.commands import COMMANDS, make_app

        asked = sys.argv[1] if len(sys.argv) > 1 else None
        make_app(asked if asked in COMMANDS else None)()
    except KeyboardInterrupt:
        print("Stopped before anything was done.", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
