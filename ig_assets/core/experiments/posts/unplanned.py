"""Finds months with finished variants whose topic has no experiment yet."""

from __future__ import annotations

from ig_assets.warehouse.warehouse import Connection


def unplanned_topics(con: Connection) -> dict[str, list[str]]:
    """Return {month: ids of the topics that can be planned as experiments now}.

    Such a topic has at least two usable variants, no draft still to be polished and no
    experiment. Topics that a person withdrew are left out.
    """
    rows = con.execute("""
        SELECT ready.month, ready.topic_id
        FROM (
            SELECT v.month, v.topic_id
            FROM variants AS v
            WHERE v.rejection IS NULL
            GROUP BY v.month, v.topic_id
            HAVING count(*) >= 2
        ) AS ready
        LEFT JOIN experiments AS e
          ON e.month = ready.month
         AND e.topic_id = ready.topic_id
        ANTI JOIN withdrawn_topics AS w
          ON w.month = ready.month
         AND w.topic_id = ready.topic_id
        WHERE e.experiment_id IS NULL
          AND NOT EXISTS (
            SELECT 1
            FROM drafts AS d
            LEFT JOIN variants AS polished ON polished.variant_id = d.variant_id
            WHERE d.month = ready.month
              AND d.topic_id = ready.topic_id
              AND polished.variant_id IS NULL
          )
        ORDER BY ready.month, ready.topic_id
        """).fetchall()
    topics: dict[str, list[str]] = {}
    for month, topic_id in rows:
        topics.setdefault(month, []).append(topic_id)
    return topics
