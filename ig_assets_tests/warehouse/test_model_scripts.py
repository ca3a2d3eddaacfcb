"""Which scripts fed a model is known on every home, and after its migration there."""

from __future__ import annotations

import pytest

from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.lineage.model_scripts import (
    model_ids_of_script,
    record_models,
    record_scripts,
    script_counts,
    script_ids_of_model,
)
from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.warehouse.conftest import HOMES, NOW, MakeHome

EDGES = (
    Edge("model", "m", "job", "j", "made_by"),
    Edge("job", "j", "dataset", "d", "trains_on"),
    Edge("dataset", "d", "example", "e", "train"),
    Edge("example", "e", "script", "s1", "chosen"),
    Edge("example", "e", "revision", "lost", "rejected"),
)


@pytest.mark.parametrize("kind", HOMES)
def test_a_home_knows_which_scripts_fed_a_model(
    kind: str, make_new_home: MakeHome
) -> None:
    home = make_new_home(kind)
    with home.transaction() as con:
        record_edges(con, EDGES, "run", NOW)
        merge_rows(con, "scripts", [{"script_id": "s2", "revision_hash": "lost"}])
        arm = {"model_id": "ranker/r", "post_id": "p", "script_id": "s1"}
        merge_rows(con, "ranker_arms", [arm | {"revision_hash": "lost"}])
        record_models(con, "m", "ranker/r")
        record_models(con, "m")
    with home.transaction() as con:
        assert script_ids_of_model(con, "m") == ["s1", "s2"]
        merge_rows(con, "scripts", [{"script_id": "s3", "revision_hash": "lost"}])
        record_scripts(con, ["s2", "s3"])
        assert model_ids_of_script(con, "s3") == ["m", "ranker/r"]
        assert script_counts(con) == {"m": 3, "ranker/r": 3}
    with home.transaction() as con:
        con.execute("DROP TABLE model_scripts")
    [statements] = [sql for number, _, sql in MIGRATIONS if number == 39]
    with home.transaction() as con:
        for statement in statements.split(";"):
            con.execute(statement)
        assert script_ids_of_model(con, "m") == ["s1", "s2", "s3"]
        assert model_ids_of_script(con, "s1") == ["m", "ranker/r"]
    home.close()
