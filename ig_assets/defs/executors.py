"""Choose the executor of a run's steps by `IG_EXECUTOR`."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ig_assets.errors import SettingsError
from ig_assets.settings import Settings

LONGEST_STEP_S = 86_400
"""Seconds after which Redis gives a step that no worker has begun to another worker:
as long as a run may take (`max_runtime_seconds` of dagster.yaml)."""
BEGUN_S = 2 * LONGEST_STEP_S
"""Seconds for which Redis remembers that a worker began a step."""


def executor(settings: Settings) -> dg.ExecutorDefinition:
    """Return the executor of all jobs.

    Raises SettingsError if its package is missing.
    """
    if settings.executor == "k8s":
        return _pods()
    if settings.executor == "celery":
        return _workers(settings)
    if settings.executor == "multiprocess":
        return dg.multiprocess_executor
    return dg.in_process_executor


def celery_config(settings: Settings) -> dict[str, Any]:
    """Return the configuration that executor and workers share, for `dagster_celery`.

    Without `broker_transport_options`, a step that waits an hour for a worker is
    delivered to a second worker too. `worker_disable_prefetch` concerns workers only: a
    worker takes a step only when it can begin it, so that no step waits behind a longer
    one.
    """
    broker, results = settings.celery_broker, settings.celery_results
    assert broker is not None  # the settings ask for it
    return {
        "broker": broker.get_secret_value(),
        "backend": (results or broker).get_secret_value(),
        "config_source": {
            "worker_disable_prefetch": True,
            "worker_prefetch_multiplier": 1,
            "task_acks_late": False,
            "task_default_queue": "dagster",
            "broker_transport_options": {"visibility_timeout": LONGEST_STEP_S},
            "result_expires": LONGEST_STEP_S,
            "broker_connection_retry_on_startup": True,
        },
    }


def _pods() -> dg.ExecutorDefinition:
    try:
        from dagster_k8s import k8s_job_executor
    except ImportError:
        raise _missing("k8s", "kubernetes") from None
    pods: dg.ExecutorDefinition = k8s_job_executor
    return pods


def _workers(settings: Settings) -> dg.ExecutorDefinition:
    try:
        from ig_assets.celery_steps import patient_executor
    except ImportError:
        raise _missing("celery", "celery") from None
    workers = patient_executor(begun_s=BEGUN_S)
    return workers.configured(celery_config(settings), name="celery")


def _missing(name: str, extra: str) -> SettingsError:
    return SettingsError(
        f"IG_EXECUTOR={name} needs a package of its own; install it with "
        f"`pip install 'ig-assets[{extra}]'`, or remove IG_EXECUTOR."
    )
