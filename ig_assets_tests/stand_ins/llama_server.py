"""A STAND-IN for llama.cpp's server, as xllamacpp 2026.10.11549 answers; no model.

Beside OpenAI's routes it has those with which the log-probability of a given answer is
found: a token is a character, and `likes` says how likely an answer is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ig_assets_tests.stand_ins.openai_server import Fault, OpenAIStandIn, _Handler

Likes = Callable[[str, float], float]
"""Nats per token of an answer, from its text and the adapter's scale, 0 without one."""
_GRAMMAR = re.compile(r"root ::= (<\[\d+\]>(?: <\[\d+\]>)*)")


class LlamaStandIn(OpenAIStandIn):
    """`writes_others` answers other tokens than the grammar allows."""

    def __init__(self, likes: Likes) -> None:
        super().__init__()
        self.likes = likes
        self.writes_others = False
        self._server.RequestHandlerClass = _LlamaHandler


class _LlamaHandler(_Handler):
    def _answer(self, fault: Fault, body: dict[str, Any]) -> None:
        stand_in = self.server.stand_in
        assert isinstance(stand_in, LlamaStandIn)
        if fault.status == 200 and self.path == "/apply-template":
            said = "".join(f"<{m['role']}>{m['content']}" for m in body["messages"])
            self._send(200, {"prompt": said + "<assistant>"}, fault)
        elif fault.status == 200 and self.path == "/tokenize":
            self._send(200, {"tokens": [ord(one) for one in body["content"]]}, fault)
        elif fault.status == 200 and self.path == "/completion":
            self._send(200, _completion(stand_in, body), fault)
        else:
            super()._answer(fault, body)


def _completion(stand_in: LlamaStandIn, body: dict[str, Any]) -> dict[str, Any]:
    """Write the tokens of the grammar; the end has no probability of its own."""
    allowed = _GRAMMAR.fullmatch(body["grammar"])
    assert allowed is not None and body["n_probs"] == 1 and not body["cache_prompt"]
    ids = [int(number) for number in re.findall(r"\d+", allowed[1])]
    assert body["n_predict"] == len(ids) + 1
    text = "".join(map(chr, ids))
    scale = sum(one["scale"] for one in body.get("lora", []))
    likely = stand_in.likes(text, scale)
    shift = int(stand_in.writes_others)
    found = [{"id": one + shift, "logprob": likely} for one in ids]
    return {"content": text, "completion_probabilities": found}
