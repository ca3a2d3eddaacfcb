from __future__ import annotations

import numpy as np
from hypothesis import given, strategies as st

from ig_assets.core.fine_tuning.similarity.near_duplicates import near_duplicate_pairs
from ig_assets.core.fine_tuning.training_set.train_validation_split import (
    GroupingItem,
    GroupingText,
    assign_split,
    assign_splits,
    group_examples,
)

# Loading scipy takes longer than Hypothesis allows for one example.
group_examples([])

_items = st.lists(
    st.builds(
        lambda i, topic, experiment, texts: (topic, experiment, tuple(texts)),
        st.integers(),
        st.sampled_from(["Oat milk", "oat  MILK!", "bread", "tea", ""]),
        st.sampled_from(["e1", "e2", "e3", "e4", "e5", "e6"]),
        st.lists(st.integers(0, 9), min_size=1, max_size=2),
    ),
    max_size=12,
)


def _item(number: int, topic: str, experiment: str, *texts: int) -> GroupingItem:
    return GroupingItem(
        f"x{number}",
        topic,
        experiment,
        tuple(GroupingText(f"h{t}", f"hook {t}") for t in texts),
    )


@given(_items, st.integers(0, 5), st.floats(0.0, 1.0))
def test_what_shares_a_topic_an_experiment_or_words_never_straddles_splits(
    drawn: list[tuple[str, str, tuple[int, ...]]], seed: int, share: float
) -> None:
    items = [_item(n, t, e, *texts) for n, (t, e, texts) in enumerate(drawn)]
    # Texts 0 and 1 are near-duplicates, all others are at right angles.
    vectors = {f"h{i}": np.eye(10)[max(i, 1)].tolist() for i in range(10)}
    groups = group_examples(items, vectors)
    splits = assign_splits(groups.values(), seed, share)
    assert groups.keys() == {item.example_id for item in items}
    for a in items:
        for b in items:
            words = {max(int(t.revision_hash[1:]), 1) for t in a.texts}
            others = {max(int(t.revision_hash[1:]), 1) for t in b.texts}
            oat = {"Oat milk", "oat  MILK!"}
            same_topic = a.topic != "" and (
                a.topic == b.topic or {a.topic, b.topic} <= oat
            )
            if same_topic or a.experiment_id == b.experiment_id or words & others:
                assert groups[a.example_id] == groups[b.example_id]
                assert splits[groups[a.example_id]] == splits[groups[b.example_id]]


@given(st.sets(st.text(min_size=1), min_size=2), st.integers(), st.floats(0.0, 1.0))
def test_with_two_groups_neither_split_is_empty(
    groups: set[str], seed: int, share: float
) -> None:
    splits = assign_splits(groups, seed, share)
    assert set(splits.values()) == {"train", "validation"}
    assert splits == assign_splits(sorted(groups, reverse=True), seed, share)


def test_a_single_group_is_for_training() -> None:
    assert assign_splits(["only"], seed=1, validation_share=1.0) == {"only": "train"}
    assert assign_splits([], seed=1) == {}


def test_the_share_of_validation_is_about_what_was_asked_for() -> None:
    splits = [assign_split(f"g{i}", 7, 0.15) for i in range(4000)]
    assert 0.13 < splits.count("validation") / 4000 < 0.17
    assert splits != [assign_split(f"g{i}", 8, 0.15) for i in range(4000)]


def test_unrelated_examples_stay_apart_and_no_topic_joins_nothing() -> None:
    items = [_item(0, "", "e1", 1), _item(1, "", "e2", 2), _item(2, "tea", "e3", 3)]
    assert len(set(group_examples(items).values())) == 3


def test_texts_without_vectors_are_joined_by_their_normalised_hook() -> None:
    one = GroupingItem("x1", "a", "e1", (GroupingText("h1", "Stop  THIS!"),))
    two = GroupingItem("x2", "b", "e2", (GroupingText("h2", "stop this"),))
    assert len(set(group_examples([one, two]).values())) == 1
    apart = {"h1": [1.0, 0.0], "h2": [0.0, 1.0]}
    assert len(set(group_examples([one, two], apart).values())) == 2


def test_a_group_keeps_its_name_when_later_examples_join_it() -> None:
    first = [_item(0, "tea", "e9", 1)]
    extended = [*first, _item(1, "tea", "e1", 2), _item(2, "bread", "e1", 3)]
    assert group_examples(extended)["x2"] == group_examples(first)["x0"]


def test_near_duplicates_are_found_across_blocks_of_the_matrix() -> None:
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(2500, 24)).astype(np.float32)
    vectors[2400] = vectors[10] * 2.0
    vectors[1500] = vectors[10]
    keyed = {str(i): v.tolist() for i, v in enumerate(vectors)}
    found = set(near_duplicate_pairs(keyed))
    assert found == {("10", "1500"), ("10", "2400"), ("1500", "2400")}


def test_a_kept_split_is_kept_and_only_others_fill_an_empty_one() -> None:
    kept = {"g1": "train", "g2": "train"}
    assert assign_splits(["g1", "g2"], seed=1, kept=kept) == kept
    assert assign_splits(["g1"], seed=1, kept={"g1": "validation"}) == {
        "g1": "validation"
    }
    both = assign_splits(["g1", "g2", "g3"], 1, 0.0, kept)
    assert both == kept | {"g3": "validation"}
    held = {"g1": "validation", "g2": "validation"}
    assert assign_splits(["g1", "g2", "g3"], 1, 1.0, held) == held | {"g3": "train"}
