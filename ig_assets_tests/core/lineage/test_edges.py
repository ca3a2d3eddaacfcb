from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

import ig_assets
from ig_assets.core.lineage.edges import Edge, record_edges, record_parents
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FineTuningFactory

EDGE = Edge("variant", "v1", "script", "s1", "retrieved")


def test_an_edge_keeps_its_first_run_and_time(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    with env.warehouse.transaction() as con:
        record_edges(con, [EDGE, EDGE], "first", datetime(2026, 1, 1))
        record_edges(con, [EDGE], "second", datetime(2026, 2, 1))
        record_edges(con, [], "third", datetime(2026, 2, 1))
    assert env.read("SELECT run_id, recorded_at FROM edges") == [
        {"run_id": "first", "recorded_at": datetime(2026, 1, 1)}
    ]


def test_a_kind_that_lineage_does_not_know_is_a_mistake(tmp_path: Path) -> None:
    env = FineTuningFactory(tmp_path)
    wrong = Edge("varient", "v1", "script", "s1", "retrieved")
    with pytest.raises(ValueError, match="varient"):
        with env.warehouse.transaction() as con:
            record_edges(con, [wrong], "run", datetime(2026, 1, 1))


def test_edges_to_many_parents_are_those_that_are_written_one_by_one(
    tmp_path: Path,
) -> None:
    env = FineTuningFactory(tmp_path)
    first, second = datetime(2026, 1, 1), datetime(2026, 2, 1)
    edges = [Edge("dataset", "d", "example", f"x{n}", "train") for n in range(3)]
    parents = [("x0", "train"), ("x2", "train"), ("x2", "train"), ("x2", "validation")]
    with env.warehouse.transaction() as con:
        record_edges(con, edges[:2], "first", first)
        record_parents(con, ("dataset", "d"), "example", parents, "second", second)
        record_parents(con, ("dataset", "other"), "example", [], "third", second)
    found = env.read("SELECT * EXCLUDE superseded_at FROM edges ORDER BY ALL")
    assert [(e["parent_id"], e["relation"], e["run_id"]) for e in found] == [
        ("x0", "train", "first"),
        ("x1", "train", "first"),
        ("x2", "train", "second"),
        ("x2", "validation", "second"),
    ]
    assert {(e["child_kind"], e["child_id"], e["parent_kind"]) for e in found} == {
        ("dataset", "d", "example")
    }
    assert found[-1]["recorded_at"] == second
    with pytest.raises(ValueError, match="exmple"):
        with env.warehouse.transaction() as con:
            record_parents(con, ("dataset", "d"), "exmple", parents, "run", first)


def test_edges_are_written_by_one_module() -> None:
    package = Path(ig_assets.__file__).parent
    writers = [
        str(file.relative_to(package))
        for file in sorted(package.rglob("*.py"))
        if re.search(
            r"""(merge_rows|insert_row)\(\s*con,\s*"edges"|INTO edges""",
            file.read_text(encoding="utf-8"),
        )
    ]
    assert writers == ["core/lineage/edges.py"]
