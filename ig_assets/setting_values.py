"""Define the types of settings' values, and describe a wrong value."""

from __future__ import annotations

import re
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo

Share = Annotated[float, Field(ge=0.0, le=1.0)]
_OWNER = r"(team:[A-Za-z0-9_-]+|[^@\s,]+@[^@\s,]+\.[^@\s,]+)"
Owners = Annotated[str, Field(pattern=rf"^{_OWNER}(, *{_OWNER})*$")]
WebAddress = Annotated[str, Field(pattern=r"^https?://[^\s/?#:]\S*$")]
_ADDRESS = r"[^@\s,<>]+@[^@\s,<>]+"
MailAddress = Annotated[str, Field(pattern=rf"^{_ADDRESS}$")]
MailAddresses = Annotated[str, Field(pattern=rf"^{_ADDRESS}(, *{_ADDRESS})*$")]
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^:/\s]+)"
_PORT = (  # 1 to 65535
    r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
)
HostAndPort = Annotated[str, Field(pattern=rf"^{_HOST}:{_PORT}$")]
Time = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
MetaNumber = Annotated[str, Field(pattern=r"^[0-9]{5,25}$")]

_NUMBERS = (
    "int_from_float",
    "int_parsing",
    "float_parsing",
    "finite_number",
    "greater_than_equal",
    "less_than_equal",
)
_PATTERNS = {
    "first_month": "a month written as YYYY-MM, from 1900-01 to 2099-12",
    "instagram_account": "the account's number, as the Graph API gives it",
    "ad_account": "the ad account's number, without act_",
    "business": "the business's number, as its settings at Meta show it",
    "facebook_page": "the page's number",
    "owners": "teams (team:name) and e-mail addresses, separated by commas",
    "code_url": "the address of the code's folder, http:// or https://",
    "datadog": "the Agent's host:port, such as localhost:8125, with a port from 1 to "
    "65535",
    "alert_email": "e-mail addresses, separated by commas",
    "maintenance_at": "a time of the day, UTC, written as HH:MM",
    "alert_from": "an e-mail address",
    "smtp": "the mail server's host:port, such as localhost:25, with a port from 1 to "
    "65535",
    "ui_url": "the address of the Dagster UI, http:// or https://",
    "pinecone_index": "at most 40 lower-case letters, digits and hyphens within",
}


MOST_DAYS = 36_500
"""The greatest number of days to keep something: a hundred years."""


def check_key(value: SecretStr) -> None:
    """Raise ValueError if a key has a character that no request can carry.

    A line break at the end is common where a key was read from a file.
    """
    key = value.get_secret_value()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError(
            "has a space, a line break or a letter outside of ASCII, which no key has; "
            "copy it again, without what stands around it"
        )


def check_web_address(value: str | SecretStr) -> None:
    """Raise ValueError unless it is a URL of http or https with a host.

    The message is without the value, which may be a secret.
    """
    text = value if isinstance(value, str) else value.get_secret_value()
    try:
        parts = urlsplit(text)
        is_port = parts.port != 0  # a port that is no number up to 65535 raises
    except ValueError:
        is_port = False
    if not is_port or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            "it must be a URL that starts with http:// or https:// and names a host"
        )
    if re.search(r"\s", text):
        raise ValueError("a URL of http:// or https:// has no blanks")


def fault_sentence(problem: Any, name: str, setting: FieldInfo | None) -> str:
    """Return a problem that pydantic found as one sentence for a person.

    `name` is the environment variable of the wrong field. `setting` is its definition,
    or None if no setting has this name.
    """
    field = str(problem["loc"][0])
    secret = setting is None or SecretStr in get_args(setting.annotation)
    given = "a value that is not printed" if secret else repr(problem["input"])
    fallback = ""
    if setting is not None:
        value = setting.default
        default = "there is none" if value in (None, "") else f"it is {value!r}"
        fallback = f" (unset, {default})"
    rule = problem["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    fault = f"is {given}, but must be {rule}"
    if problem["type"] == "value_error":
        fault = f"is wrong: {rule.removeprefix('Value error, ')}"
    elif problem["type"] == "string_pattern_mismatch":
        fault = f"is {given}, but must be {_PATTERNS[field.lower()]}"
    elif problem["type"] in _NUMBERS and setting is not None:
        fault = f"is {given}, but must be {_number(setting)}"
    return (
        f"{name} {fault}; correct it in the environment or .env, or remove it"
        f"{fallback}."
    )


def _number(setting: FieldInfo) -> str:
    """Return the numbers that a setting accepts, in words: their kind and range."""
    kinds = get_args(setting.annotation) or (setting.annotation,)
    inner = [m for kind in kinds for m in getattr(kind, "__metadata__", ())]
    limits = [*setting.metadata, *(m for field in inner for m in field.metadata)]
    least, most = (
        next((getattr(m, name) for m in limits if hasattr(m, name)), None)
        for name in ("ge", "le")
    )
    is_integer = int in (getattr(kind, "__origin__", kind) for kind in kinds)
    name = "a whole number" if is_integer else "a number"
    if most is not None:
        return f"{name} from {least:g} to {most:g}"
    return name if least is None else f"{name} of at least {least:g}"
