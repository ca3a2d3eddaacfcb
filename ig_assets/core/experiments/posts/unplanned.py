"""Finds months with finished variants whose topic has no experiment yet."""

from __future__ import annotations

from ig_assets.warehouse.warehouse import Connection


def unplanned_months(con: Connection) -> list[str]:
    """Months with a fully polished topic of two usable variants and no experiment."""
    rows = con.execute("""
        SELECT DISTINCT ready.month
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
        WHERE e.experiment_id IS NULL
          AND NOT EXISTS (
            SELECT 1
            FROM drafts AS d
            LEFT JOIN variants AS polished ON polished.variant_id = d.variant_id
            WHERE d.month = ready.month
              AND d.topic_id = ready.topic_id
              AND polished.variant_id IS NULL
          )
        ORDER BY ready.month
        """).fetchall()
    return [month for (month,) in rows]
