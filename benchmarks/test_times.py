"""The CPU time of the same claims at an earlier build and at this one, in one run.

    git worktree add /tmp/before ca7b748
    python benchmarks/test_times.py --before /tmp/before --list
    python benchmarks/test_times.py --before /tmp/before --only warehouse

A claim is a test function, known by its name: functions move between files. Those that
both builds have are run at both, folder by folder in turns, each as its `make test`
would (without the marked ones). Printed are the claims that are the same, that moved,
that are gone or run in `make test-all` only, and of each folder the CPU and wall time
of both builds. CPU counts the processes that a test started and waited for.

Both builds run in the environment of this interpreter, unless `--before-python` names
another one.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
TESTS = "ig_assets_tests"
MARKS = "not model and not soak and not ship and not further"
RECORDER = """
import os
import time

import pytest


def cpu_s():
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    cpu, wall = cpu_s(), time.perf_counter()
    yield
    with open(os.environ["TEST_TIMES"], "a") as file:
        spent = f"{cpu_s() - cpu:.4f}\\t{time.perf_counter() - wall:.4f}"
        file.write(f"{spent}\\t{item.nodeid}\\n")
"""


@dataclass(frozen=True)
class Claim:
    """A test function at both builds: `file::name`, relative to the tests' folder."""

    before: str
    after: str

    @property
    def folder(self) -> str:
        """The room that it is about now, at most two folders deep."""
        return "/".join(self.after.split("/")[:-1][:2]) or "."


@dataclass
class Spent:
    """Seconds of the tests that ran, and their ids without the file."""

    cpu_s: float
    wall_s: float
    cases: set[str]


def functions(root: Path) -> dict[str, list[str]]:
    """The files of each test function's name, methods of classes included."""
    found: dict[str, list[str]] = defaultdict(list)
    folder = root / TESTS
    for path in sorted(folder.rglob("test_*.py")):
        file = path.relative_to(folder).as_posix()
        tree = ast.parse(path.read_text("utf-8"))
        for node in tree.body:
            inner = node.body if isinstance(node, ast.ClassDef) else [node]
            prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
            for one in inner:
                if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
                    found[one.name].append(f"{file}::{prefix}{one.name}")
    return found


def matched(before: Path, after: Path) -> tuple[list[Claim], list[str], int]:
    """Claims of both builds, those of the earlier alone, and the number of new ones.

    Where a name stands in several files, the same file comes first, then the same name
    of a file, then the order.
    """
    old, new = functions(before), functions(after)
    claims: list[Claim] = []
    gone: list[str] = []
    for name, places in old.items():
        left = list(new.get(name, []))
        for place in places:
            same = [p for p in left if p == place]
            near = [p for p in left if p.rsplit("/")[-1] == place.rsplit("/")[-1]]
            chosen = (same or near or left or [None])[0]
            if chosen is None:
                gone.append(place)
            else:
                left.remove(chosen)
                claims.append(Claim(place, chosen))
    total = sum(len(places) for places in new.values())
    return claims, gone, total - len(claims)


def run(root: Path, python: str, claims: Iterable[str], limit_s: float) -> Spent:
    """Run these claims of a build alone, in one process.

    Tests that fail are named on standard error, and their time counts. Raises
    TimeoutExpired where the limit was passed, and SystemExit where pytest itself fails.
    """
    ids = [f"{TESTS}/{claim}" for claim in claims]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_times_recorder.py").write_text(RECORDER)
        times = Path(folder, "times.tsv")
        times.touch()
        paths = os.pathsep.join((str(root), folder))
        environment = os.environ | {"PYTHONPATH": paths, "TEST_TIMES": str(times)}
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-p", "test_times_recorder", "-W", "ignore", "-m", MARKS]
        command += ["-p", "no:xdist", *ids]
        done = subprocess.run(
            command,
            cwd=root,
            env=environment,
            timeout=limit_s,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode not in (0, 1, 5):  # 5: none was left by the marks
            raise SystemExit(f"{root}: pytest failed\n{done.stdout[-3000:]}")
        for line in done.stdout.splitlines():
            if line.startswith(("FAILED ", "ERROR ")):
                print(f"{root}: {line[:200]}", file=sys.stderr)
        rows = [line.split("\t", 2) for line in times.read_text().splitlines()]
    return Spent(
        sum(float(cpu) for cpu, _, _ in rows),
        sum(float(wall) for _, wall, _ in rows),
        {node.partition("::")[2] for _, _, node in rows},
    )


def compare(
    claims: list[Claim], before: Path, pythons: tuple[str, str], limit_s: float
) -> None:
    """Print a table, one row per folder and one for all."""
    folders: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        folders[claim.folder].append(claim)
    sums = [0.0] * 4
    aside: list[str] = []
    form = "{:34} {:>6} {:>6} {:>6} {:>9} {:>9} {:>6} {:>9} {:>9} {:>6}"
    heads = ("folder", "claims", "cases", "now", "CPU s", "now", "ratio")
    print(form.format(*heads, "wall s", "now", "ratio"), flush=True)
    for folder, inside in sorted(folders.items()):
        old = run(before, pythons[0], [c.before for c in inside], limit_s)
        new = run(HERE, pythons[1], [c.after for c in inside], limit_s)
        row = (old.cpu_s, new.cpu_s, old.wall_s, new.wall_s)
        sums = [total + one for total, one in zip(sums, row, strict=True)]
        cases = (len(inside), len(old.cases), len(new.cases))
        print(_line(form, folder, cases, row), flush=True)
        ran = [{case.partition("[")[0] for case in s.cases} for s in (old, new)]
        aside += [f"{folder}: {name}" for name in sorted(ran[0] - ran[1])]
    print(_line(form, "all", (len(claims), 0, 0), tuple(sums)))
    print(f"\nrun in `make test-all` only, now ({len(aside)}):", *aside, sep="\n  ")


def _line(form: str, name: str, counts: tuple[int, ...], row: tuple[float, ...]) -> str:
    ratios = [row[n] / row[n + 1] if row[n + 1] else 0.0 for n in (0, 2)]
    seconds = [f"{one:.1f}" for one in row]
    return form.format(
        name,
        *counts,
        *seconds[:2],
        f"{ratios[0]:.2f}",
        *seconds[2:],
        f"{ratios[1]:.2f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--before", type=Path, required=True, metavar="DIR")
    parser.add_argument("--before-python", default=sys.executable, metavar="FILE")
    parser.add_argument("--only", default="", help="claims whose file begins so now")
    parser.add_argument("--list", action="store_true", help="run nothing")
    parser.add_argument("--limit-s", type=float, default=600.0)
    given = parser.parse_args()
    before = given.before.resolve()
    if not (before / TESTS).is_dir():
        parser.error(f"{before} is no checkout of this project: it has no {TESTS}.")
    claims, gone, new = matched(before, HERE)
    moved = [c for c in claims if c.before != c.after]
    print(f"{len(claims)} claims are at both builds, {len(moved)} of them moved;")
    print(f"{len(gone)} of the earlier build have no such name now; {new} are new.\n")
    if given.list:
        print("moved:", *(f"{c.before} -> {c.after}" for c in moved), sep="\n  ")
        print("no such name now:", *gone, sep="\n  ")
        return
    chosen = [c for c in claims if c.after.startswith(given.only)]
    pythons = (given.before_python, sys.executable)
    compare(chosen, before, pythons, given.limit_s)


if __name__ == "__main__":
    main()
