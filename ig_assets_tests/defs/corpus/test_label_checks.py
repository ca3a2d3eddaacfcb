"""Checks of a library's labels: what they list, and that they only warn."""

from __future__ import annotations

import dagster as dg

from ig_assets_tests.defs.ticking import DagsterEnv


def relabelled(dagster_env: DagsterEnv, name: str, old: str, new: str) -> None:
    path = dagster_env.add_script(name)
    path.write_text(path.read_text().replace(old, new))


def test_a_library_with_known_labels_passes(dagster_env: DagsterEnv) -> None:
    dagster_env.add_script("herbs")
    assert dagster_env.materialise("raw_scripts").success
    for name in ("hook_styles_are_known", "languages_are_tags"):
        assert dagster_env.check("raw_scripts", name).passed


def test_a_slip_in_a_style_is_a_warning_with_what_it_looks_like(
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.add_script("herbs")
    relabelled(dagster_env, "bread", "hook_style: question", "hook_style: Questoin")
    assert dagster_env.materialise("raw_scripts").success
    evaluation = dagster_env.check("raw_scripts", "hook_styles_are_known")
    assert not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.WARN
    sample = evaluation.metadata["sample"]
    assert isinstance(sample, dg.TableMetadataValue)
    [record] = sample.records
    assert record.data["hook_style"] == "questoin"
    assert record.data["looks_like"] == "question"


def test_a_language_that_is_none_is_a_warning_and_the_script_is_there(
    dagster_env: DagsterEnv,
) -> None:
    relabelled(dagster_env, "herbs", "language: en", "language: Klingon")
    relabelled(dagster_env, "bread", "language: en", "language: EN-gb")
    done = dagster_env.materialise("raw_scripts")
    assert done.success
    assert dagster_env.check("raw_scripts", "no_rejected_scripts").passed
    evaluation = dagster_env.check("raw_scripts", "languages_are_tags")
    assert not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.WARN
    assert evaluation.metadata["without_language"].value == 1
    assert dagster_env.rows("SELECT script_id, language FROM scripts ORDER BY 1") == [
        {"script_id": "library/bread", "language": "en-GB"},
        {"script_id": "library/herbs", "language": None},
    ]
