"""Add the attempt count and elapsed time to the error of an exhausted retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from ig_assets.errors import TransientVendorError


@contextmanager
def add_attempt_count(attempts: int) -> Iterator[None]:
    """Add `attempts` and the elapsed time to a TransientVendorError's message."""
    started = perf_counter()
    try:
        yield
    except TransientVendorError as error:
        took = _span(perf_counter() - started)
        raise TransientVendorError(
            f"{error} {attempts} attempts were made {took}; run it again later, "
            "what was done is kept.",
            retry_after_s=error.retry_after_s,
            outcome_unknown=error.outcome_unknown,
        ) from None


def _span(seconds: float) -> str:
    if seconds < 1.5:
        return "within a second"
    if seconds < 90:
        return f"over {seconds:.0f} seconds"
    return f"over {seconds / 60:.0f} minutes"
