"""The contest as a table for people and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from contest.entrant import ENTRIES
from contest.phases import Outcome

OURS = "ours"
HEAD = (
    f"{'contestant':22}{'inputs':>9}{'again':>8}{'requests':>10}{'refused':>9}"
    f"{'seconds':>10}{'CPU s':>9}{'MB':>7}  {'× ours (inputs, s, CPU s, MB)':32}rows"
)
NAMES = {
    "missing": "missing",
    "stale": "with old words",
    "old_metrics": "with old metrics",
    "doubled": "doubled",
    "orphans": "orphans",
}


def print_report(
    outcomes: list[Outcome],
    floor_s: float,
    absent: dict[str, str],
    about: dict[str, dict[str, Any]],
) -> None:
    """Phase by phase, every contestant beside ours."""
    for phase in dict.fromkeys(o.phase for o in outcomes):
        here = [o for o in outcomes if o.phase == phase]
        ours = next((o for o in here if o.contestant == OURS), None)
        print(f"\n{phase}\n{HEAD}")
        for outcome in here:
            print(_line(outcome, ours))
        if phase == "no change":
            print(f"{'floor: list, read, hash':49}{floor_s:>19.3f}")
    print("\nwho")
    for name, facts in about.items():
        versions = ", ".join(f"{p} {v}" for p, v in facts["versions"].items())
        print(
            f"{name:22}{ENTRIES[name].about}; {versions}; "
            f"imports {facts['import_s']:.1f} s"
        )
    for name, reason in absent.items():
        print(f"{name:22}– {reason}")


def as_json(
    outcomes: list[Outcome],
    floor_s: float,
    absent: dict[str, str],
    about: dict[str, dict[str, Any]],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Everything that was seen."""
    return {
        "settings": settings,
        "floor_seconds": floor_s,
        "contestants": {
            name: {"about": ENTRIES[name].about, **facts}
            for name, facts in about.items()
        },
        "absent": absent,
        "outcomes": [{**asdict(o), "is_right": o.is_right} for o in outcomes],
    }


def _line(outcome: Outcome, ours: Outcome | None) -> str:
    counts = outcome.counts
    line = (
        f"{outcome.contestant:22}{counts['inputs']:>9,}{counts['repeated']:>8,}"
        f"{counts['requests']:>10,}{counts['refused']:>9,}"
        f"{_number(outcome.seconds, 2):>10}{_number(outcome.cpu_s, 2):>9}"
        f"{_number(outcome.peak_mb, 0):>7}  "
        f"{_ratios(outcome, ours):32}{_rows(outcome)}"
    )
    return line + (f"\n{'':22}! {outcome.error}" if outcome.error else "")


def _rows(outcome: Outcome) -> str:
    if not outcome.rows:
        return "–"
    if outcome.is_right:
        return f"{outcome.scripts:,} right"
    wrong = [f"{outcome.rows[k]:,} {name}" for k, name in NAMES.items()]
    wrong = [text for text in wrong if not text.startswith("0 ")]
    return f"{outcome.rows['right']:,} of {outcome.scripts:,} right: " + ", ".join(
        wrong
    )


def _ratios(outcome: Outcome, ours: Outcome | None) -> str:
    if ours is None or outcome.contestant == OURS:
        return ""
    pairs = (
        (outcome.counts["inputs"], ours.counts["inputs"]),
        (outcome.seconds, ours.seconds),
        (outcome.cpu_s, ours.cpu_s),
        (outcome.peak_mb, ours.peak_mb),
    )
    return ", ".join(_ratio(theirs, mine) for theirs, mine in pairs)


def _ratio(theirs: float | None, mine: float | None) -> str:
    if theirs is None or mine is None:
        return "–"
    if not mine:
        return "=" if not theirs else "∞"
    return f"{theirs / mine:.2g}" if theirs < 100 * mine else f"{theirs / mine:.0f}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
