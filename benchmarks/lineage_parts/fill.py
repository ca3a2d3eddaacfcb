"""Fills a warehouse with scripts, variants, training sets and models, by SQL.

Of N scripts each has a vector and an entry of the index, is in the prompt of four
variants and in two training lines, each with an edge to the script and one to its
revision; a model learns from the lines of 10,000 scripts or a tenth of all, whichever
is less.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from hashlib import md5

from ig_assets.core.identity import stable_id
from ig_assets.core.lineage.model_scripts import record_models
from ig_assets.warehouse.warehouse import Warehouse

NOW = "TIMESTAMP '2026-01-31'"


def main() -> None:
    """Write the file, print what is in it."""
    file, scripts = sys.argv[1], int(sys.argv[2])
    of_model = min(10_000, scripts // 10)
    models = scripts // of_model
    warehouse = Warehouse(f"duckdb:///{file}", lambda: datetime(2026, 2, 1))
    with warehouse.transaction() as con:
        for statement in statements(scripts, of_model, models):
            con.execute(statement)
        record_models(con, *(model_id(i) for i in range(models)))
        [(edges,)] = con.execute("SELECT count(*) FROM edges").fetchall()
    warehouse.close()
    print(json.dumps({"scripts": scripts, "edges": edges, "of_model": of_model}))


def model_id(number: int) -> str:
    """The id of a model, by which the report of its month finds it."""
    return stable_id("model", md5(f"job{number}".encode()).hexdigest())


def edge(child: str, parent: str, relation: str, count: int) -> str:
    """Insert `count` edges; `child` and `parent` are 'kind id-expression of i'."""
    ends = []
    for end in (child, parent):
        kind, _, expression = end.partition(" ")
        ends.append(f"'{kind}', {expression}")
    return (
        "INSERT INTO edges (child_kind, child_id, parent_kind, parent_id, relation, "
        f"run_id, recorded_at) SELECT {', '.join(ends)}, '{relation}', "
        f"md5('run' || (i // 100000)), {NOW} FROM range({count}) AS t(i)"
    )


def statements(scripts: int, of_model: int, models: int) -> list[str]:
    """The rows and the edges."""
    words = f"{{0}} % {scripts}"
    ids = ", ".join(f"'{model_id(i)}'" for i in range(models))
    made = f"[{ids}][i + 1]"
    return [
        "INSERT INTO scripts (script_id, revision_hash, origin, author, topic, "
        "hook_style, hook, text, simulated, first_seen_at) "
        "SELECT 'library/' || i, md5('words' || i), 'library', 'author ' || i % 50, "
        "'topic ' || i % 900, 'question', 'first words of ' || i, 'words of ' || i, "
        f"FALSE, {NOW} FROM range({scripts}) AS t(i)",
        "INSERT INTO embeddings (content_hash, model, dimensions, created_at) "
        f"SELECT md5('words' || i), 'small', 384, {NOW} FROM range({scripts}) AS t(i)",
        "INSERT INTO index_entries (index_name, namespace, script_id, revision_hash, "
        "upserted_at) SELECT 'local', 'small', 'library/' || i, md5('words' || i), "
        f"{NOW} FROM range({scripts}) AS t(i)",
        "INSERT INTO training_examples (month, example_id, kind, split, weight, "
        "reason, script_id, revision_hash, decision_ref, simulated, completion, "
        "prompt) "
        f"SELECT 'm' || (i // {2 * of_model}), md5('line' || i), "
        "CASE i % 2 WHEN 0 THEN 'sft' ELSE 'dpo' END, 'train', 0.5, 'winner', "
        "'library/' || (i // 2), md5('words' || (i // 2)), md5('test' || (i // 2)), "
        f"FALSE, 'c', 'p' FROM range({2 * scripts}) AS t(i)",
        "INSERT INTO datasets (dataset_hash, month, kind, lines, created_at) "
        f"SELECT md5('set' || i), 'm' || i, 'all', {2 * of_model}, {NOW} "
        f"FROM range({models}) AS t(i)",
        "INSERT INTO fine_tune_jobs (job_id, month, provider, dataset_hash, "
        "base_model, status, model_name, submitted_at) "
        "SELECT md5('job' || i), 'm' || i, 'openai', "
        f"md5('set' || i), 'base', 'succeeded', 'model ' || i, {NOW} "
        f"FROM range({models}) AS t(i)",
        "INSERT INTO models (model_id, job_id, provider, name, base_model, created_at) "
        f"SELECT {made}, md5('job' || i), 'openai', 'model ' || i, 'base', "
        f"{NOW} FROM range({models}) AS t(i)",
        "INSERT INTO model_events (model_id, changed_at, status, reason) "
        f"SELECT {made}, {NOW}, 'candidate', 'made up' "
        f"FROM range({models}) AS t(i)",
        edge(
            "variant md5('variant' || (i // 4))",
            f"script 'library/' || {words.format('i * 7919')}",
            "retrieved",
            4 * scripts,
        ),
        edge(
            "example md5('line' || i)",
            "script 'library/' || (i // 2)",
            "chosen",
            2 * scripts,
        ),
        edge(
            "example md5('line' || i)",
            "revision md5('words' || (i // 2))",
            "chosen",
            2 * scripts,
        ),
        edge(
            f"dataset md5('set' || (i // {2 * of_model}))",
            "example md5('line' || i)",
            "train",
            2 * scripts,
        ),
        edge("job md5('job' || i)", "dataset md5('set' || i)", "trains_on", models),
        edge(f"model {made}", "job md5('job' || i)", "made_by", models),
    ]


if __name__ == "__main__":
    main()
