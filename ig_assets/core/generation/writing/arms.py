"""Plans the arms of a month's topics: hook style, model, and what arms share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from string import ascii_lowercase
from typing import Any

from ig_assets.core.generation.writing.schema import HOOK_STYLES
from ig_assets.core.identity import seeded_unit, stable_id
from ig_assets.core.models.registry import called_model
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection


@dataclass(frozen=True)
class WritingModel:
    """A registered model with the fields that generation needs.

    `artifact` is the trainer's output, e.g. the example ids of a few-shot model.
    `asked_of` is the provider that is asked for its texts, if that is not `provider`.
    """

    model_id: str
    provider: str
    name: str
    base_model: str
    artifact: Mapping[str, Any] | None = None
    asked_of: str | None = None

    @property
    def asked(self) -> str:
        """The provider that is asked: a few-shot model's is its base model's."""
        return self.asked_of or self.provider

    @property
    def called(self) -> str:
        """The name by which the model is requested."""
        return called_model(self.provider, self.name, self.base_model)


@dataclass(frozen=True)
class Topic:
    """One topic of a month.

    `arms` is its number of arms; None means the number in the settings. `hooks` is the
    number of hooks to write if a ranker chooses which of them are posted, else None.
    """

    month: str
    topic_id: str
    topic: str
    brief: str
    audience: str
    language: str
    brand_voice: str
    is_control: bool
    is_canary: bool
    arms: int | None = None
    hooks: int | None = None


@dataclass(frozen=True)
class PlannedArm:
    """One text to be written; `arm` is a, b, c, …, canary or control.

    The canary arm has the style, brief and retrievals of arm a; only the model differs.
    The control arm has arm a's style, the frozen base model, the first prompt and no
    winners among its retrievals. `tried_before` is the number of rejected tries of the
    arm.
    """

    variant_id: str
    topic: Topic
    arm: str
    hook_style: str
    model: WritingModel
    is_canary: bool = False
    is_control: bool = False
    tried_before: int = 0


def planned_topics(
    con: Connection, month: str, topic_id: str | None = None
) -> list[Topic]:
    """Return the month's topics, or one of them, in the order of their due dates."""
    rows = fetch_dicts(
        con,
        """
        SELECT month, topic_id, topic, brief, audience, language, brand_voice,
            is_control, is_canary, arms
        FROM topics
        WHERE month = ? AND status = 'planned' AND (? IS NULL OR topic_id = ?)
        ORDER BY due_on, topic_id
        """,
        [month, topic_id, topic_id],
    )
    return [Topic(**row) for row in rows]


def with_more_hooks(
    con: Connection, topics: Sequence[Topic], hooks: int, is_trial: bool
) -> list[Topic]:
    """Return the topics; set `hooks` where a ranker chooses among hooks.

    It is not set for topics whose posts are planned, and for topics with a control arm
    or, with `is_trial`, a canary arm: these arms are compared with arm a, which must be
    posted.
    """
    planned = set(
        con.execute("SELECT DISTINCT month, topic_id FROM experiments").fetchall()
    )
    return [
        (
            topic
            if (topic.month, topic.topic_id) in planned
            or topic.is_control
            or (topic.is_canary and is_trial)
            else replace(topic, hooks=max(hooks, topic.arms or 0))
        )
        for topic in topics
    ]


def plan_arms(
    topics: Sequence[Topic],
    arms: int,
    seed: int,
    active: WritingModel,
    canary: WritingModel | None,
    base: WritingModel,
) -> list[PlannedArm]:
    """Return every arm of the topics, in writing order.

    `arms` is the number of arms of a topic that states none. Hook styles are drawn by
    `seed`. `canary` is None while no model is on trial.
    """
    planned = []
    for topic in topics:
        styles = sorted(
            HOOK_STYLES,
            key=lambda style: seeded_unit(seed, "style", topic.topic_id, style),
        )
        labels = ascii_lowercase[: topic.hooks or topic.arms or arms]
        for label, style in zip(labels, cycle(styles), strict=False):
            planned.append(_arm(topic, label, style, active))
        if topic.is_canary and canary is not None:
            planned.append(_arm(topic, "canary", styles[0], canary, is_canary=True))
        if topic.is_control:
            planned.append(_arm(topic, "control", styles[0], base, is_control=True))
    return planned


def _arm(
    topic: Topic,
    label: str,
    style: str,
    model: WritingModel,
    is_canary: bool = False,
    is_control: bool = False,
) -> PlannedArm:
    variant_id = arm_id(topic, label)
    return PlannedArm(variant_id, topic, label, style, model, is_canary, is_control)


def arm_id(topic: Topic, label: str, tried_before: int = 0) -> str:
    """Return the id of an arm's draft and variant; each further try has another id."""
    retry = (str(tried_before),) if tried_before else ()
    return stable_id("variant", topic.month, topic.topic_id, label, *retry)
