"""Asks a published engine in the peers' interpreter, where it is installed."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from contest.processes import quiet_environment

from peeking.audience import Draw
from peeking.rules import Calls

ENGINES = ("ville", "spotify-confidence")


@dataclass(frozen=True)
class Asked:
    """An engine's calls and its CPU seconds an experiment."""

    name: str
    calls: Calls
    seconds: float


def installed(python: str) -> list[str]:
    """The engines that this interpreter has."""
    code = (
        "import importlib.metadata as m, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try: m.version(name); print(name)\n"
        "    except m.PackageNotFoundError: pass"
    )
    done = subprocess.run(
        [python, "-c", code, *ENGINES], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def ask(python: str, engine: str, drawn: Draw, experiments: int) -> Asked:
    """Let an engine judge the first experiments of a draw."""
    with tempfile.TemporaryDirectory(prefix="peeking_") as folder:
        path = Path(folder) / "counts.npz"
        np.savez(
            path, events=drawn.events[:experiments], trials=drawn.trials[:experiments]
        )
        done = subprocess.run(
            [python, "-W", "ignore", "-m", "peeking.engine", engine, str(path)],
            capture_output=True,
            text=True,
            env=quiet_environment(),
        )
    if done.returncode:
        raise SystemExit(f"{engine} failed:\n{done.stderr[-2000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    winner = np.array(answer["winner"])
    none = np.full(winner.size, -1)
    calls = Calls(winner, np.array(answer["any_pair"]), none, none)
    return Asked(f"{engine} {answer['version']}", calls, answer["seconds"])
