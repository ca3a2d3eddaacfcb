"""nDCG@5 of retrieval on 60 judged queries: this build, an earlier one, and its parts.

    git worktree add --detach ../before add7048
    python benchmarks/relevance.py --before ../before

Each build reads the sample library and imports the simulated past into a folder of its
own, with the local embedding model, and answers the same queries. `relevance/README.md`
says how they were judged. With `--scale 100000` it measures one search over so many
scripts instead, with vectors drawn at random.

gain = 2^grade - 1, discount = 1 / log2(rank + 1) (Burges et al., ICML 2005). The ideal
is made of all texts that the query may find. *Distinct* counts a body once: a topic's
six texts in the past differ in their first sentence only. Intervals are the middle 95 %
of 10,000 bootstrap samples of the queries; differences are paired.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
QUERIES = HERE / "relevance" / "queries.yaml"
CHILD = HERE / "relevance" / "child.py"
SCALE = HERE / "relevance" / "scale.py"
K = 5
SAMPLES, SEED = 10_000, 7
COMMAND = "from ig_assets.cli.entry import main; main()"

Answers = dict[str, dict[str, list[list[str]]]]


def answers_of(build: Path, folder: Path, parts: bool) -> Answers:
    """What a build finds, by system and query; its library and past are this one's."""
    env = {
        **os.environ,
        "PYTHONPATH": str(build),
        "PYTHONDONTWRITEBYTECODE": "1",
        "IG_DATA_DIR": str(folder),
        "IG_LIBRARY": str(ROOT / "library" / "scripts"),
        "IG_CALENDAR": str(ROOT / "library" / "calendar"),
    }
    history = str(ROOT / "library" / "history" / "simulated_history.csv")
    for command in (["sync"], ["import-history", history], ["sync"]):
        _run([sys.executable, "-c", COMMAND, *command], env, folder)
    child = [sys.executable, str(CHILD), str(folder), str(QUERIES)]
    found: Answers = json.loads(_run(child + ["--parts"] * parts, env, folder))
    return found


def _run(command: list[str], env: Mapping[str, str], folder: Path) -> str:
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[:4]} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def text_keys() -> list[tuple[str, str]]:
    """Key of `grades` and language of every text of the sample."""
    scripts = []
    for path in sorted((ROOT / "library" / "scripts").glob("*.md")):
        front = yaml.safe_load(path.read_text(encoding="utf-8").split("---")[1])
        scripts.append((front["id"], front["language"]))
    past = yaml.safe_load(
        (ROOT / "library" / "history" / "past_topics.yaml").read_text(encoding="utf-8")
    )
    for topic in past["topics"]:
        scripts += [(topic["topic"], "en")] * len(topic["hooks"])
    return scripts


def grade_key(found: Sequence[str]) -> str:
    """The key under which a script that was found is graded."""
    script_id, topic = found
    is_library = script_id.startswith("library/")
    return script_id.removeprefix("library/") if is_library else topic


def ndcg(gains: Sequence[float], best: Sequence[float]) -> float:
    """Discounted gain of at most five, as a share of the best possible."""
    discounts = 1.0 / np.log2(np.arange(2, K + 2))
    ideal = sorted(best, reverse=True)[:K]
    return float(gains @ discounts[: len(gains)]) / float(
        ideal @ discounts[: len(ideal)]
    )


def scores(
    query: Mapping[str, Any],
    found: Sequence[Sequence[str]],
    texts: Sequence[tuple[str, str]],
    any_language: bool,
) -> tuple[float, float]:
    """nDCG@5 of texts, and of distinct bodies."""
    grades: Mapping[str, int] = query["grades"]
    pool = [key for key, lang in texts if any_language or lang == query["language"]]
    gain = {key: 2.0 ** grades.get(key, 0) - 1.0 for key in pool}
    keys = [grade_key(one) for one in found]
    once = [gain[key] * (key not in keys[:place]) for place, key in enumerate(keys)]
    return (
        ndcg([gain[key] for key in keys], [gain[key] for key in pool]),
        ndcg(once, list(gain.values())),
    )


def interval(values: Sequence[float], statistic: Callable[..., Any] = np.mean) -> str:
    """A mean with its bootstrap interval over the queries."""
    array = np.asarray(values)
    draws = np.random.default_rng(SEED).integers(len(array), size=(SAMPLES, len(array)))
    low, high = np.quantile(statistic(array[draws], axis=1), [0.025, 0.975])
    return f"{statistic(array):.3f} ({low:.3f} to {high:.3f})"


def report(builds: Mapping[str, Answers]) -> None:
    """Print a Markdown table, one row per system."""
    judged = yaml.safe_load(QUERIES.read_text(encoding="utf-8"))
    queries, off = judged["queries"], judged["off_topic"]
    texts = text_keys()
    kinds = Counter((q["kind"], q["language"]) for q in queries)
    print(f"{len(queries)} queries over {len(texts)} texts: {dict(kinds)}\n")
    print("| system | nDCG@5 | distinct | of five, grade 0 | off topic, answered |")
    print("|---|---|---|---|---|")
    measured: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for build, answers in builds.items():
        for system, found in answers.items():
            wide = "any language" in system
            both = [scores(q, found[q["id"]], texts, wide) for q in queries]
            measured[build, system] = both
            graded = [
                q["grades"].get(grade_key(one), 0)
                for q in queries
                for one in found[q["id"]]
            ]
            answered = sum(bool(found[q["id"]]) for q in off)
            print(
                f"| {build}: {system} | {interval([one for one, _ in both])} "
                f"| {interval([other for _, other in both])} "
                f"| {100 * np.mean(np.array(graded) == 0):.0f} % of {len(graded)} "
                f"| {answered} of {len(off)} |"
            )
    print("\n| by kind of query, nDCG@5 |", *(f"{k} {v} |" for k, v in kinds))
    print("|---|" + "---|" * len(kinds))
    for (build, system), both in measured.items():
        of_kind = [
            np.mean(
                [
                    one
                    for q, (one, _) in zip(queries, both, strict=True)
                    if (q["kind"], q["language"]) == kind
                ]
            )
            for kind in kinds
        ]
        print(f"| {build}: {system} |", *(f"{value:.2f} |" for value in of_kind))
    if len(builds) == 2:
        print("\n| this build less the one before | nDCG@5 | distinct |")
        print("|---|---|---|")
        for system in builds["before"]:
            pairs = np.array(measured["this build", system]) - np.array(
                measured["before", system]
            )
            print(f"| {system} | {interval(pairs[:, 0])} | {interval(pairs[:, 1])} |")


def _answers(builds: Mapping[str, Path], folder: Path) -> dict[str, Answers]:
    """What each build finds; they work side by side, since nothing is timed."""
    folders = {name: folder / name.replace(" ", "-") for name in builds}
    for data in folders.values():
        data.mkdir()
    with ThreadPoolExecutor(len(builds)) as pool:
        answers = {
            name: pool.submit(answers_of, build, folders[name], build == ROOT)
            for name, build in builds.items()
        }
        return {name: answer.result() for name, answer in answers.items()}


def main() -> None:
    """Compare the builds, or measure one search over many scripts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="a checkout of an earlier build")
    parser.add_argument("--scale", type=int, help="measure a search over N scripts")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.scale:
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, str(SCALE), folder, str(asked.scale)]
            print(_run(command, env, Path(folder)), end="")
            return
        builds = {"before": asked.before.resolve()} if asked.before else {}
        builds["this build"] = ROOT
        report(_answers(builds, Path(folder)))


if __name__ == "__main__":
    main()
