"""The tests' stand-ins of the vendors, which fail a share of the requests at random.

On top of that each vendor is away for half an hour once a day. What each was asked is
counted, not kept: a stand-in that remembers would look like a leak of the product.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ig_assets_tests.stand_ins import graph_server, openai_server, pinecone_server
from ig_assets_tests.stand_ins.graph_server import HANG_UP, GraphServer, Reply
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn
from ig_assets_tests.stand_ins.pinecone_server import PineconeServer
from ig_assets_tests.stand_ins.webhook_server import Inbox, webhook_server

AWAY = timedelta(minutes=30)


class Weather:
    """Says which request fails: a share of all, and all while its vendor is away."""

    def __init__(
        self, share: float, seed: int, now: Callable[[], datetime], away_at: datetime
    ) -> None:
        self.share = share
        self.asked: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._draw = random.Random(seed)
        self._now = now
        self._away_at = away_at

    def fails(self, what: str) -> bool:
        """Count a request, and say whether it fails."""
        self.asked[what] += 1
        now = self._now()
        away = self.share > 0 and self._away_at <= now < self._away_at + AWAY
        fails = away or self._draw.random() < self.share
        self.failed[what] += fails
        return fails

    def one_of(self, choices: list[Any]) -> Any:
        """Some kind of failure."""
        return self._draw.choice(choices)


class FailingOpenAI(OpenAIStandIn):
    """Refuses, is out of order, or sends half of an answer."""

    KINDS = [
        openai_server.Fault(status=429),
        openai_server.Fault(status=500),
        openai_server.Fault(status=503),
        openai_server.Fault(cut=True),
    ]

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self.weather = weather

    def arrived(self, path: str, body: dict[str, Any], key: str) -> openai_server.Fault:
        super().arrived(path, body, key)
        self.asked.clear()
        if not self.weather.fails(path):
            return openai_server.Fault()
        found: openai_server.Fault = self.weather.one_of(self.KINDS)
        return found


class FailingGraph(GraphServer):
    """Answers an error that passes, or hangs up when it has done what was asked."""

    def __init__(self, weather: Weather, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.weather = weather
        self.quota_total = 10_000

    def answer(
        self, method: str, path: str, given: dict[str, str], bearer: str | None
    ) -> Reply | str:
        name = path.rsplit("/", 1)[-1]
        name = "status" if name.isdigit() else name or "batch"
        self.asked.clear()
        self.items.clear()
        if not self.weather.fails(name):
            return super().answer(method, path, given, bearer)
        fault = self.weather.one_of([HANG_UP, graph_server.error(2, 0, True)])
        if fault == HANG_UP:
            super().answer(method, path, given, bearer)
        found: Reply | str = fault
        return found


class _Faults(dict[str, Any]):
    """What the next request to a path of Pinecone meets."""

    KINDS = [
        pinecone_server.Fault(status=503),
        pinecone_server.Fault(status=500),
        pinecone_server.Fault(status=429),
        pinecone_server.Fault(cut=True),
    ]

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self.weather = weather

    def __missing__(self, path: str) -> deque[pinecone_server.Fault]:
        if not self.weather.fails(path):
            return deque()
        return deque([self.weather.one_of(self.KINDS)])


class FailingPinecone(PineconeServer):
    """Refuses, is out of order, or sends half of an answer."""

    def __init__(self, weather: Weather, dimensions: int) -> None:
        super().__init__(dimensions)
        self.faults = _Faults(weather)  # type: ignore[assignment]
        self.weather = weather

    def answer(
        self, method: str, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        self.asked.clear()
        return super().answer(method, path, query, body)


@dataclass
class Vendors:
    """Who is called, all on loopback."""

    openai: FailingOpenAI
    graph: FailingGraph
    pinecone: FailingPinecone
    inbox: Inbox

    @property
    def weathers(self) -> dict[str, Weather]:
        """Of each vendor, by its name."""
        return {
            "openai": self.openai.weather,
            "instagram": self.graph.weather,
            "pinecone": self.pinecone.weather,
        }

    def recover(self) -> None:
        """Nothing fails any more."""
        for weather in self.weathers.values():
            weather.share = 0.0


@contextmanager
def failing_vendors(
    share: float, seed: int, now: Callable[[], datetime], start: datetime
) -> Iterator[Vendors]:
    """Start them; each is away at another hour of the day after `start`."""

    def weather(number: int, away_h: float) -> Weather:
        return Weather(share, seed + number, now, start + timedelta(hours=away_h))

    with ExitStack() as stack:
        yield Vendors(
            stack.enter_context(FailingOpenAI(weather(1, 2))),
            stack.enter_context(FailingGraph(weather(2, 20.75), now)),
            stack.enter_context(FailingPinecone(weather(3, 5), 64)),
            stack.enter_context(webhook_server()),
        )
