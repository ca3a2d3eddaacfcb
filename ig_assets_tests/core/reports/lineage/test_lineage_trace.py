from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ig_assets.adapters.simulated.few_shot_trainer import FewShotTrainer
from ig_assets.core.fine_tuning.jobs.register import register_model
from ig_assets.core.fine_tuning.jobs.submit import submit_job
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.models.few_shot import choose_for_month
from ig_assets.core.models.registry import ModelRow
from ig_assets.core.reports.lineage.answer import (
    answer_lineage,
    one_thing,
    subject_of,
)
from ig_assets.core.reports.lineage.names import (
    model_named,
    resolve,
    script_named,
    within,
)
from ig_assets.core.reports.lineage.trace import (
    TraceRow,
    scripts_behind_model,
    trace,
)
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    DIMENSIONS,
    MODEL,
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.training_set.built_sets import filled, write
from ig_assets_tests.core.fine_tuning.training_set.built_sets import build


def edges(env: FineTuningFactory, *lines: str, relation: str = "from") -> None:
    """'variant v1 < script s1' says that v1 came from s1."""
    parsed = []
    for line in lines:
        child, parent = (part.split() for part in line.split(" < "))
        parsed.append(Edge(child[0], child[1], parent[0], parent[1], relation))
    with env.warehouse.transaction() as con:
        record_edges(con, parsed, "run", env.clock.now())


def walk(
    env: FineTuningFactory, kind: str, id: str, way: str, depth: int | None = None
) -> list[TraceRow]:
    with env.warehouse.transaction() as con:
        return trace(con, kind, id, way, depth)


def trained_model(tmp_path: Path) -> tuple[FineTuningFactory, ModelRow]:
    env = FineTuningFactory(tmp_path)
    for name in ("h1", "h2", "h3"):
        env.imported(name)
    dataset = filled(env)
    trainer = FewShotTrainer(
        tmp_path / "trainer",
        lambda request: choose_for_month(
            env.warehouse, request.month, 2, MODEL, DIMENSIONS
        ),
        "qwen",
    )
    submit_job(env.warehouse, env.clock, trainer, MONTH, dataset, 7, "run")
    model = register_model(env.warehouse, env.clock, MONTH, "run")
    assert model is not None
    return env, model


@pytest.fixture
def env(tmp_path: Path) -> FineTuningFactory:
    return FineTuningFactory(tmp_path)


def test_lineage_goes_up_and_down_and_each_edge_comes_once(
    env: FineTuningFactory,
) -> None:
    edges(
        env,
        "variant v1 < script s1",
        "variant v1 < script s2",
        "example x1 < variant v1",
        "example x2 < variant v1",
        "dataset d1 < example x1",
        "dataset d1 < example x2",
    )
    up = walk(env, "dataset", "d1", "up")
    assert [(r.depth, r.id, r.via_id) for r in up] == [
        (1, "x1", "d1"),
        (1, "x2", "d1"),
        (2, "v1", "x1"),
        (2, "v1", "x2"),
        (3, "s1", "v1"),
        (3, "s2", "v1"),
    ]
    down = walk(env, "script", "s2", "down")
    assert [(r.depth, r.id) for r in down] == [
        (1, "v1"),
        (2, "x1"),
        (2, "x2"),
        (3, "d1"),
        (3, "d1"),
    ]
    assert [r.depth for r in walk(env, "script", "s2", "down", depth=1)] == [1]


def test_a_circle_of_edges_ends(env: FineTuningFactory) -> None:
    edges(env, "script a < script b", "script b < script a")
    rows = walk(env, "script", "a", "up", depth=50)
    assert [(r.depth, r.id) for r in rows] == [(1, "b"), (2, "a")]


def test_no_step_is_left_out_unless_a_person_asks_for_fewer(
    env: FineTuningFactory,
) -> None:
    edges(env, *(f"script s{n} < script s{n + 1}" for n in range(30)))
    assert walk(env, "script", "s0", "up")[-1].id == "s30"
    assert walk(env, "script", "s0", "up", depth=12)[-1].id == "s12"


def test_a_decision_is_its_experiment(env: FineTuningFactory) -> None:
    edges(env, "example x1 < experiment e1")
    for child, parent in (
        (("decision", "e1"), ("post", "p1")),
        (("script", "winner/v1"), ("decision", "e1")),
    ):
        env.write(
            "edges",
            {
                "child_kind": child[0],
                "child_id": child[1],
                "parent_kind": parent[0],
                "parent_id": parent[1],
                "relation": "decided_on",
            },
        )
    up = walk(env, "example", "x1", "up")
    assert [(r.kind, r.id) for r in up] == [("experiment", "e1"), ("post", "p1")]
    down = walk(env, "experiment", "e1", "down")
    assert {r.id for r in down} == {"x1", "winner/v1"}


def test_a_direction_that_does_not_exist_is_said(env: FineTuningFactory) -> None:
    with pytest.raises(InputError, match="'up' or 'down'"):
        walk(env, "script", "s1", "sideways")


def test_a_model_leads_to_the_scripts_that_fed_it_and_back(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    up = walk(env, "model", model.model_id, "up")
    assert {"s-h1-a", "s-h1-b", "e1-a", "e1-b", "h1", "e1"} <= {r.id for r in up}
    down = walk(env, "script", "s-h1-a", "down")
    assert ("model", model.model_id) in {(r.kind, r.id) for r in down}


@pytest.mark.parametrize(
    ("settings", "artifact", "kinds"),
    [
        ('{"seed": 7, "method": "sft"}', None, {"sft"}),
        ('{"seed": 7, "method": "dpo"}', None, {"dpo"}),
        ('{"seed": 7}', None, {"sft"}),
        ('{"seed": 7}', '{"kind": "lora"}', {"sft", "dpo"}),
    ],
)
def test_a_model_learnt_from_lines_of_the_kinds_that_its_trainer_took(
    tmp_path: Path, settings: str, artifact: str | None, kinds: set[str]
) -> None:
    env, model = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        con.execute("UPDATE models SET artifact = ?", [artifact])
        con.execute("UPDATE fine_tune_jobs SET hyperparameters = ?", [settings])
        behind = scripts_behind_model(con, model.model_id)
    train = [one for one in behind if one.split == "train"]
    assert {one.kind for one in train} == {"sft", "dpo"}
    assert {one.kind for one in train if one.in_model} == kinds
    assert all(one.in_model == (one.kind in kinds) for one in train)


def test_a_forgotten_pair_was_learnt_only_by_a_trainer_of_pairs(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    [pair] = env.read(
        "SELECT month, example_id, kind, split FROM training_examples "
        "WHERE kind = 'dpo' AND split = 'train' ORDER BY example_id LIMIT 1"
    )
    env.write("forgotten_examples", pair | {"forgotten_at": datetime(2026, 5, 1)})
    for settings, learnt in (('{"method": "sft"}', False), ('{"method": "dpo"}', True)):
        with env.warehouse.transaction() as con:
            con.execute("UPDATE models SET artifact = NULL")
            con.execute("UPDATE fine_tune_jobs SET hyperparameters = ?", [settings])
            con.execute(
                "DELETE FROM training_examples WHERE example_id = ?",
                [pair["example_id"]],
            )
            behind = scripts_behind_model(con, model.model_id)
        [gone] = [b for b in behind if b.example_id == pair["example_id"]]
        assert (gone.kind, gone.in_model) == (None, learnt)


def test_each_example_behind_a_model_has_weight_reason_decision_and_split(
    tmp_path: Path,
) -> None:
    env, model = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        behind = scripts_behind_model(con, model.model_id)
    assert len(behind) == 18
    assert [b.weight for b in behind] == sorted(
        (b.weight or 0.0 for b in behind), reverse=True
    )
    assert {b.script_id for b in behind if b.decision == "winner" and b.script_id} == {
        "s-h1-a",
        "s-h2-a",
        "s-h3-a",
    }
    one = next(b for b in behind if b.experiment_id == "e1" and b.kind == "sft")
    assert (one.variant_id, one.weight, one.lift, one.log_e) == (
        "e1-a",
        0.5,
        0.32,
        4.394,
    )
    assert one.reason == "winner: +32 % over b, e=81"
    assert model.artifact is not None
    shown = {b.example_id for b in behind if b.in_model}
    assert shown == set(model.artifact["example_ids"])
    assert all(b.split == "train" for b in behind if b.in_model)


def test_what_was_forgotten_since_is_still_named_by_its_id(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    env.forget("s-h1-a")
    build(env)
    write(env)
    with env.warehouse.transaction() as con:
        behind = scripts_behind_model(con, model.model_id)
    gone = [b for b in behind if b.reason == "gone: forgotten since"]
    assert len(behind) == 18 and len(gone) == 2
    assert {b.script_id for b in gone} == {"s-h1-a"}
    assert {b.weight for b in gone} == {None}


def test_any_file_of_a_training_set_names_the_whole_set_of_its_month(
    tmp_path: Path,
) -> None:
    env, _ = trained_model(tmp_path)
    [row] = env.read("SELECT * FROM datasets WHERE kind = 'all'")
    [train] = env.read("SELECT * FROM datasets WHERE kind = 'sft' AND split = 'train'")
    folder = Path(row["path"])
    later = {**row, "month": "2099-01", "dataset_hash": "later"}
    env.write("datasets", {**later, "path": f"{folder.parent}/2099-01"})
    same = {**train, "month": "2099-01", "path": f"{folder.parent}/2099-01/x.jsonl"}
    env.write("datasets", same)
    wanted = ("dataset", row["dataset_hash"])
    files = ("sft_train.jsonl", "dpo_validation.jsonl", "manifest.json", "lineage.html")
    with env.warehouse.transaction() as con:
        for file in (*files, "croissant.json", "openlineage.jsonl", ""):
            inside = f"{folder.parent.name}/{MONTH}/{file}"
            for name in (f"{folder}/{file}", inside, f"./{inside}"):
                assert resolve(con, name) == wanted
                assert resolve(con, name, "dataset") == wanted
            assert within(folder.parents[1], f"{folder}/{file}") == inside.rstrip("/")
        assert resolve(con, "2099-01/sft_train.jsonl") == ("dataset", "later")
        with pytest.raises(InputError, match="may be one of: dataset"):
            resolve(con, "sft_train.jsonl")
        with pytest.raises(InputError, match="Nothing is called"):
            resolve(con, f"elsewhere/{folder.parent.name}/2098-01/manifest.json")
    assert within(folder, "knife.md") == "knife.md"
    assert within(folder, "/elsewhere/knife.md") == "/elsewhere/knife.md"


def test_a_user_may_name_things_by_month_name_id_or_prefix(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    job_id = model.job_id
    assert job_id is not None
    with env.warehouse.transaction() as con:
        wanted = ("model", model.model_id)
        assert resolve(con, MONTH) == wanted
        assert resolve(con, model.name) == wanted
        assert resolve(con, f" {model.model_id} ") == wanted
        assert resolve(con, model.model_id[:10]) == wanted
        assert resolve(con, "s-h1-a") == ("script", "s-h1-a")
        assert resolve(con, "e1-a") == ("variant", "e1-a")
        assert resolve(con, "p-e1-a") == ("post", "p-e1-a")
        assert resolve(con, "e1") == ("experiment", "e1")
        assert resolve(con, job_id) == ("job", job_id)
        con.execute(
            "UPDATE scripts SET author = 'Mara', topic = 'sharp knives', "
            "source_uri = 'file:///past/Knife Edge.md' WHERE script_id = 's-h2-a'"
        )
        for name in ("mara", "Sharp knives", "knife edge.md", "Knife Edge"):
            assert resolve(con, name) == ("script", "s-h2-a")
        with pytest.raises(InputError, match="script s-h1-a, script s-h1-b"):
            resolve(con, "s-h1-")
        with pytest.raises(InputError, match="Nothing is called 's-h'"):
            resolve(con, "s-h")
        with pytest.raises(InputError, match="2025-01 has neither"):
            resolve(con, "2025-01")


def test_each_id_that_the_tree_prints_can_be_asked_for(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    env.write("topics", {"month": MONTH, "topic_id": "t0piccc1", "topic": "knives"})
    env.write(
        "drafts",
        {"variant_id": "v-new", "topic_id": "t0piccc1", "prompt_hash": "pr0mpt"},
    )
    gone = {"month": MONTH, "example_id": "ex-gone", "request_id": "r"}
    env.write("forgotten_examples", {**gone, "forgotten_at": datetime(2031, 5, 6)})
    env.write("forget_requests", {"request_id": "r", "number": 3})
    env.write("experiments", {"experiment_id": "e-their", "intent_key": "Spring Test"})
    env.write(
        "evidence",
        {
            **{"experiment_id": "e-their", "arm_a": "a", "arm_b": "b"},
            "data_through": datetime(2031, 5, 6),
        },
    )
    env.write(
        "decisions",
        {
            **{"experiment_id": "e-their", "decision": "winner"},
            **{"decided_at": datetime(2031, 5, 6)},
            "data_through": datetime(2031, 5, 6),
        },
    )
    edges(env, "example ex-old < script s-old")
    with env.warehouse.transaction() as con:
        for name, wanted in {
            "t0piccc1": ("topic", "t0piccc1"),
            "t0pic": ("topic", "t0piccc1"),
            "pr0mpt": ("prompt", "pr0mpt"),
            "pr0m": ("prompt", "pr0mpt"),
            "ex-gone": ("example", "ex-gone"),
            "ex-old": ("example", "ex-old"),
            "s-old": ("script", "s-old"),
            "e-their 2031-05-06T00:00:00": (
                "evidence",
                "e-their 2031-05-06T00:00:00",
            ),
            "spring test": ("experiment", "e-their"),
            "e-th": ("experiment", "e-their"),
        }.items():
            assert resolve(con, name) == wanted
            assert resolve(con, name, wanted[0]) == wanted
            assert subject_of(con, [wanted[0], *name.split()]).nodes == (wanted,)
        assert resolve(con, "e-th", "evidence")[0] == "evidence"
        assert resolve(con, model.name, "model") == ("model", model.model_id)
        answer = answer_lineage(con, one_thing(con, "ex-gone"), ("up",))
        assert answer.sentence == "Forgotten on 2031-05-06 (receipt 3)."
        assert subject_of(con, ["t0pic"]).nodes == (("topic", "t0piccc1"),)


def test_a_script_is_named_by_its_own_id_its_table_or_the_beginning_of_its_name(
    env: FineTuningFactory,
) -> None:
    for script_id, uri in (
        ("library/r1", "past/rows.csv#r1"),
        ("library/r2", "past/rows.csv#r2"),
        ("library/other#3", "past/other.csv#3"),
        ("library/knife-mug-edge", "knife-mug-edge.md"),
    ):
        row = {"script_id": script_id, "source_uri": uri, "author": "Mara"}
        env.write("scripts", {**row, "revision_hash": script_id})
    with env.warehouse.transaction() as con:
        for name in ("r1", "R1", "rows.csv#r1", "past/rows.csv#r1"):
            assert resolve(con, name, "script") == ("script", "library/r1")
            assert script_named(con, name) == "library/r1"
        for name in ("3", "other.csv"):
            assert resolve(con, name) == ("script", "library/other#3")
        for name in ("knife", "knife-mug-edge", "library/kni"):
            assert resolve(con, name, "script") == ("script", "library/knife-mug-edge")
            assert script_named(con, name) == "library/knife-mug-edge"
        with pytest.raises(InputError, match="script library/r1, script library/r2"):
            resolve(con, "rows.csv")
        both = r"rows\.csv has 2 scripts \(library/r1, library/r2\); name them"
        with pytest.raises(InputError, match=both):
            script_named(con, "rows.csv")
        with pytest.raises(InputError, match="no script 'mara'"):
            script_named(con, "mara")
        assert len(subject_of(con, ["author", "mara"]).nodes) == 4


def test_a_model_is_named_by_its_id_its_beginning_or_its_name(tmp_path: Path) -> None:
    env, model = trained_model(tmp_path)
    with env.warehouse.transaction() as con:
        for name in (model.model_id, model.model_id[:6], model.name):
            assert model_named(con, name) == model.model_id
        with pytest.raises(InputError, match="no model 'zzzz' in the registry"):
            model_named(con, "zzzz")
        other = f"{model.model_id}0"
        con.execute("INSERT INTO models (model_id, name) VALUES (?, 'x')", [other])
        assert model_named(con, model.model_id) == model.model_id
        listed = f"model {model.model_id}, model {other}"
        with pytest.raises(InputError, match=listed):
            model_named(con, model.model_id[:6])
