"""What runs on Kubernetes: the pods of steps, and the executor that starts them."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from ig_assets.definitions import defs
from ig_assets.defs.pod_resources import K8S_CONFIG, pod_tags
from ig_assets.errors import SettingsError
from ig_assets.settings import load_settings

pytest.importorskip("dagster_k8s", reason="needs the extra `kubernetes`")
SERVER = "postgres:dbname=ig host=db.example"


def steps() -> dict[str, dict[str, Any]]:
    """Each step of the code location and its tags."""
    repository = defs().get_repository_def()
    found = {}
    for job in repository.get_all_jobs():
        for node in job.graph.iterate_node_defs():
            if isinstance(node, dg.OpDefinition):
                found[node.name] = dict(node.tags)
    return found


def job_of(tags: dict[str, Any]) -> Any:
    """The job that Dagster would ask Kubernetes for. Raises for a wrong key."""
    from dagster_k8s.job import (
        DagsterK8sJobConfig,
        construct_dagster_k8s_job,
        get_user_defined_k8s_config,
    )

    config = DagsterK8sJobConfig(
        job_image="ig-assets",
        dagster_home="/opt/dagster/dagster_home",
        image_pull_policy="IfNotPresent",
        service_account_name="dagster",
        instance_config_map="instance",
        postgres_password_secret="postgresql",
        env_config_maps=None,
        env_secrets=None,
    )
    return construct_dagster_k8s_job(
        config,
        args=["dagster", "api", "execute_step"],
        job_name="step",
        user_defined_k8s_config=get_user_defined_k8s_config(tags),
    )


def test_every_step_but_its_checks_has_a_pod_that_kubernetes_takes() -> None:
    found = {name: tags for name, tags in steps().items() if K8S_CONFIG in tags}
    assert {"raw_scripts", "script_drafts", "fine_tune_job"} <= set(found)
    assert len(found) >= 18
    for name, tags in found.items():
        (container,) = job_of(tags).spec.template.spec.containers
        assert container.resources.limits["memory"] in ("2Gi", "4Gi"), name
        assert "cpu" in container.resources.requests, name


def test_a_wrong_key_of_a_pod_would_be_noticed() -> None:
    tags = {K8S_CONFIG: {"container_config": {"resource": {"limits": {}}}}}
    with pytest.raises(Exception, match="resource"):
        job_of(tags)
    with pytest.raises(Exception, match="containers_config"):
        job_of({K8S_CONFIG: {"containers_config": {}}})


def test_what_holds_a_model_has_the_memory_for_it() -> None:
    def limit(pool: str) -> str:
        config = pod_tags(pool)[K8S_CONFIG]["container_config"]
        return str(config["resources"]["limits"]["memory"])

    assert limit("writer_api") == "4Gi" and limit("operations") == "2Gi"


def test_pods_cannot_share_a_duckdb_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="IG_EXECUTOR=k8s needs IG_WAREHOUSE_URL"):
        load_settings(executor="k8s")
    assert load_settings(executor="k8s", warehouse_url=SERVER).executor == "k8s"


def test_the_executor_starts_a_pod_per_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IG_EXECUTOR", "k8s")
    monkeypatch.setenv("IG_WAREHOUSE_URL", SERVER)
    executor = defs().executor
    assert isinstance(executor, dg.ExecutorDefinition) and executor.name == "k8s"
