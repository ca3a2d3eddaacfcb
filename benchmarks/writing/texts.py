"""The child that writes: one topic of the briefs after another, by one build.

    PYTHONPATH=BUILD python benchmarks/writing/texts.py \\
        FOLDER OUT.jsonl MINUTES CALENDAR [N,N,…]

CALENDAR is a file of topics or a folder of such files. It uses the build's own pipeline
on a data folder, so that it goes on where it stopped. Each line of OUT is one text;
lines of earlier calls stay.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
TEXTS = """
SELECT v.topic_id, t.topic, v.arm, d.hook_style AS asked_style, v.hook_style, v.hook,
    v.beats, v.body, v.call_to_action, v.on_screen_text, v.text, v.rejection, v.model,
    v.settings, (SELECT count(*) FROM api_calls AS c WHERE c.subject = v.variant_id)
        AS calls
FROM variants AS v
JOIN drafts AS d ON d.variant_id = v.variant_id
JOIN topics AS t ON t.month = v.month AND t.topic_id = v.topic_id
ORDER BY v.month, t.due_on, v.arm
"""


def settings_of(folder: Path, first_month: str) -> dict[str, str]:
    """The settings of the benchmark; a model and a seed may be set from outside."""
    return {
        "IG_DATA_DIR": str(folder),
        "IG_CALENDAR": str(folder / "calendar"),
        "IG_LIBRARY": str(HERE.parents[1] / "library" / "scripts"),
        "IG_FIRST_MONTH": first_month,
        "IG_CLOCK": "simulated",
        "IG_ARMS": "2",
        "IG_CONTROL_SHARE": "0",
        "IG_LOCAL_SERVERS": "1",
    }


def main() -> None:
    """Write until the time is over."""
    folder, out = Path(sys.argv[1]).absolute(), Path(sys.argv[2])
    until = time.monotonic() + 60.0 * float(sys.argv[3])
    wanted = [int(n) for n in sys.argv[5].split(",")] if len(sys.argv) > 5 else None
    months = _copy(Path(sys.argv[4]), folder / "calendar")
    os.environ |= settings_of(folder, months[0])
    services, context = _context()
    for number, (month, topic) in enumerate(_plan(services, months)):
        if wanted is not None and number not in wanted:
            continue
        if time.monotonic() > until:
            break
        _write(context, month, topic, number)
    _save(services, out)


def _copy(given: Path, calendar: Path) -> list[str]:
    """Copy the topics into the data folder, named by month; the months, in order."""
    calendar.mkdir(parents=True, exist_ok=True)
    months = []
    for file in sorted(given.glob("*.yaml")) if given.is_dir() else [given]:
        months.append(yaml.safe_load(file.read_text(encoding="utf-8"))["month"])
        shutil.copy(file, calendar / f"{months[-1]}.yaml")
    return sorted(months)


def _context() -> tuple[Any, Any]:
    from ig_assets.settings import load_settings
    from ig_assets.wiring import Services
    from ig_assets.wiring.services import make_generation_context

    services = Services(load_settings())
    return services, make_generation_context(
        services.settings,
        services.clock,
        services.warehouse,
        services.ledger,
        services.embedder,
        services.index,
        services.writer,
    )


def _plan(services: Any, months: list[str]) -> list[tuple[str, str]]:
    """Month and id of each topic, in the order of the files."""
    from ig_assets.core.generation.topics.sync import Draw, sync_topics

    for month in months:
        sync_topics(
            services.warehouse,
            services.clock,
            services.settings.calendar,
            month,
            Draw(services.settings.seed, 0.0, 0.0, False),
            None,
            "benchmark",
        )
    with services.warehouse.transaction() as con:
        rows = con.execute(
            "SELECT month, topic_id FROM topics ORDER BY month, due_on"
        ).fetchall()
    return [(month, topic_id) for month, topic_id in rows]


def _write(context: Any, month: str, topic_id: str, number: int) -> None:
    from ig_assets.core.costs.ledger.ledger import RunRef
    from ig_assets.core.generation.pipeline import draft_month, polish_month

    began = time.monotonic()
    run = RunRef(f"benchmark-{number}", "script_drafts", month)
    draft_month(context, month, run, topic_id)
    polish_month(context, month, run, topic_id)
    print(f"brief {number}: {time.monotonic() - began:.0f} s", flush=True)


def _save(services: Any, out: Path) -> None:
    from ig_assets.warehouse.rows import fetch_dicts

    with services.warehouse.transaction() as con:
        rows = fetch_dicts(con, TEXTS)
    lines = [json.dumps(row, ensure_ascii=False, default=str) for row in rows]
    out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    print(f"{len(rows)} texts are in {out}")


if __name__ == "__main__":
    main()
