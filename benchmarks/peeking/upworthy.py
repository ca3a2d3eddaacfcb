"""Real randomised tests: the Upworthy archive, judged by the code that judges ours.

The file is imported as history and decided by the results stage; the replay lets the
same impressions come in 30 parts, drawn without replacement, and looks after each.
"""

from __future__ import annotations

import csv
import gzip
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ig_assets.core.corpus.history_import.importer import import_history
from ig_assets.core.corpus.history_import.planning.plan import ImportOptions
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.stats.e_values import (
    LOG_E_WINNER,
    Z_FINAL,
    pair_evidence,
)
from ig_assets.core.experiments.stats.post_variance import estimate_sigma
from ig_assets.core.experiments.stats.sample_ratio import (
    LOG_E_ALARM,
    sample_ratio_log_e,
)
from ig_assets.core.identity import stable_id
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse
from peeking.audience import Draw
from peeking.rules import Z_NAIVE, Calls, naive_z, ours
from peeking.tables import percent, table

SOURCE = "upworthy"
PARTS = 30


@dataclass(frozen=True)
class Test:
    """One test's packages in the order of the file."""

    test_id: str
    in_window: bool
    headlines: list[str]
    images: list[str]
    clicks: np.ndarray
    impressions: np.ndarray


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None)


def read_tests(file: Path) -> list[Test]:
    """The tests with two packages or more."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            rows[row["clickability_test_id"]].append(row)
    return [
        Test(
            test_id=name,
            in_window=any(row["srm_window"] == "True" for row in packages),
            headlines=[row["headline"].strip() for row in packages],
            images=[row["eyecatcher_id"] for row in packages],
            clicks=np.array([float(row["clicks"]) for row in packages]),
            impressions=np.array([float(row["impressions"]) for row in packages]),
        )
        for name, packages in rows.items()
        if len(packages) > 1
    ]


def report(file: Path, seed: int) -> None:
    """Print every table."""
    tests = read_tests(file)
    outside = [test for test in tests if not test.in_window]
    inside = [test for test in tests if test.in_window]
    print(f"\n{len(tests):,} tests of two packages or more, {len(outside):,} outside")
    print("the weeks of broken randomisation (201325 to 201402)\n")
    _sample_ratio(inside, outside)
    decisions = _decided(file)
    _winners(outside, decisions)
    _identical(outside, seed)
    _stability(outside, seed)


def _sample_ratio(inside: Sequence[Test], outside: Sequence[Test]) -> None:
    rows = []
    for name, tests in (("inside", inside), ("outside", outside)):
        log_e = np.array([sample_ratio_log_e(t.impressions) for t in tests])
        alarms = int((log_e >= LOG_E_ALARM).sum())
        rows.append([name, len(tests), *_share(alarms, len(tests))])
    table("Sample-ratio alarm (e >= 100)", ["window", "tests", "alarms", "share"], rows)


def _decided(file: Path) -> dict[str, dict[str, Any]]:
    """Every decision of the product, by the archive's own test id."""
    with tempfile.TemporaryDirectory(prefix="upworthy_") as folder:
        clock = _Clock()
        warehouse = Warehouse(f"duckdb:///{Path(folder) / 'w.duckdb'}", clock.now)
        started = time.process_time()
        imported = import_history(warehouse, clock, file, ImportOptions(source=SOURCE))
        middle = time.process_time()
        update_results(warehouse, clock)
        done = time.process_time()
        with warehouse.transaction() as con:
            rows = fetch_dicts(
                con, "SELECT experiment_id, decision, reason, winner_arm FROM decisions"
            )
    print(
        f"Imported {imported.imported:,} of {imported.rows_read:,} packages as "
        f"{imported.experiments:,} experiments in {middle - started:.1f} s, decided "
        f"in {done - middle:.1f} s (CPU).\n"
    )
    return {row["experiment_id"]: row for row in rows}


def _winners(tests: Sequence[Test], decisions: dict[str, dict[str, Any]]) -> None:
    found = [decisions.get(stable_id("history", SOURCE, t.test_id)) for t in tests]
    known = [row for row in found if row is not None]
    kinds = Counter(row["decision"] for row in known)
    thin = sum("fewer than 25" in row["reason"] for row in known)
    by_e = sum("e >=" in row["reason"] for row in known)
    judged = len(known) - thin
    winners = kinds["winner"]
    rows = [
        ["decided by the results stage", len(known), ""],
        ["an arm has fewer than 25 clicks", *_share(thin, len(known))],
        ["a significant winner", *_share(winners, len(known))],
        ["  of those with 25 clicks an arm", *_share(winners, judged)],
        ["  by e >= 40 alone", *_share(by_e, len(known))],
        ["inconclusive", *_share(kinds["inconclusive"], len(known))],
    ]
    table("Outside the window: final readings, sigma = 0", ["", "tests", "share"], rows)


def _identical(tests: Sequence[Test], seed: int) -> None:
    """Pairs of packages with the same headline, each package in one pair."""
    kinds = {"same image": True, "any image": False}
    rows = []
    for name, same_image in kinds.items():
        pairs = _pairs(tests, same_image)
        estimate = estimate_sigma(*pairs.T)
        for sigma, told in (
            (0.0, "0"),
            (estimate.sigma, f"{estimate.sigma:.2f}, as estimated"),
        ):
            drawn = _replay(pairs[:, [0, 2]], pairs[:, [1, 3]], sigma, seed)
            final = pair_evidence(*pairs.T, sigma)
            once = final.enough & (
                (final.log_e >= LOG_E_WINNER) | (np.abs(final.z) > Z_FINAL)
            )
            plain = final.enough & (np.abs(final.z) > Z_NAIVE)
            n = len(pairs)
            daily = (ours(drawn, final_day=PARTS).winner >= 0).sum()
            naive = (naive_z(drawn).winner >= 0).sum() if not sigma else None
            rows.append(
                [
                    name,
                    told,
                    n,
                    percent(plain.sum(), n),
                    percent(once.sum(), n),
                    percent(daily, n),
                    "" if naive is None else percent(naive, n),
                    f"{estimate.sigma:.3f} (<= {estimate.upper:.3f})",
                ]
            )
    table(
        "Pairs of identical headlines in one test: every winner is false",
        [
            "pairs",
            "sigma given",
            "n",
            "z, p < 0.05 once",
            "ours once",
            "ours, 30 looks",
            "naive z, 30 looks",
            "sigma (95 % bound)",
        ],
        rows,
    )


def _pairs(tests: Sequence[Test], same_image: bool) -> np.ndarray:
    """Clicks and impressions of both: (n, 4)."""
    found = []
    for test in tests:
        waiting: dict[tuple[str, str], int] = {}
        for i, headline in enumerate(test.headlines):
            key = (headline, test.images[i] if same_image else "")
            if key in waiting:
                j = waiting.pop(key)
                found.append(
                    [
                        test.clicks[j],
                        test.impressions[j],
                        test.clicks[i],
                        test.impressions[i],
                    ]
                )
            else:
                waiting[key] = i
    return np.array(found)


def _stability(tests: Sequence[Test], seed: int) -> None:
    """Who leads early, who is called, and who leads in the end."""
    right: Counter[str] = Counter()
    called: Counter[str] = Counter()
    early: Counter[str] = Counter()
    day_one = total = 0
    for size in sorted({len(t.clicks) for t in tests}):
        same = [t for t in tests if len(t.clicks) == size]
        clicks = np.stack([t.clicks for t in same])
        impressions = np.stack([t.impressions for t in same])
        drawn = _replay(clicks, impressions, 0.0, seed + size)
        final = (clicks / impressions).argmax(axis=1)
        with np.errstate(all="ignore"):
            first = np.nan_to_num(drawn.events / drawn.trials)[:, :, 0].argmax(axis=1)
        day_one += int((first == final).sum())
        total += len(same)
        rules: dict[str, Calls] = {
            "ours": ours(drawn, final_day=PARTS),
            "naive z, daily": naive_z(drawn),
        }
        for name, calls in rules.items():
            has = calls.winner >= 0
            called[name] += int(has.sum())
            right[name] += int((calls.winner == final)[has].sum())
            early[name] += int((has & (calls.on < PARTS)).sum())
    rows = [["leader of the first part", total, "", percent(day_one, total)]]
    for name in called:
        rows.append(
            [
                f"winner of {name}",
                called[name],
                early[name],
                percent(right[name], called[name]),
            ]
        )
    table(
        f"The same tests replayed in {PARTS} parts, looked at after each",
        ["", "tests", "called before the end", "leads in the end"],
        rows,
    )


def _replay(clicks: np.ndarray, impressions: np.ndarray, sigma: float, seed: int):
    """Cumulative counts (n, arms, PARTS): parts of equal size, drawn from the whole."""
    rng = np.random.default_rng(seed)
    left_clicks, left = clicks.astype(np.int64), impressions.astype(np.int64)
    events, trials = [], []
    for part in range(PARTS):
        take = left // (PARTS - part)
        hits = rng.hypergeometric(left_clicks, left - left_clicks, take)
        left_clicks, left = left_clicks - hits, left - take
        events.append(hits)
        trials.append(take)
    return Draw(
        events=np.stack(events, axis=2).cumsum(axis=2).astype(np.float64),
        trials=np.stack(trials, axis=2).cumsum(axis=2).astype(np.float64),
        sigma=np.full(len(clicks), sigma),
        effects=np.zeros(clicks.shape),
    )


def _share(count: int, of: int) -> list[str | int]:
    """The count and its share with the exact 95 % interval."""
    if not of:
        return [count, ""]
    interval = binomtest(count, of).proportion_ci()
    return [
        count,
        f"{100 * count / of:.2f} % ({100 * interval.low:.2f} to "
        f"{100 * interval.high:.2f})",
    ]
