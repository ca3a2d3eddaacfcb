"""What a generated script costs beside the vendor's time: ours, the SDK, LangChain.

Every client asks one fake endpoint on loopback for scripts by schema, from threads,
in a process of its own. First without a limit, with 0 and 200 ms a request and 1, 8
and 64 in flight; then near a limit of requests a minute, told by OpenAI's headers.

    python benchmarks/generation.py
    python benchmarks/generation.py --peers-python .venv-bench/bin/python
    python benchmarks/generation.py --only bare,ours --rounds 5 --json result.json

`ms` is a call's median latency, `own` what it takes more than with the bare SDK (the
median over rounds of the difference within a round), `wall` the same of the whole
run's time divided by its calls, `cpu` the process's own time a call. LangChain runs in
the peers' interpreter beside the bare SDK there, since it asks for an older `openai`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from contest.processes import quiet_environment

Seen = dict[str, Any]
BASES = {"ours": "bare", "ours+ledger": "bare", "langchain": "bare, peers"}
CLIENTS = ("bare", "ours", "ours+ledger", "bare, peers", "langchain")


class Endpoint:
    """The fake vendor; a context manager."""

    def __init__(self, delay_ms: float, a_minute: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "writing.endpoint", str(delay_ms), str(a_minute)],
            stdout=subprocess.PIPE,
            text=True,
            env=quiet_environment(),
        )
        assert self._process.stdout is not None
        self._root = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *reason: object) -> None:
        self._process.terminate()
        self._process.wait()

    def counts(self) -> dict[str, float]:
        """What came in since they were last asked for."""
        with self._opener.open(f"{self._root}/counts") as answer:
            counts: dict[str, float] = json.loads(answer.read())
        return counts

    def ask(self, python: str, client: str, calls: int, in_flight: int) -> Seen:
        """One client to its end."""
        with tempfile.TemporaryDirectory(prefix="generation_") as folder:
            order = {
                "client": client.partition(",")[0],
                "base_url": f"{self._root}/v1",
                "folder": folder,
                "calls": calls,
                "in_flight": in_flight,
                "warm": in_flight,
            }
            done = subprocess.run(
                [python, "-m", "writing.child", json.dumps(order)],
                capture_output=True,
                text=True,
                env=quiet_environment(),
                timeout=900,
            )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["?"])[-1]
            return {"absent": f"exit {done.returncode}: {last[:200]}"}
        seen: Seen = json.loads(done.stdout.strip().splitlines()[-1])
        return seen


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=200, help="a round, at most")
    parser.add_argument("--a-minute", type=int, default=1200, help="the limit")
    parser.add_argument("--limited-calls", type=int, default=600)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=list(BASES) + ["bare"]
    )
    parser.add_argument("--json", type=Path, help="write everything that was seen")
    return parser.parse_args()


def main() -> None:
    """Run it and print it."""
    options = arguments()
    clients = [
        name
        for name in CLIENTS
        if name in options.only or name in {BASES.get(n) for n in options.only}
    ]
    everything: list[Seen] = []
    print(f"{os.cpu_count()} cores, {options.rounds} rounds")
    for delay_ms in (0, 200):
        with Endpoint(delay_ms) as endpoint:
            for in_flight in (1, 8, 64):
                calls = _calls(options.calls, delay_ms, in_flight)
                rounds = [
                    {
                        name: endpoint.ask(
                            _python(name, options), name, calls, in_flight
                        )
                        for name in clients
                    }
                    for _ in range(options.rounds)
                ]
                _print_overhead(delay_ms, in_flight, calls, rounds)
                told = {"delay_ms": delay_ms, "in_flight": in_flight, "calls": calls}
                everything.append(told | {"rounds": rounds})
    everything.append(_limited(clients, options))
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1), encoding="utf-8")


def _calls(most: int, delay_ms: float, in_flight: int) -> int:
    """Enough of them, and no round that takes minutes."""
    return max(most if not delay_ms else min(most, 25 * in_flight), 4 * in_flight)


def _python(name: str, options: argparse.Namespace) -> str:
    peer = name in ("langchain", "bare, peers")
    return str(options.peers_python) if peer else sys.executable


def _print_overhead(
    delay_ms: float, in_flight: int, calls: int, rounds: list[dict[str, Seen]]
) -> None:
    print(f"\n{delay_ms:g} ms a request, {in_flight} in flight, {calls} calls")
    print(f"{'':14}{'ms':>9}{'own':>9}{'wall':>9}{'cpu':>9}{'× bare':>9}  failed")
    for name in rounds[0]:
        if reason := rounds[0][name].get("absent"):
            print(f"{name:14} {reason}")
            continue
        mine = [seen[name] for seen in rounds]
        base = [seen[BASES.get(name, name)] for seen in rounds]
        own = _median(m["latency_ms"] - b["latency_ms"] for m, b in _pairs(mine, base))
        wall = _median(m["seconds"] - b["seconds"] for m, b in _pairs(mine, base))
        ratio = _median(m["seconds"] / b["seconds"] for m, b in _pairs(mine, base))
        print(
            f"{name:14}{_median(m['latency_ms'] for m in mine):9.2f}{own:9.2f}"
            f"{wall * 1000 / calls:9.2f}{_median(m['cpu_ms'] for m in mine):9.2f}"
            f"{ratio:9.2f}  {sum(m['failed'] for m in mine)}"
        )


def _limited(clients: list[str], options: argparse.Namespace) -> Seen:
    """Near the limit, 16 in flight and 200 ms a request."""
    calls, seen = options.limited_calls, {}
    print(
        f"\nat most {options.a_minute} requests a minute, {calls} calls, 16 in flight"
    )
    print(f"{'':14}{'answered':>9}{'429':>9}{'failed':>9}{'share of the limit':>20}")
    for name in clients:
        with Endpoint(200, options.a_minute) as endpoint:
            told = endpoint.ask(_python(name, options), name, calls, 16)
            counts = endpoint.counts()
        seen[name] = told | counts
        if reason := told.get("absent"):
            print(f"{name:14} {reason}")
            continue
        share = counts["answered"] / counts["allowed"]
        print(
            f"{name:14}{counts['answered']:9.0f}{counts['refused']:9.0f}"
            f"{told['failed']:9}{share:20.1%}"
        )
    return {"a_minute": options.a_minute, "calls": calls, "limited": seen}


def _median(values: Any) -> float:
    return float(statistics.median(list(values)))


def _pairs(mine: list[Seen], base: list[Seen]) -> Any:
    return zip(mine, base, strict=True)


if __name__ == "__main__":
    main()
