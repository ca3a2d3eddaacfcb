"""What was found of the scripts that a request names."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from ig_assets.warehouse.forgetting.erasure import Erasure


@dataclass(frozen=True)
class Found:
    """All traces of the scripts of a request to forget.

    These are erased: `texts`, the words, which stay in memory; `own`, the texts of the
    scripts and their own variants, whose copies are searched for; `same_words`, scripts
    with exactly the words of a named one; `sibling_arms`, scripts in the same test that
    share more words with a named one than a variant may, such as arms that differ only
    in their hook; and `copied`, variants that copied one of the scripts. `quoted` are
    passages of the scripts' files that remarks of earlier versions quote.

    These are listed and kept: `same_letters`, scripts that differ from a named one only
    in spacing, capitals or punctuation, which a sync refuses from now on; `influenced`,
    variants with one of the scripts in their prompt; `influenced_models`, which had one
    in their dataset and did not learn from it; `similar`, scripts that share more words
    with a named one than a variant may; and `published` posts and `vendors`, which this
    program cannot change. `active_model` is the id of the model that generation uses
    now.
    """

    erasure: Erasure
    texts: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()
    same_words: tuple[str, ...] = ()
    sibling_arms: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    same_letters: tuple[str, ...] = ()
    influenced: tuple[str, ...] = ()
    influenced_models: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()
    published: tuple[dict[str, Any], ...] = ()
    vendors: tuple[dict[str, Any], ...] = ()
    active_model: str | None = None

    def listing(self) -> dict[str, Any]:
        """Return all fields except the words and the erasure, as JSON types."""
        fields = dataclasses.asdict(self)
        return {
            name: value
            for name, value in json.loads(json.dumps(fields, default=str)).items()
            if name not in ("erasure", "texts", "own", "quoted")
        }
