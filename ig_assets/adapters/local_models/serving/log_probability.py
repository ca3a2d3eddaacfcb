"""Computes the log-probability, in nats, of a given answer under the local model.

llama.cpp's server has no route for this: it ignores `echo`, and with a grammar of the
text as a string it may choose other tokens for the same letters (xllamacpp
2026.10.11549). A grammar of the exact token ids leaves it one choice per token, and it
reports the log-probability as it was before the grammar. The end-of-answer token cannot
be included: the grammar allows it only after it has matched, and the server then
answers 500.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any

from ig_assets.adapters.local_models.serving.server import ServerAddress
from ig_assets.adapters.local_models.serving.server_calls import (
    UnexpectedStatusError,
    post_json,
)
from ig_assets.core.ports import AnswerLikelihood
from ig_assets.errors import MalformedAnswerError, TransientVendorError


def answer_likelihood(
    address: ServerAddress,
    scales: Mapping[str, Any],
    instructions: str,
    prompt: str,
    answer: str,
) -> AnswerLikelihood:
    """Ask a local server for the log-probability (nats) of `answer` after a prompt.

    The end-of-answer token is not included.
    `scales` is the part of the request that enables the model's LoRA adapter (from
    `ServerAddress.scales`). The server is forced to write the answer's tokens. Raises
    MalformedAnswerError if it wrote others, and TransientVendorError if it could not be
    reached or answered with an error.
    """
    messages = [
        {"role": "system", "content": instructions},
        {"role": "user", "content": prompt},
    ]
    asked = _post(address, "/apply-template", {"messages": messages})["prompt"]
    before = _token_ids(address, asked, special=True)
    ids = _token_ids(address, answer, special=False)
    grammar = "root ::= " + " ".join(f"<[{number}]>" for number in ids)
    request = {
        "prompt": before,
        "grammar": grammar,
        "n_predict": len(ids) + 1,  # the last has no probability of its own
        "n_probs": 1,
        "temperature": 0.0,
        "cache_prompt": False,
        **scales,
    }
    written = _post(address, "/completion", request)["completion_probabilities"]
    written = written[: len(ids)]
    if [one["id"] for one in written] != list(ids):
        raise MalformedAnswerError(
            "The local model's server wrote other tokens than it was given; its "
            "log-probabilities are not used."
        )
    likelihood = sum(one["logprob"] for one in written)
    return AnswerLikelihood(likelihood, len(written), len(before))


def _token_ids(address: ServerAddress, text: str, special: bool) -> Sequence[int]:
    asked = {"content": text, "add_special": False, "parse_special": special}
    return [int(i) for i in _post(address, "/tokenize", asked)["tokens"]]


def _post(address: ServerAddress, route: str, body: Mapping[str, Any]) -> Any:
    try:
        return post_json(address.base_url, address.api_key, route, body)
    except UnexpectedStatusError as error:
        raise TransientVendorError(
            f"The local model's server answered {route} with {error.status}.",
            outcome_unknown=False,
        ) from None
    except (OSError, HTTPException, ValueError) as error:
        raise TransientVendorError(
            f"The local model's server did not answer ({type(error).__name__}).",
            outcome_unknown=False,
        ) from None
