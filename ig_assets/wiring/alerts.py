"""Choose the alert channels that the settings name."""

from __future__ import annotations

from ig_assets.core.operations.alerts import Alerts
from ig_assets.core.ports.alerting import AlertChannel
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring.stores import make_money_clock


def make_alerts(settings: Settings, warehouse: Warehouse) -> Alerts:
    """Return the alerts, with no channel if the settings name none."""
    return Alerts(warehouse, make_money_clock(), alert_channels(settings))


def alert_channels(settings: Settings) -> list[AlertChannel]:
    """Return the channels of the settings: a webhook, e-mail, both or none."""
    from ig_assets.adapters.alert_channels import Mail, Webhook

    found: list[AlertChannel] = []
    if settings.alert_webhook is not None:
        found.append(
            Webhook(settings.alert_webhook.get_secret_value(), settings.code_url)
        )
    if settings.alert_email is not None:
        recipients = [one.strip() for one in settings.alert_email.split(",")]
        host, _, port = settings.smtp.rpartition(":")
        password = settings.smtp_password
        found.append(
            Mail(
                host=host.strip("[]"),
                port=int(port),
                sender=settings.alert_from or recipients[0],
                recipients=recipients,
                tls=settings.smtp_tls,
                user=settings.smtp_user,
                password=None if password is None else password.get_secret_value(),
                code_url=settings.code_url,
            )
        )
    return found
