"""Count the requests to forget that are interrupted or have words left somewhere.

A request has a receipt even if its last search still found words, since a restored copy
of the warehouse needs the receipt to forget again. The row of the request's step
`search` says what was found.
"""

from __future__ import annotations

from ig_assets.warehouse.backends import Connection

_FOUND_WORDS = """
    SELECT request_id
    FROM forget_steps
    WHERE step = 'search' AND contains(detail, '"places": {"')
"""

UNFINISHED = f"(status <> 'done' OR request_id IN ({_FOUND_WORDS}))"
"""SQL condition on `forget_requests`: the request is not finished."""


def count_unfinished(con: Connection) -> int:
    """Return how many requests were interrupted or have words left."""
    sql = f"SELECT count(*) FROM forget_requests WHERE {UNFINISHED}"
    return int(con.execute(sql).fetchall()[0][0])


def unfinished_warning(con: Connection) -> str:
    """Return a warning that requests to forget are unfinished; '' if none is."""
    count = count_unfinished(con)
    if not count:
        return ""
    requests = (
        "1 request to forget is" if count == 1 else f"{count} requests to forget are"
    )
    return (
        f"{requests} not finished, so that words which have to go may be used again; "
        "finish with `ig-assets forget --resume`."
    )
