"""What earlier versions quoted in Dagster's events is taken out, and all else stays."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg

from ig_assets.adapters.dagster_words import GONE, forget_in_events

HEADING = "My cousin Theodora swears by this"
SENTENCE = "Rub “sepia” wax into the rail before the thunderstorm."


def quoting(home: Path) -> str:
    """A home of Dagster with one run that quotes words; the id of the run."""

    @dg.asset(name="raw_scripts")
    def quotes() -> dg.MaterializeResult:
        remarks = [
            dg.TableRecord({"source_uri": uri, "kind": "k", "detail": detail})
            for uri, detail in (
                ("f1.md", f"“{HEADING}” and what stands below are spoken"),
                ("f1.md", "“[nod at Mrs Ottoline Brandt]” within a sentence"),
                ("g.md", "“Kettles” and what stands below are spoken"),
            )
        ]
        columns = [dg.TableColumn(name) for name in ("source_uri", "kind", "detail")]
        table = dg.MetadataValue.table(remarks, dg.TableSchema(columns))
        text = dg.MetadataValue.text(f"It said: {SENTENCE}")
        return dg.MaterializeResult(metadata={"to_correct": table, "text": text})

    with dg.DagsterInstance.local_temp(str(home)) as instance:
        return dg.materialize([quotes], instance=instance).run_id


def texts(home: Path) -> str:
    """All cells of all SQLite files."""
    found = []
    for path in home.rglob("*.db"):
        with closing(sqlite3.connect(path)) as con:
            found.append("\n".join(con.iterdump()))
    return "\n".join(found)


def test_remarks_about_a_forgotten_file_and_sentences_leave_the_events(
    tmp_path: Path,
) -> None:
    run_id = quoting(tmp_path)
    assert "Theodora" in texts(tmp_path) and "Ottoline" in texts(tmp_path)
    done = forget_in_events([tmp_path], ["f1.md"], [SENTENCE])
    assert done["cells"] >= 3 and "in_use" not in done
    left = texts(tmp_path)
    spelt = json.dumps(SENTENCE)[1:-1]
    assert not any(w in left for w in ("Theodora", "Ottoline", SENTENCE, spelt))
    assert "Kettles" in left and GONE in left
    payload = b"".join(p.read_bytes() for p in tmp_path.rglob("*.db*"))
    assert b"Theodora" not in payload and b"Ottoline" not in payload
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("raw_scripts"))
        assert event is not None and event.asset_materialization is not None
        metadata = event.asset_materialization.metadata
        assert instance.get_run_by_id(run_id) is not None
    assert metadata["text"].value == f"It said: {GONE}"
    table = metadata["to_correct"]
    assert isinstance(table, dg.TableMetadataValue)
    rows = [record.data for record in table.records]
    assert [row["detail"] == GONE for row in rows] == [True, True, False]
    assert forget_in_events([tmp_path], ["f1.md"], [SENTENCE]) == {"cells": 0}


def test_a_file_in_use_is_named_and_one_that_is_none_is_passed_over(
    tmp_path: Path,
) -> None:
    (tmp_path / "other.db").write_text("no SQLite file, by far too short or too long")
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as con:
        con.execute("CREATE TABLE events (event TEXT)")
        con.execute("INSERT INTO events VALUES (?)", [f"{HEADING}, {{"])
        con.execute("BEGIN EXCLUSIVE")
        busy = forget_in_events([tmp_path], [], [HEADING])
        con.execute("COMMIT")
    assert busy == {"cells": 0, "in_use": ["runs.db"]}
    assert forget_in_events([tmp_path], [], [HEADING]) == {"cells": 1}
    with closing(sqlite3.connect(path)) as con:
        assert con.execute("SELECT event FROM events").fetchall() == [(f"{GONE}, {{",)]
