"""Runs one module of these benchmarks on another checkout of the product."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]


def on_build(build: Path | None, module: str, *arguments: object) -> Any:
    """What `python -m module arguments` prints as JSON, with the product of `build`.

    `build` is a checkout of the product, None for this one.
    """
    product = HERE.parent if build is None else build.resolve()
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": f"{product}{os.pathsep}{HERE}"},
        cwd="/",
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def exact(count: int, of: int) -> str:
    """A share with its exact 95 % interval (Clopper & Pearson)."""
    from scipy.stats import binomtest

    if not of:
        return "-"
    interval = binomtest(int(count), int(of)).proportion_ci()
    return (
        f"{100 * count / of:.2f} % ({100 * interval.low:.2f} to "
        f"{100 * interval.high:.2f})"
    )
