"""Maps errors of the Graph API to ours, by code and subcode instead of HTTP status.

Nearly every error comes as HTTP 400. Meta's messages are not passed on, since they may
quote the request; the codes are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ig_assets.errors import (
    AccessError,
    RefusedError,
    TransientVendorError,
    VendorError,
)

QUOTA_WAIT_S = 6 * 3600.0

_PASSING = {1, 2}
_THROTTLES = {4, 17, 32, 341, 613, *range(80000, 80010), 80014}
_TOKEN = {102, 190}
_PERMISSION = {10, *range(200, 300)}
_QUOTA = (9, 2207042)
_NOT_READY = (9007, 2207027)
_BEFORE_BUSINESS = (100, 2108006)
_UNKNOWN_OBJECT = (100, 33)
# What to do about a wrong parameter of an ad.
_ADVICE = {
    3858079: "an ad in the EU must say who pays for it; set IG_AD_PAYER.",
    3858081: "an ad in the EU must say who pays for it; set IG_AD_PAYER.",
    1815199: "the ad account may not use this Instagram account; let it, in the "
    "business's settings.",
}


@dataclass(frozen=True)
class GraphError:
    """An error as Meta reports it; the code is 0 if none could be read."""

    status: int
    code: int = 0
    subcode: int = 0
    is_transient: bool = False

    @property
    def is_throttle(self) -> bool:
        """Whether the request was throttled, and thus not processed."""
        return self.code in _THROTTLES or self.status == 429

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later."""
        passing = self.code in _PASSING or self.is_transient or self.is_throttle
        return passing or (self.code == 0 and self.status >= 500)

    @property
    def is_about_the_token(self) -> bool:
        """Whether every request with this token will fail."""
        return self.code in _TOKEN

    @property
    def is_about_permission(self) -> bool:
        """Whether the token lacks a permission for this request."""
        return self.code in _PERMISSION

    @property
    def is_too_old(self) -> bool:
        """Whether the media was posted before the account became a business account."""
        return (self.code, self.subcode) == _BEFORE_BUSINESS

    @property
    def may_be_a_metric(self) -> bool:
        """Whether a parameter is wrong; it may be one of several requested metrics."""
        pair = (self.code, self.subcode)
        return self.code == 100 and pair not in (_BEFORE_BUSINESS, _UNKNOWN_OBJECT)

    def as_error(self) -> VendorError:
        """Return the VendorError for this error: transient, access or refused.

        Transient errors are throttling, a server's fault, and a video that is not
        ready. Access errors concern the token or a permission.
        """
        message = f"instagram answered {self.code or self.status}"
        message += f"/{self.subcode}" if self.subcode else ""
        pair = (self.code, self.subcode)
        if pair == _QUOTA:
            return quota_reached(message)
        if pair == _NOT_READY:
            return TransientVendorError(
                f"{message}: the video is not ready yet.", outcome_unknown=False
            )
        if self.may_pass:
            return TransientVendorError(
                f"{message}; it may work later.", outcome_unknown=not self.is_throttle
            )
        if self.is_about_the_token:
            return AccessError(
                f"{message}: the token is not accepted; put a new one in "
                "IG_INSTAGRAM_TOKEN."
            )
        if self.is_about_permission:
            return AccessError(
                f"{message}: this token may not do that; give the app the permission."
            )
        if self.is_too_old:
            return RefusedError(
                f"{message}: it was posted before the account was a business account."
            )
        advice = _ADVICE.get(self.subcode, "the request is refused.")
        return RefusedError(f"{message}: {advice}")


def quota_reached(
    message: str = "instagram's publishing quota is used up",
) -> VendorError:
    """Return the error for a used-up publishing quota; nothing was published."""
    return TransientVendorError(
        f"{message}: no more posts today; it goes out another day.",
        retry_after_s=QUOTA_WAIT_S,
        outcome_unknown=False,
    )


def fault_in(status: int, body: Any) -> GraphError | None:
    """Return the error in an answer, or None.

    An answer that is not a JSON object counts as an error, since its meaning is
    unknown.
    """
    if not isinstance(body, dict):
        return GraphError(status if status >= 500 else 500)
    error = body.get("error")
    if isinstance(error, dict):
        return GraphError(
            status,
            _number(error.get("code")),
            _number(error.get("error_subcode")),
            error.get("is_transient") is True,
        )
    return GraphError(status) if status >= 400 else None


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
