"""The checks of the rendered manifests find what breaks the values' promises."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import verify_deploy
from tools.verify_deploy import Failed, broken_promises, check_manifests, check_values

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
STORED = {"config": {"postgres_db": {"scheme": "postgresql+psycopg2"}}}
SERVED = OURS | {
    name: STORED for name in ("run_storage", "event_log_storage", "schedule_storage")
}
Manifest = dict[str, Any]


def deployment(name: str) -> Manifest:
    pod = {
        "securityContext": {"runAsNonRoot": True},
        "containers": [{"name": "c", "resources": {"limits": {"memory": "1Gi"}}}],
    }
    return {
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "template": {"spec": pod},
        },
    }


def good() -> list[Manifest]:
    """What a chart makes of good values, as far as the checks look at it."""
    ingress = {
        "kind": "Ingress",
        "metadata": {"annotations": {"nginx.ingress.kubernetes.io/auth-url": "x"}},
        "spec": {"tls": [{"hosts": ["dagster.example.com"]}]},
    }
    instance = {"kind": "ConfigMap", "data": {"dagster.yaml": yaml.safe_dump(SERVED)}}
    empty = {"kind": "ConfigMap", "data": None}
    return copy.deepcopy([deployment("x-daemon"), ingress, instance, empty])


def two_daemons(manifests: list[Manifest]) -> None:
    manifests[0]["spec"]["replicas"] = 2


def rolling(manifests: list[Manifest]) -> None:
    del manifests[0]["spec"]["strategy"]


def no_login(manifests: list[Manifest]) -> None:
    manifests[1]["metadata"]["annotations"] = {}


def no_tls(manifests: list[Manifest]) -> None:
    del manifests[1]["spec"]["tls"]


def no_ingress(manifests: list[Manifest]) -> None:
    del manifests[1]


def root_allowed(manifests: list[Manifest]) -> None:
    manifests[0]["spec"]["template"]["spec"]["securityContext"] = None


def unlimited(manifests: list[Manifest]) -> None:
    pod = manifests[0]["spec"]["template"]["spec"]
    pod["containers"][0]["resources"] = {}


def plain_scheme(manifests: list[Manifest]) -> None:
    served = SERVED | {"run_storage": {"config": {"postgres_db": {}}}}
    manifests[2]["data"]["dagster.yaml"] = yaml.safe_dump(served)


def no_pools(manifests: list[Manifest]) -> None:
    served = {key: value for key, value in SERVED.items() if key != "concurrency"}
    manifests[2]["data"]["dagster.yaml"] = yaml.safe_dump(served)


def a_secret(manifests: list[Manifest]) -> None:
    manifests.append({"kind": "Secret", "metadata": {"name": "made-here"}})


def test_good_manifests_pass() -> None:
    assert broken_promises(good()) == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (two_daemons, "the daemon is not one replica"),
        (rolling, "the daemon is not one replica"),
        (no_login, "no TLS or no login"),
        (no_tls, "no TLS or no login"),
        (no_ingress, "there is no ingress"),
        (root_allowed, "may run as root"),
        (unlimited, "no limit of memory"),
        (plain_scheme, "run_storage has the scheme None"),
        (no_pools, "concurrency.pools is not that of dagster.yaml"),
        (a_secret, "the secret made-here is in the manifests"),
    ],
)
def test_a_manifest_that_breaks_a_promise_is_reported(
    broken: Callable[[list[Manifest]], None], said: str
) -> None:
    manifests = good()
    broken(manifests)
    with pytest.raises(Failed, match=said):
        check_manifests(manifests)


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart that knows our values; its types are on a server."""
    given = yaml.safe_load(verify_deploy.VALUES.read_text(encoding="utf-8"))
    known = {key: {"$ref": "https://types.example/any"} for key in given}
    schema = {"additionalProperties": False, "properties": known}
    (tmp_path / "values.yaml").write_text("global: {}\n")
    (tmp_path / "values.schema.json").write_text(json.dumps(schema))
    return tmp_path


def test_a_value_that_the_chart_does_not_know_is_reported(chart: Path) -> None:
    pytest.importorskip("jsonschema", reason="comes with `make verify-deploy`")
    check_values(chart)
    (chart / "values.yaml").write_text("unknown: 1\n")
    with pytest.raises(Failed, match="unknown"):
        check_values(chart)
