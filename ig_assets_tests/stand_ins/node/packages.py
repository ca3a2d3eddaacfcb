"""The packages of the stand-ins that run on Node, installed once for this machine.

They lie in the user's cache, one folder a lock file, never in the checkout. The lock
names versions and hashes but no registry: npm asks the one it is set up for.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

CACHE = Path.home() / ".cache" / "ig_assets" / "node"
OLDEST_NODE = (20, 15)
INSTALL_S = 600
_HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json")


def why_missing() -> str | None:
    """One sentence that says why the stand-ins cannot run here, or None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    wanted = "the stand-ins aimock and prism need it"
    if node is None or npm is None:
        return f"Node is missing; {wanted}"
    told = subprocess.run([node, "--version"], capture_output=True, text=True)
    parts = told.stdout.strip().removeprefix("v").split(".")
    if tuple(int(part) for part in parts[:2] if part.isdigit()) < OLDEST_NODE:
        oldest = ".".join(map(str, OLDEST_NODE))
        return f"Node {oldest} or newer is missing; {wanted}"
    return None


def installed_packages() -> Path:
    """The folder node_modules with the locked packages, installed if need be.

    No package's own script is run. Raises RuntimeError with npm's words.
    """
    locked = b"".join((_HERE / name).read_bytes() for name in _FILES)
    folder = CACHE / hashlib.sha256(locked).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / "ready"
    with FileLock(folder / "lock", timeout=INSTALL_S):
        if not ready.exists():
            _install(folder)
            ready.touch()
    return folder / "node_modules"


def _install(folder: Path) -> None:
    for name in _FILES:
        shutil.copyfile(_HERE / name, folder / name)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
    )
    if done.returncode:
        raise RuntimeError(
            "npm could not install the stand-ins aimock and prism:\n" + done.stderr
        )
