"""A process that dies while it sends or collects pays for nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

from ig_assets.core.corpus.embedding.batch_api import collect
from ig_assets.core.corpus.embedding.batch_api.run import poll_open_batches
from ig_assets.core.identity import text_hash
from ig_assets_tests.core.corpus.embedding.batch_api.batch_factory import (
    BatchFactory,
    Broken,
    Dying,
    Killed,
)
from ig_assets_tests.core.corpus.embedding.batch_api.batch_results import finish
from ig_assets_tests.stand_ins.openai_batches import BATCHES, FILES, BatchStandIn

# ── killed ────────────────────────────────────────────────────────────────────
UNDISTURBED = 6
SENDING = {
    "after the intent": ("POST", FILES, "before"),
    "after the upload": ("POST", FILES, "after"),
    "before the creation": ("POST", BATCHES, "before"),
    "after the creation": ("POST", BATCHES, "after"),
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The vectors and the ledger of a env where nothing died."""
    with BatchStandIn() as vendor:
        env = BatchFactory(tmp_path_factory.mktemp("undisturbed"), vendor)
        env.fill(UNDISTURBED)
        finish(env)
        return env.vectors(), env.calls()


@pytest.mark.parametrize("moment", SENDING)
def test_killed_while_sending_it_ends_the_same_and_sends_nothing_twice(
    env: BatchFactory, undisturbed: tuple[Any, Any], moment: str
) -> None:
    env.fill(UNDISTURBED)
    with pytest.raises(Killed):
        env.batch(transport=Dying(*SENDING[moment]))
    assert env.statuses("embedding_batches") == {"intended": 1}
    finish(env)
    assert (env.vectors(), env.calls()) == undisturbed
    assert set(env.vendor.texts().values()) == {1}


def test_a_batch_that_was_made_but_not_noted_is_found_among_many(
    env: BatchFactory, undisturbed: tuple[Any, Any]
) -> None:
    env.fill(UNDISTURBED)
    with pytest.raises(Killed):
        env.batch(transport=Dying("POST", BATCHES, "after"))
    for _ in range(5):  # somebody else's, on newer pages of the list
        env.vendor.create(
            {
                "endpoint": "/v1/embeddings",
                "completion_window": "24h",
                "input_file_id": "file-0000",
                "metadata": None,
            }
        )
    assert env.batch().under_way == UNDISTURBED
    assert env.statuses("embedding_batches") == {"submitted": 1}


COLLECTING = {
    "before the download": ("GET", FILES + "/file-0001/content", "before"),
    "after the download": ("GET", FILES + "/file-0001/content", "after"),
    "before the state is known": ("GET", BATCHES + "/batch_0000", "before"),
}


@pytest.mark.parametrize("moment", COLLECTING)
def test_killed_while_collecting_it_ends_the_same(
    env: BatchFactory, undisturbed: tuple[Any, Any], moment: str
) -> None:
    env.fill(UNDISTURBED)
    env.batch()
    env.vendor.end()
    with pytest.raises(Killed):
        env.batch(transport=Dying(*COLLECTING[moment]))
    finish(env)
    assert (env.vectors(), env.calls()) == undisturbed
    assert set(env.vendor.texts().values()) == {1}


@pytest.mark.parametrize("name", ["merge_rows", "settle_submitted", "note_settled"])
@pytest.mark.parametrize("page", [1, 10_000])
def test_killed_before_a_commit_it_ends_the_same(
    env: BatchFactory,
    undisturbed: tuple[Any, Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    page: int,
) -> None:
    monkeypatch.setattr(collect, "PAGE", page)
    env.fill(UNDISTURBED)
    env.batch()
    env.vendor.end()
    write, calls = getattr(collect, name), []

    def die(*given: Any) -> Any:
        calls.append(name)
        done = write(*given)
        if page == 10_000 or name == "note_settled" or len(calls) == 2:
            raise Killed
        return done

    with monkeypatch.context() as patched:
        patched.setattr(collect, name, die)
        with pytest.raises(Killed):
            env.batch()
    vectors = [r for r in env.rows("SELECT status FROM api_calls") if r == ("done",)]
    assert len(env.vectors()) == 2 * len(vectors), "vectors come with their rows"
    finish(env)
    assert (env.vectors(), env.calls()) == undisturbed
    assert set(env.vendor.texts().values()) == {1}


def test_an_answer_lost_after_the_batch_was_made_makes_no_second_one(
    env: BatchFactory,
) -> None:
    env.fill(3)
    assert env.batch(transport=Broken("POST", BATCHES, times=1)).under_way == 3
    assert len(env.vendor.batches) == 1


# ── asking ────────────────────────────────────────────────────────────────────


def test_asking_notes_what_has_ended_and_finds_what_a_crash_left(
    env: BatchFactory,
) -> None:
    env.fill(2)
    with pytest.raises(Killed):
        env.batch(transport=Dying("POST", BATCHES, "after"))

    def poll() -> tuple[int, int]:
        return poll_open_batches(env.warehouse, env.clock, env.batcher)

    assert poll() == (1, 0)
    env.vendor.end()
    assert poll() == (0, 1)
    assert text_hash(next(iter(env.vendor.texts()))) not in env.vectors()
    assert env.batch().collected == 2


def test_asking_gives_up_no_intent_that_a_live_run_may_be_sending(
    env: BatchFactory,
) -> None:
    env.fill(2)
    with pytest.raises(Killed):
        env.batch(transport=Dying("POST", FILES, "before"))
    assert poll_open_batches(env.warehouse, env.clock, env.batcher) == (1, 0)
    assert env.statuses("embedding_batches") == {"intended": 1}
