"""Translates errors of SDKs from one generator (Together's, Fireworks') to ours.

No message contains a key, a file or an answer: only the status and what to do.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

from ig_assets.errors import (
    AccessError,
    MalformedAnswerError,
    RefusedError,
    SettingsError,
    TransientVendorError,
)

T = TypeVar("T")
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout")


class UnknownToVendorError(RefusedError):
    """The vendor does not know the requested object (404)."""


class AlreadyThereError(RefusedError):
    """The vendor already has an object with this id (409)."""


def load_sdk(name: str, extra: str) -> Any:
    """Import an SDK. Raises SettingsError if its extra is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise SettingsError(
            f"IG_TRAINER={extra} needs the extra {extra}; install it with "
            f'`pip install "ig-assets[{extra}]"`.'
        ) from None


def ask(sdk: Any, provider: str, send: Callable[[], T]) -> T:
    """Call `send` once and return the SDK's answer.

    Raises UnknownToVendorError (404) and AlreadyThereError (409), AccessError (401),
    TransientVendorError (no connection, 408, 429, 5xx), RefusedError (402, 403 and
    every other 4xx), MalformedAnswerError.
    """
    failure: Exception
    try:
        return send()
    except sdk.APIStatusError as error:
        failure = _of_status(provider, int(error.status_code))
    except sdk.APIConnectionError as error:
        unsent = type(error.__cause__).__name__ in _NEVER_SENT
        failure = TransientVendorError(
            f"{provider} cannot be reached, or did not answer in time.",
            outcome_unknown=not unsent,
        )
    except (
        *(sdk.APIError, ValueError, TypeError, AttributeError),
        *(ArithmeticError, RecursionError),
    ):
        failure = MalformedAnswerError(
            f"{provider} sent an answer that cannot be read."
        )
    raise failure


def _of_status(provider: str, status: int) -> Exception:
    if status == 404:
        return UnknownToVendorError(
            f"{provider} does not know what was asked for; check the model's name and "
            "the account."
        )
    if status == 409:
        return AlreadyThereError(f"{provider} has one of this name already.")
    message = f"{provider} answered {status}"
    if status == 401:
        return AccessError(f"{message}: the API key is not accepted; check the key.")
    if status in (408, 429) or status >= 500:
        return TransientVendorError(
            f"{message}.", outcome_unknown=status >= 500 and status != 503
        )
    meaning = {
        402: "the account has no credit left; add credit",
        403: "this account may not do that",
    }.get(status, "the request is refused")
    return RefusedError(f"{message}: {meaning}.")
