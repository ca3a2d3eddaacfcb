"""How fast lineage answers, beside an earlier build and beside MLflow's datasets.

    python benchmarks/lineage.py                                (100,000 scripts)
    python benchmarks/lineage.py --scripts 1000000              (10 million edges)
    python benchmarks/lineage.py --before DIR --mlflow-python PYTHON
    python benchmarks/lineage.py --scripts 50000 --metaxy-python PYTHON
    python benchmarks/lineage.py --recording      (what writing edges takes of a loop)

A made-up warehouse on the DuckDB home has ten edges per script. Asked are: which
scripts is a model made of (all steps up; and with evidence), what came of a script (all
steps down), and the report of a month, here with its page. Each builds in a process of
its own on the same file; `--before` is a checkout to compare with.

What other tools answer too is a smaller question, and is asked of all alike at the same
size (`ids:`): the ids of the scripts that fed a model, and of the models that a script
fed. MLflow (`--mlflow-python`, with `mlflow`) has every script of some models as a
logged dataset. Metaxy (`--metaxy-python`, with `metaxy[delta]`) keeps a hash of a row's
parents and not their ids: its lines have script and model as columns of the user's own.
OpenLineage has no backend that a Python environment can run (Marquez is a server in
Java; on PyPI are clients and senders of events), and its events name data sets, not
rows. Each peer needs an environment of its own. Printed are CPU seconds, which others'
work on the machine does not change much; ratios are of the medians of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent / "lineage_parts"


def recording(months: int = 1) -> None:
    """Turn a loop with a stand-in for OpenAI; print the share of writing edges."""
    sys.path.insert(0, str(ROOT))
    from ig_assets_tests.headless.loop_fixtures import new_loop
    from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn

    with tempfile.TemporaryDirectory() as folder, OpenAIStandIn() as stand_in:
        loop = new_loop(Path(folder), stand_in)
        done = subprocess.run(
            [sys.executable, str(HERE / "recording.py"), str(months)],
            env=loop.env | {"PYTHONPATH": str(ROOT)},
            cwd=loop.data_dir,
            capture_output=True,
            text=True,
            check=True,
        )
    found = json.loads(done.stderr.splitlines()[-1])
    share = found["edges_s"] / found["all_s"]
    print(
        f"{found['edges']:,} edges in {found['calls']:,} writes took "
        f"{found['edges_s']:.2f} of {found['all_s']:.1f} CPU seconds of a loop of "
        f"{months} month: {share:.1%}"
    )


def child(program: str, arguments: list[str], python: str, root: Path) -> dict:
    """The JSON that a part prints, run in a process of its own under `root`'s code."""
    done = subprocess.run(
        [python, "-W", "ignore", str(HERE / program), *arguments],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scripts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="another checkout")
    parser.add_argument("--mlflow-python", help="a Python that has mlflow")
    parser.add_argument("--mlflow-models", type=int, default=20)
    parser.add_argument("--metaxy-python", help="a Python that has metaxy[duckdb]")
    parser.add_argument("--recording", action="store_true", help="only the loop")
    given = parser.parse_args()
    if given.recording:
        return recording()
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "warehouse.duckdb")
        made = child("fill.py", [file, str(given.scripts)], sys.executable, ROOT)
        print(f"{made['scripts']:,} scripts, {made['edges']:,} edges in one file")
        asked = [file, str(given.rounds)]
        ours = child("ask.py", asked, sys.executable, ROOT)
        show("this build", ours)
        if given.before:
            before = child("ask.py", asked, sys.executable, given.before.resolve())
            show("build before", before)
            ratios("build before / this build", before, ours)
        if given.mlflow_python:
            peer = child(
                "mlflow_datasets.py",
                [folder, str(given.mlflow_models), str(made["of_model"])],
                given.mlflow_python,
                ROOT,
            )
            print(
                f"MLflow: {peer.pop('models')} models of {made['of_model']:,} scripts "
                "each, logged one by one"
            )
            show("MLflow datasets", peer)
            ratios("MLflow / this build", peer, ours)
        if given.metaxy_python:
            wanted = [folder, str(given.scripts), str(made["of_model"])]
            peer = child("metaxy_lines.py", wanted, given.metaxy_python, ROOT)
            print(f"Metaxy: {peer.pop('lines'):,} lines, by columns of the user's own")
            show("Metaxy", peer)
            ratios("Metaxy / this build", peer, ours)


def show(name: str, found: dict) -> None:
    """Print the median CPU seconds of each question."""
    for question, seconds in found.items():
        print(f"{name:16} {question:28} {statistics.median(seconds):9.5f} s")


def ratios(name: str, other: dict, ours: dict) -> None:
    """Print how many times longer another took for what both answered."""
    for question in [one for one in ours if one in other]:
        ratio = statistics.median(other[question]) / statistics.median(ours[question])
        print(f"{name}: {question} {ratio:.1f}")


if __name__ == "__main__":
    main()
