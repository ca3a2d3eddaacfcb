"""Counts of earlier imports are ordered by their files' days, in every home."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ig_assets.warehouse import migrations
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.views import make_views
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.warehouse.conftest import HOMES, NOW, MakeHome

DAY = timedelta(days=1)
OLDER = tuple(m for m in migrations.MIGRATIONS if m[0] < 28)
PUBLISHED = datetime(2026, 1, 5)
FILES = {"january": (1, 1000.0), "march": (3, 5000.0), "february": (2, 2000.0)}


def post(name: str, published: datetime | None) -> dict[str, Any]:
    return {
        "post_id": name,
        "script_id": f"history/{name}",
        "platform": "history",
        "status": "published",
        "published_at": published,
    }


def tables(*, is_dated: bool) -> dict[str, list[dict[str, Any]]]:
    """Three exports of one post, the newest in the middle, by an earlier version; each
    has a post of its month, `is_dated` or not."""
    rows: dict[str, list[dict[str, Any]]] = {
        "posts": [post("kept", PUBLISHED)],
        "imports": [],
        "edges": [],
        "engagement": [],
    }
    for nth, (name, (month, views)) in enumerate(FILES.items()):
        at = NOW + nth * DAY
        rows["imports"].append(
            {"import_id": name, "source_uri": f"{name}.csv", "imported_at": at}
        )
        own = f"of {name}"
        rows["posts"].append(post(own, datetime(2026, month, 20) if is_dated else None))
        for of, value in (("kept", views), (own, 7.0)):
            edge = ("script", f"history/{of}", "import", name, "imported_from")
            columns = ("child_kind", "child_id", "parent_kind", "parent_id", "relation")
            rows["edges"].append(dict(zip(columns, edge, strict=True)))
            rows["engagement"].append(
                {
                    "post_id": of,
                    "metric": "views",
                    "as_of": PUBLISHED,
                    "observed_at": at,
                    "value": value,
                    "age_hours": None,
                }
            )
    return rows


@pytest.mark.parametrize("is_dated", [True, False])
@pytest.mark.parametrize("kind", HOMES)
def test_the_newest_file_is_the_latest_again_or_what_is_in_doubt_is_listed(
    kind: str,
    is_dated: bool,
    make_new_home: MakeHome,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = make_new_home(kind)
    with monkeypatch.context() as older:
        older.setattr(migrations, "MIGRATIONS", OLDER)
        older.setattr("ig_assets.warehouse.preparation.make_views", lambda con: None)
        older.setattr("ig_assets.warehouse.preparation._replay", lambda *_: False)
        with home.transaction() as con:
            for table, rows in tables(is_dated=is_dated).items():
                merge_rows(con, table, rows)
    home.close()
    newer = Warehouse(home.url, lambda: NOW + 9 * DAY)
    with newer.transaction() as con:
        make_views(con)  # the instance of the older phase has none
        latest = con.execute(
            "SELECT value FROM latest_readings WHERE post_id = 'kept'"
        ).fetchall()
        listed = con.execute("SELECT post_id, files FROM lowered_counts").fetchall()
        history = con.execute(
            "SELECT value FROM engagement WHERE post_id = 'kept' ORDER BY observed_at"
        ).fetchall()
    newer.close()
    assert history == [(1000.0,), (5000.0,), (2000.0,)]
    if is_dated:
        assert (latest, listed) == ([(5000.0,)], [])
    else:
        assert latest == [(2000.0,)]
        assert listed == [("kept", "february.csv, march.csv")]
