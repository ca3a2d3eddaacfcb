"""`ig-assets metrics`: serves metrics to Prometheus and DataDog."""

from __future__ import annotations

import functools
import sys
import threading
from typing import Annotated

import typer

from ig_assets.cli.output import errors, plain_errors
from ig_assets.core.reports.metrics.collector import MetricsCollector
from ig_assets.settings import Settings, load_settings

app = typer.Typer(
    help="Figures for Prometheus and DataDog, read from the tables.",
    no_args_is_help=True,
)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
SEND_EVERY_S = 15.0


@app.command()
@plain_errors
def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on; there is no login.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0: any free one.")
    ] = 9464,
) -> None:
    """Serve /metrics for Prometheus, and send to DataDog where IG_DATADOG is set.

    Example: `ig-assets metrics serve`
    """
    from ig_assets.adapters.metrics_server import metrics_server

    settings = load_settings()
    collector = _collector(settings)
    server = metrics_server(host, port, collector.collect)
    shown = f"[{host}]" if ":" in host else host
    errors.print(f"Serving http://{shown}:{server.server_port}/metrics", soft_wrap=True)
    if host not in LOOPBACK:
        errors.print("Whoever reaches this address can read the figures: no login.")
    stop = threading.Event()
    if settings.datadog:
        # No daemon thread: the process waits for it, since it may be in DuckDB.
        sender = threading.Thread(
            target=_send_until, args=(stop, settings.datadog, collector)
        )
        sender.start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:  # also SIGTERM: how a server is meant to end
        errors.print("Stopped.")
    finally:
        stop.set()
        server.server_close()


@app.command()
@plain_errors
def show() -> None:
    """Print the figures once, in Prometheus' text format.

    Example: `ig-assets metrics show`
    """
    from ig_assets.core.reports.metrics.text_formats import prometheus_text

    sys.stdout.write(prometheus_text(_collector(load_settings()).collect()))


def _collector(settings: Settings) -> MetricsCollector:
    import dagster as dg

    from ig_assets.headless.dagster_home import ensure_dagster_home
    from ig_assets.headless.metrics import make_collector

    @functools.cache
    def instance() -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(ensure_dagster_home(settings)))

    return make_collector(settings, instance)


def _send_until(
    stop: threading.Event, address: str, collector: MetricsCollector
) -> None:
    from ig_assets.adapters.metrics_server import send_to_datadog
    from ig_assets.errors import SettingsError

    while not stop.is_set():
        try:
            send_to_datadog(address, collector.collect())
        except SettingsError as error:  # a name server that is away for a moment
            errors.print(str(error))
        stop.wait(SEND_EVERY_S)
