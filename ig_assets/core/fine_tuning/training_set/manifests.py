"""Describes a month's training set and model for other tools, in public formats.

`croissant.json` is Croissant 1.1 (MLCommons): the files with their hashes, one record
per line, and the provenance of each example. `openlineage.jsonl` has OpenLineage run
events (2-0-2): which run made which set and model. Both contain ids and hashes from the
tables and no words of scripts. The same rows give the same bytes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ig_assets.core.fine_tuning.training_set.training_lines import as_json
from ig_assets.files import open_atomic, write_atomic
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

CROISSANT, EVENTS = "croissant.json", "openlineage.jsonl"
PAGE = "lineage.html"
"""File name of a month's lineage report, which is beside these files."""
URN = "urn:ig-assets"
RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_DECISIONS = "@decisions@"
_FACETS = "https://openlineage.io/spec/facets"

# The keys that the Croissant 1.1 specification lists for a JSON-LD context.
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "description": {"@container": "@language"},
    "name": {"@container": "@language"},
    "conformsTo": "dct:conformsTo",
    **{
        name: f"cr:{name}"
        for name in (
            *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty"),
            *("extract", "field", "fileObject", "fileProperty", "fileSet", "format"),
            *("includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
            *("parentField", "path", "recordSet", "references", "regex", "repeated"),
            *("replace", "samplingRate", "separator", "source", "subField"),
            "transform",
        )
    },
}

# Fields of a file's lines: name, key in the line, and JSON path below that key, applied
# to each member of a list. mlcroissant 1.1 cannot apply a path to a whole line.
_LINE_FIELDS = {
    "sft": (("messages", "messages", "$.content"),),
    "dpo": (
        ("prompt", "input", "$.messages[*].content"),
        ("preferred", "preferred_output", "$.content"),
        ("not_preferred", "non_preferred_output", "$.content"),
    ),
}
_LISTS = ("messages", "preferred", "not_preferred")
_EXAMPLE_FIELDS = (
    ("example_id", "sc:Text", None),
    ("kind", "sc:Text", None),
    ("split", "sc:Text", None),
    ("weight", "sc:Float", None),
    ("reason", "sc:Text", None),
    ("decision_ref", "sc:Text", "prov:wasGeneratedBy"),
    ("revision_hash", "sc:Text", "prov:wasDerivedFrom"),
)


def write_croissant(
    folder: Path,
    manifest: Mapping[str, Any],
    digest: str,
    decisions: Sequence[str],
    first_day_after: datetime,
) -> None:
    """Write `croissant.json` beside a manifest; remove it if there are no files.

    `manifest` has the fields of the folder's `manifest.json`, `digest` is that file's
    SHA-256, and `decisions` are the ids of its examples' decisions. `first_day_after`
    is the set's date of publication, the first day after its month. Raises OSError.
    """
    path = folder / CROISSANT
    if not manifest["files"]:
        path.unlink(missing_ok=True)
        return
    files = [
        _file(file["name"], "application/jsonlines", file["sha256"])
        for file in manifest["files"]
    ]
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": f"training-set-{manifest['month']}",
        "description": (
            f"Scripts that tests had decided on by the end of {manifest['month']}, as "
            "supervised examples and preference pairs."
        ),
        "identifier": manifest["dataset_hash"],
        "url": f"{URN}:dataset:{manifest['dataset_hash']}",
        "version": "1.0.0",
        "datePublished": f"{first_day_after:%Y-%m-%d}",
        "prov:wasDerivedFrom": [_DECISIONS],
        "distribution": [
            *files,
            _file("manifest.json", "application/json", digest),
        ],
        "recordSet": [
            *(_line_records(file["name"]) for file in manifest["files"]),
            _example_records(),
        ],
    }
    whole = json.dumps(described, indent=1, ensure_ascii=False) + "\n"
    before, after = whole.split(f'[\n  "{_DECISIONS}"\n ]')
    with open_atomic(path) as into:  # one by one, as there may be a million
        into.write(f"{before}[".encode())
        for number, decision in enumerate(decisions):
            found = as_json(f"{URN}:decision:{decision}")
            comma = "," if number else ""
            into.write(f'{comma}\n  {{\n   "@id": {found}\n  }}'.encode())
        closing = "\n ]" if decisions else "]"
        into.write(f"{closing}{after}".encode())


def _file(name: str, encoding: str, sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": encoding,
        "sha256": sha256,
    }


def _line_records(file: str) -> dict[str, Any]:
    """Return the record set of a file: one record per line, with its kind's fields."""
    name = Path(file).stem
    fields = _LINE_FIELDS[name.partition("_")[0]]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"The lines of {file}, in the order of the manifest's examples.",
        "field": [
            _field(f"{name}/{field}", field, "sc:Text", file, {"column": key}, path)
            | ({"repeated": True} if field in _LISTS else {})
            for field, key, path in fields
        ],
    }


def _example_records() -> dict[str, Any]:
    """Return the record set of the examples: weight, reason, decision and source."""
    return {
        "@type": "cr:RecordSet",
        "@id": "examples",
        "name": "examples",
        "description": "Each example with its weight, its decision and its source.",
        "key": {"@id": "examples/example_id"},
        "field": [
            _field(
                f"examples/{column}",
                column,
                kind,
                "manifest.json",
                {"jsonPath": f"$.examples[*].{column}"},
            )
            | ({} if meaning is None else {"equivalentProperty": meaning})
            for column, kind, meaning in _EXAMPLE_FIELDS
        ],
    }


def _field(
    id: str,
    name: str,
    kind: str,
    file: str,
    extract: Mapping[str, str],
    below: str | None = None,
) -> dict[str, Any]:
    """Return a field of a file; `below` is a JSON path within the extracted value."""
    source: dict[str, Any] = {"fileObject": {"@id": file}, "extract": dict(extract)}
    if below is not None:
        source["transform"] = {"jsonPath": below}
    return {
        "@type": "cr:Field",
        "@id": id,
        "name": name,
        "dataType": kind,
        "source": source,
    }


_SETS = """
SELECT d.dataset_hash, d.lines, d.created_at, e.run_id
FROM datasets AS d
LEFT JOIN (
    SELECT child_id, min(run_id) AS run_id
    FROM edges
    WHERE child_kind = 'dataset'
    GROUP BY child_id
) AS e ON e.child_id = d.dataset_hash
WHERE d.month = ? AND d.kind = 'all'
ORDER BY d.created_at, d.dataset_hash
"""

_MODELS = """
SELECT m.model_id, m.name, m.provider, m.base_model, m.created_at, j.job_id,
    j.dataset_hash, j.submitted_at, e.run_id
FROM models AS m
JOIN fine_tune_jobs AS j ON j.job_id = m.job_id
LEFT JOIN (
    SELECT child_id, min(run_id) AS run_id
    FROM edges
    WHERE child_kind = 'model' AND relation = 'made_by'
    GROUP BY child_id
) AS e ON e.child_id = m.model_id
WHERE j.month = ?
ORDER BY m.created_at, m.model_id
"""


def write_events(con: Connection, folder: Path, month: str) -> None:
    """Write `openlineage.jsonl`: start and end events of the runs of a month.

    It has a run for every set that the month ever had, and for every model trained on
    one. The file is removed if there is none. Raises OSError.
    """
    events: list[dict[str, Any]] = []
    for row in fetch_dicts(con, _SETS, [month]):
        made = _dataset("dataset", row["dataset_hash"]) | {
            "outputFacets": {
                "outputStatistics": _facet(
                    "1-0-2", "OutputStatisticsOutputDatasetFacet"
                )
                | {"rowCount": row["lines"]}
            }
        }
        inputs = [_dataset("table", f"training_examples/{month}")]
        run = _run(row["run_id"], "dataset", row["dataset_hash"])
        at = row["created_at"]
        events += _events("fine_tune_jsonl", run, at, at, inputs, [made])
    for row in fetch_dicts(con, _MODELS, [month]):
        inputs = [
            _dataset("dataset", row["dataset_hash"]),
            _dataset("base_model", f"{row['provider']}/{row['base_model']}"),
        ]
        run = _run(row["run_id"], "model", row["model_id"])
        begun, done = row["submitted_at"], row["created_at"]
        outputs = [_dataset("model", row["model_id"])]
        events += _events("fine_tuned_model", run, begun, done, inputs, outputs)
    path = folder / EVENTS
    if events:
        lines = (json.dumps(event, sort_keys=True) + "\n" for event in events)
        write_atomic(path, "".join(lines))
    else:
        path.unlink(missing_ok=True)


def _events(
    job: str,
    run: dict[str, Any],
    begun: datetime,
    done: datetime,
    inputs: Sequence[dict[str, Any]],
    outputs: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    return [
        {
            "eventType": kind,
            "eventTime": f"{at.isoformat()}Z",  # the tables' times are UTC
            "producer": URN,
            "schemaURL": RUN_EVENT,
            "run": run,
            "job": {"namespace": "ig_assets", "name": job},
            "inputs": list(inputs),
            "outputs": list(outputs),
        }
        for kind, at in (("START", begun), ("COMPLETE", max(begun, done)))
    ]


def _run(run_id: str | None, kind: str, made: str) -> dict[str, Any]:
    """Return the OpenLineage run; an id that is no UUID is replaced.

    The replacement is derived from `kind` and `made`, the output of the run.
    """
    try:
        known = str(uuid.UUID(run_id or ""))
    except ValueError:
        known = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{URN}:{kind}:{made}"))
    return {"runId": known}


def _dataset(kind: str, name: str) -> dict[str, Any]:
    return {"namespace": f"ig_assets.{kind}", "name": name}


def _facet(version: str, name: str) -> dict[str, Any]:
    return {
        "_producer": URN,
        "_schemaURL": f"{_FACETS}/{version}/{name}.json#/$defs/{name}",
    }
