"""Joins the details of steps, and builds the content of a receipt from them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ig_assets.core.forgetting.traces.found import Found
from ig_assets.core.forgetting.steps import Forgetting

_IMPORTED = "history"  # in place of the platform of an imported post


def both_details(
    name: str, first: dict[str, Any], second: dict[str, Any]
) -> dict[str, Any]:
    """Return the detail of a step that ran twice, from the details of both runs."""
    both = first | second
    if name == "tables":
        rows = Counter(first["rows"]) + Counter(second["rows"])
        return both | {"rows": dict(rows)}
    if name == "models" and second["active"] is None:
        return both | {k: v for k, v in first.items() if k in ("active", "model")}
    if name == "vendors":
        return {"batches": first["batches"] | second["batches"]}
    if name == "datasets":
        return both | {
            month: _both_files(first[month], second[month])
            for month in first.keys() & second.keys()
        }
    return both


def _both_files(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    if "lines_removed" not in first or "lines_removed" not in second:
        return first | second
    lines = first["lines_removed"] + second["lines_removed"]
    before = {"dataset_before": first["dataset_before"]}
    return first | second | before | {"lines_removed": lines}


def content_of(
    work: Forgetting, row: dict[str, Any], found: Found, details: dict[str, Any]
) -> dict[str, Any]:
    """Return the content of the receipt: ids, hashes and counts."""
    steps = {
        name: {k: v for k, v in detail.items() if k != "erasure"}
        for name, detail in details.items()
    }
    return {
        "scripts_named": json.loads(row["script_ids"]),
        "reason": row["reason"],
        "requested_by": row["requested_by"],
        "requested_at": row["requested_at"].isoformat(),
        "written_at_by_the_machine": work.machine_clock.now().isoformat(),
        "steps": steps,
        "found": found.listing(),
        "not_undone": _not_undone(found, steps),
        "erasure": found.erasure.as_json(),
    }


def _platform(post: Mapping[str, Any]) -> str:
    """Return the platform of a post, and all known names of the post there."""
    names = [post["platform_post_id"], post.get("permalink")]
    known = ", ".join(str(name) for name in names if name)
    platform = post["platform"]
    if platform in (None, "", _IMPORTED):
        platform = "a platform that its import does not name"
    return f"{platform} ({known})" if known else str(platform)


def _not_undone(found: Found, steps: dict[str, Any]) -> list[str]:
    """Return sentences about what this program cannot delete."""
    said = [
        (
            f"The post {post['post_id']} had a simulated audience; it was never out."
            if post.get("simulated")
            else f"The post {post['post_id']} is out on {_platform(post)}; "
            "it was not taken down."
        )
        for post in found.published
    ]
    answers = steps["vendors"]["batches"]
    said += [
        f"{one['vendor']} has {one['holds']}: {answer['not_deleted']}"
        for one in found.vendors
        if "not_deleted" in (answer := answers.get(one.get("batch"), {}))
    ]
    said += [
        f"{one['vendor']} was sent {one['holds']}; it has no call to delete them."
        for one in found.vendors
        if "batch" not in one
    ]
    for name in ("warehouse", "events"):
        said += [steps[name]["left"]] if "left" in steps[name] else []
    said.append("The library's own file, exports and backups were not touched.")
    return said
