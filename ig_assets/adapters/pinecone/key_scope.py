"""Checks what a Pinecone key can access besides this project's indexes."""

from __future__ import annotations

from ig_assets.adapters.pinecone.client import PineconeAccount, is_own_index
from ig_assets.core.operations.diagnosis import Finding, failed, good, warning
from ig_assets.errors import AccessError, KeyRefusedError, VendorError

SUBJECT = "Pinecone key"
_TRIED = 3
_NAMED = 5


def key_findings(account: PineconeAccount, index_name: str) -> list[Finding]:
    """Check that the key is accepted, and that it is limited to our indexes.

    `index_name` is the setting; see `is_own_index`. Nothing is written.
    """
    try:
        names = account.index_names()
    except KeyRefusedError as error:
        return [failed(SUBJECT, str(error), "Set PINECONE_API_KEY to a valid key.")]
    except AccessError:
        return [good(SUBJECT, "It is accepted, and may not list indexes.")]
    except VendorError as error:
        return [
            failed(SUBJECT, str(error), "Check the network and status.pinecone.io.")
        ]
    others = [name for name in names if not is_own_index(name, index_name)]
    if not others:
        return [
            good(
                SUBJECT,
                f"It is accepted and sees {len(names)} indexes, all of them ours.",
            )
        ]
    open_to_it = [name for name in others[:_TRIED] if account.can_read(name)]
    named = ", ".join(others[:_NAMED]) + (", …" if len(others) > _NAMED else "")
    if not open_to_it:
        return [good(SUBJECT, f"It lists other indexes and may read none: {named}.")]
    return [
        warning(
            SUBJECT,
            f"It also reaches indexes that are not ours: {named}.",
            f"Make a Pinecone project for {index_name} alone, with a key of its own of "
            "the role DataPlaneEditor, and set PINECONE_API_KEY to it "
            "(docs/production.md, Least privilege).",
        )
    ]
