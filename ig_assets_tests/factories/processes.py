"""Processes of tests, forked from one server that has loaded what they need.

A worker has one such server, and the list of what it loads may be given once: where
each module gave its own, the last one won, and the processes of all others loaded
DuckDB, FAISS and the SDKs anew, seconds for each.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "dagster",
        "dagster._core.storage.legacy_storage",  # loaded where an instance is opened
        "dagster._core.storage.schedules.sqlite",
        "faiss",
        "httpcore2",  # loaded by the first client of OpenAI, as are its resources
        "matplotlib.backends.backend_agg",
        "matplotlib.figure",
        "openai.resources.embeddings",
        "openai.resources.responses",
        "pytest",
        "upath.implementations.local",
        "ig_assets.cli.app",
        "ig_assets.headless.runner",  # not `ig_assets.defs`, which reads settings
        "ig_assets_tests.core.corpus.corpus_process",
        "ig_assets_tests.core.costs.ledger.drafting_process",
        "ig_assets_tests.factories.preloaded",
    ]
)


def started(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """`target(*arguments)` in a process of its own, under way."""
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def run_command(
    arguments: list[str], env: Mapping[str, str], cwd: Path
) -> subprocess.CompletedProcess[str]:
    """`ig-assets` in a process of its own, without loading Dagster and the SDKs anew.

    The settings are read, and the code location is loaded, in that process. What a
    shell starts is tested where a test starts the command by `subprocess`.
    """
    with TemporaryDirectory() as folder:
        files = Path(folder, "out"), Path(folder, "err")
        process = started(command, arguments, dict(env), cwd, files)
        process.join()
        out, err = (file.read_text("utf-8") for file in files)
    assert process.exitcode is not None
    return subprocess.CompletedProcess(arguments, process.exitcode, out, err)


def command(
    arguments: list[str], env: dict[str, str], cwd: Path, files: tuple[Path, Path]
) -> None:
    """Become `ig-assets` with these arguments, writing to the two files."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), number)
    sys.argv = ["ig-assets", *arguments]
    from ig_assets.cli.entry import main

    main()
