"""Render figures as PNG, the same bytes for the same figure."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def render_png(figure: Figure, *, colours: int | None = None) -> bytes:
    """Draw a figure and return the PNG.

    With `colours` the picture gets a palette of at most that many colours, which makes
    it several times smaller. The file does not name the software's version, so the same
    figure gives the same bytes.
    """
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    target = io.BytesIO()
    if colours is None:
        figure.savefig(target, format="png", metadata={"Software": None})
        return target.getvalue()
    canvas.draw()
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    few = pixels.quantize(colours, dither=Image.Dither.NONE)
    few.save(target, format="png", optimize=True)
    return target.getvalue()
