"""Reports lines of files that look like a key, a token or a password.

    python -m tools.secret_scan FILE...

The fake keys of the tests contain `never-` (as in `never-shown`) and are not reported.
Exit code 1 when anything was found.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ig_assets.core.corpus.scripts.screening.secret_scan import secret_kind

FAKE = "never-"


def findings(path: Path) -> Iterator[str]:
    """One line of report per suspicious line; binary files have none."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), start=1):
        kind = secret_kind(line)
        if kind is not None and FAKE not in line:
            yield f"{path}:{number}: looks like {kind}"


def main(names: Sequence[str]) -> int:
    """Print what was found; 1 if anything was. The secret itself is not printed."""
    found = [line for name in names for line in findings(Path(name))]
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
