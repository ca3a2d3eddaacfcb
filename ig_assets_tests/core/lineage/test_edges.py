from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

import ig_assets
from ig_assets.core.lineage.edges import Edge, record_edges
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
