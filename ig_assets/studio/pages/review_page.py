"""The page Review: approve, decline or edit posts before they are published."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ig_assets.core.experiments.posts.review import (
    OPEN,
    Decided,
    ReviewRow,
    approve_posts,
    decline_posts,
    edit_post,
    posts_in_review,
)
from ig_assets.core.experiments.posts.reviewers import Review
from ig_assets.core.experiments.posts.words import words_as_file
from ig_assets.core.generation.gates.advice import Advice
from ig_assets.core.generation.gates.banned_words import read_banned
from ig_assets.core.generation.gates.gates import Gates, Nearest
from ig_assets.core.generation.polishing.edits import (
    measure_edit,
    typed_advice,
    typing_context,
)
from ig_assets.core.reports.posts_file import (
    as_csv,
    as_html,
    as_markdown,
    posts_to_review,
)
from ig_assets.errors import InputError
from ig_assets.studio.live_area import live_area
from ig_assets.studio.parts import begin_page, friendly, open_services, shown, who
from ig_assets.studio.plain_words import as_day, plain, simulated, style_words
from ig_assets.studio.reads import CORPUS
from ig_assets.studio.shown import StudioServices

_STATES = {
    "Waiting": ("proposed",),
    "Approved": ("approved",),
    "Declined": ("declined",),
    "Out": ("published", "placed", "ambiguous", "failed"),
}
_NOTICE = "review_notice"
_FILES = {
    "Markdown": ("md", as_markdown),
    "CSV": ("csv", as_csv),
    "HTML": ("html", as_html),
}


def page() -> None:
    """Draw the page."""
    begin_page("Review")
    with friendly():
        services = open_services()
        if notice := st.session_state.pop(_NOTICE, None):
            st.success(plain(notice))
        rows = shown(services, "posts", posts_in_review)
        row = _choose(services, rows)
        if row is not None:
            _post(row)


def _choose(services: StudioServices, rows: list[ReviewRow]) -> ReviewRow | None:
    counts = {
        name: sum(row["status"] in states for row in rows)
        for name, states in _STATES.items()
    }
    state = st.segmented_control(
        "Posts",
        list(_STATES),
        default="Waiting",
        required=True,
        format_func=lambda name: f"{name} ({counts[name]})",
        key="review_state",
    )
    found = [row for row in rows if row["status"] in _STATES[state or "Waiting"]]
    if not found:
        st.caption(_nothing(services, state or "Waiting"))
        return None
    by_id = {row["post_id"]: row for row in found}
    chosen = st.selectbox(
        "Post",
        list(by_id),
        format_func=lambda post_id: _name(by_id[post_id]),
        key="review_post",
    )
    _export(services, found)
    return by_id.get(chosen or "")


def _parts(row: ReviewRow) -> tuple[str, str, str]:
    """Return hook, body and call to action; a part that a post lacks is ''."""
    return row["hook"] or "", row["body"] or "", row["call_to_action"] or ""


def _nothing(services: StudioServices, state: str) -> str:
    if state != "Waiting":
        return f"No post is {state.lower()}."
    if services.settings.approves_automatically:
        return (
            "Nothing waits: the settings approve each planned post by themselves "
            "(IG_APPROVAL=auto). With IG_APPROVAL=manual each waits for a person here."
        )
    return "Nothing waits for you. Topics come here once their posts are planned."


def _name(row: ReviewRow) -> str:
    day = f"{row['slot']:%d %b}" if row["slot"] else "no day"
    name = f"{day} · {row['topic'] or 'no topic'} · {row['arm']}"
    return simulated(name, row["simulated"])


def _export(services: StudioServices, rows: list[ReviewRow]) -> None:
    """Offer files of these posts for people who review elsewhere."""
    with st.expander("Export for review"):
        st.caption("The words of these posts, to read and mark elsewhere.")
        if not st.toggle("Make the files", key="make_files"):
            return
        ids = {row["post_id"] for row in rows}
        every = posts_to_review(services.warehouse)
        posts = [post for post in every if post.post_id in ids]
        for column, (name, form) in zip(st.columns(3), _FILES.items(), strict=True):
            end, written = form
            column.download_button(
                f"As {name}", written(posts), f"review.{end}", width="stretch"
            )


@st.fragment
def _post(row: ReviewRow) -> None:
    """Draw one post: its words, and the gates, measured after each pause in typing."""
    with friendly():
        services = open_services_quietly()
        _say_if_changed(row)
        can_edit = row["status"] in OPEN
        st.caption(_facts(row))
        left, right = st.columns([3, 2])
        with left:
            words = _words(row) if can_edit else _read_only(row)
        with right:
            _gates(services, row, *words)
        if can_edit:
            _decide(services, row, words)


def _say_if_changed(row: ReviewRow) -> None:
    """Warn if another person changed the words since this session last showed them."""
    key, revision = f"seen-{row['post_id']}", row["revision_hash"]
    before = st.session_state.get(key)
    st.session_state[key] = revision
    if before not in (None, revision) and row["edited_by"] not in (None, who()):
        st.warning(plain(f"{row['edited_by']} has changed the words; read them again."))


def open_services_quietly() -> StudioServices:
    """Return the services without the note on the audience, which is shown above."""
    from ig_assets.studio.shown import studio_services

    return studio_services()


def _facts(row: ReviewRow) -> str:
    facts = [f"Goes out {as_day(row['slot'])}", style_words(row["hook_style"])]
    if row["edited_by"]:
        facts.append(f"words of {row['edited_by']}")
    if row["review"]:
        why = f": {row['review_reason']}" if row["review_reason"] else ""
        facts.append(f"{row['review']} by {row['reviewed_by']}{why}")
    return plain(simulated(" · ".join(facts), row["simulated"]))


def _words(row: ReviewRow) -> tuple[str, str, str]:
    """Draw the fields for hook, body and call to action; return what is typed in them.

    A new revision of the post's words replaces what was typed.
    """
    key = f"{row['post_id']}-{(row['revision_hash'] or '')[:12]}"
    hook, body, call = _parts(row)
    hook = st.text_input("Hook", hook, key=f"hook-{key}", live="350ms")
    body = live_area("Body", body, f"body-{row['post_id']}", key)
    call = st.text_input("Call to action", call, key=f"call-{key}", live="350ms")
    return hook or "", body, call or ""


def _read_only(row: ReviewRow) -> tuple[str, str, str]:
    hook, body, call = _parts(row)
    st.markdown(f"#### {plain(hook)}")
    st.text(body)
    st.text(call)
    return hook, body, call


def _gates(
    services: StudioServices, row: ReviewRow, hook: str, body: str, call: str
) -> None:
    settings = services.settings
    gates = Gates(settings.novelty_floor, banned=read_banned(settings.banned_words))
    context = shown(
        services,
        ("typing", row["post_id"]),
        lambda con: typing_context(con, row["post_id"]),
    )
    corpus = shown(services, "corpus", CORPUS.read)
    nearest = _nearest(services)
    said = typed_advice(gates, context, corpus, hook, body, call, nearest)
    failed = [one for one in said if one.passed is False]
    words = (
        "passes all that was measured" if not failed else f"{len(failed)} to look at"
    )
    st.markdown(f"**Gates**: {words}")
    for one in said:
        _say(one)
    if failed:
        st.caption("The gates warn and refuse nothing here: you decide.")


def _nearest(services: StudioServices) -> Nearest:
    """Return a function that gives a text's cosine to the nearest script, or None.

    The function always returns None unless the person has switched the comparison on
    and the embedder runs on this machine, since other embedders cost money.
    """
    if services.settings.embedder != "local":
        return lambda text: None
    asked = st.toggle(
        "Compare the meaning too",
        key="compare_meaning",
        help="Finds the nearest script by meaning; on this machine, free, slower.",
    )
    if not asked:
        return lambda text: None
    return nearest_on_this_machine(services)


def nearest_on_this_machine(services: StudioServices) -> Nearest:
    """Return a function that gives a text's cosine to the nearest script, or None.

    Nothing is paid for or stored.
    """
    from ig_assets.core.corpus.embedding.spaces import Space

    def cosine(text: str) -> float | None:
        embedder = services.embedder
        space = Space(embedder.model, embedder.dimensions)
        [vector] = embedder.embed([text]).vectors
        found = services.index.query(space.namespace, vector.tolist(), 1)
        return found[0].similarity if found else None

    return cosine


def _say(one: Advice) -> None:
    mark = {True: ":green[✓]", False: ":red[✗]", None: ":gray[–]"}[one.passed]
    where = f" *({one.where})*" if one.where and one.words else ""
    st.markdown(f"{mark} {plain(one.sentence)}{where}")
    if one.passed is False and one.words and one.words not in one.sentence:
        st.markdown(f"> {plain(one.words)}")


def _decide(
    services: StudioServices, row: ReviewRow, words: tuple[str, str, str]
) -> None:
    post_id, seen = row["post_id"], row["revision_hash"]
    is_edited = words != _parts(row)
    if services.settings.social == "instagram" and row["status"] == "proposed":
        st.text_input(
            "Public address of the reel (https)",
            key=f"video-{post_id}",
            help="Instagram fetches the video from there.",
            placeholder="already given" if row["has_video"] else "https://…",
        )
    reason = st.text_input(
        "Why not? (needed to decline)", key=f"why-{post_id}", max_chars=500
    )
    save, approve, decline = st.columns(3)
    # A click counts for these words alone: where others take their place before it
    # arrives, a button of the same name would take it.
    of = f"{post_id}-{seen}"
    if save.button(
        "Save my words", key=f"save-{of}", disabled=not is_edited, width="stretch"
    ):
        _do(lambda: _save(services, post_id, seen, words))
    label = "Save and approve" if is_edited else "Approve"
    if row["status"] == "proposed" and approve.button(
        label,
        key=f"approve-{of}",
        type="primary",
        icon=":material/check:",
        width="stretch",
    ):
        _do(lambda: _approve(services, post_id, seen, words if is_edited else None))
    if decline.button(
        "Decline", key=f"decline-{of}", icon=":material/close:", width="stretch"
    ):
        _do(lambda: _decline(services, post_id, seen, reason))
    if is_edited:
        st.caption("Not saved yet; the variant keeps its own words in any case.")


def _do(decide: Callable[[], str]) -> None:
    """Carry out a decision, keep its sentence as a notice, and redraw the page."""
    with friendly():
        st.session_state[_NOTICE] = decide()
        st.rerun()


def _save(
    services: StudioServices, post_id: str, seen: str, words: tuple[str, str, str]
) -> str:
    content = words_as_file(*words)
    edited = edit_post(
        services.warehouse, services.clock, post_id, content, _by(), based_on=seen
    )
    settings = services.settings
    gates = Gates(settings.novelty_floor, banned=read_banned(settings.banned_words))
    measure_edit(services.warehouse, services.clock, gates, post_id)
    return (
        f"Saved as revision {edited.revision_hash[:12]}; the variant keeps its words."
    )


def _approve(
    services: StudioServices,
    post_id: str,
    seen: str,
    words: tuple[str, str, str] | None,
) -> str:
    if words is not None:
        content = words_as_file(*words)
        seen = edit_post(
            services.warehouse, services.clock, post_id, content, _by(), based_on=seen
        ).revision_hash
    now = services.clock.now()
    review = Review(_by(), now, seen={post_id: seen})
    video = str(st.session_state.get(f"video-{post_id}") or "").strip() or None
    real = services.settings.social == "instagram"
    done = approve_posts(services.warehouse, [post_id], video, real, now, review)
    _check_decided(done, post_id)
    return "Approved; it goes out when its time comes."


def _decline(services: StudioServices, post_id: str, seen: str, reason: str) -> str:
    review = Review(_by(), services.clock.now(), reason, {post_id: seen})
    _check_decided(decline_posts(services.warehouse, [post_id], review), post_id)
    return "Declined; it never goes out."


def _check_decided(done: Decided, post_id: str) -> None:
    if not done.count:
        raise InputError(
            f"It was decided meanwhile: it is {done.left[post_id]}; nothing was "
            "changed."
        )


def _by() -> str:
    if not who():
        raise InputError("Type your name at the left first: it is kept with this.")
    return who()
