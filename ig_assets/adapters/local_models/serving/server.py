"""Finds or starts the llama.cpp server of a data folder.

All processes that generate text with the local model share the server. `ensure_server`
finds or starts it under a lock. The server ends when it has been idle; its output goes
to `server.log`.
"""

from __future__ import annotations

import logging
import secrets
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from filelock import Timeout

from ig_assets.adapters.child_process import start_child
from ig_assets.adapters.local_models.serving.server_process import INERT, KEY_VARIABLE
from ig_assets.adapters.local_models.serving.server_record import (
    FileIdentity,
    ServerRecord,
    forget_record,
    identify,
    is_there,
    read_record,
    remove_states,
    server_lock,
    touch_server,
)
from ig_assets.core.operations.progress import LOGGER
from ig_assets.errors import ModelFileError

MOST_ADAPTERS = 4
"""The most LoRA adapters that one server loads; each takes some 10 MB of memory."""

_POLL_S = 0.1
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class ServerAddress:
    """Where a server is reached, and what it has loaded.

    `base_url` ends with /v1. `adapters` are the paths of its LoRA adapters, in the
    order of their numbers in the server.
    """

    base_url: str
    api_key: str
    adapters: tuple[str, ...] = ()

    def scales(self, adapter: Path | None) -> dict[str, Any]:
        """Return the part of a request that enables this LoRA adapter and no other.

        With None no adapter is enabled. Every LoRA adapter needs a scale: without a
        list, or with an empty one, llama.cpp keeps the scales with which the adapters
        were loaded (xllamacpp 2026.10.11549).
        """
        wanted = None if adapter is None else str(adapter.resolve())
        scales = [
            {"id": number, "scale": 1.0 if path == wanted else 0.0}
            for number, path in enumerate(self.adapters)
        ]
        return {"lora": scales} if scales else {}


def ensure_server(
    state_dir: Path,
    model_path: Path,
    threads: int = 1,
    idle_s: int = 300,
    start_timeout_s: float = 120,
    prompt_threads: int = 1,
    adapters: Sequence[Path] = (),
) -> ServerAddress:
    """Return the address of a server for this model, starting one if necessary.

    Callers in all processes wait for each other. A server for another file or thread
    count is stopped first. The server uses `threads` threads to write and at least
    `prompt_threads` to read prompts. It ends `idle_s` after the last request or call of
    this function. `adapters` are files of LoRA adapters. A server that lacks one of
    them is restarted with these and its present ones, so that models which are used in
    turn can share it. Raises ModelFileError if the model does not load, or if a LoRA
    adapter has no effect.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    if not model_path.is_file():
        raise ModelFileError(f"There is no model file at {model_path}.")
    file, wanted = identify(model_path), [identify(path) for path in adapters]
    adapter_options: list[str] = []
    try:
        with server_lock(state_dir, start_timeout_s + 30):
            found = read_record(state_dir)
            if found is not None:
                if (
                    found.serves(file, threads, wanted)
                    and _is_running(found)
                    and _answers(found)
                ):
                    touch_server(state_dir)
                    return _address(found)
                _stop(state_dir, found)
            touch_server(state_dir)
            for adapter in _with_earlier(wanted, found, file):
                adapter_options += ["--adapter", adapter.path]
            options = ["--threads", str(threads), "--idle-s", str(idle_s)]
            options += ["--prompt-threads", str(max(threads, prompt_threads))]
            options += adapter_options
            return _start(state_dir, model_path, options, start_timeout_s)
    except Timeout:
        raise ModelFileError(
            "Another process has been starting the local model for more than "
            f"{start_timeout_s:.0f} s; see {state_dir / 'server.log'}."
        ) from None


def stop_server(state_dir: Path) -> bool:
    """Stop the folder's server; return whether one was running."""
    if not state_dir.is_dir():
        return False
    with server_lock(state_dir, 150):
        found = read_record(state_dir)
        return found is not None and _stop(state_dir, found)


def _start(
    state_dir: Path, model: Path, options: list[str], timeout_s: float
) -> ServerAddress:
    key = secrets.token_urlsafe(24)
    logging.getLogger(LOGGER).info("Starting the local writer %s.", model.name)
    log = state_dir / "server.log"
    command = [
        sys.executable,
        "-m",
        "ig_assets.adapters.local_models.serving.server_process",
    ]
    command += ["--state-dir", str(state_dir), "--model", str(model), *options]
    child = start_child(command, log, {KEY_VARIABLE: key})
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = read_record(state_dir)
        if found is not None and found.key == key and _answers(found):
            return _address(found)
        if child.poll() == INERT:
            raise ModelFileError(
                f"An adapter of {model.name} changes nothing of what the model writes, "
                f"so that it is not served; see {log}."
            )
        if child.poll() is not None:
            raise ModelFileError(
                f"The local model {model.name} did not load (the server ended with "
                f"code {child.returncode}); see {log}."
            )
        time.sleep(_POLL_S)
    child.kill()
    child.wait()
    raise ModelFileError(
        f"The local model {model.name} did not load within {timeout_s:.0f} s; "
        f"see {log}."
    )


def _with_earlier(
    wanted: Sequence[FileIdentity], found: ServerRecord | None, model: FileIdentity
) -> list[FileIdentity]:
    """Return the LoRA adapters to load: those of the previous server, then `wanted`.

    `found` is the record of the previous server; a server of another model is ignored.
    Adapters whose files have changed since are left out, and of more than MOST_ADAPTERS
    only the last are kept.
    """
    if found is None or found.model != model.path:
        return list(wanted)
    others = [a for a in found.loaded_adapters if a not in wanted and is_there(a)]
    return [*others, *wanted][-MOST_ADAPTERS:]


def _address(found: ServerRecord) -> ServerAddress:
    paths = tuple(adapter.path for adapter in found.loaded_adapters)
    return ServerAddress(f"http://127.0.0.1:{found.port}/v1", found.key, paths)


def _stop(state_dir: Path, found: ServerRecord) -> bool:
    """End the recorded server if its process is running; remove the record.

    Returns whether the process was running.
    """
    import psutil

    alive = _is_running(found)
    if alive:
        with suppress(psutil.Error):
            process = psutil.Process(found.pid)
            process.terminate()
            try:
                process.wait(10)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(10)
    forget_record(state_dir)
    remove_states(state_dir)
    return alive


def _is_running(found: ServerRecord) -> bool:
    """Return whether the pid still belongs to the server, not to a later process."""
    import psutil

    try:
        process = psutil.Process(found.pid)
        started = process.create_time()
        ended = process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
    return abs(started - found.started) < 2.0 and not ended


def _answers(found: ServerRecord) -> bool:
    """Return whether the server answers /v1/models with 200.

    A server that is loading answers 503, or not at all. The timeout is long, since a
    server on a busy machine answers slowly and must not be stopped while others use it.
    """
    connection = HTTPConnection("127.0.0.1", found.port, timeout=_PATIENCE_S)
    try:
        headers = {"Authorization": f"Bearer {found.key}"}
        connection.request("GET", "/v1/models", headers=headers)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
