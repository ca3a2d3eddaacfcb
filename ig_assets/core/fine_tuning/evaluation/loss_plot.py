"""Draws a job's loss curve as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from ig_assets.core.fine_tuning.evaluation.model_report import Loss
from ig_assets.core.plots import render_png


def loss_picture(losses: Sequence[Loss]) -> bytes:
    """Return a PNG of training loss by step, and of validation loss if measured."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 2.6), dpi=80)
    axes = figure.subplots()
    axes.plot([p[0] for p in losses], [p[1] for p in losses], label="training")
    measured = [(step, valid) for step, _, valid in losses if valid is not None]
    if measured:
        steps, valid = zip(*measured, strict=True)
        axes.plot(steps, valid, marker="o", label="validation")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend(frameon=False)
    figure.tight_layout()
    return render_png(figure, colours=16)
