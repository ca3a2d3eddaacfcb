"""Checks the scope of an OpenAI key, and the spend limit of its project.

OpenAI reports a spend limit to admin keys only: `GET /organization/projects/{project}/
spend_limit` (its OpenAPI document, in the SDK 3.x as `admin.organization.projects.
spend_limit`). The project of a key is in the header `openai-project` of its answers.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ig_assets.adapters.openai.client import LazyClient, UnknownRouteError, sent
from ig_assets.core.operations.diagnosis import (
    Finding,
    failed,
    good,
    not_known,
    warning,
)
from ig_assets.errors import AccessError, VendorError

SUBJECT = "OpenAI key"
LIMIT = "OpenAI spend limit"
LARGEST_DIFFERENCE_S = 120
_SCOPED = ("sk-proj-", "sk-svcacct-")
_ADMIN = "sk-admin-"


def kind_finding(key: str) -> Finding:
    """Check a key's scope by its prefix; nothing is sent."""
    if key.startswith(_ADMIN):
        return failed(
            SUBJECT,
            "It is an admin key, which manages the whole organisation.",
            "Make a key of one project, set OPENAI_API_KEY to it, and revoke this one.",
        )
    if key.startswith(_SCOPED):
        return good(SUBJECT, "It is a key of one project.")
    return warning(
        SUBJECT,
        "It is not of the form of a project's key (sk-proj-…), so it may reach all "
        "projects of its user.",
        "Make a project with a spend limit and a key of its own, and set "
        "OPENAI_API_KEY to it (docs/production.md, Least privilege).",
    )


def answer_findings(
    client: LazyClient, now: datetime, admin_key: str | None
) -> list[Finding]:
    """Check that the server accepts the key, its spend limit, and the machine's clock.

    Lists the models, which costs nothing. `now` is UTC; `admin_key` is
    OPENAI_ADMIN_KEY, if the person has set it for this command.
    """
    sdk = client.get()
    try:
        answer = sent(
            lambda: _headers(sdk.models.with_raw_response.list()),
            "openai",
            may_lack_route=True,
        )
    except UnknownRouteError:
        return [not_known("OpenAI server", "It answers, and does not list its models.")]
    except AccessError as error:
        return [
            failed("OpenAI server", str(error), "Set OPENAI_API_KEY to a valid key.")
        ]
    except VendorError as error:
        to_do = "Check the network, OPENAI_BASE_URL and status.openai.com."
        return [failed("OpenAI server", str(error), to_do)]
    found = [good("OpenAI server", "It answers and takes the key.")]
    if clock := clock_finding(answer.get("date"), now):
        found.append(clock)
    if project := answer.get("openai-project"):
        found.append(_limit_finding(sdk, project, admin_key))
    return found


def clock_finding(date: str | None, now: datetime) -> Finding | None:
    """Compare this machine's clock with a server's `date` header; None without one."""
    try:
        theirs = parsedate_to_datetime(date or "").replace(tzinfo=None)
    except (ValueError, TypeError):
        return None
    difference = (now - theirs).total_seconds()
    seen = f"It is {abs(difference):.0f} s {'before' if difference > 0 else 'behind'}"
    if abs(difference) <= LARGEST_DIFFERENCE_S:
        return good("clock", f"{seen} OpenAI's.")
    return failed(
        "clock",
        f"{seen} OpenAI's.",
        "Let the machine follow a time server (timedatectl set-ntp true): slots, "
        "budgets and the ages of keys go by its clock.",
    )


def _headers(raw: Any) -> dict[str, str]:
    """Return the headers of an answer, by lower-case name, after parsing its body."""
    raw.parse()
    return {name.lower(): str(value) for name, value in raw.headers.items()}


def _limit_finding(sdk: Any, project: str, admin_key: str | None) -> Finding:
    if admin_key is None:
        return not_known(
            LIMIT,
            "OpenAI reports it to admin keys alone.",
            "Look at the project's limits in OpenAI's console, or run "
            "OPENAI_ADMIN_KEY=… ig-assets doctor once.",
        )
    admin = sdk.with_options(admin_api_key=admin_key)
    limits = admin.admin.organization.projects.spend_limit
    set_it = "Set a monthly limit in OpenAI's console: it holds where ours fails."
    try:
        limit = sent(lambda: limits.retrieve(project), "openai", may_lack_route=True)
    except UnknownRouteError:
        return warning(LIMIT, "The key's project has none.", set_it)
    except VendorError as error:
        return not_known(LIMIT, str(error), "Check OPENAI_ADMIN_KEY.")
    return good(LIMIT, f"USD {limit.threshold_amount / 100:,.2f} a {limit.interval}.")
