"""Answers a question about lineage: the subject, one sentence and the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ig_assets.core.corpus.queries import by_another_now
from ig_assets.core.models.registry import RANKER, get_model
from ig_assets.core.reports.lineage.came_of_many import sentence_of_many
from ig_assets.core.reports.lineage.labels import Node, labels
from ig_assets.core.reports.lineage.names import (
    resolve,
    scripts_of_author,
    things_about,
    topic_text,
)
from ig_assets.core.reports.lineage.page import (
    DEV_UI,
    Answer,
    Question,
    lineage_page,
)
from ig_assets.core.reports.lineage.places import KINDS
from ig_assets.core.reports.lineage.renames import renamed_sentence
from ig_assets.core.reports.lineage.trace import (
    ScriptBehind,
    TraceRow,
    scripts_behind_model,
    trace_all,
)
from ig_assets.core.reports.lineage.words import (
    ModelScript,
    forgotten_sentence,
    model_sentence,
    ranker_sentence,
    scripts_of_model,
)
from ig_assets.core.reports.lineage_first_seen import known_at
from ig_assets.warehouse.warehouse import Connection

MOST_NAMED = 5
"""Largest number of scripts with a new author that a sentence names."""

MANY = ("author", "topic")
"""Kinds of subjects that contain many things, for which one answer is given."""


@dataclass(frozen=True)
class Subject:
    """The subject of a question: one thing, or all things of an author or a topic.

    `name` is the author or topic as people call it; it is empty for one thing. `others`
    is {script id: who wrote the current words} of an author's scripts whose current
    words are by another person.
    """

    kind: str
    id: str
    nodes: tuple[Node, ...]
    name: str = ""
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LineageAnswer:
    """The edges before and after the subject, and the texts behind a model.

    `before` or `after` is empty if only the other direction was requested. `renamed` is
    a sentence with the present name of a renamed script.
    """

    subject: Subject
    label: str
    sentence: str | None
    behind: Sequence[ScriptBehind]
    texts: Sequence[ModelScript]
    before: Sequence[TraceRow]
    after: Sequence[TraceRow]
    names: Mapping[Node, str]
    renamed: str | None = None


def one_thing(con: Connection, reference: str, kind: str | None = None) -> Subject:
    """Return the subject that a person names; a topic includes its scripts.

    Raises InputError as `resolve` does.
    """
    found, id = resolve(con, reference, kind)
    if found == "topic":
        return all_about(con, id)
    return Subject(found, id, ((found, id),))


def subject_of(con: Connection, what: Sequence[str]) -> Subject:
    """Return the subject that a person's words name.

    The words are a name, `KIND NAME`, `topic NAME` or `author NAME`. Raises InputError
    as `resolve` does.
    """
    if len(what) > 1 and what[0] == "topic":
        return all_about(con, " ".join(what[1:]))
    if len(what) > 1 and what[0] == "author":
        return all_of_author(con, " ".join(what[1:]))
    if len(what) > 1 and what[0] in KINDS:
        return one_thing(con, " ".join(what[1:]), what[0])
    return one_thing(con, " ".join(what))


def all_of_author(con: Connection, author: str) -> Subject:
    """Return the scripts with at least one revision by this author, as one subject.

    Raises InputError if there is none.
    """
    found = scripts_of_author(con, author)
    nodes = tuple(("script", one.script_id) for one in found)
    return Subject("author", author, nodes, author, by_another_now(found, author))


def all_about(con: Connection, topic: str) -> Subject:
    """Return a topic and the scripts labelled with it.

    Raises InputError if there is neither.
    """
    nodes = things_about(con, topic)
    by_id = [i for kind, i in nodes if kind == "topic" and i.startswith(topic.strip())]
    return Subject("topic", topic, tuple(nodes), topic_text(con, by_id) or topic)


def answer_lineage(
    con: Connection,
    subject: Subject,
    directions: Sequence[str],
    max_depth: int | None = None,
    as_of: datetime | None = None,
) -> LineageAnswer:
    """Follow the edges of the subject in the `directions` 'up' and 'down'.

    With `as_of` the answer has the edges, decisions and words known at that time, and
    parts of the subject that were not known then are left out. Raises InputError if no
    part was known.
    """
    if as_of is not None:
        subject = replace(subject, nodes=known_at(con, subject.nodes, as_of))
    behind: list[ScriptBehind] = []
    texts: list[ModelScript] = []
    sentence = None
    if subject.kind == "model" and "up" in directions:
        model = get_model(con, subject.id)
        behind = scripts_behind_model(con, subject.id, as_of)
        texts = scripts_of_model(con, behind, as_of)
        sentence = (
            ranker_sentence(con, subject.id, as_of)
            if model.provider == RANKER
            else model_sentence(model.name, texts)
        )
    elif subject.kind not in MANY:
        sentence = forgotten_sentence(con, subject.kind, subject.id, as_of)
    found = {
        way: trace_all(con, subject.nodes, way, max_depth, as_of)
        for way in ("up", "down")
        if way in directions
    }
    rows = [row for way in found.values() for row in way]
    nodes = {(row.kind, row.id) for row in rows} | set(subject.nodes)
    via = {(row.via_kind, row.via_id) for row in rows}
    names = labels(con, nodes | via, as_of)
    if subject.kind in MANY:
        label = subject.name
        sentence = sentence_of_many(
            con, subject.kind, subject.name, subject.nodes, found.get("down", []), as_of
        )
        if as_of is None and subject.others:
            sentence += f" {_said_of_others(subject.others)}"
    else:
        label = names.get((subject.kind, subject.id), subject.id)
    return LineageAnswer(
        subject,
        label,
        sentence,
        behind,
        texts,
        found.get("up", []),
        found.get("down", []),
        names,
        (
            renamed_sentence(con, subject.id)
            if subject.kind == "script" and as_of is None
            else None
        ),
    )


def page_of(
    answer: LineageAnswer,
    now: datetime,
    as_of: datetime | None = None,
    ui_url: str = DEV_UI,
) -> str:
    """Return the answer as one HTML page, which contains words of scripts."""
    question = Question(
        answer.subject.kind, answer.label, plain_sentence(answer), now, as_of
    )
    found = Answer(
        answer.texts,
        answer.behind,
        answer.before,
        answer.after,
        answer.names,
        answer.subject.nodes,
    )
    return lineage_page(question, found, ui_url.rstrip("/"))


def _said_of_others(others: Mapping[str, str]) -> str:
    """Return a sentence on scripts whose current words another person wrote.

    `others` is {script id: a phrase on its present author}.
    """
    listed = "; ".join(f"{id} ({said})" for id, said in [*others.items()][:MOST_NAMED])
    more = len(others) - MOST_NAMED
    listed += f"; and {more} more" if more > 0 else ""
    are = "is" if len(others) == 1 else "are"
    return f"{len(others)} of them {are} not by this author now: {listed}."


def plain_sentence(answer: LineageAnswer) -> str:
    """Return the answer's sentence, or one with numbers of things before and after."""
    renamed = "" if answer.renamed is None else f"{answer.renamed} "
    if answer.sentence is not None:
        return renamed + answer.sentence
    before, after = _counted(answer.before), _counted(answer.after)
    return f"{renamed}It came from {before}; {after} came of it."


_COUNTED = {
    "import": "file",
    "topic": "topic",
    "script": "script",
    "variant": "variant",
    "post": "post",
    "experiment": "test",
    "example": "training line",
    "dataset": "training set",
    "model": "model",
}


def _counted(rows: Sequence[TraceRow]) -> str:
    """Return the number of things of the main kinds, e.g. "2 scripts and 1 model"."""
    counts = Counter(kind for kind, _ in {(row.kind, row.id) for row in rows})
    parts = [
        f"{n:,} {name}{'' if n == 1 else 's'}"
        for kind, name in _COUNTED.items()
        if (n := counts[kind])
    ]
    if len(parts) < 2:
        return parts[0] if parts else "nothing"
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
