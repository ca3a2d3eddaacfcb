"""Stores the generation of a FAISS namespace, which names the state of its manifest.

The file also holds the manifest's checksum. So the generation is void after each write
of the manifest, and after one of the two files alone was copied.
"""

from __future__ import annotations

from pathlib import Path

from ig_assets.files import write_atomic

FILE = "generation"


def write(folder: Path, manifest: Path, value: str) -> None:
    """Store the generation of the present manifest, even if there is none yet."""
    write_atomic(folder / FILE, f"{_checksum(manifest)} {value}".encode())


def read(folder: Path, manifest: Path) -> str | None:
    """Return the generation of the present manifest, or None."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    checksum, _, value = text.partition(" ")
    return value if checksum == _checksum(manifest) and value else None


def _checksum(manifest: Path) -> str:
    """Return the first line of a manifest: the checksum of the other lines."""
    try:
        with manifest.open("rb") as file:
            return file.readline(16).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return "none"
