"""Writes training lines to Metaxy's Delta store and asks for them in both directions.

Metaxy keeps, of a row, one hash of the versions of its parents' rows (its provenance),
not which rows they were; what a model was made of can be read only where the rows of
its lines have the script and the model as columns of the user's own. That is asked
here: one step, no words, no evidence, no weight. With `metaxy[delta]` 0.1.11: its
DuckDB store loads the extension `hashfuncs` from the network when it opens, whatever
the hash, so it is not taken here.
"""

from __future__ import annotations

import json
import sys
import time

import metaxy as mx
import narwhals as nw
import polars as pl
from metaxy.ext.polars.handlers.delta import DeltaMetadataStore

ROUNDS = 9


class Script(
    mx.BaseFeature,
    spec=mx.FeatureSpec(key="script", id_columns=["script_id"], fields=["text"]),
):
    """A script's text."""

    script_id: str


class Line(
    mx.BaseFeature,
    spec=mx.FeatureSpec(
        key="line",
        id_columns=["script_id", "line_id"],
        fields=["default"],
        deps=[
            mx.FeatureDep(
                feature=Script, lineage=mx.LineageRelationship.expansion(["script_id"])
            )
        ],
    ),
):
    """A training line of a script, with the model that it went to."""

    script_id: str
    line_id: str
    model_id: str


def rows(first: int, last: int, of_model: int) -> pl.DataFrame:
    """Two lines of each script; a model has `of_model` scripts."""
    numbers = [n for n in range(first, last) for _ in range(2)]
    return pl.DataFrame(
        {
            "script_id": [f"library/{n}" for n in numbers],
            "line_id": [f"line {n} {i % 2}" for i, n in enumerate(numbers)],
            "model_id": [f"model{n // of_model}" for n in numbers],
            "metaxy_provenance_by_field": [{"default": f"{n:032x}"} for n in numbers],
        }
    )


def main() -> None:
    """Write, ask some times each, print CPU seconds."""
    folder, scripts, of_model = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    mx.init()
    store = DeltaMetadataStore(
        f"{folder}/metaxy",
        hash_algorithm=mx.HashAlgorithm.MD5,
        auto_create_tables=True,
    )
    with store.open("w"):
        for first in range(0, scripts, 100_000):
            last = min(first + 100_000, scripts)
            store.write(Line, rows(first, last, of_model))
    found: dict[str, list[float]] = {
        "ids: scripts of a model": [],
        "ids: models of a script": [],
    }
    with store.open():
        for _ in range(ROUNDS):
            for question, column, wanted, count in (
                ("ids: scripts of a model", "model_id", "model1", 2 * of_model),
                ("ids: models of a script", "script_id", f"library/{of_model + 1}", 2),
            ):
                begun = time.process_time()
                read = store.read(
                    Line,
                    filters=[nw.col(column) == wanted],
                    columns=["script_id", "model_id"],
                )
                got = read.collect()
                found[question].append(time.process_time() - begun)
                assert len(got) == count, (question, len(got))
    print(json.dumps({"lines": 2 * scripts, **found}))


if __name__ == "__main__":
    main()
