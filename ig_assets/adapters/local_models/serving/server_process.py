"""The process of the local server: serves one model until it has been idle."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from filelock import Timeout

from ig_assets.adapters.local_models.serving.server_record import (
    ServerRecord,
    forget_record,
    fresh_states,
    identify,
    last_touched,
    read_record,
    remove_states,
    server_lock,
    write_record,
)

CONTEXT_TOKENS = 4096
KEY_VARIABLE = "IG_LOCAL_SERVER_KEY"
INERT = 3
"""The exit code if an adapter has no effect on what the model writes."""

_BUSY = re.compile(r"^llamacpp:requests_(?:processing|deferred) (\S+)$", re.M)
_DONE = re.compile(r"^llamacpp:(?:prompt_tokens|tokens_predicted)_total (\S+)$", re.M)


def serve(
    state_dir: Path,
    model: Path,
    threads: int,
    idle_s: float,
    prompt_threads: int,
    adapters: Sequence[Path] = (),
) -> None:
    """Load the model with its adapters, write the record, and return when idle.

    Exits with status INERT if an adapter has no effect.
    """
    import psutil
    from xllamacpp import CommonAdapterLoraInfo, CommonParams, Server

    key = os.environ.pop(KEY_VARIABLE)
    parameters: Any = CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {model.stem}
    parameters.port = 0  # a free one
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = prompt_threads
    parameters.cache_prompt = False
    parameters.cache_ram_mib = 0  # it would put others than the restored state back
    parameters.slot_save_path = f"{fresh_states(state_dir)}/"
    parameters.offline = True
    parameters.ui = False
    parameters.endpoint_metrics = True
    parameters.api_keys = [key]
    parameters.lora_adapters = [CommonAdapterLoraInfo(str(a), 0.0) for a in adapters]
    files = [identify(path) for path in (model, *adapters)]
    server: Any = Server(parameters)
    if [identify(path) for path in (model, *adapters)] != files:
        sys.exit(f"{model} was replaced while it was loaded.")
    file = files[0]
    if inert := inert_adapters(server, key, len(adapters)):
        print(f"These change nothing: {[adapters[n].name for n in inert]}.")
        sys.exit(INERT)
    record = ServerRecord(
        pid=os.getpid(),
        started=psutil.Process().create_time(),
        port=int(server.listening_address.rsplit(":", 1)[1]),
        key=key,
        model=file.path,
        model_size=file.size,
        model_mtime_ns=file.mtime_ns,
        model_ctime_ns=file.ctime_ns,
        model_inode=file.inode,
        threads=threads,
        adapters=[asdict(adapter) for adapter in files[1:]],
    )
    write_record(state_dir, record)
    wait_until_idle(state_dir, record, server, idle_s)


def inert_adapters(server: Any, key: str, count: int) -> list[int]:
    """Return the numbers of the adapters without effect.

    An adapter has no effect if the server answers the same with its scale at 1 and at
    0. The log-probabilities of the next token after a few words are compared.
    """

    def asked(on: int | None) -> Any:
        scales = [{"id": n, "scale": 1.0 if n == on else 0.0} for n in range(count)]
        request = {"prompt": "Topic: bread", "n_predict": 1, "temperature": 0.0}
        request |= {"n_probs": 20, "lora": scales}
        address = server.listening_address.removeprefix("http://")
        connection = HTTPConnection(address, timeout=120)
        headers = {"Authorization": f"Bearer {key}"}
        connection.request("POST", "/completion", json.dumps(request), headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer["completion_probabilities"][0]["top_logprobs"]

    base = asked(None) if count else None
    return [number for number in range(count) if asked(number) == base]


def wait_until_idle(
    state_dir: Path, record: ServerRecord, server: Any, idle_s: float
) -> None:
    """Return once there was neither a request nor a caller for `idle_s` seconds.

    The server's counters show requests; the touched file shows callers that are about
    to send one. The record is removed under the lock, so that no caller gets the
    address of a server that is ending.
    """
    last_used, counters, mark = time.monotonic(), "", 0
    while True:
        time.sleep(min(1.0, idle_s / 4))
        metrics = str(server.handle_metrics())
        done, touched = repr(_DONE.findall(metrics)), last_touched(state_dir)
        busy = any(float(value) > 0 for value in _BUSY.findall(metrics))
        if busy or (done, touched) != (counters, mark):
            last_used, counters, mark = time.monotonic(), done, touched
        if not state_dir.is_dir():
            return
        if time.monotonic() - last_used < idle_s:
            continue
        with suppress(Timeout), server_lock(state_dir, 0):
            if last_touched(state_dir) != mark:
                continue
            current = read_record(state_dir)
            if current is not None and current.pid == record.pid:
                forget_record(state_dir)
                remove_states(state_dir)
            return


def main() -> None:
    """Parse the command line of the process that `ensure_server` starts, and serve."""
    parser = argparse.ArgumentParser(description="Serve one local model until idle.")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prompt-threads", type=int, default=1)
    parser.add_argument("--idle-s", type=float, default=300)
    parser.add_argument("--adapter", type=Path, action="append", dest="adapters")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    arguments = vars(parser.parse_args())
    serve(**arguments | {"adapters": arguments["adapters"] or ()})


if __name__ == "__main__":
    main()
