"""Every error this project raises on purpose, and what a caller may do about it.

IgAssetsError                 one sentence for a person: what happened, what to do
├── SettingsError             a setting is wrong; names the variable and what is allowed
├── InputError                a file or argument of the user's cannot be used
├── ModelFileError            a model file cannot be fetched, or is not what it claims
├── WarehouseError            the warehouse cannot be opened or is newer than this code
│   └── WarehouseBusyError    another process holds it; try again
├── ConflictError          what is asked for contradicts what is there already
├── IndexLostError         the vector store lacks what the ledger says it has; sync
├── BudgetError               the next call would exceed the budget; nothing was sent
└── VendorError               a vendor answered something other than asked for
    ├── TransientVendorError  may succeed when tried again (retry_after_s, if told)
    ├── RefusedError          the vendor refuses this request for good
    │   └── ContextTooLongError  it is longer than the model reads; shorten it
    ├── AccessError           the vendor refuses us: key, quota, permission; stop
    └── MalformedAnswerError  an answer came and was paid for, but cannot be used
"""

from __future__ import annotations


class IgAssetsError(Exception):
    """Base of all; its text is one sentence meant for a person."""


class SettingsError(IgAssetsError):
    """A setting is wrong."""


class InputError(IgAssetsError):
    """A file or argument of the user's cannot be used."""


class ConflictError(IgAssetsError):
    """What is asked for contradicts what is there already; nothing was done."""


class ModelFileError(IgAssetsError):
    """A model file cannot be fetched, or its hash is not the registered one."""


class WarehouseError(IgAssetsError):
    """The warehouse cannot be opened, or was written by newer code."""


class WarehouseBusyError(WarehouseError):
    """Another process holds the embedded warehouse for longer than the wait."""


class IndexLostError(IgAssetsError):
    """The vector store has nothing of what was written to it."""


class BudgetError(IgAssetsError):
    """The next call would exceed the budget; it was not sent."""


class VendorError(IgAssetsError):
    """A vendor answered something other than what was asked for."""


class TransientVendorError(VendorError):
    """A failure that may pass, e.g. a time-out, a 429 or a 5xx.

    `outcome_unknown` is true where the vendor may have done, and billed, the work
    (a time-out, a broken connection), false where it said no (429, 503).
    """

    def __init__(
        self,
        message: str,
        retry_after_s: float | None = None,
        outcome_unknown: bool = True,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.outcome_unknown = outcome_unknown


class RefusedError(VendorError):
    """A vendor's final refusal: repeating the request cannot help.

    `input_tokens` and `output_tokens` say what it took where the vendor billed it,
    as for a model that reads and then declines.
    """

    def __init__(
        self,
        message: str,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
    ) -> None:
        super().__init__(message)
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


class ContextTooLongError(RefusedError):
    """The request is longer than the model reads; a shorter one may be sent."""


class AccessError(VendorError):
    """A vendor refuses the account, not the request: key, quota or permission.

    No other request will fare better, so the run stops with this sentence.
    """


class MalformedAnswerError(VendorError):
    """A paid answer that cannot be used (cut, not the schema, wrong count).

    `input_tokens` and `output_tokens` say what it took, where the vendor told.
    """

    def __init__(
        self,
        message: str,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
    ) -> None:
        super().__init__(message)
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
