"""Texts for 24 fixed briefs in three languages: gates, and a blind reading.

    python benchmarks/writing.py write --folder NEW --minutes 9
    python benchmarks/writing.py write --folder OLD --minutes 9 --build ../before
    python benchmarks/writing.py score NEW.jsonl OLD.jsonl
    python benchmarks/writing.py sheet NEW.jsonl OLD.jsonl --into reading
    python benchmarks/writing.py tally reading ratings.csv

`write` asks the local writer for two texts of each brief (`--briefs 0,3,12`: of these),
through the build's own pipeline, and goes on where it stopped; give it a data folder
outside the checkout. `--calendar` takes other briefs: a file of topics, or a folder of
them such as `library/calendar`; give it to `score` and `sheet` too. The texts are in
FOLDER.jsonl. `score` measures them all at this build's gates. `sheet` writes
`sheet.md`, the rubric with briefs and texts in random order, and `key.json`; give the
sheet alone to a reader who did not write the prompts. `tally` counts the ratings by
file, with 95 % intervals (Wilson).
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BRIEFS = HERE / "writing" / "briefs.yaml"
RUBRIC = HERE / "writing" / "rubric.md"
CHILD = HERE / "writing" / "texts.py"
Text = dict[str, Any]


def briefs(calendar: Path) -> dict[str, dict[str, Any]]:
    """The briefs of a file of topics, or of a folder of them, by topic."""
    files = sorted(calendar.glob("*.yaml")) if calendar.is_dir() else [calendar]
    months = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    return {topic["topic"]: topic for month in months for topic in month["topics"]}


def texts_of(file: Path) -> list[Text]:
    """The texts of a file, whatever became of them."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def write(options: argparse.Namespace) -> None:
    """Write more texts with a build."""
    env = os.environ | {"PYTHONPATH": str(options.build.absolute())}
    out = options.folder.with_suffix(".jsonl")
    command = [sys.executable, str(CHILD), str(options.folder), str(out)]
    command += [str(options.minutes), str(options.calendar)]
    command += [options.briefs] if options.briefs else []
    raise SystemExit(subprocess.run(command, env=env).returncode)


def score(options: argparse.Namespace) -> None:
    """Print the share of texts that pass this build's gates, by file and gate."""
    given = briefs(options.calendar)
    for file in options.files:
        texts = texts_of(file)
        failed = [failed_gates(text, given[text["topic"]]) for text in texts]
        passed = sum(not gates for gates in failed)
        print(f"{file.name}: {passed} of {len(texts)} pass {interval(passed, texts)}")
        rejected = sum(bool(text["rejection"]) for text in texts)
        calls = sum(text["calls"] for text in texts)
        print(f"  rejected by their own build: {rejected}; calls {calls}")
        for gate, count in Counter(g for gates in failed for g in gates).most_common():
            print(f"  {gate}: {count}")
        odd = sum(
            not of_its_style(text, given[text["topic"]]["language"])
            for text in texts
            if text["hook"]
        )
        print(f"  hooks not of the style that they are labelled with: {odd}")


def failed_gates(text: Text, brief: dict[str, Any]) -> list[str]:
    """The gates that need no other text and that this one fails."""
    from ig_assets.core.generation.gates.gates import (
        Candidate,
        Gates,
        failures,
        measure,
    )
    from ig_assets.core.generation.gates.novelty import CorpusRuns

    if not text["text"]:
        return ["no text"]
    candidate = Candidate(
        text["hook"],
        tuple(json.loads(text["beats"])) if text["beats"] else None,
        text["body"],
        text["call_to_action"],
        text["text"],
        brief["language"],
        brief["topic"],
        brief["brief"],
        text["on_screen_text"],
    )
    figures = measure(Gates(0.5), candidate, CorpusRuns([]), None, lambda text: None)
    return [figure.gate for figure in failures(figures)]


def of_its_style(text: Text, language: str) -> bool:
    """Whether the words of the hook allow its label."""
    from ig_assets.core.generation.gates.hook_style import label_for

    style: str = text["hook_style"]
    return label_for(text["hook"], style, language) == style


def sheet(options: argparse.Namespace) -> None:
    """Write what a blind reader gets, and the key apart."""
    given = briefs(options.calendar)
    every = [(file.stem, text) for file in options.files for text in texts_of(file)]
    shared = set.intersection(
        *({t["topic"] for t in texts_of(f)} for f in options.files)
    )
    every = [(name, text) for name, text in every if text["topic"] in shared]
    random.Random(options.seed).shuffle(every)
    parts, key = [RUBRIC.read_text(encoding="utf-8")], {}
    for number, (name, text) in enumerate(every, start=1):
        brief = given[text["topic"]]
        key[number] = {"file": name, "topic": text["topic"], "arm": text["arm"]}
        shown = text["text"] or "(the writer gave no usable text)"
        screen = text["on_screen_text"] or "(nothing)"
        parts.append(
            f"## Text {number}\n\nTopic: {brief['topic']}\n\n"
            f"Brief: {brief['brief']}\n\nAudience: {brief['audience']}\n\n---\n\n"
            f"{shown}\n\nOn screen: {screen}\n"
        )
    options.into.mkdir(parents=True, exist_ok=True)
    (options.into / "sheet.md").write_text("\n".join(parts), encoding="utf-8")
    (options.into / "key.json").write_text(json.dumps(key, indent=1), encoding="utf-8")
    print(f"{len(every)} texts of {len(shared)} briefs are in {options.into}/sheet.md")


def tally(options: argparse.Namespace) -> None:
    """Count the ratings of a reading by file."""
    key = json.loads((options.folder / "key.json").read_text(encoding="utf-8"))
    with options.ratings.open(encoding="utf-8", newline="") as content:
        ratings = list(csv.DictReader(content))
    unread = set(key) - {row["text"].strip() for row in ratings}
    if unread:
        raise SystemExit(f"{len(unread)} texts have no rating, as {min(unread)}.")
    for name in sorted({entry["file"] for entry in key.values()}):
        mine = [row for row in ratings if key[row["text"].strip()]["file"] == name]
        count = Counter(row["rating"].strip().lower() for row in mine)
        notes = Counter(letter for row in mine for letter in row["notes"].strip())
        usable = count["a"] + count["b"]
        print(
            f"{name}: {count['a']} as is, {count['b']} after a light edit, "
            f"{count['c']} no, of {len(mine)}; "
            f"postable after a light edit {interval(usable, mine)}"
        )
        print(
            f"  off the brief {notes['o']}, foreign script {notes['f']}, wrong "
            f"{notes['w']}, repetition {notes['r']}, grammar {notes['g']}"
        )


def interval(hits: int, of: list[Any]) -> str:
    """The share with Wilson's 95 % interval (JASA 22, 1927)."""
    n, z = len(of), 1.96
    if not n:
        return "–"
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{p:.0%} ({max(0.0, middle - half):.0%} to {min(1.0, middle + half):.0%})"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(required=True)
    one = parts.add_parser("write")
    one.add_argument("--folder", type=Path, required=True)
    one.add_argument("--build", type=Path, default=ROOT)
    one.add_argument("--minutes", type=float, default=9.0)
    one.add_argument("--briefs", help="numbers from 0, by commas; default: all")
    one.add_argument("--calendar", type=Path, default=BRIEFS)
    one.set_defaults(do=write)
    one = parts.add_parser("score")
    one.add_argument("--calendar", type=Path, default=BRIEFS)
    one.add_argument("files", type=Path, nargs="+")
    one.set_defaults(do=score)
    one = parts.add_parser("sheet")
    one.add_argument("files", type=Path, nargs="+")
    one.add_argument("--into", type=Path, required=True)
    one.add_argument("--seed", type=int, default=7)
    one.add_argument("--calendar", type=Path, default=BRIEFS)
    one.set_defaults(do=sheet)
    one = parts.add_parser("tally")
    one.add_argument("folder", type=Path)
    one.add_argument("ratings", type=Path)
    one.set_defaults(do=tally)
    return parser.parse_args()


def main() -> None:
    """Do one part."""
    options = arguments()
    options.do(options)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
