"""Does the trained writer learn what wins? The same headline tests, by log-probability.

Draws pairs of headlines (|z| >= 1.96, one image, one pair of each near-duplicate
cluster), trains an adapter of the small local model on some by the product's trainer
(supervised rows of the winners, then the pairs by DPO), and counts in how many of the
held-out pairs the winner is the likelier one per token: for the base, after the
supervised rows, and after the pairs. Beside it the ranker, on the same held-out pairs.

    python benchmarks/lora_learning.py --file dev.csv.gz --work DIR
    python benchmarks/lora_learning.py --file dev.csv.gz --work DIR --slice-minutes 20

The same command goes on where it was stopped or killed: from the last checkpoint in
DIR, with the same bits. DIR/results.json has the figures so far. The interpreter needs
the extra `train` (`make .venv-train/.ready`). Intervals: Wilson's for a share, Agresti
and Min's for a difference of two shares of the same pairs, 95 % each.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from peeking.tables import table
from ranking.archive import Archive, read_archive
from ranking.headline_pairs import HeadlinePair, draw_pairs, training_row
from ranking.validation import all_pairs

from ig_assets.adapters.lora.base_model import load_tokenizer, load_with_adapter
from ig_assets.adapters.lora.fit.batches import TokenRow, plan_steps, token_rows
from ig_assets.adapters.lora.fit.losses import log_probabilities
from ig_assets.adapters.lora.fit.recipe import Recipe
from ig_assets.adapters.lora.fit.training import Cancelled, Training, TrainingSet
from ig_assets.adapters.lora.trainer import machine_for
from ig_assets.core.fine_tuning.evaluation.preference_accuracy import (
    preference_accuracy,
)
from ig_assets.core.models.ranker.ranker import train
from ig_assets.files import write_atomic
from ig_assets.settings import load_settings
from ig_assets.wiring.models import writer_file

CACHE = Path.home() / ".cache" / "ig_assets" / "models"
BASE, SUPERVISED, TUNED = "base", "after the winners", "after the pairs"
Scores = Sequence[tuple[float, float]]
"""Of each held-out pair: what is said for the winner, and for the loser."""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--file", type=Path, required=True, help="headline tests")
    parser.add_argument("--work", type=Path, required=True, help="goes on there")
    parser.add_argument("--pairs", type=int, default=200, help="to train on")
    parser.add_argument("--held-out", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="0.5b", help="as IG_LOCAL_MODEL")
    parser.add_argument("--model-cache", type=Path, default=CACHE)
    parser.add_argument("--slice-minutes", type=float, default=float("inf"))
    for name in ("epochs", "pair_epochs", "learning_rate", "pair_learning_rate"):
        usual = getattr(Recipe(), name)
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=type(usual), default=usual)
    return parser.parse_args()


def main() -> None:
    """Train as far as the slice goes, then print the figures."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    given = arguments()
    given.work.mkdir(parents=True, exist_ok=True)
    archive = read_archive(given.file, given.model_cache, given.work / "vectors.npz")
    learnt, measured = draw_pairs(
        archive, all_pairs(archive), given.pairs, given.held_out, given.seed
    )
    run = Run(given, archive, learnt, measured)
    for name, scores in _rankers(archive, learnt, measured).items():
        run.keep(name, scores)
    try:
        run.train()
    except Cancelled:
        print("The slice is over; the same command goes on.")
    run.show()


def _rankers(
    archive: Archive, learnt: Sequence[HeadlinePair], measured: Sequence[HeadlinePair]
) -> dict[str, Scores]:
    """The ranker after the groups of the training pairs, and after all it may see."""
    groups = np.array([archive.outcomes.group[pair.winner] for pair in learnt])
    held = [pair.cluster for pair in measured]
    every = np.flatnonzero(~np.isin(archive.cluster, held))
    winners, losers = np.array([(p.winner, p.loser) for p in measured]).T
    found: dict[str, Scores] = {}
    for name, seen in (("the same tests", groups), ("all other tests", every)):
        rows = archive.rows(seen)
        known = {block: values[rows] for block, values in archive.features.items()}
        fitted = train(known, archive.outcomes.take(rows))
        lifts = fitted.between(archive.features, winners, losers).mean
        label = f"ranker, from {name} ({len(np.unique(seen)):,} groups)"
        found[label] = [(float(lift), 0.0) for lift in lifts]
    return found


class Run:
    """One training with its measurements, in a folder."""

    def __init__(
        self,
        given: argparse.Namespace,
        archive: Archive,
        learnt: Sequence[HeadlinePair],
        measured: Sequence[HeadlinePair],
    ) -> None:
        self._work: Path = given.work
        self._seed: int = given.seed
        self._until = time.monotonic() + 60 * given.slice_minutes
        self._recipe = Recipe(
            epochs=given.epochs,
            pair_epochs=given.pair_epochs,
            learning_rate=given.learning_rate,
            pair_learning_rate=given.pair_learning_rate,
        )
        self._base = writer_file(load_settings(local_model=given.model))
        self._tokenizer = load_tokenizer(self._base)
        self._winners = self._rows(archive, learnt, "sft", "train")
        self._pairs = self._rows(archive, learnt, "dpo", "train")
        self._held_out = self._rows(archive, measured, "dpo", "validation")
        self._machine = machine_for(self._base, self._recipe, self._work)
        self._begin_or_go_on(given)

    def _rows(
        self, archive: Archive, drawn: Sequence[HeadlinePair], kind: str, split: str
    ) -> list[TokenRow]:
        rows = [training_row(archive, pair, kind, split) for pair in drawn]
        made, excluded = token_rows(rows, self._tokenizer, self._recipe.most_tokens)
        if excluded:
            raise SystemExit(f"Of the {split} rows are left out: {excluded}.")
        return made

    def _begin_or_go_on(self, given: argparse.Namespace) -> None:
        """Write down what is trained; end the program if the folder has another."""
        file = self._work / "plan.json"
        plan = {
            "pairs": given.pairs,
            "held_out": given.held_out,
            "seed": given.seed,
            "model": given.model,
            "recipe": asdict(self._recipe),
            "machine": asdict(self._machine),
        }
        if not file.exists():
            write_atomic(file, json.dumps(plan, indent=1))
        if json.loads(file.read_text("utf-8")) != plan:
            raise SystemExit(f"{file} is another plan than the one asked for.")

    def train(self) -> None:
        """Take the remaining steps and measurements; raises Cancelled at the end."""
        started, spent = time.monotonic(), time.process_time()
        model = load_with_adapter(self._base, self._machine, self._recipe, self._seed)
        rows = TrainingSet(self._winners, self._pairs, (), ())
        job = Training(
            model,
            rows,
            self._recipe,
            self._seed,
            self._work / "checkpoint",
            self._machine.device,
        )
        last = len(plan_steps(len(self._winners), 0, self._recipe, self._seed))
        tokens = sum(row.tokens for row in self._winners) / len(self._winners)
        print(
            f"{len(self._winners)} winners of {tokens:.0f} tokens on average with the "
            f"prompt; step {job.done} of {job.steps}; {self._machine}",
            flush=True,
        )

        def report(
            step: int, training: float, validation: float | None, saved: bool
        ) -> None:
            print(
                f"step {step} of {job.steps}: loss {training:.4f}; "
                f"{time.process_time() - spent:.0f} CPU s in "
                f"{time.monotonic() - started:.0f} s",
                flush=True,
            )
            if step == last:
                self._measure(SUPERVISED, model)

        with model.disable_adapter():
            self._measure(BASE, model)
        if job.done == last:
            self._measure(SUPERVISED, model)
        job.run(report, self._is_over)
        self._measure(TUNED, model)

    def _is_over(self) -> bool:
        return time.monotonic() > self._until

    def _measure(self, name: str, model: Any) -> None:
        """Measure the held-out pairs that this stage has not measured before."""
        file = self._work / f"{name.replace(' ', '_')}.jsonl"
        known = file.read_text("ascii").splitlines() if file.exists() else []
        with file.open("a", encoding="ascii") as lines:
            for row in self._held_out[len(known) :]:
                if self._is_over():
                    raise Cancelled
                assert row.rejected is not None, "a pair has a losing answer"
                won, lost = log_probabilities(model, row, self._machine.device)
                scores = won / row.chosen.answer, lost / row.rejected.answer
                lines.write(json.dumps(scores) + "\n")
                lines.flush()
        read = [json.loads(line) for line in file.read_text("ascii").splitlines()]
        self.keep(name, [(a, b) for a, b in read])

    def keep(self, name: str, scores: Scores) -> None:
        """Add the scores of one model to the results."""
        found = self._results()
        found[name] = [list(pair) for pair in scores]
        write_atomic(self._work / "results.json", json.dumps(found, indent=1))

    def _results(self) -> dict[str, list[list[float]]]:
        file = self._work / "results.json"
        return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {}

    def show(self) -> None:
        """Print the figures of what was measured."""
        found = self._results()
        rows = [
            [name, *_figures(scores, found.get(BASE)), *_gap(scores)]
            for name, scores in found.items()
        ]
        table(
            f"{len(self._held_out)} held-out pairs: the winner has the higher score",
            ["", "accuracy, %", "against the base, points", "mean gap, nats a token"],
            rows,
        )
        tuned = found.get(TUNED)
        for name, scores in found.items():
            if tuned and name.startswith("ranker"):
                print(f"{name} against {TUNED}: {_figures(scores, tuned)[1]} points")
            if found.get(SUPERVISED) and name == TUNED:
                ahead = _figures(scores, found[SUPERVISED])[1]
                print(f"{TUNED} against {SUPERVISED}: {ahead} points")


def _figures(
    scores: Sequence[Sequence[float]], base: Sequence[Sequence[float]] | None
) -> tuple[str, str]:
    """Accuracy, and the paired difference to `base`, with intervals, in percent."""
    both = zip(scores, base or scores, strict=True)
    pair = {"candidate": 0, "active": 1}
    found = preference_accuracy(
        [
            {
                "likelihood": {
                    who: {"winner": of[at][0], "loser": of[at][1]}
                    for who, at in pair.items()
                }
            }
            for of in both
        ]
    )
    assert found is not None, "each pair was measured"
    share = _percent(found.accuracy, found.accuracy_low, found.accuracy_high)
    if base is None or base is scores:
        return share, ""
    return share, _percent(
        found.accuracy_difference, found.difference_low, found.difference_high
    )


def _gap(scores: Sequence[Sequence[float]]) -> tuple[str]:
    """The mean of winner minus loser, with its standard error; not for the ranker."""
    gaps = np.array([a - b for a, b in scores])
    if all(b == 0 for _, b in scores):
        return ("",)
    return (f"{gaps.mean():+.3f} ± {gaps.std(ddof=1) / len(gaps) ** 0.5:.3f}",)


def _percent(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    main()
