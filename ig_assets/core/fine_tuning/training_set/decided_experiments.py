"""Reads experiments decided before a cut-off, with the exact published texts."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.queries import forgotten_scripts, forgotten_variants
from ig_assets.core.corpus.scripts.screening.control_tokens import control_tokens
from ig_assets.core.corpus.scripts.screening.personal_data import personal_data_kind
from ig_assets.core.corpus.scripts.screening.secret_scan import secret_kind
from ig_assets.core.experiments.constants import ADS
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

DECIDED = ("winner", "provisional")
RIVAL = "rival: "

# The latest rows before a cut-off; the views have the present rows only.
_LATEST_DECISIONS = """
    SELECT *
    FROM decisions
    WHERE decided_at < ?
    QUALIFY row_number() OVER (
        PARTITION BY experiment_id
        ORDER BY decided_at DESC
    ) = 1
"""

_DECISIONS = f"""
SELECT d.experiment_id, d.decided_at, d.decision, d.winner_variant_id, d.winner_arm,
    d.winner_script_id, d.winner_revision_hash, d.lift, d.shrunken_lift,
    e.started_at, e.simulated, t.topic, t.brief, t.audience, t.language,
    t.brand_voice,
    CASE
        WHEN a.winner_arm = d.winner_arm THEN NULL
        WHEN u.cause = 'split' THEN 'held: audience not divided as planned'
        WHEN n.rule = 'repeated z' THEN 'held: decided by a second look on z'
    END AS held_by,
    EXISTS (
        SELECT 1
        FROM posts p
        WHERE p.experiment_id = d.experiment_id AND p.platform = '{ADS}'
    ) AS by_ads
FROM ({_LATEST_DECISIONS}) d
LEFT JOIN experiments e ON e.experiment_id = d.experiment_id
LEFT JOIN topics t ON t.month = e.month AND t.topic_id = e.topic_id
LEFT JOIN unsound_experiments u ON u.experiment_id = d.experiment_id
LEFT JOIN standings n
    ON n.experiment_id = d.experiment_id
    AND n.data_through = d.data_through
LEFT JOIN valid_acceptances a ON a.experiment_id = d.experiment_id
ORDER BY e.started_at NULLS LAST, d.experiment_id
"""

_ARMS = """
SELECT p.experiment_id, p.arm, p.post_id, p.variant_id, p.script_id,
    p.published_revision_hash, p.hook_style, v.revision_hash, v.hook, v.text,
    v.hook_style AS variant_hook_style
FROM posts p
LEFT JOIN variants v ON v.variant_id = p.variant_id
WHERE p.status = 'published'
    AND p.duplicate_of IS NULL
ORDER BY p.experiment_id, p.arm, p.post_id
"""

_SCRIPTS = """
SELECT script_id, revision_hash, variant_id, topic, hook_style, hook, body, text,
    language, simulated, CASE WHEN variant_id IS NULL THEN author END AS author
FROM scripts
ORDER BY script_id, revision_hash
"""

_EDITS = """
SELECT variant_id, revision_hash, hook, text, NULL AS hook_style
FROM post_edits
ORDER BY post_id, edited_at
"""

TOPIC_CHARACTERS = 140

_LAST_EVIDENCE = f"""
WITH last_readings AS (
    SELECT v.experiment_id, v.arm_a, v.arm_b, max(v.data_through) AS data_through
    FROM evidence v
    JOIN ({_LATEST_DECISIONS}) d ON d.experiment_id = v.experiment_id
    WHERE d.data_through IS NULL OR v.data_through <= d.data_through
    GROUP BY v.experiment_id, v.arm_a, v.arm_b
)
SELECT v.experiment_id, v.arm_a, v.arm_b, v.log_rate_ratio, v.log_e_ahead AS log_e
FROM sided_evidence v
JOIN last_readings USING (experiment_id, arm_a, arm_b, data_through)
ORDER BY v.experiment_id, v.arm_a, v.arm_b
"""

_STATUS = """
SELECT script_id, status
FROM script_status
WHERE changed_at < ?
QUALIFY row_number() OVER (
    PARTITION BY script_id
    ORDER BY changed_at DESC
) = 1
ORDER BY script_id
"""


@dataclass(frozen=True)
class DecidedArm:
    """One published text; `script_id` or `variant_id` may be None.

    `author` is None for a text that a model wrote.
    """

    arm: str
    text: str
    hook: str
    revision_hash: str
    hook_style: str | None
    script_id: str | None
    variant_id: str | None
    author: str | None = None


@dataclass(frozen=True)
class Lead:
    """The winner's lead over one rival: log rate ratio (> 0), and highest ln e.

    Both are None if no log rate ratio of the two arms is stored.
    """

    rival: DecidedArm
    log_rate_ratio: float | None
    log_e: float | None


@dataclass(frozen=True)
class DecidedExperiment:
    """An experiment with a winner, its brief, and the winner's leads over rivals.

    `decision` is 'winner' or 'provisional'; `shrunken_lift` is on the log scale and
    positive.
    """

    experiment_id: str
    decision: str
    winner: DecidedArm
    leads: tuple[Lead, ...]
    lift: float | None
    shrunken_lift: float
    topic: str
    language: str
    audience: str | None
    brief: str | None
    simulated: bool
    decided_at: datetime
    voice: str | None = None


@dataclass(frozen=True)
class DecidedSet:
    """The usable experiments in order of their start, and the excluded ones by reason.

    `candidates` is the number of experiments with any decision before the cut-off. Each
    is either usable or counted once in `excluded`, {reason: number}. Reasons that begin
    with `RIVAL` are about rivals of usable winners.
    """

    experiments: tuple[DecidedExperiment, ...]
    excluded: Counter[str]
    candidates: int


def decided_before(
    con: Connection, cutoff: datetime, *, with_ads: bool = False
) -> DecidedSet:
    """Read the experiments decided strictly before `cutoff`, as of that instant.

    The latest decision of each experiment counts. These are excluded: winners whose
    script was retired before the cut-off (a retired loser stays, as the worse of two
    texts); forgotten scripts on either side, whenever they were forgotten; held winners
    that no person accepted, whenever the sample-ratio alarm was raised; texts and
    briefs with control tokens, which a trainer would read as turns, with a secret or
    with personal data; and experiments decided by ads unless `with_ads`, since Meta
    allows only aggregate use of their data.
    """
    reader = _Reader(con, cutoff, with_ads)
    excluded: Counter[str] = Counter()
    kept = []
    decisions = fetch_dicts(con, _DECISIONS, [cutoff])
    for decision in decisions:
        outcome = reader.resolve(decision, excluded)
        if isinstance(outcome, str):
            excluded[outcome] += 1
        else:
            kept.append(outcome)
    return DecidedSet(tuple(kept), excluded, len(decisions))


def stated_topic(body: str) -> str:
    """Return a topic for a script without one: its body's first sentence, shortened.

    Imported posts seldom have a topic. The hook is not used, since the prompt must not
    contain what the model learns to write. Empty if there is no body.
    """
    sentence = re.split(r"(?<=[.!?])\s", " ".join(body.split()), maxsplit=1)[0]
    return textwrap.shorten(sentence, TOPIC_CHARACTERS, placeholder=" …")


class _Reader:
    """Holds, by key, the rows to which decisions refer."""

    def __init__(self, con: Connection, cutoff: datetime, with_ads: bool) -> None:
        self.with_ads = with_ads
        self.forgotten = forgotten_scripts(con)
        self.forgotten_variants = forgotten_variants(con)
        self.status = {
            row["script_id"]: row["status"]
            for row in fetch_dicts(con, _STATUS, [cutoff])
        }
        self.revisions: dict[tuple[str, str], dict[str, Any]] = {}
        self.of_variant: dict[str, str] = {}
        self.variant_revisions: dict[tuple[str, str], dict[str, Any]] = {}
        for row in fetch_dicts(con, _SCRIPTS):
            self.revisions[row["script_id"], row["revision_hash"]] = row
            if row["variant_id"] is not None:
                self.of_variant[row["variant_id"]] = row["script_id"]
                key = (row["variant_id"], row["revision_hash"])
                self.variant_revisions[key] = row
        for row in fetch_dicts(con, _EDITS):
            key = (row["variant_id"], row["revision_hash"])
            self.variant_revisions.setdefault(key, row)
        self.arms: dict[str, list[dict[str, Any]]] = {}
        for row in fetch_dicts(con, _ARMS):
            arms = self.arms.setdefault(row["experiment_id"], [])
            if row["arm"] not in {a["arm"] for a in arms}:
                arms.append(row)
        self.evidence: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
        for row in fetch_dicts(con, _LAST_EVIDENCE, [cutoff]):
            pairs = self.evidence.setdefault(row["experiment_id"], {})
            pairs[row["arm_a"], row["arm_b"]] = row

    def resolve(
        self, decision: dict[str, Any], excluded: Counter[str]
    ) -> DecidedExperiment | str:
        """Return the decided experiment, or the reason why it is excluded.

        Rivals of the winner that give no lead are counted by reason in `excluded`.
        """
        if decision["decision"] not in DECIDED:
            return str(decision["decision"])
        if decision["held_by"] is not None:
            return str(decision["held_by"])
        if decision["by_ads"] and not self.with_ads:
            return "decided by ads"
        posts = self.arms.get(decision["experiment_id"], [])
        post = _winning_post(decision, posts)
        winner = self._arm(post)
        if isinstance(winner, str):
            return winner
        if winner.script_id and self.status.get(winner.script_id) == "retired":
            return "retired"
        shrunken = decision["shrunken_lift"]
        if shrunken is None or shrunken <= 0:
            return "no positive lift"
        script = self.revisions.get((winner.script_id or "", winner.revision_hash), {})
        topic = decision["topic"] or script.get("topic")
        topic = topic or stated_topic(script.get("body") or "")
        if not topic:
            return "no topic"
        brief = (
            topic,
            *(decision[c] or "" for c in ("audience", "brief", "brand_voice")),
        )
        if fault := next(filter(None, map(_unfit, brief)), None):
            return f"{fault} in the brief"
        rivals = [p for p in posts if p["arm"] != winner.arm]
        return DecidedExperiment(
            experiment_id=decision["experiment_id"],
            decision=decision["decision"],
            winner=winner,
            leads=tuple(self._leads(decision, winner, rivals, excluded)),
            lift=decision["lift"],
            shrunken_lift=float(shrunken),
            topic=str(topic),
            language=decision["language"] or script.get("language") or "en",
            audience=decision["audience"],
            brief=decision["brief"],
            voice=decision["brand_voice"],
            decided_at=decision["decided_at"],
            simulated=bool(decision["simulated"] or script.get("simulated")),
        )

    def _leads(
        self,
        decision: dict[str, Any],
        winner: DecidedArm,
        rivals: Sequence[dict[str, Any]],
        excluded: Counter[str],
    ) -> list[Lead]:
        pairs = self.evidence.get(decision["experiment_id"], {})
        leads = []
        for post in rivals:
            rival = self._arm(post)
            if isinstance(rival, str):
                excluded[f"{RIVAL}{rival}"] += 1
                continue
            if rival.revision_hash == winner.revision_hash:
                excluded[f"{RIVAL}same words"] += 1
                continue
            row, sign = pairs.get((winner.arm, rival.arm)), 1.0
            if row is None:
                row, sign = pairs.get((rival.arm, winner.arm)), -1.0
            if row is None or row["log_rate_ratio"] is None:
                # A winner has beaten every arm by definition of the decision.
                if decision["decision"] == "winner":
                    leads.append(Lead(rival, None, None))
                else:
                    excluded[f"{RIVAL}no evidence"] += 1
                continue
            ratio = sign * float(row["log_rate_ratio"])
            if ratio <= 0:
                excluded[f"{RIVAL}not beaten"] += 1
                continue
            leads.append(Lead(rival, ratio, row["log_e"]))
        return leads

    def _arm(self, post: dict[str, Any]) -> DecidedArm | str:
        """Return the arm with the exact published text, which a person may have edited.

        If the text is unusable, the reason is returned as a string.
        """
        variant_id, published = post["variant_id"], post["published_revision_hash"]
        script_id = post["script_id"] or self.of_variant.get(variant_id or "")
        if script_id in self.forgotten or variant_id in self.forgotten_variants:
            return "forgotten"
        revision_hash = published or post["revision_hash"]
        source: dict[str, Any] | None = post
        if variant_id is None or revision_hash != post["revision_hash"]:
            source = self.revisions.get((script_id or "", revision_hash or ""))
            if source is None and variant_id is not None:
                source = self.variant_revisions.get((variant_id, revision_hash or ""))
        if source is None or not source["text"] or not revision_hash:
            return "published text is not stored"
        if fault := _unfit(source["text"]):
            return f"{fault} in the text"
        return DecidedArm(
            arm=post["arm"] or "",
            text=source["text"],
            hook=source["hook"] or "",
            revision_hash=revision_hash,
            hook_style=post["hook_style"]
            or post["variant_hook_style"]
            or source["hook_style"],
            script_id=script_id,
            variant_id=variant_id,
            author=source.get("author"),
        )


def _unfit(text: str) -> str | None:
    """Return why a text must not be trained on, or None."""
    if control_tokens(text):
        return "control token"
    if secret_kind(text) is not None:
        return "secret"
    return "personal data" if personal_data_kind(text) is not None else None


def _winning_post(
    decision: dict[str, Any], posts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the winner's post; without one, a row with the decision's references."""
    for column, reference in (
        ("arm", decision["winner_arm"]),
        ("variant_id", decision["winner_variant_id"]),
        ("script_id", decision["winner_script_id"]),
    ):
        for post in posts:
            if reference is not None and post[column] == reference:
                return post
    return {
        "arm": decision["winner_arm"],
        "variant_id": decision["winner_variant_id"],
        "script_id": decision["winner_script_id"],
        "published_revision_hash": decision["winner_revision_hash"],
        "revision_hash": None,
        "hook": None,
        "text": None,
        "hook_style": None,
        "variant_hook_style": None,
    }
