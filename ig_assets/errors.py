"""All errors that this project raises on purpose, and what a caller may do about them.

IgAssetsError                 one sentence for a person: what happened, what to do
├── SettingsError             a setting is wrong; names the variable and what is allowed
├── InputError                a file or argument of the user's cannot be used
├── NothingTakenError         no row of a file can be taken; nothing was changed
├── ModelFileError            a model file cannot be fetched, or is not what it claims
├── WarehouseError            the warehouse cannot be opened or is newer than this code
│   ├── WarehouseBusyError    another process holds it; retry
│   ├── WarehouseGoneError    its file was here and is missing; mount or restore it
│   ├── WarehouseDamagedError its file is damaged or the disk refuses it; restore it
│   └── WarehouseNewerError   newer code wrote it; install that version
├── ConflictError             the request contradicts what is there already
├── IndexLostError            the vector store lacks what the tables say it has; sync
├── BudgetError               the next call would exceed a budget; it was not sent
└── VendorError               a vendor gave another answer than was requested
    ├── TransientVendorError  may succeed when retried (after retry_after_s, if given)
    ├── BilledError           the answer is of no use and may be billed all the same
    │   ├── RefusedError      the vendor refuses this request for good
    │   │   └── ContextTooLongError  the request is longer than the model reads
    │   └── MalformedAnswerError  the answer was paid for, but cannot be used
    └── AccessError           the vendor refuses the account: key, quota, permission
        └── KeyRefusedError   the vendor does not accept the key itself
"""

from __future__ import annotations


class IgAssetsError(Exception):
    """Base of all errors of this project; its text is one sentence for a person.

    `section` is the anchor of the runbook's section, or None if the error's class
    decides.
    """

    section: str | None = None


class SettingsError(IgAssetsError):
    """A setting is wrong."""


class InputError(IgAssetsError):
    """A file or argument of the user's cannot be used."""


class NothingTakenError(IgAssetsError):
    """No row of a user's file can be taken; nothing was changed."""


class ConflictError(IgAssetsError):
    """The request contradicts what is there already; nothing was changed."""


class ModelFileError(IgAssetsError):
    """A model file cannot be fetched, or its hash is not the registered one."""


class WarehouseError(IgAssetsError):
    """The warehouse cannot be opened, or was written by newer code."""


class WarehouseBusyError(WarehouseError):
    """Another process held the warehouse for longer than this one waits."""


class WarehouseGoneError(WarehouseError):
    """The warehouse file was here once and is missing now; no new one is made."""


class WarehouseDamagedError(WarehouseError):
    """The warehouse file is not a DuckDB file, or the disk refuses it."""


class WarehouseNewerError(WarehouseError):
    """Newer code wrote the warehouse, or the backup."""


class IndexLostError(IgAssetsError):
    """The vector store lacks everything that was written to it."""


class BudgetError(IgAssetsError):
    """The next call would exceed the budget; it was not sent."""


class VendorError(IgAssetsError):
    """A vendor gave another answer than was requested."""


class TransientVendorError(VendorError):
    """A failure that may pass, e.g. a time-out, a 429 or a 5xx.

    `outcome_unknown` is True if the vendor may have done and billed the work (a
    time-out, a broken connection), False if it declined (429, 503). `retry_after_s` is
    the delay in seconds that the vendor asks for, or None.
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


class BilledError(VendorError):
    """A request without a usable answer, which may be billed all the same.

    `input_tokens` and `output_tokens` are what the vendor billed for it, for example
    for a model that reads and then declines; None if it billed or reported nothing.
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


class RefusedError(BilledError):
    """A vendor's final refusal: repeating the request cannot help."""


class ContextTooLongError(RefusedError):
    """The request is longer than the model reads; a shorter one may succeed."""


class AccessError(VendorError):
    """A vendor refuses the account (key, quota or permission), not the request.

    No other request would succeed, so the run stops with this sentence.
    """


class KeyRefusedError(AccessError):
    """A vendor does not accept the key itself; another key may be accepted."""


class MalformedAnswerError(BilledError):
    """A paid answer cannot be used: it is cut off, or not as the request demands."""
