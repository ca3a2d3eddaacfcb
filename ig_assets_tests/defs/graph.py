"""The code location as plain data: what the snapshot holds and reviews compare."""

from __future__ import annotations

from typing import Any

import dagster as dg

ASSETS = {
    "raw_scripts",
    "script_embeddings",
    "script_index",
    "topics",
    "script_drafts",
    "script_variants",
    "posts",
    "engagement_metrics",
    "experiment_results",
    "winning_scripts",
    "training_examples",
    "fine_tune_jsonl",
    "fine_tune_job",
    "fine_tuned_model",
    "model_evaluation",
    "active_model",
    "api_usage",
    "effective_settings",
    "hook_ranker",
    "lineage_report",
}
EXTERNAL = {"active_model", "effective_settings"}
"""What no run materialises."""
OF_THE_LOOP = ASSETS - {"effective_settings", "hook_ranker"}
"""What a turn of the loop materialises."""


def overview(definitions: dg.Definitions) -> dict[str, Any]:
    """Assets, checks, jobs, sensors and schedules, in the order of their names."""
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    nodes = {node.key.to_user_string(): node for node in graph.asset_nodes}
    checks = {
        f"{key.asset_key.to_user_string()}:{key.name}": graph.get(key)
        for key in graph.asset_check_keys
    }
    return {
        "assets": {name: _asset(nodes[name]) for name in sorted(nodes)},
        "checks": {
            name: {
                "blocking": checks[name].blocking,
                "partitions": _partitions(checks[name].partitions_def),
            }
            for name in sorted(checks)
        },
        "jobs": {
            job.name: {
                "assets": sorted(
                    key.to_user_string()
                    for key in job.asset_layer.executable_asset_keys
                ),
                "partitions": _partitions(job.partitions_def),
            }
            for job in sorted(repository.get_all_jobs(), key=lambda job: job.name)
            if not job.name.startswith("__")
        },
        "sensors": {
            sensor.name: {
                "kind": sensor.sensor_type.value,
                "default_status": sensor.default_status.value,
                "every_s": sensor.minimum_interval_seconds,
                "jobs": sorted(target.job_name for target in sensor.targets),
            }
            for sensor in sorted(repository.sensor_defs, key=lambda s: s.name)
        },
        "schedules": {
            schedule.name: {
                "cron": schedule.cron_schedule,
                "timezone": schedule.execution_timezone,
                "default_status": schedule.default_status.value,
                "job": schedule.job_name,
            }
            for schedule in sorted(repository.schedule_defs, key=lambda s: s.name)
        },
    }


def _asset(node: Any) -> dict[str, Any]:
    return {
        "group": node.group_name,
        "description": node.description,
        "kinds": sorted(node.kinds),
        "owners": sorted(node.owners),
        "code_version": node.code_version,
        "external": node.is_external,
        "partitions": _partitions(node.partitions_def),
        "deps": {
            key.to_user_string(): (
                str(node.partition_mappings[key])
                if key in node.partition_mappings
                else None
            )
            for key in sorted(node.parent_keys)
        },
        "pools": sorted(node.pools or ()),
        "retries": _retries(node),
        "automation_condition": _condition(node.automation_condition),
    }


def _retries(node: Any) -> dict[str, Any] | None:
    policy = None if node.is_external else node.assets_def.op.retry_policy
    if policy is None:
        return None
    return {"max_retries": policy.max_retries, "delay_s": policy.delay}


def _condition(condition: Any) -> str | None:
    if condition is None:
        return None
    label = condition.get_label()
    return label or " & ".join(str(_condition(part)) for part in condition.operands)


def _partitions(partitions: dg.PartitionsDefinition | None) -> str | None:
    return None if partitions is None else str(partitions)
