"""NeedleDB, a vector database that others wrote, behind Pinecone's protocol."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest


@dataclass(frozen=True)
class NeedleDB:
    """A server on loopback; its indexes are made one by one."""

    url: str

    def host(self, name: str, dimensions: int) -> str:
        """Make an index and return what the SDK calls its host."""
        made = httpx.post(
            f"{self.url}/indexes",
            json={"name": name, "dimension": dimensions, "metric": "cosine"},
        )
        made.raise_for_status()
        return f"{self.url}/indexes/{name}"


@contextmanager
def needledb(folder: Path) -> Iterator[NeedleDB]:
    """A server of its own for these tests; it ends with them."""
    if find_spec("needledb") is None:
        pytest.skip("needledb is not installed: pip install 'ig-assets[dev]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "needledb", "serve", "--no-auth"]
    command += ["--port", str(port), "--data", str(folder), "--log-level", "error"]
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())
        try:
            yield NeedleDB(_answering(f"http://127.0.0.1:{port}", server))
        finally:
            server.terminate()
            server.wait(30)


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("NEEDLEDB_")}


def _answering(url: str, server: subprocess.Popen[bytes]) -> str:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and server.poll() is None:
        try:
            httpx.get(f"{url}/health").raise_for_status()
            return url
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail("needledb did not start")
