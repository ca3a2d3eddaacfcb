"""Draws a flow as SVG: boxes in columns from left to right, joined by bands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

WIDTH, TOP = 1080, 34
BOX, GAP = 14, 9
LEAST_STEP = 240.0
"""Least distance between two columns, in units: room for 31 letters.

A picture of many columns becomes wider than `WIDTH` to keep it.
"""
LABEL_PX = 6.9
"""Approximate width of a letter, in units; longer labels are cut."""
LAST_LABEL = 190.0
"""Room for the labels of the last column, in units."""
SMALLEST, ROW = 4.0, 20.0
TALLEST = 620.0


@dataclass(frozen=True)
class Box:
    """A box of the flow in a column (0 is leftmost); `title` is shown on hovering."""

    key: str
    column: int
    label: str
    title: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Band:
    """A flow from one box to another; `kind` chooses its colour."""

    source: str
    target: str
    weight: float
    kind: str = ""


@dataclass
class _Placed:
    box: Box
    value: float
    x: float
    y: float
    height: float
    used_in: float = 0.0
    used_out: float = 0.0


def flow_svg(
    boxes: Sequence[Box],
    bands: Sequence[Band],
    heads: Sequence[str],
    tallest: float = 260.0,
) -> str:
    """Return the flow as one `<svg>` element; `heads` are the titles of the columns.

    A box is as tall as the weight that flows through it, at most `tallest` units. The
    picture is 1080 units wide, or wider if it has many columns. Boxes stand in the
    order given. Labels are escaped. Raises KeyError if a band names a box that is not
    given.
    """
    values = _values(boxes, bands)
    columns: dict[int, list[Box]] = defaultdict(list)
    for box in boxes:
        columns[box.column].append(box)
    count = max(columns, default=0) + 1
    scale = min(
        (
            (TALLEST - GAP * len(found)) / max(sum(values[b.key] for b in found), 1e-9)
            for found in columns.values()
        ),
        default=1.0,
    )
    scale = min(scale, tallest / max(values.values(), default=1.0))
    step = max((WIDTH - BOX - LAST_LABEL) / max(count - 1, 1), LEAST_STEP)
    width = max(step * (count - 1) + BOX + LAST_LABEL, WIDTH)
    placed: dict[str, _Placed] = {}
    bottom = float(TOP)
    for column, found in columns.items():
        y = float(TOP)
        for box in found:
            height = max(values[box.key] * scale, SMALLEST)
            placed[box.key] = _Placed(box, values[box.key], column * step, y, height)
            y += max(height + GAP, ROW)
        bottom = max(bottom, y)
    parts = [_band(band, placed, scale) for band in bands]
    parts += [_box(one, count, step) for one in placed.values()]
    parts += [_head(text, n * step) for n, text in enumerate(heads[:count])]
    return (
        f'<svg viewBox="0 0 {width:.0f} {bottom + 6:.0f}" role="img" class="flow" '
        f'style="min-width: {width if width > WIDTH else 0:.0f}px" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _values(boxes: Sequence[Box], bands: Sequence[Band]) -> Mapping[str, float]:
    """Return {key of a box: the larger of its incoming and outgoing weight}."""
    into: dict[str, float] = {box.key: 0.0 for box in boxes}
    out = dict(into)
    for band in bands:
        out[band.source] += band.weight
        into[band.target] += band.weight
    return {key: max(into[key], out[key]) for key in into}


def _band(band: Band, placed: Mapping[str, _Placed], scale: float) -> str:
    source, target = placed[band.source], placed[band.target]
    width = max(band.weight * scale, 1.0)
    y1 = source.y + source.used_out + width / 2
    y2 = target.y + target.used_in + width / 2
    source.used_out += width
    target.used_in += width
    x1, x2 = source.x + BOX, target.x
    middle = (x1 + x2) / 2
    title = f"{source.box.label} → {target.box.label}: {band.weight:.3g}"
    return (
        f'<path class="band {escape(band.kind)}" stroke-width="{width:.1f}" '
        f'd="M{x1:.1f},{y1:.1f} C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} '
        f'{x2:.1f},{y2:.1f}"><title>{escape(title)}</title></path>'
    )


def _box(one: _Placed, count: int, step: float) -> str:
    last = one.box.column == count - 1
    x = one.x + BOX + 6
    y = one.y + min(one.height / 2, 14) + 4
    room = max(int(((LAST_LABEL if last else step - BOX) - 10) / LABEL_PX), 8)
    label = one.box.label
    label = label if len(label) <= room else label[: room - 1].rstrip() + "…"
    title = one.box.title or one.box.label
    return (
        f"<g class={quoteattr('box ' + one.box.kind)}>"
        f'<rect x="{one.x:.1f}" y="{one.y:.1f}" width="{BOX}" '
        f'height="{one.height:.1f}" rx="2"/>'
        f'<text x="{x:.1f}" y="{y:.1f}">{escape(label)}</text>'
        f"<title>{escape(title)}</title></g>"
    )


def _head(text: str, x: float) -> str:
    return f'<text class="head" x="{x:.1f}" y="14">{escape(text)}</text>'
