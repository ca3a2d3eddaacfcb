"""Draws the course of experiments: the arms' rates beside the evidence, by day."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ig_assets.core.experiments.reports.trajectory import Course
from ig_assets.core.experiments.stats.decision_rule import FINAL_DAY
from ig_assets.core.experiments.stats.e_values import E_WINNER, Z_FINAL

MOST_BYTES = 90_000
COLOURS = ("#3b6ea5", "#d1495b", "#66a182", "#edae49", "#6f4c8b", "#8d8d8d")
PALETTE = 96
_LEAST_E, _MOST_E = 0.1, 1e4
_LINE = 140


@dataclass(frozen=True)
class Shown:
    """What is drawn, and the two lines above it: the topic and the verdict."""

    topic: str
    verdict: str
    course: Course


def titled(rows: Sequence[Mapping[str, Any]], found: Sequence[Course]) -> list[Shown]:
    """Each course under the topic and verdict of its row among `experiment_rows`."""
    known = {row["experiment_id"]: row for row in rows}
    return [
        Shown(
            topic=known[course.experiment_id]["topic"] or course.experiment_id,
            verdict=known[course.experiment_id]["verdict"],
            course=course,
        )
        for course in found
    ]


def course_picture(shown: Sequence[Shown]) -> bytes:
    """A PNG of under 90 kB: a row an experiment, at most six.

    On the left each arm's cumulative rate at equal age with a 95 % interval of one
    look by itself; on the right the highest evidence so far between each two arms,
    the dashed line being what a winner needs against every other.
    """
    for dpi in (110, 90, 70, 50, 35):
        png = _draw(shown[:6], dpi)
        if len(png) < MOST_BYTES:
            break
    return png


def _draw(shown: Sequence[Shown], dpi: int) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    rows = max(1, len(shown))
    figure = Figure(figsize=(8.5, 2.6 * rows), dpi=dpi, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    if not shown:
        figure.text(0.5, 0.5, "No experiment was looked at yet", ha="center")
    else:
        parts = figure.subfigures(rows, 1, squeeze=False)[:, 0]
        for part, one in zip(parts, shown, strict=True):
            title = f"{_one_line(one.topic)}\n{_one_line(one.verdict)}"
            part.suptitle(title, fontsize=8)
            rates, evidence = part.subplots(1, 2)
            _rates(rates, one.course)
            _evidence(evidence, one.course)
    canvas.draw()
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    target = io.BytesIO()
    few = pixels.quantize(PALETTE, dither=Image.Dither.NONE)
    few.save(target, format="png", optimize=True)
    return target.getvalue()


def _rates(axes: Any, course: Course) -> None:
    colours = _colours(course)
    for place, arm in enumerate(course.arms):
        colour = colours[arm.arm]
        days = arm.days + (0.12 * place if course.is_final else 0.0)
        if len(days) > 1:
            axes.plot(days, 100 * arm.rate, color=colour, label=arm.arm, linewidth=1.4)
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
                label=arm.arm,
            )
    axes.set_title("rate, % (95 % at one look)", fontsize=7)
    axes.set_ylim(bottom=0)
    _days(axes, course)


def _evidence(axes: Any, course: Course) -> None:
    for pair, colour in zip(course.pairs, _cycle(len(course.pairs)), strict=True):
        label = f"{pair.arm_a} – {pair.arm_b}"
        e = pair.max_e.clip(_LEAST_E, _MOST_E)
        style = "o" if len(pair.days) == 1 else "-"
        axes.plot(pair.days, e, style, color=colour, label=label, linewidth=1.4)
        if pair.days[-1] == FINAL_DAY:
            sure = " (beaten)" if abs(pair.z_at_last) > Z_FINAL else ""
            axes.plot([], [], " ", label=f"   z = {pair.z_at_last:.1f}{sure}")
    axes.axhline(E_WINNER, linestyle="--", color="#222222", linewidth=1)
    axes.set_yscale("log")
    axes.set_ylim(_LEAST_E, _MOST_E)
    axes.set_title(
        f"highest evidence so far ({E_WINNER:.0f} at any time, or |z| > {Z_FINAL:.2f} "
        "at the end)",
        fontsize=7,
    )
    _days(axes, course)


def _days(axes: Any, course: Course) -> None:
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=6, loc="upper left", framealpha=0.6)
    if course.is_final:
        axes.set_xticks([FINAL_DAY], ["final reading"])
        axes.set_xlim(FINAL_DAY - 2, FINAL_DAY + 2)
        return
    axes.set_xlim(0, FINAL_DAY + 0.5)
    axes.set_xticks([1, 7, FINAL_DAY])
    axes.set_xlabel("days of age", fontsize=6)


def _colours(course: Course) -> dict[str, str]:
    arms = [arm.arm for arm in course.arms]
    return dict(zip(arms, _cycle(len(arms)), strict=True))


def _cycle(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _one_line(text: str) -> str:
    line = " ".join(text.split()).replace("$", r"\$")
    return line if len(line) <= _LINE else line[: _LINE - 1] + "…"
