"""False promotions, and power, where the pairs of a month move together.

    python benchmarks/months.py                 (4,000 trials a row)

See `peeking/months.py` for what is simulated.
"""

from __future__ import annotations

import argparse

from peeking import months


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=4000, help="a row")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    months.report(given.trials, given.seed)


if __name__ == "__main__":
    main()
