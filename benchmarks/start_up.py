"""How long this project takes to start, beside another build and a bare Dagster.

Three things are measured, each in processes of its own, builds in turns, so that a
drifting machine hits all of them:

- load: the code location, from its import to its repository (CPU and wall seconds,
  peak memory). The bare location has one asset and no resources.
- runs: every asset once by the headless commands' own machinery on a new SQLite
  instance, first a run each, then all assets of the same partitions in a run. The
  assets' bodies do nothing, so this is what Dagster takes.
- dev: from the commands of `make dev` in a new data folder until the web server
  answers that the code location is loaded (wall seconds).

Run:

    python benchmarks/start_up.py [--runs 5] [--before ../before] [--dev]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
LOAD = """
import json, resource, sys, time
wall, cpu = time.perf_counter(), time.process_time()
{code}
d.get_repository_def()
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
# ru_maxrss is in kilobytes on Linux, in bytes on macOS.
scale = 1e6 if sys.platform == "darwin" else 1e3
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
print(json.dumps({{"CPU s": cpu, "wall s": wall, "MB": memory}}))
"""
OURS = "from ig_assets.definitions import defs; d = defs()"
# The peer: the least that Dagster can load.
BARE = """
import dagster as dg
@dg.asset
def one() -> None: ...
d = dg.Definitions(assets=[one])
"""
RUNS = """
import json, time
import dagster as dg
from ig_assets.definitions import defs
from ig_assets.headless.dagster_home import ensure_dagster_home
from ig_assets.headless.runner import Headless, open_instance
from ig_assets.settings import load_settings

graph = defs().get_repository_def().asset_graph

def idle(key):
    node = graph.get(key)
    deps, parts = sorted(node.parent_keys), node.partitions_def
    @dg.asset(key=key, deps=deps, partitions_def=parts)
    def body() -> None: ...
    return body

keys = [key for level in graph.toposorted_asset_keys_by_level for key in sorted(level)]
keys = [key for key in keys if graph.get(key).is_materializable]
definitions = dg.Definitions(assets=[idle(key) for key in keys])
settings = load_settings()
ensure_dagster_home(settings)
alone = [(graph.get(key).partitions_def, [key.to_user_string()]) for key in keys]
together = {}
for parts, [name] in alone:
    together.setdefault(str(parts), (parts, []))[1].append(name)
found = {"assets": len(keys)}
with open_instance(settings) as instance:
    headless = Headless(definitions, instance)
    groups = list(together.values())
    for title, runs in (("one run each", alone), (f"{len(groups)} runs", groups)):
        wall, cpu = time.perf_counter(), time.process_time()
        for parts, names in runs:
            last = parts.get_last_partition_key() if parts else None
            headless.materialise(names, last)
        found[f"CPU s, {title}"] = time.process_time() - cpu
        found[f"wall s, {title}"] = time.perf_counter() - wall
print(json.dumps(found))
"""
LOADED = """{ workspaceOrError { ... on Workspace { locationEntries {
  loadStatus locationOrLoadError { __typename } } } } }"""
DEV_LIMIT_S = 120


def environment(checkout: Path, folder: str) -> dict[str, str]:
    """Return this process's environment without settings, for `checkout`'s code."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("IG_", "DAGSTER"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {
        "PYTHONPATH": str(checkout),
        "PYTHONWARNINGS": "ignore",
        "IG_DATA_DIR": folder,
        "IG_CLOCK": "system",  # with a past, so that partitions exist
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }


def measured(code: str, checkout: Path) -> dict[str, float]:
    """Run `code` in a process and a data folder of its own; return what it prints.

    Raises CalledProcessError if it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=checkout,
            env=environment(checkout, folder),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def dev_seconds(checkout: Path) -> dict[str, float]:
    """Return the seconds until the UI of `make dev` has loaded the code location.

    Raises TimeoutError after DEV_LIMIT_S.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        env = environment(checkout, folder)
        env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
        began = time.perf_counter()
        home = [sys.executable, "-m", "ig_assets.headless.dagster_home"]
        env["DAGSTER_HOME"] = subprocess.run(
            home, cwd=checkout, env=env, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        dev = subprocess.Popen(
            [shutil.which("dg", path=env["PATH"]) or "dg", "dev", "--port", str(port)],
            cwd=checkout,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            while not _has_loaded(port):
                if time.perf_counter() - began > DEV_LIMIT_S:
                    raise TimeoutError(f"`dg dev` in {checkout} showed nothing")
                time.sleep(0.1)
            return {"wall s": time.perf_counter() - began}
        finally:
            os.killpg(dev.pid, signal.SIGINT)
            dev.wait(60)


def _has_loaded(port: int) -> bool:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": LOADED}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
    except OSError:
        return False
    kinds = [
        (entry["locationOrLoadError"] or {}).get("__typename") for entry in entries
    ]
    return kinds == ["RepositoryLocation"]


def print_rows(title: str, found: Mapping[str, list[dict[str, float]]]) -> None:
    """Print the medians and ranges of each contestant, and its ratio to the first."""
    print(title)
    first = next(iter(found))
    for name, rows in found.items():
        parts = []
        for figure in rows[0]:
            values = [row[figure] for row in rows]
            ours = [row[figure] for row in found[first]]
            ratio = statistics.median(b / a for a, b in zip(ours, values, strict=True))
            parts.append(
                f"{statistics.median(values):.2f} {figure} "
                f"({min(values):.2f} to {max(values):.2f}; ratio {ratio:.2f})"
            )
        print(f"  {name:12} {', '.join(parts)}", flush=True)


def main() -> None:
    """Measure and print; the first round warms the file cache and is left out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--before", type=Path, metavar="DIR", help="another checkout")
    parser.add_argument("--dev", action="store_true", help="measure `make dev` as well")
    given = parser.parse_args()
    builds = {"this build": HERE}
    if given.before:
        builds["before"] = given.before.resolve()
    ours = LOAD.format(code=OURS)
    load: dict[str, list[dict[str, float]]] = {name: [] for name in builds}
    load["bare Dagster"] = []
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in builds}
    dev: dict[str, list[dict[str, float]]] = {name: [] for name in builds}
    for turn in range(given.runs + 1):
        for name, checkout in builds.items():
            one, all_assets = measured(ours, checkout), measured(RUNS, checkout)
            if turn:
                load[name].append(one)
                runs[name].append(all_assets)
        bare = measured(LOAD.format(code=BARE), HERE)
        if turn:
            load["bare Dagster"].append(bare)
    print_rows("load", load)
    print_rows("runs", runs)
    if given.dev:
        for turn in range(given.runs + 1):
            for name, checkout in builds.items():
                seconds = dev_seconds(checkout)
                if turn:
                    dev[name].append(seconds)
        print_rows("dev", dev)


if __name__ == "__main__":
    main()
