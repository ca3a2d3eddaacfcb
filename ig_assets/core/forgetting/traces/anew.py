"""Repeats the search for traces of scripts after a request was interrupted."""

from __future__ import annotations

import dataclasses
from typing import Any

from ig_assets.core.forgetting.traces.copies import Bounds
from ig_assets.core.forgetting.traces.finding import find
from ig_assets.core.forgetting.traces.found import Found
from ig_assets.warehouse.forgetting.erasure import WINNER, Erasure
from ig_assets.warehouse.warehouse import Connection


def find_anew(con: Connection, known: Found, bounds: Bounds) -> Found:
    """Search again for everything that came of a request's scripts; add it to `known`.

    Rows may have been written since `known` was found, even after the words were erased
    from the tables; the words are then taken from `known`.
    """
    # A copy of a copy or of an arm stays, in this search as in the first one.
    came = {f"{WINNER}{variant_id}" for variant_id in known.copied}
    named = {*known.erasure.scripts} - came - {*known.sibling_arms}
    return joined(known, find(con, known.erasure, named, bounds, known))


def joined(known: Found, latest: Found) -> Found:
    """Return the union of two searches for the same request.

    A script, variant or model that one search erases is not listed as kept, even if the
    other search keeps it.
    """
    lists: dict[str, Any] = {
        one.name: tuple(
            dict.fromkeys(
                (*getattr(known.erasure, one.name), *getattr(latest.erasure, one.name))
            )
        )
        for one in dataclasses.fields(Erasure)
        if isinstance(getattr(known.erasure, one.name), tuple)
    }
    erasure = dataclasses.replace(known.erasure, **lists)
    erased = {*erasure.scripts, *erasure.variants, *erasure.models}
    values: dict[str, Any] = {}
    for one in dataclasses.fields(Found):
        first, second = getattr(known, one.name), getattr(latest, one.name)
        if one.name in ("published", "vendors"):
            values[one.name] = (*first, *(row for row in second if row not in first))
        elif isinstance(first, tuple):
            values[one.name] = tuple(dict.fromkeys((*first, *second)))
    for name in ("same_letters", "influenced", "influenced_models", "similar"):
        values[name] = tuple(kept for kept in values[name] if kept not in erased)
    active = latest.active_model or known.active_model
    return Found(**values | {"erasure": erasure, "active_model": active})
