"""Channels for alerts to people: a webhook with Slack's message format, and e-mail."""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal

from ig_assets.core.operations.runbook import runbook_link
from ig_assets.core.ports.alerting import Alert
from ig_assets.errors import AccessError, RefusedError, TransientVendorError

_log = logging.getLogger("ig_script_writer.alerts")

TIMEOUT_S = 15.0
_SUBJECT_LETTERS = 120


@dataclass(frozen=True)
class Webhook:
    """Posts `{"text": …}`, which Slack, Mattermost, Rocket.Chat and Discord accept.

    Discord accepts it if `/slack` is appended to the webhook's URL. The URL is a
    secret: no message contains it, and redirects are not followed. `code_url` is the
    address of the code's folder, to which the link to the runbook leads.
    """

    url: str = field(repr=False)
    code_url: str | None = None
    name: str = "webhook"

    def send(self, alert: Alert) -> None:
        """Post the alert. Raises TransientVendorError, AccessError, RefusedError."""
        import httpx

        refusal: Exception
        try:
            answer = httpx.post(
                self.url, json={"text": self._text(alert)}, timeout=TIMEOUT_S
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = type(error).__name__
            refusal = TransientVendorError(
                f"The alert webhook cannot be reached ({kind}).", outcome_unknown=True
            )
        else:
            if answer.is_success:
                return
            refusal = _refusal(answer.status_code)
        raise refusal  # outside, so that no cause with the address hangs on

    def _text(self, alert: Alert) -> str:
        page = runbook_link(alert.section, self.code_url)
        runbook = f"<{page}|runbook>" if page.startswith("http") else f"`{page}`"
        opened = f" <{alert.link}|Open it in Dagster>." if alert.link else ""
        return f"{_escaped(alert.sentence)}{opened} Help: {runbook}"


@dataclass(frozen=True)
class Mail:
    """Sends one message to all recipients over SMTP.

    `tls` is "starttls" (an error if the server does not offer it), "tls" from the first
    byte, or "none". If `user` is set, the client logs in with `user` and `password`.
    """

    host: str
    port: int
    sender: str
    recipients: Sequence[str]
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    code_url: str | None = None
    name: str = "e-mail"

    def send(self, alert: Alert) -> None:
        """Send the alert to all recipients.

        It counts as sent if the server accepts one recipient; the number of refused
        ones is logged. Raises TransientVendorError, AccessError, RefusedError.
        """
        message = self._message(alert)
        try:
            with self._connected() as server:
                refused = server.send_message(message, self.sender, self.recipients)
        except smtplib.SMTPAuthenticationError:
            raise AccessError(
                f"The mail server {self.host} refuses the login; correct IG_SMTP_USER "
                "and IG_SMTP_PASSWORD."
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise AccessError(
                f"The mail server {self.host} does not offer what is asked of it: "
                f"IG_SMTP_TLS={self.tls}, the login, or an address that is not ASCII."
            ) from None
        except smtplib.SMTPRecipientsRefused:
            raise RefusedError(
                f"The mail server {self.host} refuses every address of IG_ALERT_EMAIL."
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            raise TransientVendorError(
                f"The mail server {self.host} cannot be reached or refuses the "
                f"message ({type(error).__name__}).",
                outcome_unknown=True,
            ) from None
        if refused:  # the others have it, and would get it again
            _log.warning(
                "The mail server %s refuses %d of %d addresses of IG_ALERT_EMAIL.",
                self.host,
                len(refused),
                len(self.recipients),
            )

    def _connected(self) -> smtplib.SMTP:
        if self.tls == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=TIMEOUT_S, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
        try:
            if self.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user is not None:
                server.login(self.user, self.password or "")
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, alert: Alert) -> EmailMessage:
        message = EmailMessage()
        subject = " ".join(f"ig_assets: {alert.sentence}".split())
        is_long = len(subject) > _SUBJECT_LETTERS
        message["Subject"] = (
            subject[: _SUBJECT_LETTERS - 1] + "…" if is_long else subject
        )
        message["From"] = self.sender
        message["To"] = ", ".join(self.recipients)
        message["Auto-Submitted"] = "auto-generated"
        lines = [alert.sentence, ""]
        if alert.link:
            lines.append(f"Open it in Dagster: {alert.link}")
        lines.append(f"Help: {runbook_link(alert.section, self.code_url)}")
        message.set_content("\n".join(lines) + "\n")
        return message


def _refusal(status: int) -> Exception:
    if status in (401, 403, 404, 410):
        return AccessError(
            f"The alert webhook answers {status}; make a new one and set "
            "IG_ALERT_WEBHOOK."
        )
    if status == 429 or status >= 500:
        return TransientVendorError(
            f"The alert webhook answers {status}.", outcome_unknown=False
        )
    return RefusedError(f"The alert webhook refuses the message ({status}).")


def _escaped(text: str) -> str:
    """Escape the three characters that Slack reads as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
