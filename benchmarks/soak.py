"""A day of the daemons in minutes, with vendors that fail: what is lost or double.

The real definitions, all sensors and schedules on, under Dagster's own scheduler,
sensor daemon and asset daemon, in this process and on a clock that is wound on. The
real SDKs talk to stand-ins of OpenAI, Pinecone and Instagram on loopback, which fail a
fifth of all requests and are away for half an hour each. People write, change, delete
scripts, add topics and approve posts meanwhile. Then vendors recover for some hours,
and everything that should be there is looked for. Run:

    python benchmarks/soak.py                    24 hours from 12:00 on 31 March
    python benchmarks/soak.py --from 2026-03-31T22:00 --hours 4

`--json FILE` writes the figures; the exit code is 1 if anything is lost or double.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soaking.audit import audit, calls, stored, ticks  # noqa: E402
from soaking.fast_time import FastTime  # noqa: E402
from soaking.vendors import failing_vendors  # noqa: E402
from soaking.world import Daemons, World  # noqa: E402

MINUTE = timedelta(minutes=1)
_wall = time.perf_counter


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print the table, and say whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="start", default="2026-03-31T12:00")
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--recovery", type=int, default=4, help="hours without faults")
    parser.add_argument("--step", type=int, default=5, help="minutes between ticks")
    parser.add_argument("--failing", type=float, default=0.2, help="share of requests")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        found = soak(Path(folder), given)
    print(table(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 1 if found["lost"] or found["double"] else 0


def soak(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """The figures of one soak."""
    start = datetime.fromisoformat(given.start)
    fast = FastTime(start)
    began, cpu = _wall(), time.process_time()
    with ExitStack() as stack:
        vendors = stack.enter_context(
            failing_vendors(given.failing, given.seed, fast.now, start)
        )
        world = World(folder, fast, vendors, start)
        world.prepare()
        stack.enter_context(fast.everywhere())
        daemons = stack.enter_context(world.daemons())
        silence = stack.enter_context(open(os.devnull, "w"))
        memory = run(world, daemons, given, silence)
        double, lost = audit(world, daemons)
        runs = Counter(
            f"{run.job_name} {run.status.value}" for run in daemons.instance.get_runs()
        )
        faults = {
            name: [sum(weather.asked.values()), sum(weather.failed.values())]
            for name, weather in vendors.weathers.items()
        }
        return {
            "hours": given.hours,
            "recovery": given.recovery,
            "wall_s": round(_wall() - began),
            "cpu_s": round(time.process_time() - cpu),
            "ticks": dict(ticks(daemons)),
            "runs": dict(sorted(runs.items())),
            "requests": faults,
            "calls": calls(world),
            "alerts": len(vendors.inbox.texts),
            "published": len(vendors.graph.media),
            "rss_mb": memory,
            "stored": stored(folder / "data" / "dagster"),
            "double": double,
            "lost": lost,
        }


def run(
    world: World, daemons: Daemons, given: argparse.Namespace, silence: Any
) -> dict[str, int]:
    """Live through the hours; megabytes of memory at 10, 50 and 100 % of them."""
    end = given.hours * 60
    whole = end + given.recovery * 60
    memory: dict[str, int] = {}
    process = psutil.Process()
    for minute in range(0, whole, given.step):
        world.time.wind_to(world.start + minute * MINUTE)
        with redirect_stdout(silence), redirect_stderr(silence):
            logging.disable(logging.CRITICAL)
            if minute < end:
                for one in range(minute, minute + given.step):
                    world.live(one)
            else:
                world.vendors.recover()
                world.approve()
            daemons.minute()
        for share in (10, 50, 100):
            if f"{share} %" not in memory and minute + given.step >= end * share / 100:
                memory[f"{share} %"] = process.memory_info().rss >> 20
        if minute % 15 == 0:
            done = len(daemons.instance.get_run_ids())
            rss = process.memory_info().rss >> 20
            print(f"{world.time.now():%d %H:%M} {done} runs, {rss} MB", file=sys.stderr)
    return memory


def table(found: dict[str, Any]) -> str:
    """The figures as lines of Markdown."""
    days = (found["hours"] + found["recovery"]) / 24
    kept = found["stored"]
    lines = [
        ("simulated hours", found["hours"]),
        ("wall, CPU seconds", f"{found['wall_s']:,}, {found['cpu_s']:,}"),
        ("ticks", _counts(found["ticks"])),
        ("runs", _counts(found["runs"])),
        *(
            (f"requests to {name}, of them failed", f"{asked:,}, {failed:,}")
            for name, (asked, failed) in found["requests"].items()
        ),
        ("rows of paid calls", _counts(found["calls"])),
        ("posts on the platform", found["published"]),
        ("alerts", found["alerts"]),
        ("memory (MB) after", _counts(found["rss_mb"])),
        ("event rows a day", f"{kept['event_rows'] / days:,.0f}"),
        ("event bytes a day", f"{kept['event_bytes'] / days:,.0f}"),
        ("tick rows a day", f"{kept['tick_rows'] / days:,.0f}"),
        ("tick bytes a day", f"{kept['tick_bytes'] / days:,.0f}"),
        ("double", len(found["double"])),
        ("lost", len(found["lost"])),
    ]
    text = ["| what | |", "|---|---|", *(f"| {a} | {b} |" for a, b in lines)]
    return "\n".join([*text, *found["double"], *found["lost"]])


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


if __name__ == "__main__":
    sys.exit(main())
