"""A program on Node that serves on a loopback port for as long as a `with` lasts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ig_assets_tests.stand_ins.node.packages import installed_packages

STARTS = 3
START_S = 120.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# The program ends with its standard input, so not even a killed test run leaves it.
_END_WITH_US = (
    "data:text/javascript,process.stdin.resume().on('close', () => process.exit())"
)


@contextmanager
def served(
    program: str, arguments: Sequence[str], health: str, log: Path
) -> Iterator[str]:
    """Start node_modules/`program` with a port; yield its address once it answers.

    Any HTTP answer at `health` will do. The whole process group is killed at the
    end. Raises RuntimeError with what the program said if it does not come up.
    """
    script = str(installed_packages() / program)
    for _ in range(STARTS):  # another program may take the free port before this one
        port = _free_port()
        command = ["node", "--import", _END_WITH_US, script, *arguments]
        with log.open("wb") as said:
            process = subprocess.Popen(
                [*command, "--port", str(port), "--host", "127.0.0.1"],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            if _comes_up(process, url + health):
                yield url
                return
        finally:
            _kill(process)
    raise RuntimeError(f"{program} did not start:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _comes_up(process: subprocess.Popen[bytes], url: str) -> bool:
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        if _answers(url):
            return True
        time.sleep(0.05)
    return False


def _answers(url: str) -> bool:
    try:
        DIRECT.open(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the group; the leader is ours until waited for, so the id is too."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
