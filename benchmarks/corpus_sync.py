"""A corpus kept in step with its vector index: ours beside three peers, in one run.

Every contestant works on its own copy of the same drawn scripts, through its own
ordinary OpenAI client, against one fake endpoint on loopback that takes a fixed time
a request and counts. Every run is a process of its own. After each phase its vector
store is compared with the folder: ids, vectors of the words, metrics. Run:

    python benchmarks/corpus_sync.py                          (1,000 scripts, all)
    python benchmarks/corpus_sync.py --size 100000 --only ours,langchain \
        --until "metrics only"
    python benchmarks/corpus_sync.py --json result.json
    python benchmarks/corpus_sync.py --before ../before --only ours

The peers are no dependency. `make bench` gives them an environment of their own, since
some ask for an older `openai`. CocoIndex's SQLite target needs a Python whose sqlite3
loads extensions (Debian's does, many others do not): `PEERS_PYTHON=/usr/bin/python3`.

`inputs` are texts sent in requests that were not refused, `again` those of them that
this contestant had sent before (over both runs where one was killed). With `--before`
a checkout of another build takes part, phase by phase in turns. Seconds are one
run with its stores opened from disk, without imports; without change the median of
three. Where an update fails, a script may have its old row or its new one.
Batches are of 100 (CocoIndex: 64, fixed there), four requests in flight where offered.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from contest.entrant import ENTRIES
from contest.phases import Course, Outcome, floor_seconds
from contest.processes import Endpoint, Stand
from contest.report import as_json, print_report
from contest.scripts import Library

BEFORE = "before"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1000, help="scripts")
    parser.add_argument("--dimensions", type=int, default=64)
    parser.add_argument("--delay-ms", type=float, default=50.0, help="of a request")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[name for name in ENTRIES if name != BEFORE],
        help=f"of {', '.join(ENTRIES)}",
    )
    parser.add_argument("--before", type=Path, help="a checkout of another build")
    parser.add_argument("--until", help="the name of the last phase, as printed")
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--timeout-s", type=float, default=3600.0, help="of one run")
    parser.add_argument("--json", type=Path, help="write everything that was seen")
    options = parser.parse_args()
    if unknown := set(options.only) - set(ENTRIES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if options.size < 500:
        parser.error("--size is at least 500, or a phase has too few scripts")
    if options.before and BEFORE not in options.only:
        options.only.append(BEFORE)
    if BEFORE in options.only and not options.before:
        parser.error("--before says where the other build is")
    return options


def main() -> None:
    """Run the contest and print it."""
    options = arguments()
    outcomes: list[Outcome] = []
    absent: dict[str, str] = {}
    about: dict[str, dict[str, Any]] = {}
    scratch = Path(tempfile.mkdtemp(prefix="corpus_sync_"))
    try:
        with Endpoint(options.delay_ms) as endpoint:
            floor_s = _floor(scratch, options)
            stands = []
            for name in options.only:
                stand = _stand(name, scratch, endpoint, options)
                facts = stand.run("hello")
                if reason := facts.get("absent") or facts.get("error"):
                    absent[name] = reason
                    continue
                about[name] = facts
                stands.append(stand)
            in_turns = [s for s in stands if s.name in ("ours", BEFORE)]
            outcomes += _courses(in_turns, options)
            for stand in stands:
                if stand not in in_turns:
                    outcomes += _courses([stand], options)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    settings = {
        "size": options.size,
        "dimensions": options.dimensions,
        "delay_ms": options.delay_ms,
        "seed": options.seed,
        "cpus": os.cpu_count(),
    }
    print(
        f"{options.size:,} scripts, {options.dimensions} dimensions, "
        f"{options.delay_ms:g} ms a request, {os.cpu_count()} cores"
    )
    print_report(outcomes, floor_s, absent, about)
    if options.json:
        told = as_json(outcomes, floor_s, absent, about, settings)
        options.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _stand(
    name: str, scratch: Path, endpoint: Endpoint, options: argparse.Namespace
) -> Stand:
    own = scratch / name
    own.mkdir()
    return Stand(
        name=name,
        python=options.peers_python if ENTRIES[name].peer else sys.executable,
        library=own / "library",
        scratch=own,
        endpoint=endpoint,
        dimensions=options.dimensions,
        timeout_s=options.timeout_s,
        checkout=options.before if name == BEFORE else Path(__file__).parents[1],
    )


def _courses(stands: list[Stand], options: argparse.Namespace) -> list[Outcome]:
    """Every phase of each, in turns, so that all have the same machine."""
    libraries = [Library(s.library, options.size, options.seed) for s in stands]
    courses = [
        Course(stand, library).run()
        for stand, library in zip(stands, libraries, strict=True)
    ]
    outcomes: list[Outcome] = []
    for turn in zip(*courses, strict=True):
        for outcome in turn:
            print(
                f"… {outcome.contestant}: {outcome.phase}", file=sys.stderr, flush=True
            )
        outcomes += turn
        if turn[0].phase == options.until:
            break
    for stand in stands:
        shutil.rmtree(stand.scratch)
    return outcomes


def _floor(scratch: Path, options: argparse.Namespace) -> float:
    library = Library(scratch / "floor", options.size, options.seed)
    seconds = floor_seconds(library.folder)
    library.remove()
    return seconds


if __name__ == "__main__":
    main()
