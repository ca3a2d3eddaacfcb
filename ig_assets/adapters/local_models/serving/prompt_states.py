"""Restores the server's state after a prompt's beginning, which is then not read again.

Prompts begin alike: with the instructions, a model's examples, a topic. The server
(xllamacpp 2026.10.11549) can save its state after such a beginning and restore it
before a call. The written words stay the same bit for bit only if each token is read by
the same kernel either way. This holds (measured on x86 with AVX2) if

    - the beginning is a multiple of 4 tokens: weights are multiplied in groups of four
      rows, and the rest of a chunk one by one;
    - each chunk that is read at once, of at most 512 tokens, has at least 64: a shorter
      one uses another kernel of flash attention. A prompt of 130 tokens with 104
      restored gave other words, one of 168 tokens the same.

Whether it holds on this machine is tested once per kind of processor, model and
package, and the result is stored. If it does not hold, or the server cannot save
states, every prompt is read completely. States contain words, so they are removed when
the server starts and ends, and when a script is forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from importlib.metadata import version
from os import getpid
from pathlib import Path
from platform import machine, processor
from threading import Lock
from typing import Any

from ig_assets.adapters.local_models.serving.server import ServerAddress
from ig_assets.adapters.local_models.serving.server_calls import post_json
from ig_assets.adapters.local_models.serving.server_record import identify
from ig_assets.core.identity import fields_hash
from ig_assets.core.ports import WriteRequest

ALIGNED, SHORTEST, CHUNK = 4, 64, 512
MOST_STATES, MOST_PROMPTS, MOST_FAILURES = 8, 32, 3
_TRIED = range(1000, 1133)  # tokens that every vocabulary has

Tokens = Sequence[int]


@dataclass(frozen=True)
class Served:
    """A server's model file, and its numbers of threads (to write, to read prompts)."""

    model: Path
    threads: tuple[int, int]


@dataclass
class _Server:
    """What this process knows about one server: prompts sent and states saved."""

    base_url: str
    key: str
    beginnings: dict[str, list[int]] = field(default_factory=dict)
    prompts: list[list[int]] = field(default_factory=list)
    states: dict[str, list[int]] = field(default_factory=dict)
    failures: int = 0

    def post(self, path: str, body: object) -> dict[str, Any]:
        """Post a body and return the answer's JSON object. Raises as `post_json`."""
        return dict(post_json(self.base_url, self.key, path, body))

    def tokens(self, instructions: str, prompt: str) -> list[int]:
        """Return the tokens of the whole prompt, as the server reads it."""
        roles = {"system": instructions, "user": prompt}
        messages = [{"role": role, "content": text} for role, text in roles.items()]
        rendered = self.post("/apply-template", {"messages": messages})["prompt"]
        asked = {"content": rendered, "add_special": True, "parse_special": True}
        return [int(token) for token in self.post("/tokenize", asked)["tokens"]]

    def save(self, tokens: Tokens, name: str, goes_on: bool) -> None:
        """Let the server read these tokens, and save the resulting state under `name`.

        With `goes_on` the server continues from its present state instead of an empty
        one.
        """
        asked = {"prompt": tokens, "n_predict": 0, "cache_prompt": goes_on}
        self.post("/completion", asked)
        self.post("/slots/0?action=save", {"filename": name})

    def restore(self, name: str) -> None:
        """Replace the server's state by a saved one."""
        self.post("/slots/0?action=restore", {"filename": name})


_servers: dict[ServerAddress, _Server] = {}
_lock = Lock()


def restore_beginning(
    server: ServerAddress, noted: Path, served: Served, request: WriteRequest
) -> int:
    """Restore the longest known beginning of a prompt; return its number of tokens.

    The caller sends this prompt next, with `cache_prompt` and without another call in
    between, and checks that the answer reports as many cached tokens. If the result is
    0, the prompt is sent without `cache_prompt`. A beginning that two prompts of this
    process share is saved, so that from the third such prompt on the server reads only
    the rest. The file `noted` stores for which machines and model files the words stay
    the same.
    """
    with _lock:
        known = _servers.setdefault(server, _Server(server.base_url, server.api_key))
        while len(_servers) > MOST_STATES:
            del _servers[next(iter(_servers))]
    try:
        if known.failures >= MOST_FAILURES or not _is_exact(known, noted, served):
            return 0
        return _restored(known, request.instructions, request.prompt)
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        known.states.clear()  # they may have been removed
        known.failures += 1
        return 0


def _restored(server: _Server, instructions: str, prompt: str) -> int:
    tokens = server.tokens(instructions, prompt)
    if instructions not in server.beginnings:
        server.beginnings = {instructions: server.tokens(instructions, "\n")}
    known = [*server.beginnings.values(), *server.prompts]
    server.prompts = [*server.prompts, tokens][-MOST_PROMPTS:]
    name, begun = "", 0
    for each, saved in server.states.items():
        if len(saved) > begun and is_same(len(tokens), len(saved)):
            if tokens[: len(saved)] == saved:
                name, begun = each, len(saved)
    start = shared_tokens(tokens, known, begun)
    if name:
        server.restore(name)
        server.states[name] = server.states.pop(name)  # the last to be dropped
    if start <= begun:
        return begun
    new = f"{getpid()}-{len(server.states)}"
    if len(server.states) >= MOST_STATES:
        new = next(iter(server.states))
        del server.states[new]
    server.save(tokens[:start], new, goes_on=begun > 0)
    server.states[new] = tokens[:start]
    return start


def shared_tokens(tokens: Tokens, known: Sequence[Tokens], begun: int) -> int:
    """Return the number of tokens of the longest beginning that is worth saving, or 0.

    Such a beginning is shared with one of the `known` prompts. The words stay the same
    if it is restored later, and if it is read now after its first `begun` tokens, which
    are restored already.
    """
    shared = max((_in_common(tokens, each) for each in known), default=0)
    for start in range(shared // ALIGNED * ALIGNED, begun, -ALIGNED):
        if is_same(len(tokens), start) and is_same(start, begun):
            return start
    return 0


def is_same(total: int, begun: int) -> bool:
    """Whether the same kernels read a prompt if `begun` tokens are restored."""
    lasts = [(each - 1) % CHUNK + 1 for each in (total, total - begun)]
    return begun % ALIGNED == 0 and begun < total and min(lasts) >= SHORTEST


def _in_common(one: Tokens, other: Tokens) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _is_exact(server: _Server, noted: Path, served: Served) -> bool:
    """Whether the words stay the same on this machine if a beginning is restored.

    This is tested once; the file `noted` stores the result.
    """
    here = _this_machine(served)
    try:
        answers = dict(json.loads(noted.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        answers = {}
    if here not in answers:
        answers = {here: _try_out(server)}
        part = noted.with_suffix(f".{getpid()}.part")
        part.write_text(json.dumps(answers), encoding="utf-8")
        part.replace(noted)
    return answers[here] is True


def _this_machine(served: Served) -> str:
    """Return a hash of what selects the kernels: processor, package, model, threads."""
    listed = ""
    with suppress(OSError):  # there is none but on Linux
        listed = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
    of_kernels = ("model name", "flags", "Features")
    lines = {line for line in listed.splitlines() if line.startswith(of_kernels)}
    package = ""
    with suppress(ImportError):
        package = version("xllamacpp")
    file = identify(served.model)
    parts = [machine(), processor(), *sorted(lines), package, file.path]
    numbers = [file.size, file.mtime_ns, *served.threads]
    return fields_hash({"machine": [*parts, *map(str, numbers)]})


def _try_out(server: _Server) -> bool:
    """Test whether restoring a beginning leaves every probability the same."""
    tokens = list(_TRIED)
    asked = {"prompt": tokens, "n_predict": 1, "n_probs": 5, "temperature": 0}

    def answer(cached: bool) -> Any:
        given = server.post("/completion", asked | {"cache_prompt": cached})
        return given["completion_probabilities"], given["timings"]["cache_n"]

    whole, _ = answer(False)
    server.save(tokens[:SHORTEST], f"{getpid()}-tried", goes_on=False)
    server.restore(f"{getpid()}-tried")
    return bool(answer(True) == (whole, SHORTEST))
