"""A stand-in for a mail server: SMTP (RFC 5321) on loopback, which keeps what comes."""

from __future__ import annotations

import base64
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Mailbox:
    """What a server accepts and has accepted; `login` is a user and a password."""

    port: int = 0
    login: tuple[str, str] | None = None
    refused: frozenset[str] = frozenset()
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)


@contextmanager
def mail_server(
    login: tuple[str, str] | None = None, refused: frozenset[str] = frozenset()
) -> Iterator[Mailbox]:
    """A server for the time of a test."""
    box = Mailbox(login=login, refused=refused)

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 stand-in ready")
            to: list[str] = []
            for line in iter(self.rfile.readline, b""):
                verb, _, rest = line.decode().strip().partition(" ")
                verb = verb.upper()
                if verb == "EHLO":
                    self.say("250-stand-in" if box.login else "250 stand-in")
                    if box.login:
                        self.say("250 AUTH PLAIN")
                elif verb == "AUTH":
                    _, user, password = base64.b64decode(rest.split()[1]).split(b"\0")
                    is_right = (user.decode(), password.decode()) == box.login
                    self.say("235 welcome" if is_right else "535 wrong")
                elif verb == "RCPT":
                    address = rest.partition(":<")[2].partition(">")[0]
                    is_known = address not in box.refused
                    to += [address] if is_known else []
                    self.say("250 taken" if is_known else "550 unknown")
                elif verb == "DATA":
                    self.say("354 go on")
                    data = b"".join(iter(self.rfile.readline, b".\r\n"))
                    message = message_from_bytes(data, policy=policy.default)
                    assert isinstance(message, EmailMessage)
                    box.messages.append(message)
                    box.recipients.append(to)
                    self.say("250 kept")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 so be it")

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
