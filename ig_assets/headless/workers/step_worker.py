"""The Celery app of the workers that run the steps of `IG_EXECUTOR=celery`.

    celery --app ig_assets.headless.workers.step_worker worker --concurrency 2

`celery` itself starts the worker, so that a service manager's SIGTERM reaches it: it
then finishes its present step and takes no other. A worker needs the settings, the data
folder and `DAGSTER_HOME` at the same paths as the code server, and must be started
again at each release.
"""

from __future__ import annotations

import logging
from typing import Any

import dagster as dg
from celery import Celery, Task
from celery.exceptions import Ignore
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from ig_assets.celery_steps import Marks
from ig_assets.dagster_internals import ExecuteStepArgs, unpack_value
from ig_assets.defs.executors import BEGUN_S, celery_config
from ig_assets.errors import SettingsError
from ig_assets.headless.workers.unwanted_steps import (
    why_run_is_over,
    why_step_is_repeated,
)
from ig_assets.settings import load_settings

_log = logging.getLogger("ig_script_writer.step_worker")


class WantedStep(Task):  # type: ignore[misc]  # Celery has no types
    """A Celery task that skips its step if the run is over or the step has begun."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the step and return its events; [] if the run is over.

        Raises celery's Ignore if another worker has begun the step, whose result then
        counts.
        """
        step = unpack_value(kwargs["execute_step_args_packed"], as_type=ExecuteStepArgs)
        keys = step.step_keys_to_execute or []
        state = step.known_state
        retries = state.get_retry_state() if state is not None else None
        attempts = max(
            (retries.get_attempt_count(k) for k in keys if retries), default=0
        )
        assert step.instance_ref is not None  # the executor sends it
        with dg.DagsterInstance.from_ref(step.instance_ref) as instance:
            over = why_run_is_over(instance, step.run_id)
            again = why_step_is_repeated(instance, step.run_id, keys, attempts)
        if over or again:
            _log.warning(
                "Left out step %s of run %s: %s.",
                ", ".join(keys),
                step.run_id,
                over or again,
            )
            if over:
                return []
            raise Ignore
        with Marks(self.app, BEGUN_S).taken(self.request.id) as ours:
            if not ours:  # both were given it before either wrote an event
                _log.warning("Left out a step that another worker began just now.")
                raise Ignore
            return super().__call__(*args, **kwargs)


def worker_app() -> Celery:
    """Return the Celery app with the task that runs steps. Raises SettingsError."""
    settings = load_settings()
    if settings.executor != "celery":
        raise SettingsError(
            "A worker needs IG_EXECUTOR=celery and IG_CELERY_BROKER, as the code "
            "server has them; set them in the environment or .env."
        )
    made = make_app({**celery_config(settings), "include": [], "retries": None})
    create_task(made, base=WantedStep)
    return made


app = worker_app()
