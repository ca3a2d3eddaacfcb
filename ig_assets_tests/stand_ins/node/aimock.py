"""aimock as tests steer it: what it answers, how it fails, what it was asked."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ig_assets_tests.stand_ins.node.serving import DIRECT, served

Answer = Mapping[str, Any]
_AIMOCK = "@copilotkit/aimock/dist/cli.js"


class Aimock:
    """A running aimock; `base_url` is what OPENAI_BASE_URL gets.

    A text to embed for which nothing is scripted gets a vector that is a function
    of the text; a prompt for which nothing is scripted is answered 404.
    """

    def __init__(self, url: str) -> None:
        self.base_url = f"{url}/v1"
        self._control = f"{url}/__aimock"

    def embeds(self, text: str, *answers: Answer) -> None:
        """Answer requests that hold `text`, one answer a request in this order."""
        self._script({"inputText": text}, answers)

    def writes(self, prompt: str, *answers: Answer) -> None:
        """The same for prompts that hold `prompt`."""
        self._script({"userMessage": prompt}, answers)

    def breaks(self, **rates: float) -> None:
        """Fail every request at these rates, whatever is scripted.

        dropRate is a 500, rateLimitRate a 429, malformedRate a 200 that is no JSON,
        disconnectRate a closed line; latencyMs waits first.
        """
        self._ask("POST", "/chaos", rates)

    def asked(self) -> list[int]:
        """The status that each request got, in order; 0 where the line was cut."""
        journal = self._ask("GET", "/journal")
        return [entry["response"]["status"] for entry in journal]

    def forget(self) -> None:
        """Nothing is scripted, nothing fails and nothing was asked."""
        self._ask("POST", "/reset")
        self._ask("DELETE", "/chaos")

    def _script(self, match: Mapping[str, str], answers: tuple[Answer, ...]) -> None:
        scripted = []
        for place, answer in enumerate(answers):
            response, chaos = dict(answer), answer.get("chaos")
            response.pop("chaos", None)
            entry: dict[str, Any] = {"match": {**match}, "response": response}
            if len(answers) > 1:
                entry["match"]["sequenceIndex"] = place
            if chaos is not None:
                entry["chaos"] = chaos
            scripted.append(entry)
        self._ask("POST", "/fixtures", {"fixtures": scripted})

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self._control + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with DIRECT.open(request, timeout=10) as answer:
            return json.loads(answer.read())


def error(
    status: int, code: str | None = None, retry_after_s: int | None = None
) -> Answer:
    """An answer that is an error as OpenAI tells it."""
    told = {"message": "as the test asked", "type": "an_error", "code": code}
    answer: dict[str, Any] = {"status": status, "error": told}
    if retry_after_s is not None:
        answer["retryAfter"] = retry_after_s
    return answer


def cut_off(answer: Answer) -> Answer:
    """Takes the request and closes the line instead of answering."""
    return {**answer, "chaos": {"disconnectRate": 1}}


@contextmanager
def aimock(folder: Path) -> Iterator[Aimock]:
    """Serve aimock with nothing scripted."""
    nothing = folder / "nothing.json"
    nothing.write_text('{"fixtures": []}')
    arguments = ["--fixtures", str(nothing), "--log-level", "warn"]
    with served(_AIMOCK, arguments, health="/health", log=folder / "log") as url:
        yield Aimock(url)
