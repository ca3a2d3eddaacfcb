"""No secret reaches a log: planted keys, in all the places that they were seen in."""

from __future__ import annotations

import base64
import io
import json
import logging
import traceback
from urllib.parse import quote, quote_plus

import duckdb
import httpx
import openai
import pytest

from ig_assets.core.operations.log_lines import (
    JsonFormatter,
    TextFormatter,
    prepare_records,
)
from ig_assets.core.operations.redaction import (
    REDACTED,
    know_secrets,
    redact,
    redacted_error,
)

PLANTED = "pl+nted/k'ey §7=&?"
TOKEN = "EAAGm0PX4ZCpsBAKkVZCjplanted1234"  # never-a-real-one
RENEWED = "IGAA-planted-for-tests_0123456789"
FIREWORKS = "fw_" + "neverplanted0123456789"
OPENAI = "sk-proj-never-planted0123456789"


@pytest.fixture(autouse=True)
def known() -> None:
    know_secrets([PLANTED])
    prepare_records()


@pytest.mark.parametrize(
    "written",
    [
        PLANTED,
        quote(PLANTED, safe=""),
        quote(PLANTED),
        quote_plus(PLANTED),
        quote(PLANTED, safe="").lower(),
        quote(quote(PLANTED, safe=""), safe=""),
        repr({"key": PLANTED}),
        json.dumps({"key": PLANTED}),
        f"SELECT 1 WHERE k = '{PLANTED.replace(chr(39), chr(39) * 2)}'",
        base64.b64encode(PLANTED.encode()).decode(),
    ],
)
def test_a_known_secret_is_cut_out_however_it_is_written(written: str) -> None:
    text = redact(f"before {written} after")
    assert text.startswith("before ") and text.endswith(" after")
    assert REDACTED in text
    for form in (PLANTED, quote(PLANTED), quote_plus(PLANTED)):
        assert form not in text and form.lower() not in text.lower()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("postgres://ana:s3cr3t-9@db:5432/ig failed", "s3cr3t-9"),
        ("simplecache::https://ana:s3cr3t-9@host/x", "s3cr3t-9"),
        ("next=https%3A%2F%2Fana%3As3cr3t-9%40host%2Fx", "s3cr3t-9"),
        ("host=db user=ana password=s3cr3t-9 dbname=ig", "s3cr3t-9"),
        ("host=db password='two words' dbname=ig", "two words"),
        ("GET https://graph.facebook.com/me?access_token=t0ken9&f=1", "t0ken9"),
        ("GET https://x/?appsecret_proof=99aa88bb&f=1", "99aa88bb"),
        ("GET https://x/y?sig=abc%2Bdef&se=2026", "abc%2Bdef"),
        ("url=https%3A%2F%2Fx%2F%3Faccess_token%3Dt0ken9%26f%3D1", "t0ken9"),
        ("X-Amz-Signature=00ff00ff&X-Amz-Date=1", "00ff00ff"),
        ("{'Authorization': 'Bearer abc.def', 'A': 1}", "abc.def"),
        ("[(b'Authorization', b'Bearer abc.def'), (b'A', b'1')]", "abc.def"),
        ("Authorization: Basic YW5hOnMzY3IzdC05", "YW5hOnMzY3IzdC05"),
        ("Api-Key: 0123-abcd\nAccept: */*", "0123-abcd"),
        ('{"api_key": "0123-abcd", "model": "m"}', "0123-abcd"),
        ("OPENAI_API_KEY=0123-abcd IG_ARMS=2", "0123-abcd"),
        (f"Incorrect API key provided: {OPENAI}.", OPENAI),
        (f"The token {TOKEN} has expired", TOKEN),
        (f"The token {RENEWED} has expired", RENEWED),
        (f"no access for {FIREWORKS}", FIREWORKS),
        ("Cookie: sid=abc0123; theme=dark", "abc0123"),
        ("[(b'Set-Cookie', b'sid=abc0123; Path=/'), (b'A', b'1')]", "abc0123"),
        ("{'cookie': 'theme=dark; sid=abc0123', 'A': 1}", "abc0123"),
        ("post to https://hooks.slack.com/services/T0/B0/abcDEF12", "abcDEF12"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
            "MII",
        ),
    ],
)
def test_what_looks_like_a_secret_is_cut_out(text: str, secret: str) -> None:
    clean = redact(text)
    assert secret not in clean and REDACTED in clean
    assert redact(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "3 of 11 drafts, about 6 min left.",
        "IG_BUDGETS: USD 4.9000 of day:usd=5 is spent; input_tokens=512",
        "run_key=2026-01 partition_key=2026-02, sort by key=value",
        "The key of the month is a basic information; the bearer of news",
        "https://example.org/reels?utm_source=insta#top",
        "The cookie banner: a cookie is set.\nNext = 1",
        "asset raw_scripts: 12 rows, tokens: 5, secrets were found in 2 files",
    ],
)
def test_a_sentence_without_a_secret_is_left_as_it_is(text: str) -> None:
    assert redact(text) == text


def logged(
    formatter: logging.Formatter, name: str = "some.sdk"
) -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger(f"{name}.{id(stream)}")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.DEBUG)
    return logger, stream


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_foreign_logger_with_a_foreign_handler_writes_no_secret(
    formatter: logging.Formatter,
) -> None:
    logger, stream = logged(formatter)
    logger.warning("headers %s", {"Api-Key": PLANTED, "n": 1})
    logger.info("%(url)s", {"url": f"https://x/?access_token={TOKEN}"})
    logger.error(RuntimeError(f"it was {OPENAI}"))
    logger.error("stack", stack_info=True)
    logger.warning("%d files", "wrong")  # logging itself reports such a call
    text = stream.getvalue()
    assert text.count(REDACTED) == 3
    assert not [s for s in (PLANTED, TOKEN, OPENAI) if s in text]


def openai_error() -> Exception:
    """The real SDK's error for an answer that repeats the key, with its traceback."""

    def refuse(request: httpx.Request) -> httpx.Response:
        message = f"Bad key {OPENAI}; headers {dict(request.headers)}"
        return httpx.Response(401, json={"error": {"message": message}})

    transport = httpx.MockTransport(refuse)
    client = openai.OpenAI(
        api_key=OPENAI, http_client=httpx.Client(transport=transport), max_retries=0
    )
    with pytest.raises(openai.AuthenticationError) as caught:
        client.models.list()
    return caught.value


def sql_error() -> Exception:
    """DuckDB's own error, which repeats the statement."""
    with pytest.raises(duckdb.Error) as caught:
        duckdb.sql(f"ATTACH 'host=nowhere password=s3cr3t-9' AS x (TYPE {OPENAI})")
    return caught.value


def chained_error() -> Exception:
    """A secret in the cause of the cause, and one in a note."""
    try:
        try:
            raise ConnectionError(f"https://ana:{TOKEN}@host")
        except ConnectionError as error:
            raise ValueError("in between") from error
    except ValueError as error:
        outer = RuntimeError("the outermost")
        outer.__cause__ = error
        outer.add_note(f"tried with {OPENAI}")
        return outer


@pytest.mark.parametrize("make", [openai_error, sql_error, chained_error])
def test_a_traceback_is_logged_without_its_secrets_and_with_all_else(
    make: object,
) -> None:
    error = make()  # type: ignore[operator]
    plain = "".join(traceback.format_exception(error))
    assert OPENAI in plain
    logger, stream = logged(TextFormatter())
    logger.error("it failed", exc_info=error)
    text = stream.getvalue()
    assert OPENAI not in text and TOKEN not in text and "s3cr3t-9" not in text
    assert type(error).__name__ in text and REDACTED in text
    assert text.count("  File ") == plain.count("  File ")


def test_an_error_without_a_secret_stays_the_same_object() -> None:
    error = ValueError("no month such as 2026-13")
    assert redacted_error(error) is error


def test_a_group_of_errors_is_copied_with_what_is_in_it() -> None:
    group = ExceptionGroup("two failed", [ValueError(OPENAI), KeyError("month")])
    text = str(redacted_error(group))
    assert OPENAI not in text and "ValueError" in text and "month" in text


def test_an_error_that_is_its_own_cause_ends() -> None:
    error = ValueError(OPENAI)
    error.__cause__ = error
    copy = redacted_error(error)
    assert copy.__cause__ is copy and OPENAI not in str(copy)
