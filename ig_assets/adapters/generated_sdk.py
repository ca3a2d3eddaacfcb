"""Calls the SDKs of Together and Fireworks, made by one generator; maps their errors.

No error message contains a key, a file or an answer: only the status and what to do.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cached_property
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


class GeneratedSdk:
    """A provider's SDK and its client; both are loaded at the first request.

    `provider` is also the name of the Python package and of our extra. `client_class`
    is the name of the client's class, and `options` are its arguments.
    """

    def __init__(self, provider: str, client_class: str, **options: Any) -> None:
        self._provider = provider
        self._client_class = client_class
        self._options = options | {"max_retries": 0}

    def ask(self, send: Callable[[Any], T]) -> T:
        """Call `send` once with the client and return the SDK's answer.

        Raises SettingsError if the SDK is not installed, UnknownToVendorError (404),
        AlreadyThereError (409), AccessError (401), TransientVendorError (no connection,
        408, 429, 5xx), RefusedError (402, 403 and every other 4xx) and
        MalformedAnswerError.
        """
        client, provider = self._client, self._provider
        failure: Exception
        try:
            return send(client)
        except self._sdk.APIStatusError as error:
            failure = _of_status(provider, int(error.status_code))
        except self._sdk.APIConnectionError as error:
            unsent = type(error.__cause__).__name__ in _NEVER_SENT
            failure = TransientVendorError(
                f"{provider} cannot be reached, or did not answer in time.",
                outcome_unknown=not unsent,
            )
        except (
            *(self._sdk.APIError, ValueError, TypeError, AttributeError),
            *(ArithmeticError, RecursionError),
        ):
            failure = MalformedAnswerError(
                f"{provider} sent an answer that cannot be read."
            )
        raise failure

    @cached_property
    def _sdk(self) -> Any:
        extra = self._provider
        try:
            return importlib.import_module(extra)
        except ImportError:
            raise SettingsError(
                f"IG_TRAINER={extra} needs the extra {extra}; install it with "
                f'`pip install "ig-assets[{extra}]"`.'
            ) from None

    @cached_property
    def _client(self) -> Any:
        return getattr(self._sdk, self._client_class)(**self._options)


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
