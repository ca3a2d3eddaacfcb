"""Serves metrics to Prometheus over HTTP, and sends them to a DataDog Agent by UDP."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ig_assets.core.reports.metrics.metrics import Family
from ig_assets.core.reports.metrics.text_formats import (
    CONTENT_TYPE,
    dogstatsd_datagrams,
    prometheus_text,
)
from ig_assets.errors import InputError, SettingsError

_log = logging.getLogger("ig_script_writer.metrics")
Collect = Callable[[], Sequence[Family]]
_REQUEST_S = 10.0


def metrics_server(host: str, port: int, collect: Collect) -> ThreadingHTTPServer:
    """Return a server of `/metrics` that is bound but not yet serving.

    Port 0 takes a free port. Raises InputError if the address is in use or not an
    address of this machine.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_S
        server_version, sys_version = "ig_assets", ""

        def do_GET(self) -> None:  # noqa: N802
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404, "There is /metrics alone.")
                return
            body = prometheus_text(collect()).encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing, as a line per scrape would be useless."""

    try:
        return _Server((host, port), Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"Port {port} of {host} cannot be served ({reason}); choose another with "
            "--host and --port."
        ) from None


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # a scrape under way is in DuckDB, which must not be left

    def handle_error(self, request: object, client_address: object) -> None:
        """Write the error to the log only, since a scraper that gave up is no fault."""
        _log.info("A scrape was not answered.", exc_info=True)


def send_to_datadog(address: str, families: Sequence[Family]) -> int:
    """Send the metrics to the Agent at `host:port`; return the number of datagrams.

    With UDP nothing fails if the Agent is absent; the metrics are lost. Raises
    SettingsError if the host name cannot be resolved.
    """
    host, _, port = address.rpartition(":")
    try:
        [(family, kind, _, _, where), *_] = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_DGRAM
        )
    except OSError as error:
        raise SettingsError(
            f"IG_DATADOG names {host}, which cannot be found ({error.strerror}); "
            "correct it, or remove it to send nothing."
        ) from None
    sent = 0
    with socket.socket(family, kind) as agent:
        for datagram in dogstatsd_datagrams(families):
            try:
                agent.sendto(datagram, where)
            except OSError:  # the Agent or the network is away
                continue
            sent += 1
    return sent
