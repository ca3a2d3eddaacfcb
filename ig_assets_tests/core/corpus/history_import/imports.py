"""Imports a file into a corpus, and a file to begin with."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from ig_assets.core.corpus.history_import.importer import ImportReport, import_history
from ig_assets.core.corpus.history_import.planning.plan import ImportOptions
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory, SteppingClock

MACHINE = datetime(2026, 11, 28)
HEADER = "test_id,headline,lede,impressions,clicks,eyecatcher_id,winner\n"
ROWS = (
    "t1,Hook one,<p>A &amp; b</p>,1000,50,img1,True\n"
    "t1,Hook two,,1000,20,img1,False\n"
    "t2,Hook one,<p>A &amp; b</p>,500,10,img2,\n"
    "t2,Hook three,,500,9,img3,\n"
)
EXPORT = "test,hook,arm,posted_on,impressions,clicks\n"
FIRST = EXPORT + "t1,One,a,2026-01-01,100,10\nt1,Two,b,2026-01-01,100,20\n"
LONE = ",Alone,,2026-01-02,50,5\n"


def put(folder: Path, content: str, name: str = "history.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def load(corpus: CorpusFactory, file: Path, **options: Any) -> ImportReport:
    return import_history(
        corpus.warehouse,
        corpus.clock,
        file,
        ImportOptions(**options),
        machine_clock=SteppingClock(MACHINE),
    )


def import_export(corpus: CorpusFactory, text: str, **options: Any) -> ImportReport:
    path = corpus.folder / "export.csv"
    path.write_text(text, encoding="utf-8")
    return load(corpus, path, mapping={"experiment_id": "test"}, **options)
