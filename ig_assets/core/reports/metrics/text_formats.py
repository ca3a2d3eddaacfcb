"""Formats metrics as Prometheus text (0.0.4) and as DogStatsD datagrams."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from ig_assets.core.reports.metrics.metrics import Family, Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DATAGRAM_BYTES = 1432
"""Largest datagram in an Ethernet frame with headers, as in DataDog's clients."""


def prometheus_text(families: Sequence[Family]) -> str:
    """Return the families with their help and type; the text ends with a line break."""
    lines = []
    for family in families:
        lines.append(f"# HELP {family.name} {_help(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += [
            f"{family.name}{sample.suffix}{_labels(sample)} {_number(sample.value)}"
            for sample in family.samples
        ]
    return "".join(f"{line}\n" for line in lines)


def dogstatsd_datagrams(families: Sequence[Family]) -> Iterator[bytes]:
    """Yield datagrams of gauges, each with as many samples as fit.

    Totals are sent as gauges too, since a count in DogStatsD is an increase, not a
    total.
    """
    datagram = b""
    for family in families:
        for sample in family.samples:
            line = _dogstatsd_line(family.name, sample).encode()
            if datagram and len(datagram) + 1 + len(line) > DATAGRAM_BYTES:
                yield datagram
                datagram = b""
            datagram = datagram + b"\n" + line if datagram else line
    if datagram:
        yield datagram


def _dogstatsd_line(name: str, sample: Sample) -> str:
    metric = name.replace("ig_assets_", "ig_assets.", 1) + sample.suffix.replace(
        "_", "."
    )
    tags = ",".join(f"{key}:{_tag(value)}" for key, value in sample.labels.items())
    return f"{metric}:{sample.value:.15g}|g" + (f"|#{tags}" if tags else "")


def _tag(value: str) -> str:
    """Return a tag's value with separators of tags, fields and lines as underscores."""
    return re.sub(r"[,|\n\r# ]", "_", value)


def _labels(sample: Sample) -> str:
    return _braced(sample.labels) if sample.labels else ""


def _braced(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{k}="{_escaped(v)}"' for k, v in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.0f}" if value.is_integer() else repr(value)
