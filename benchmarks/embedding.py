"""How long the local embedder takes for a first import, beside another build.

Both builds embed the same texts in requests of 100, in processes of their own and in
turns; then their vectors are compared bit by bit. CPU seconds are those of the process
with all its threads, without loading the model. Run:

    python benchmarks/embedding.py --before ../before [--file dev.csv.gz] [--texts 2000]

Without `--file`, texts are drawn: some short, some long, as in a library.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parents[1]
CHILD = """
import json, sys, time
import numpy as np
from ig_assets.settings import load_settings
from ig_assets.wiring import make_embedder

texts = json.load(open(sys.argv[1], encoding="utf-8"))
embedder = make_embedder(load_settings())
embedder.embed(["once"])
wall, cpu = time.perf_counter(), time.process_time()
parts = [embedder.embed(texts[n : n + 100]).vectors for n in range(0, len(texts), 100)]
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
np.save(sys.argv[2], np.concatenate(parts))
print(json.dumps({"wall": wall, "cpu": cpu}))
"""
WORDS = "water salt bread light slow morning paper garden engine window".split()


def texts_of(file: Path | None, number: int) -> list[str]:
    """The texts: distinct headlines of an archive, or drawn ones."""
    if file is None:
        draw = random.Random(1)
        return [
            " ".join(draw.choices(WORDS, k=draw.choice((8, 15, 40, 120)))) + f" {n}"
            for n in range(number)
        ]
    import pandas as pd

    headlines = pd.read_csv(file)["headline"].dropna().drop_duplicates()
    return [text for text in headlines.astype(str) if text.strip()][:number]


def embed(build: Path, texts: Path, vectors: Path) -> dict[str, float]:
    """Seconds of one build, whose vectors are written to a file."""
    with tempfile.TemporaryDirectory() as data:
        env = os.environ | {"PYTHONPATH": str(build), "IG_DATA_DIR": data}
        out = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CHILD, str(texts), str(vectors)],
            env=env,
            cwd=data,
            capture_output=True,
            text=True,
            check=True,
        )
    seconds: dict[str, float] = json.loads(out.stdout.splitlines()[-1])
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="a checkout")
    parser.add_argument("--file", type=Path, help="a CSV with a column `headline`")
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    builds = {"before": given.before.resolve(), "this build": HERE}
    seconds: dict[str, list[dict[str, float]]] = {name: [] for name in builds}
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder) / "texts.json"
        drawn = texts_of(given.file, given.texts)
        texts.write_text(json.dumps(drawn), encoding="utf-8")
        for _ in range(given.rounds):
            for name, build in builds.items():
                vectors = Path(folder) / f"{name}.npy"
                seconds[name].append(embed(build, texts, vectors))
        first, second = (np.load(Path(folder) / f"{name}.npy") for name in builds)
    print(f"| {len(drawn):,} texts, {given.rounds} rounds | CPU s | wall s |")
    print("|---|---|---|")
    medians = {
        name: [statistics.median(one[kind] for one in rows) for kind in ("cpu", "wall")]
        for name, rows in seconds.items()
    }
    for name, (cpu, wall) in medians.items():
        print(f"| {name} | {cpu:.1f} | {wall:.1f} |")
    ratios = [a / b for a, b in zip(*medians.values(), strict=True)]
    print(f"| times less | {ratios[0]:.2f} | {ratios[1]:.2f} |")
    equal = int((first == second).all(axis=1).sum())
    print(f"\n{equal:,} of {len(first):,} vectors are equal bit by bit.")


if __name__ == "__main__":
    main()
