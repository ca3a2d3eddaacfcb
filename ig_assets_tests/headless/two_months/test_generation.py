"""What two months wrote: variants, the canary, the control arm."""

from __future__ import annotations

from ig_assets_tests.headless.loop_fixtures import FEBRUARY, JANUARY, TurnedLoop


def test_every_topic_has_two_variants_to_test(turned_loop: TurnedLoop) -> None:
    rows = turned_loop.rows("""
        SELECT t.month, count(v.variant_id) AS arms, count(DISTINCT d.hook_style) AS n
        FROM topics AS t
        LEFT JOIN variants AS v
          ON v.month = t.month
         AND v.topic_id = t.topic_id
         AND v.rejection IS NULL
         AND v.arm IN ('a', 'b')
        LEFT JOIN drafts AS d USING (variant_id)
        GROUP BY t.month, t.topic_id
        ORDER BY t.month
        """)
    assert [tuple(row.values()) for row in rows] == [
        (JANUARY, 2, 2),
        (JANUARY, 2, 2),
        (FEBRUARY, 2, 2),
        (FEBRUARY, 2, 2),
    ]


def test_texts_are_written_from_what_won(turned_loop: TurnedLoop) -> None:
    months = turned_loop.summary["months"]
    assert all(month["retrieved"] > 0 for month in months) and months
    assert sum(month["retrieved_winners"] for month in months) > 0


def test_winners_of_the_loop_are_scripts_again(turned_loop: TurnedLoop) -> None:
    won = turned_loop.rows("""
        SELECT 'winner/' || v.variant_id AS script_id, v.revision_hash
        FROM decisions AS d
        JOIN variants AS v ON v.variant_id = d.winner_variant_id
        WHERE d.decision IN ('winner', 'provisional')
        ORDER BY 1
        """)
    assert won
    assert won == turned_loop.rows("""
        SELECT script_id, revision_hash
        FROM scripts
        WHERE origin = 'winner'
        ORDER BY 1
        """)
    assert turned_loop.rows("""
        SELECT s.script_id
        FROM scripts AS s
        LEFT JOIN index_entries AS i ON i.script_id = s.script_id
        WHERE s.origin = 'winner' AND i.script_id IS NULL
        """) == []


def test_the_canary_differs_from_its_sibling_in_the_model_alone(
    turned_loop: TurnedLoop,
) -> None:
    arms = turned_loop.rows("""
        SELECT c.arm, c.month, c.hook_style = a.hook_style AS same_style,
            c.model_id, a.model_id AS sibling_model, c.prompt_hash = a.prompt_hash
                AS same_template, c.variant_id, a.variant_id AS sibling
        FROM drafts AS c
        JOIN drafts AS a
          ON a.month = c.month AND a.topic_id = c.topic_id AND a.arm = 'a'
        WHERE c.is_canary
        """)
    assert arms
    candidates = turned_loop.rows(
        "SELECT model_id FROM models WHERE job_id IS NOT NULL"
    )
    for arm in arms:
        assert (arm["arm"], arm["month"]) == ("canary", FEBRUARY)
        assert arm["same_style"] and arm["same_template"]
        assert arm["sibling_model"] == "base/openai/gpt-5-mini"
        assert {"model_id": arm["model_id"]} in candidates
        assert _retrieved(turned_loop, arm["variant_id"]) == _retrieved(
            turned_loop, arm["sibling"]
        )


def test_the_control_arm_is_the_base_model_without_winners(
    turned_loop: TurnedLoop,
) -> None:
    controls = turned_loop.rows(
        "SELECT variant_id, model_id FROM drafts WHERE is_control"
    )
    assert len(controls) == 2
    assert {row["model_id"] for row in controls} == {"base/openai/gpt-5-mini"}
    assert turned_loop.rows("""
        SELECT r.script_id
        FROM retrievals AS r
        JOIN drafts AS d ON d.variant_id = r.variant_id
        JOIN decisions AS w
          ON w.winner_script_id = r.script_id
          OR 'winner/' || w.winner_variant_id = r.script_id
        WHERE d.is_control AND w.decision IN ('winner', 'provisional')
        """) == []


def _retrieved(loop: TurnedLoop, variant_id: str) -> list[dict[str, object]]:
    return loop.rows(
        "SELECT script_id, revision_hash, rank FROM retrievals "
        "WHERE variant_id = ? ORDER BY rank",
        [variant_id],
    )
