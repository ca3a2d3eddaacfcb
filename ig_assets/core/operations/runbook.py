"""Finds the section of `docs/runbook.md` that helps with an error."""

from __future__ import annotations

from collections.abc import Mapping

from ig_assets.errors import (
    AccessError,
    BudgetError,
    ConflictError,
    IgAssetsError,
    IndexLostError,
    InputError,
    MalformedAnswerError,
    ModelFileError,
    NothingTakenError,
    RefusedError,
    SettingsError,
    TransientVendorError,
    VendorError,
    WarehouseBusyError,
    WarehouseError,
    WarehouseGoneError,
)

PAGE = "docs/runbook.md"
UNEXPECTED = "an-unexpected-error"
FAILED_RUN = "a-run-failed"
FAILED_CHECK = "a-check-failed"
INTERRUPTED = "a-run-was-stopped"
INVOICES = "the-monthly-invoice-review"

SECTIONS: Mapping[type[BaseException], str] = {
    SettingsError: "a-setting-is-wrong",
    InputError: "a-file-or-an-argument-cannot-be-used",
    NothingTakenError: "nothing-of-a-file-was-taken",
    ModelFileError: "a-model-file-is-missing-or-wrong",
    WarehouseBusyError: "the-warehouse-is-busy",
    WarehouseGoneError: "the-warehouse-is-gone",
    WarehouseError: "the-warehouse-cannot-be-opened",
    ConflictError: "the-request-contradicts-what-is-there",
    IndexLostError: "the-index-is-lost",
    BudgetError: "a-budget-is-reached",
    TransientVendorError: "a-vendor-does-not-answer",
    AccessError: "a-vendor-refuses-the-account",
    RefusedError: "a-vendor-refuses-a-request",
    MalformedAnswerError: "an-answer-cannot-be-used",
    VendorError: "a-vendor-does-not-answer",
    IgAssetsError: UNEXPECTED,
}
"""{error class: section}. A class that is missing has the section of its base class."""


def section_of(error: BaseException) -> str:
    """Return the anchor of the section that helps with an error."""
    if isinstance(error, IgAssetsError) and error.section is not None:
        return error.section
    kinds = type(error).__mro__
    return next((SECTIONS[kind] for kind in kinds if kind in SECTIONS), UNEXPECTED)


def runbook_link(section: str, code_url: str | None = None) -> str:
    """Return the address of a section of the runbook.

    It is on the git server at `code_url`; without `code_url` it is the path in the
    checkout.
    """
    page = f"{code_url.rstrip('/')}/{PAGE}" if code_url else PAGE
    return f"{page}#{section}"
