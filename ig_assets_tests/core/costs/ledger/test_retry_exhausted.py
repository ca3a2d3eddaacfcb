"""A call whose retries are exhausted says how often and for how long it was tried."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ig_assets.core.costs.ledger import retry_exhausted
from ig_assets.core.costs.ledger.retry_exhausted import add_attempt_count
from ig_assets.errors import RefusedError, TransientVendorError


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "within a second"), (31.4, "over 31 seconds"), (240.0, "over 4 minutes")],
)
def test_the_attempts_and_their_time_are_told(
    monkeypatch: pytest.MonkeyPatch, seconds: float, said: str
) -> None:
    instants: Iterator[float] = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr(retry_exhausted, "perf_counter", lambda: next(instants))
    with pytest.raises(TransientVendorError) as caught:
        with add_attempt_count(5):
            raise TransientVendorError("openai answered 503.", 7.0, False)
    assert str(caught.value) == (
        f"openai answered 503. 5 attempts were made {said}; run it again later, "
        "what was done is kept."
    )
    assert (caught.value.retry_after_s, caught.value.outcome_unknown) == (7.0, False)


def test_what_was_not_tried_again_is_told_as_it_is() -> None:
    with pytest.raises(RefusedError, match="^no$"):
        with add_attempt_count(5):
            raise RefusedError("no")
