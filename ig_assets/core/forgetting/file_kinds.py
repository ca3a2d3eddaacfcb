"""Lists every kind of file in a data folder, and whether it can contain script text.

`warehouse/forgetting/registry.py` lists the columns of the tables in the same way. When
a script is forgotten, files of unlisted kinds are searched like all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch


@dataclass(frozen=True)
class FileKind:
    """Files below the data folder that match `pattern`.

    `holds` says what they contain, `forgotten_by` how they are handled when a script is
    forgotten.
    """

    pattern: str
    holds: str
    forgotten_by: str


NOTHING, HASHES, WORDS, VECTORS = "nothing", "hashes", "words", "vectors"
_SEARCHED = "looked through"

FILE_KINDS = (
    FileKind("warehouse.duckdb", WORDS, "rewritten after the tables were erased"),
    FileKind("warehouse.duckdb.wal", WORDS, "written into the file, and removed"),
    FileKind("warehouse.duckdb.rewritten*", WORDS, "replaces the file, or is removed"),
    FileKind("warehouse.duckdb.before-*", WORDS, "kept by a restore: looked through"),
    FileKind("logs/*", WORDS, "tracebacks of commands: looked through, and named"),
    FileKind("warehouse.duckdb.lock", NOTHING, _SEARCHED),
    FileKind("warehouse.duckdb.queue", NOTHING, _SEARCHED),
    FileKind("warehouse.duckdb.made", NOTHING, _SEARCHED),
    FileKind("warehouse.duckdb.forgotten/*.json", HASHES, "the receipts: they stay"),
    FileKind("warehouse.duckdb.forgotten/begun/*", WORDS, "removed at the end"),
    FileKind("forgotten/*.json", HASHES, "the receipts where a server has the tables"),
    FileKind("forgotten/begun/*", WORDS, "removed at the end"),
    FileKind("faiss/*/.lock", NOTHING, _SEARCHED),
    FileKind("faiss/*/*/generation", NOTHING, _SEARCHED),
    FileKind("faiss/*/*/manifest", HASHES, "written anew, without the entry"),
    FileKind("faiss/*/*/*.f32", VECTORS, "written anew, without the vector"),
    FileKind("datasets/*/openlineage.jsonl", HASHES, "of the past: they stay"),
    FileKind("datasets/*/croissant.json", HASHES, "written anew"),
    FileKind("datasets/*/lineage.html", WORDS, "removed"),
    FileKind("*.html", WORDS, "pages of lineage: looked through, and named"),
    FileKind("datasets/*/sent/*.jsonl", WORDS, "removed; there while it is sent"),
    FileKind("datasets/*.submitting.lock", NOTHING, _SEARCHED),
    FileKind("datasets/*/*.jsonl", WORDS, "written anew, without the examples"),
    FileKind("datasets/*/manifest.json", HASHES, "written anew, with tombstones"),
    FileKind("few_shot_trainer/*.json", HASHES, "ids of examples: they stay"),
    FileKind("lora/jobs/*/rows.jsonl", WORDS, "removed; there while it is trained"),
    FileKind("lora/jobs/*/checkpoint*", WORDS, "weights of an open job: removed"),
    FileKind("lora/jobs/*/job.json", HASHES, "ids of examples: they stay"),
    FileKind("lora/adapters/*.gguf", WORDS, "weights that learnt from it: removed"),
    FileKind("lora/*", NOTHING, _SEARCHED),
    FileKind(
        "local_model/*/prompt_states/*", WORDS, "removed; read again from prompts"
    ),
    FileKind("local_model/*", NOTHING, _SEARCHED),
    FileKind("simulated_audience.sqlite*", NOTHING, _SEARCHED),
    FileKind("replayed_history.sqlite*", NOTHING, _SEARCHED),
    FileKind("instagram_token.json", NOTHING, _SEARCHED),
    FileKind("clock.json", NOTHING, _SEARCHED),
    FileKind("headless.lock", NOTHING, _SEARCHED),
    # No word by rule; earlier versions quoted some in events, which are cleaned.
    FileKind("dagster/*", NOTHING, _SEARCHED),
    FileKind("*.part", WORDS, "left by a killed process: removed from the data sets"),
)


def kind_of(name: str) -> FileKind | None:
    """Return the kind of a file by its path below the data folder; None if unknown."""
    return next((kind for kind in FILE_KINDS if fnmatch(name, kind.pattern)), None)
