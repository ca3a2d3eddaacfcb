"""Stores the generation of a FAISS namespace: a name for its present state.

The file also holds the checksum of the namespace's manifest. The generation is thus
invalid once the manifest is written again, or if only one of the two files is copied.
"""

from __future__ import annotations

from pathlib import Path

from ig_assets.files import write_atomic

FILE = "generation"


def write(folder: Path, manifest: Path, value: str) -> None:
    """Store the generation of the present manifest, even if no manifest exists yet."""
    write_atomic(folder / FILE, f"{_checksum(manifest)} {value}".encode())


def read(folder: Path, manifest: Path) -> str | None:
    """Return the generation; None if there is none or the manifest changed since."""
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
