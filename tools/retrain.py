"""Starts the deployed monthly fine-tune through Dagster's GraphQL, and watches it.

    DAGSTER_URL=https://dagster.example.com DAGSTER_TOKEN=… python -m tools.retrain

A run of the month that is under way or has succeeded is watched; another one is started
only when there is none. Nothing beyond the standard library is imported, so that no
package of others sees the token.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

JOB, LOCATION, REPOSITORY = "fine_tune_month", "ig_assets", "__repository__"
PARTITION = "dagster/partition"
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
POLL_S, TIMEOUT_S = 30.0, 5.5 * 3600
MAX_ERRORS = 10
"""So many answers in a row may be missing: a webserver is restarted now and then."""

_RUNS = """
query Runs($filter: RunsFilter!) { runsOrError(filter: $filter, limit: 20) {
    __typename
    ... on Runs { results { runId status } }
    ... on PythonError { message }
} }
"""
_RUN = """
query Run($id: ID!) { runOrError(runId: $id) {
    __typename
    ... on Run { status }
    ... on PythonError { message }
} }
"""
_LAUNCH = """
mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
} }
"""


class RetrainError(Exception):
    """What went wrong, in one sentence for a person."""


class Unanswered(RetrainError):
    """No answer, this time."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect leads to a login page; the token must not follow it there."""

    def redirect_request(self, *parts: Any) -> None:
        return None


class Dagster:
    """The GraphQL of a deployment. `ask` raises RetrainError."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise RetrainError("DAGSTER_URL must be set, and start with https://.")
        self.url = url.rstrip("/")
        self._token = token
        self._opener = urllib.request.build_opener(_NoRedirect)

    def ask(self, query: str, **variables: Any) -> Any:
        """The one field of an answer without errors."""
        answer = self.post({"query": query, "variables": variables})
        if answer.get("errors"):
            raise RetrainError(f"Dagster refused: {answer['errors'][0]['message']}")
        (field,) = answer["data"].values()
        return field

    def post(self, body: dict[str, Any]) -> Any:
        """Send a document; raises Unanswered where sending it again may help."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(
            f"{self.url}/graphql", json.dumps(body).encode(), headers
        )
        try:
            with self._opener.open(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code >= 500:
                raise Unanswered(f"Dagster answered {error.code}.") from None
            raise RetrainError(
                f"{self.url} answered {error.code}; check DAGSTER_TOKEN and the proxy."
            ) from None
        except json.JSONDecodeError:
            raise RetrainError(
                f"{self.url}/graphql is not Dagster's; check DAGSTER_URL."
            ) from None
        except OSError as error:
            raise Unanswered(f"{self.url} cannot be reached: {error}.") from None


def month_before(now: datetime) -> str:
    """The month that had ended, YYYY-MM."""
    return f"{now.replace(day=1) - timedelta(days=1):%Y-%m}"


def run_of(dagster: Dagster, month: str) -> str:
    """The run of a month: one under way or succeeded, else a new one."""
    wanted = {
        "pipelineName": JOB,
        "tags": [{"key": PARTITION, "value": month}],
    }
    found = dagster.ask(_RUNS, filter=wanted)
    if found["__typename"] != "Runs":
        raise RetrainError(f"The runs cannot be listed: {found.get('message', found)}")
    for run in found["results"]:
        if run["status"] not in ("FAILURE", "CANCELED"):
            print(f"Run {run['runId']} of {month} is there already ({run['status']}).")
            return str(run["runId"])
    selector = {
        "repositoryLocationName": LOCATION,
        "repositoryName": REPOSITORY,
        "jobName": JOB,
    }
    tags = [{"key": PARTITION, "value": month}, {"key": "retrain", "value": "workflow"}]
    launched = dagster.ask(
        _LAUNCH,
        params={
            "selector": selector,
            "runConfigData": {},
            "executionMetadata": {"tags": tags},
        },
    )
    if launched["__typename"] != "LaunchRunSuccess":
        raise RetrainError(
            f"{JOB} was not started for {month}: "
            f"{launched.get('message', launched['__typename'])}"
        )
    return str(launched["run"]["runId"])


def watch(
    dagster: Dagster,
    run_id: str,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """The status with which a run ended. Raises RetrainError after TIMEOUT_S."""
    give_up, errors, last = clock() + TIMEOUT_S, 0, ""
    while clock() < give_up:
        try:
            run = dagster.ask(_RUN, id=run_id)
        except Unanswered as error:
            errors += 1
            if errors >= MAX_ERRORS:
                raise
            print(f"{error} Asking again.")
        else:
            errors = 0
            if run["__typename"] != "Run":
                raise RetrainError(f"Run {run_id} is gone: {run.get('message', '')}")
            if run["status"] != last:
                last = run["status"]
                print(f"Run {run_id}: {last}", flush=True)
            if last in ENDED:
                return last
        sleep(POLL_S)
    raise RetrainError(
        f"Run {run_id} has not ended within {TIMEOUT_S / 3600:g} hours ({last})."
    )


def main() -> int:
    """0 when the month's run succeeded, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--month", default="", help="YYYY-MM; empty, the last one")
    month = parser.parse_args().month or month_before(datetime.now(UTC))
    try:
        if not re.fullmatch(r"(19|20)\d{2}-(0[1-9]|1[0-2])", month):
            raise RetrainError(f"{month!r} is not a month such as 2026-01.")
        dagster = Dagster(
            os.environ.get("DAGSTER_URL", ""), os.environ.get("DAGSTER_TOKEN", "")
        )
        run_id = run_of(dagster, month)
        print(f"{dagster.url}/runs/{run_id}")
        status = watch(dagster, run_id)
    except RetrainError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The fine-tune of {month} ended: {status}.")
    return 0 if status == "SUCCESS" else 1


if __name__ == "__main__":
    sys.exit(main())
