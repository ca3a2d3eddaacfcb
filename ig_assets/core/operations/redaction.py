"""Removes secrets from all log output: messages, tracebacks, texts of SDKs.

There are two ways. Known secrets are the values of secret settings; they are found even
if they are percent-encoded, escaped or in base64. Other secrets are recognised by their
form: a vendor's key, a password in a URL or a connection string, a header, or a
parameter with a name such as `token`.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

from ig_assets.core.operations.secret_forms import SECRET_FORMS

REDACTED = "[redacted]"
LEAST_LENGTH = 6
"""Least length of a known secret that is searched; shorter ones occur inside words."""

_NAMES = (
    r"(?:(?:(?:access|refresh|id|auth|bearer|session|security)[_-]?)?token|signature|"
    r"api[_-]?key|app[_-]?secret|appsecret[_-]?proof|client[_-]?secret|"
    r"secret(?:[_-]?(?:access)?[_-]?key)?|amz[_-]credential|"
    r"password|passwd|pwd|(?<=[?&;])(?:sig|key))"
)
_VALUE = r"(?!\[redacted\])(?:'[^']*'|\"[^\"]*\"|[^\s&;,'\")\]}]+)"
_START = r"(?P<before>(?<![A-Za-z0-9])"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?P<before>-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?"
        r"(?=-----END [A-Z ]*PRIVATE KEY|$(?![\s\S]))",
        # https://user:password@host, and percent-encoded within another URL
        r"(?P<before>://)[^\s/@'\"]{0,200}:[^\s@'\"]{0,400}(?=@)",
        r"(?P<before>%3A%2F%2F)[^\s&'\"]{0,600}?(?=%40)",
        # Authorization: Bearer …, as a header or among the headers of a request
        r"(?P<before>authorization(?:['\"]\s*,|['\"]?\s*[:=])\s*+(?:b?['\"])?+)"
        r"(?:(?:bearer|basic|token|digest)\s+)?+(?!\[redacted\])[^\s'\",]+",
        # Cookie: …, with all that follows: a session at a vendor's or at the proxy
        r"(?P<before>\b(?:set-)?cookie(?:b?['\"]\s*,\s*|['\"]?\s*[:=]\s*)"
        r"(?:b?['\"])?+)"
        r"(?!\[redacted\])[^'\"\r\n]*=[^'\"\r\n]+",
        r"(?P<before>\bbearer\s+)[A-Za-z0-9._~+/=-]{16,}",
        # ?access_token=…, password=…, 'api_key': '…', Api-Key: …
        _START + _NAMES + r"(?:['\"]\s*[:,]\s*+(?:b(?=['\"]))?+|\s*=\s*+))" + _VALUE,
        _START + _NAMES + r"%3D)[^\s&;,'\"]*?(?=%26|[\s&;,'\"]|$)",
        _START + r"(?:x-)?api-key\s*:\s*+)(?!\[redacted\])[^\s'\",]+",
        _START + r"(?:password|passwd|pwd)\s*:\s+)\S+",
    )
)
_MARKS = re.compile(
    r"://|%3A%2F%2F|authorization|cookie|bearer|token|sig|key|secret|credential|"
    r"pass|pwd",
    re.IGNORECASE,
)


class _Known:
    """The secret values of this process, and one pattern that finds them all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: frozenset[str] = frozenset()
        self.pattern: re.Pattern[str] | None = None

    def add(self, values: Iterable[str]) -> None:
        new = {value for value in values if len(value) >= LEAST_LENGTH}
        with self._lock:
            if new <= self._values:
                return
            self._values |= new
            forms = {form for value in self._values for form in _written(value)}
            longest_first = sorted(forms, key=lambda form: (-len(form), form))
            self.pattern = re.compile("|".join(map(re.escape, longest_first)))


_KNOWN = _Known()


def know_secrets(values: Iterable[str]) -> None:
    """Redact these values from now on; ignore values shorter than `LEAST_LENGTH`."""
    _KNOWN.add(values)


def redact(text: str) -> str:
    """Return the text with `[redacted]` in place of each secret in it."""
    pattern = _KNOWN.pattern
    if pattern is not None:
        text = pattern.sub(REDACTED, text)
    if _MARKS.search(text):
        for form in _FORMS:
            text = form.sub(_keep_name, text)
    for one in SECRET_FORMS:
        if one.may_be_in(text):
            text = one.pattern.sub(REDACTED, text)
    return text


def redacted_error(error: BaseException) -> BaseException:
    """Return the error itself if its chain has no secret, else a redacted copy.

    The copy has the name, text, notes, causes and traceback of the original. It has a
    new class, since errors of SDKs cannot be constructed from a text.
    """
    if not any(_has_secret(one) for one in _chain(error)):
        return error
    return _copy(error, {})


class RedactionFilter(logging.Filter):
    """Removes secrets from a log record in place: message, traceback and stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record; always return True, so that no record is dropped."""
        message = _message(record)
        clean = redact(message)
        if clean != message or isinstance(record.msg, BaseException):
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[1] is not None:
            error = redacted_error(record.exc_info[1])
            if error is not record.exc_info[1]:
                record.exc_info = (type(error), error, record.exc_info[2])
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # logging reports such a call itself
        return f"{record.msg} {record.args}"


def _keep_name(found: re.Match[str]) -> str:
    return f"{found['before']}{REDACTED}"


@lru_cache(maxsize=256)
def _written(value: str) -> frozenset[str]:
    """Return the forms of a value in URLs, in literals and in SQL."""
    plain = value.encode()
    forms = {
        value,
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        quote(quote(value, safe=""), safe=""),
        repr(value)[1:-1],
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        value.replace("'", "''"),
        base64.b64encode(plain).decode().rstrip("="),
        base64.urlsafe_b64encode(plain).decode().rstrip("="),
    }
    forms |= {_lower_hex(form) for form in forms if "%" in form}
    return frozenset(form for form in forms if len(form) >= LEAST_LENGTH)


def _lower_hex(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    open_ones: list[BaseException | None] = [error]
    while open_ones:
        one = open_ones.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        open_ones += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            open_ones += one.exceptions


def _has_secret(error: BaseException) -> bool:
    texts = [_text(error), *getattr(error, "__notes__", ())]
    return any(redact(text) != text for text in texts)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:  # an SDK's own __str__ may fail
        return f"<no text: {type(failure).__name__}>"


def _copy(error: BaseException, made: dict[int, BaseException]) -> BaseException:
    if id(error) in made:
        return made[id(error)]
    kind = type(
        type(error).__name__, (Exception,), {"__module__": type(error).__module__}
    )
    text = redact(_text(error))
    if isinstance(error, BaseExceptionGroup):
        text += "".join(
            f"\n- {type(one).__name__}: {redact(_text(one))}"
            for one in error.exceptions
        )
    copy: BaseException = kind(text)
    made[id(error)] = copy
    for note in getattr(error, "__notes__", ()):
        copy.add_note(redact(note))
    if error.__cause__ is not None:
        copy.__cause__ = _copy(error.__cause__, made)
    if error.__context__ is not None:
        copy.__context__ = _copy(error.__context__, made)
    copy.__suppress_context__ = error.__suppress_context__
    return copy.with_traceback(error.__traceback__)
