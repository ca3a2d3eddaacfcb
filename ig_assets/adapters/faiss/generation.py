"""The mark of a FAISS namespace: the name of the state that its manifest has.

The file holds the manifest's checksum as well, so that it says nothing of another
manifest: each write ends it, and so does a copy of one of the two files alone.
"""

from __future__ import annotations

from pathlib import Path

from ig_assets.files import write_atomic

FILE = "generation"


def write(folder: Path, manifest: Path, value: str) -> None:
    """Mark the manifest as it is now; a namespace without one can be marked too."""
    write_atomic(folder / FILE, f"{_checksum(manifest)} {value}".encode())


def read(folder: Path, manifest: Path) -> str | None:
    """The mark of the present manifest; None without one."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    checksum, _, value = text.partition(" ")
    return value if checksum == _checksum(manifest) and value else None


def _checksum(manifest: Path) -> str:
    """The first line of a manifest, which is the checksum of the others."""
    try:
        with manifest.open("rb") as file:
            return file.readline(16).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return "none"
