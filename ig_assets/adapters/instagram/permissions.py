"""Compares the permissions that Meta gave a token with those that are used.

`GET debug_token` reports the `scopes` of a token of Facebook Login. Meta documents no
such report for Instagram Login, whose tokens are valid for one account only.
"""

from __future__ import annotations

from ig_assets.adapters.instagram.client import GraphClient
from ig_assets.core.operations.diagnosis import (
    Finding,
    failed,
    good,
    not_known,
    warning,
)
from ig_assets.errors import MalformedAnswerError, TransientVendorError, VendorError

SUBJECT = "Meta token"
READING = frozenset(
    {
        "instagram_basic",
        "instagram_manage_insights",
        "pages_read_engagement",
        "pages_show_list",
    }
)
PUBLISHING = frozenset({"instagram_content_publish"})
ADVERTISING = frozenset({"ads_management", "ads_read", "business_management"})
_ALWAYS_GIVEN = frozenset({"public_profile"})


def permission_findings(
    client: GraphClient, token: str, publishes: bool, advertises: bool
) -> list[Finding]:
    """Compare the token's permissions with those that the settings require."""
    if token.startswith("IG"):
        return [
            not_known(
                SUBJECT,
                "It is of Instagram Login: for one account, and its permissions are "
                "not reported.",
            )
        ]
    try:
        answer = client.get("debug_token", input_token=token).get("data") or {}
    except VendorError as error:
        return [failed(SUBJECT, str(error), _remedy(error))]
    given = {str(scope) for scope in answer.get("scopes") or ()}
    used = READING | (PUBLISHING if publishes else frozenset())
    used |= ADVERTISING if advertises else frozenset()
    if missing := sorted(used - given):
        return [
            failed(
                SUBJECT,
                f"It lacks {', '.join(missing)}.",
                "Make a token with these permissions and set IG_INSTAGRAM_TOKEN.",
            )
        ]
    if more := sorted(given - used - _ALWAYS_GIVEN):
        return [
            warning(
                SUBJECT,
                f"It may do more than is used: {', '.join(more)}.",
                "Make a token without them and set IG_INSTAGRAM_TOKEN.",
            )
        ]
    return [good(SUBJECT, f"It has the {len(used)} permissions that are used.")]


def _remedy(error: VendorError) -> str:
    """Return what to do about a token that could not be checked."""
    if isinstance(error, TransientVendorError | MalformedAnswerError):
        return "Check the network, IG_INSTAGRAM_URL and metastatus.com."
    return "Set IG_INSTAGRAM_TOKEN to a valid token."
