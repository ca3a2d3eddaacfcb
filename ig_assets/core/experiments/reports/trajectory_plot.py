"""Draws trajectories: the arms' rates beside the evidence, by day of age."""

from __future__ import annotations

import io
import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ig_assets.core.experiments.reports.trajectory import Course
from ig_assets.core.experiments.stats.decision_rule import FINAL_DAY
from ig_assets.core.experiments.stats.e_values import E_WINNER, Z_FINAL

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 90_000
COLOURS = ("#3b6ea5", "#d1495b", "#66a182", "#edae49", "#6f4c8b", "#8d8d8d")
PALETTE = 96
DPI = 110
ROW_HEIGHT = 2.6  # inches
_LEAST_E, _MOST_E = 0.1, 1e4
_TICKS = (0.1, 1, 10, 100, 1000, 10000)
_LINE = 140
_DRAWING = threading.Lock()  # of the figures that are kept


@dataclass(frozen=True)
class TitledCourse:
    """A trajectory, and the two lines of text above its plot: topic and verdict."""

    topic: str
    verdict: str
    course: Course


def titled(
    rows: Sequence[Mapping[str, Any]], found: Sequence[Course]
) -> list[TitledCourse]:
    """Add to each course the topic and verdict of its row from `experiment_rows`."""
    known = {row["experiment_id"]: row for row in rows}
    return [
        TitledCourse(
            topic=known[course.experiment_id]["topic"] or course.experiment_id,
            verdict=known[course.experiment_id]["verdict"],
            course=course,
        )
        for course in found
    ]


def course_picture(titled_courses: Sequence[TitledCourse]) -> bytes:
    """Return a PNG of under 90 kB with one row per experiment, at most six.

    Left: each arm's cumulative rate by age, with a 95 % interval that is valid for one
    look only. Right: for each pair the highest e-value so far for the arm that was
    ahead; the dashed line is what a winner needs against every other arm.
    """
    image = _draw(titled_courses[:6])
    for scale in (1.0, 0.8, 0.6, 0.45, 0.3):
        png = _encoded(image, scale)
        if len(png) < MOST_BYTES:
            break
    return png


def _encoded(image: Image, scale: float) -> bytes:
    """Return the PNG of an image, scaled, with at most `PALETTE` colours."""
    from PIL import Image as images

    if scale < 1.0:
        size = round(image.width * scale), round(image.height * scale)
        image = image.resize(size, images.Resampling.LANCZOS)
    target = io.BytesIO()
    few = image.quantize(PALETTE, images.Quantize.FASTOCTREE, dither=images.Dither.NONE)
    few.save(target, format="png")
    return target.getvalue()


def _draw(titled_courses: Sequence[TitledCourse]) -> Image:
    """Draw all rows at full size, or a sentence if there are none."""
    from PIL import Image as images

    rows = [_drawn_row(_Row(one, _exact(asdict(one)))) for one in titled_courses]
    return images.fromarray(np.concatenate(rows or [_drawn_row(None)]))


def _exact(value: Any) -> Hashable:
    """Return a hashable key of a value; equal keys mean equal values.

    The key of an array is made from its bytes.
    """
    if isinstance(value, dict):
        return tuple(map(_exact, value.values()))
    if isinstance(value, (list, tuple)):
        return tuple(map(_exact, value))
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    found: Hashable = value
    return found


@dataclass(frozen=True)
class _Row:
    """A row to draw; rows with an equal `key` look the same."""

    one: TitledCourse = field(compare=False)
    key: Hashable


@lru_cache(maxsize=12)  # 10 MB
def _drawn_row(row: _Row | None) -> npt.NDArray[np.uint8]:
    """Return the pixels (height, width, 3) of a row; None draws a placeholder.

    The pixels are cached, since most rows are of decided experiments and look the same
    every day. Axes have fixed positions: automatic placement by matplotlib (constrained
    layout) takes longer than everything else together, and this is drawn every
    simulated day.
    """
    if row is None:
        figure = _new_figure()
        figure.text(0.5, 0.5, "No experiment was evaluated yet", ha="center")
        return _pixels(figure)
    one = row.one
    title = f"{_one_line(one.topic)}\n{_one_line(one.verdict)}"
    with _DRAWING:
        figure = _figure_with_axes(one.course.is_final)
        rates, evidence = figure.axes
        try:
            figure.text(0.5, 0.97, title, fontsize=8, ha="center", va="top")
            _rates(rates, one.course)
            _evidence(evidence, one.course)
            return _pixels(figure)
        finally:
            _wipe(figure)


def _new_figure() -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, ROW_HEIGHT), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


@lru_cache(maxsize=2)
def _figure_with_axes(is_final: bool) -> Any:
    """Return a cached figure with two empty axes, for rates and for evidence.

    The figure is cached because creating axes is a third of the work. Final readings
    have a separate figure, since tick labels stay once they are set.
    """
    figure = _new_figure()
    figure.add_axes((0.055, 0.14, 0.42, 0.6))
    figure.add_axes((0.555, 0.14, 0.42, 0.6))
    return figure


def _wipe(figure: Any) -> None:
    """Remove everything drawn on a cached figure, and reset its axes."""
    from matplotlib.transforms import Bbox

    for text in list(figure.texts):
        text.remove()
    for axes in figure.axes:
        for errorbars in list(axes.containers):  # with their lines
            errorbars.remove()
        for artist in (*axes.lines, *axes.collections, *axes.texts):
            artist.remove()
        axes.dataLim.set_points(Bbox.null().get_points())
        axes.ignore_existing_data_limits = True
        axes.autoscale(True)


def _pixels(figure: Any) -> npt.NDArray[np.uint8]:
    figure.canvas.draw()
    shown = np.asarray(figure.canvas.buffer_rgba())
    pixels: npt.NDArray[np.uint8] = shown[:, :, :3].copy()
    return pixels


def _rates(axes: Any, course: Course) -> None:
    colours = _colours(course)
    for position, arm in enumerate(course.arms):
        colour = colours[arm.arm]
        days = arm.days + (0.12 * position if course.is_final else 0.0)
        if len(days) > 1:
            axes.plot(days, 100 * arm.rate, color=colour, linewidth=1.4)
            axes.fill_between(
                days, 100 * arm.low, 100 * arm.high, color=colour, alpha=0.12
            )
        else:
            below, above = arm.rate - arm.low, arm.high - arm.rate
            axes.errorbar(
                days,
                100 * arm.rate,
                yerr=[100 * below, 100 * above],
                fmt="o",
                color=colour,
            )
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="y", nbins=5)  # each label is measured
    _finish(axes, course, "rate in % by day of age (95 % interval of one evaluation)")
    _label(axes, [(arm.arm, colours[arm.arm]) for arm in course.arms])


def _evidence(axes: Any, course: Course) -> None:
    labels = []
    for pair, colour in zip(course.pairs, _cycle(len(course.pairs)), strict=True):
        label = f"{pair.arm_a} – {pair.arm_b}"
        if pair.ahead is not None:
            behind = pair.arm_b if pair.ahead == pair.arm_a else pair.arm_a
            label = f"{pair.ahead} over {behind}"
        e = pair.e_ahead.clip(_LEAST_E, _MOST_E)
        style = "o" if len(pair.days) == 1 else "-"
        axes.plot(pair.days, e, style, color=colour, linewidth=1.4)
        if pair.z is not None:
            z = -pair.z if pair.ahead == pair.arm_b else pair.z
            beaten = " (beaten)" if z > Z_FINAL else ""
            void = " (no longer counts: a count was lowered)"
            label += f": z = {z:.1f}" + (void if pair.z_is_void else beaten)
        labels.append((label, colour))
    axes.axhline(E_WINNER, linestyle="--", color="#222222", linewidth=1)
    axes.set_yscale("log")
    axes.set_ylim(_LEAST_E, _MOST_E)
    axes.set_yticks(_TICKS, [f"{e:,g}" for e in _TICKS])  # no formulas to set
    axes.minorticks_off()
    needed = f"needs {E_WINNER:.0f}, or z > {Z_FINAL:.2f} once at the end"
    _finish(axes, course, f"highest evidence for the arm ahead ({needed})")
    _label(axes, labels)


def _finish(axes: Any, course: Course, title: str) -> None:
    axes.set_title(title, fontsize=7, y=1.02)  # a given y is not searched for
    axes.tick_params(labelsize=6)
    if course.is_final:
        axes.set_xticks([FINAL_DAY], ["final reading"])
        axes.set_xlim(FINAL_DAY - 2, FINAL_DAY + 2)
        return
    axes.set_xlim(0, FINAL_DAY + 0.5)
    axes.set_xticks([1, 7, FINAL_DAY])


def _label(axes: Any, labels: Sequence[tuple[str, str]]) -> None:
    """Write names in their colours into the axes; drawing a legend takes longer."""
    box = {"facecolor": "white", "alpha": 0.6, "linewidth": 0, "pad": 0.5}
    for line, (text, colour) in enumerate(labels):
        axes.text(
            0.02,
            0.94 - 0.09 * line,
            text,
            color=colour,
            fontsize=6.5,
            va="top",
            transform=axes.transAxes,
            bbox=box,
        )


def _colours(course: Course) -> dict[str, str]:
    arms = [arm.arm for arm in course.arms]
    return dict(zip(arms, _cycle(len(arms)), strict=True))


def _cycle(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _one_line(text: str) -> str:
    line = " ".join(text.split()).replace("$", r"\$")
    return line if len(line) <= _LINE else line[: _LINE - 1] + "…"
