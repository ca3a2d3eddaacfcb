"""The Batch API behind the definitions: submitted by a run, collected by a sensor."""

from __future__ import annotations

import json
from collections.abc import Iterator

import dagster as dg
import pytest
from typer.testing import CliRunner

from ig_assets_tests.core.corpus.embedding.batch_api.batch_factory import (
    DIMENSIONS,
    KEY,
)
from ig_assets_tests.defs.ticking import DagsterEnv
from ig_assets_tests.stand_ins.openai_batches import BatchStandIn

SENSOR = "embedding_batch_sensor"
CHECK = "embedding_batches_bring_vectors"


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchStandIn]:
    """The stand-in, where the settings say that OpenAI is, with batches switched on."""
    with BatchStandIn() as running:
        monkeypatch.setenv("IG_EMBEDDER", "openai")
        monkeypatch.setenv("IG_BATCH", "1")
        monkeypatch.setenv("IG_OPENAI_EMBEDDING_DIMENSIONS", str(DIMENSIONS))
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        yield running


def submitted(dagster_env: DagsterEnv) -> None:
    """Two scripts under way."""
    for name in ("herbs", "bread"):
        dagster_env.add_script(name)
    assert dagster_env.run("sync_corpus").success


def vectors(dagster_env: DagsterEnv) -> int:
    return len(dagster_env.rows("SELECT content_hash FROM embeddings"))


def test_a_run_ends_well_and_says_how_many_texts_are_under_way(
    dagster_env: DagsterEnv, vendor: BatchStandIn
) -> None:
    for name in ("herbs", "bread"):
        dagster_env.add_script(name)
    done = dagster_env.run("sync_corpus")
    assert done.success
    [made] = done.asset_materializations_for_node("script_embeddings")
    assert made.metadata["under_way"].value == 2
    assert str(made.metadata["waiting"].value).startswith("2 texts are under way")
    passed = {e.check_name: e.passed for e in done.get_asset_check_evaluations()}
    assert passed["index_equals_corpus"], "what waits for a vector is not missing"
    assert vectors(dagster_env) == 0


def test_the_sensor_starts_one_run_when_a_batch_has_ended(
    dagster_env: DagsterEnv, vendor: BatchStandIn
) -> None:
    assert dagster_env.sensor(SENSOR).skip_message == "No embedding batch is under way."
    assert vendor.asked == []
    submitted(dagster_env)
    assert dagster_env.sensor(SENSOR).skip_message == (
        "1 embedding batches are under way, none has ended."
    )
    vendor.end()
    [request] = dagster_env.sensor(SENSOR).run_requests
    assert request.tags["ig/embedding_batches"] == "1"

    assert dagster_env.run("collect_embeddings").success

    assert vectors(dagster_env) == 2
    assert len(dagster_env.rows("SELECT script_id FROM index_entries")) == 2
    assert dagster_env.sensor(SENSOR).run_requests == []
    assert set(vendor.texts().values()) == {1}


def test_a_batch_that_cannot_be_collected_waits_for_the_next_tick(
    dagster_env: DagsterEnv, vendor: BatchStandIn
) -> None:
    submitted(dagster_env)
    vendor.end()
    assert len(dagster_env.sensor(SENSOR).run_requests) == 1
    vendor.lacks = {"/v1/batches"}
    assert not dagster_env.run("collect_embeddings").success
    vendor.lacks = set()
    assert len(dagster_env.sensor(SENSOR).run_requests) == 1
    assert dagster_env.run("collect_embeddings").success
    assert vectors(dagster_env) == 2


def test_a_vendor_that_is_down_is_skipped_with_a_sentence(
    dagster_env: DagsterEnv, vendor: BatchStandIn
) -> None:
    submitted(dagster_env)
    vendor.is_down = True
    assert (
        dagster_env.sensor(SENSOR).skip_message == "openai answered 503 (overloaded)."
    )


def test_batches_are_collected_even_when_they_are_switched_off(
    dagster_env: DagsterEnv, vendor: BatchStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(dagster_env)
    vendor.end()
    monkeypatch.delenv("IG_BATCH")
    assert len(dagster_env.sensor(SENSOR).run_requests) == 1
    assert dagster_env.run("collect_embeddings").success
    assert vectors(dagster_env) == 2
    assert ("POST", "/v1/embeddings") not in vendor.asked


def test_without_a_key_the_sensor_says_what_it_needs(
    dagster_env: DagsterEnv, vendor: BatchStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(dagster_env)
    for name in ("IG_BATCH", "IG_EMBEDDER", "OPENAI_API_KEY"):
        monkeypatch.delenv(name)
    assert "OPENAI_API_KEY" in str(dagster_env.sensor(SENSOR).skip_message)


def test_a_rejected_text_is_shown_with_its_reason(
    dagster_env: DagsterEnv, vendor: BatchStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_EMBED_BATCH", "1")
    submitted(dagster_env)
    vendor.end(
        fate=lambda line: "refused" if "herbs" in line["body"]["input"][0] else "done"
    )
    done = dagster_env.run("collect_embeddings")
    [made] = done.asset_materializations_for_node("script_embeddings")
    assert made.metadata["rejected"].value == 1
    rejects = made.metadata["rejects"]
    assert isinstance(rejects, dg.TableMetadataValue)
    [record] = rejects.records
    assert record.data["reason"] == "answered 400 (invalid_value)"


def test_a_refused_account_fails_the_run_and_no_sensor_sends_it_again(
    dagster_env: DagsterEnv, vendor: BatchStandIn
) -> None:
    submitted(dagster_env)
    vendor.end("failed", code="billing_hard_limit_reached")
    [request] = dagster_env.sensor(SENSOR).run_requests
    for _ in range(2):
        failed = dagster_env.run("collect_embeddings", tags=request.tags)
        assert not failed.success and len(vendor.batches) == 1
    [step] = [e for e in failed.all_events if e.is_step_failure]
    assert step.step_failure_data.user_failure_data is not None
    message = str(step.step_failure_data.user_failure_data.description)
    assert "billing_hard_limit_reached: the account's spend limit is reached" in message
    skipped = str(dagster_env.sensor(SENSOR).skip_message)
    assert (
        skipped.startswith("No embedding batch is under way. ") and message in skipped
    )
    check = dagster_env.check("script_embeddings", CHECK)
    assert not check.passed and check.description == message
    assert check.severity == dg.AssetCheckSeverity.WARN

    assert dagster_env.run("sync_corpus").success, "a person runs it"

    assert len(vendor.batches) == 2
    check = dagster_env.check("script_embeddings", CHECK)
    assert check.passed
    assert check.metadata["in_flight"].value == 1
    assert check.metadata["texts_in_flight"].value == 2
    assert check.metadata["ended_badly"].value == 1
    assert dagster_env.sensor(SENSOR).skip_message == (
        "1 embedding batches are under way, none has ended."
    )


def test_a_person_may_run_a_sensors_run_again_and_a_retry_may_not(
    dagster_env: DagsterEnv, vendor: BatchStandIn
) -> None:
    submitted(dagster_env)
    vendor.end("failed", code="insufficient_quota")
    tags = {"dagster/sensor_name": SENSOR}
    first = dagster_env.run("collect_embeddings", tags=tags)
    tags["dagster/parent_run_id"] = first.run_id
    retried = dagster_env.run(
        "collect_embeddings", tags=tags | {"dagster/retry_number": "1"}
    )
    assert not first.success and not retried.success and len(vendor.batches) == 1
    assert dagster_env.run("collect_embeddings", tags=tags).success
    assert len(vendor.batches) == 2


def test_texts_that_failed_too_often_are_named_with_how_to_try_again(
    dagster_env: DagsterEnv, vendor: BatchStandIn
) -> None:
    submitted(dagster_env)
    for _ in range(3):
        vendor.end("failed", code="invalid_json_line")
        done = dagster_env.run("collect_embeddings")
    [made] = done.asset_materializations_for_node("script_embeddings")
    assert "invalid_json_line" in str(made.metadata["ended_badly"].value)
    assert "ig-assets sync --retry-failed" in str(made.metadata["try_again"].value)
    check = dagster_env.check("script_embeddings", CHECK)
    assert not check.passed and "2 texts were given up" in str(check.description)
    texts = check.metadata["texts"]
    assert isinstance(texts, dg.TableMetadataValue)
    assert {r.data["script_id"] for r in texts.records} == {
        "library/herbs",
        "library/bread",
    }
    from ig_assets.cli.app import app

    printed = CliRunner().invoke(app, ["sync"]).stdout
    assert "bread.md: given up. the vendor did not accept" in " ".join(printed.split())
    assert len(vendor.batches) == 3
    retried = " ".join(
        CliRunner().invoke(app, ["sync", "--retry-failed"]).stdout.split()
    )
    assert "2 texts that were given up are retried." in retried
    assert "1 batches are in flight with 2 texts" in retried
    assert len(vendor.batches) == 4


def test_no_key_and_no_text_is_in_the_event_log(
    dagster_env: DagsterEnv, vendor: BatchStandIn
) -> None:
    submitted(dagster_env)
    vendor.end("expired", lambda line: "refused")
    done = dagster_env.run("collect_embeddings")
    log = repr(list(done.all_events))
    assert KEY not in log and "never work" not in log


def test_the_dry_sync_says_half_the_price(
    dagster_env: DagsterEnv, vendor: BatchStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ig_assets.cli.app import app

    dagster_env.add_script("herbs")
    printed = CliRunner().invoke(app, ["sync", "--dry-run"]).stdout
    assert "at half the price" in " ".join(printed.split())
    by_batch = _planned_usd()
    monkeypatch.delenv("IG_BATCH")
    assert "half the price" not in CliRunner().invoke(app, ["sync", "--dry-run"]).stdout
    assert by_batch == pytest.approx(_planned_usd() / 2) and by_batch > 0
    assert vendor.asked == []


def _planned_usd() -> float:
    from ig_assets.cli.app import app

    printed = CliRunner().invoke(app, ["sync", "--dry-run", "--json"]).stdout
    return float(json.loads(printed)["embedding"]["cost_usd"])
