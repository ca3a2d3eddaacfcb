"""Plots the corpus as a map: vectors in two dimensions, with winners marked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ig_assets.core.plots import render_png
from ig_assets.warehouse.warehouse import Warehouse

MOST_POINTS = 3000
MOST_BYTES = 60_000
COLOURS = {"library": "#3b6ea5", "history": "#9aa5ae", "winner": "#d1495b"}

Points = npt.NDArray[np.float64]

# The order by hash makes the sample random and repeatable; winners come first.
_POINTS = f"""
    SELECT s.origin,
        s.origin = 'winner' OR w.revision_hash IS NOT NULL AS is_winner,
        e.vector
    FROM current_scripts AS s
    JOIN embeddings AS e
        ON e.content_hash = s.revision_hash
        AND e.model = ?
        AND e.dimensions = ?
    LEFT JOIN won_revisions AS w
        ON w.revision_hash = s.revision_hash
    ORDER BY is_winner DESC, s.revision_hash, s.script_id
    LIMIT {MOST_POINTS}
"""


def corpus_map(warehouse: Warehouse, model: str, dimensions: int) -> bytes:
    """Plot the active scripts, at most 3,000 of them, as a PNG of less than 60 kB.

    A point's position is the first two principal components of its script's vector; its
    colour shows the script's origin; winners have a ring. Without vectors the plot says
    "no vectors yet".
    """
    with warehouse.transaction() as con:
        rows = con.execute(_POINTS, [model, dimensions]).fetchall()
        [(active,)] = con.execute("SELECT count(*) FROM current_scripts").fetchall()
    origins = [str(origin) for origin, _, _ in rows]
    winners = np.array([bool(won) for _, won, _ in rows], dtype=bool)
    vectors = np.array([vector for _, _, vector in rows], dtype=np.float64)
    points = principal_components(vectors.reshape(len(rows), dimensions))
    title = f"{len(rows):,} of {active:,} scripts"
    for dpi in (100, 80, 60, 40):
        picture = _draw(points, origins, winners, title, dpi)
        if len(picture) < MOST_BYTES:
            break
    return picture


def principal_components(vectors: Points) -> Points:
    """Project vectors (n, d) on their first two principal components: shape (n, 2).

    For fewer than two vectors all values are 0. The largest coordinate of each axis is
    positive, so that the same corpus gives the same picture.
    """
    points = np.zeros((len(vectors), 2))
    if len(vectors) < 2 or vectors.shape[1] == 0:
        return points
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    for column, axis in enumerate(axes[:2]):
        sign = 1.0 if axis[np.argmax(np.abs(axis))] >= 0 else -1.0
        points[:, column] = centred @ axis * sign
    return points


def _draw(
    points: Points,
    origins: Sequence[str],
    winners: npt.NDArray[np.bool_],
    title: str,
    dpi: int,
) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), dpi=dpi, layout="constrained")
    axes = figure.add_subplot()
    size = 24.0 if len(points) < 300 else 6.0
    kind = np.array(origins, dtype=object)
    for origin, colour in COLOURS.items():
        mask = kind == origin
        if mask.any():
            x, y = points[mask].T
            label = f"{origin} ({int(mask.sum()):,})"
            axes.scatter(x, y, s=size, c=colour, label=label, linewidths=0)
    if winners.any():
        x, y = points[winners].T
        label = f"won ({int(winners.sum()):,})"
        axes.scatter(
            x, y, s=size * 4, facecolors="none", edgecolors="#222222", label=label
        )
    if len(points):
        axes.legend(loc="best", fontsize=8, frameon=False)
    else:
        axes.text(0.5, 0.5, "no vectors yet", ha="center", va="center")
    axes.set_title(title, fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
    return render_png(figure)
