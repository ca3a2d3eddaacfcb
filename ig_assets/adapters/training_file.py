"""Finds the training file of a request, and checks its lines before an upload."""

from __future__ import annotations

from pathlib import Path

from ig_assets.core.fine_tuning.training_set.dataset_files import FEWEST_EXAMPLES
from ig_assets.core.fine_tuning.training_set.training_lines import (
    check_line,
)
from ig_assets.core.ports import DPO, SFT, TrainingFile, TrainingRequest
from ig_assets.errors import RefusedError

EPOCHS = 2
_EXAMPLES = {SFT: "supervised examples", DPO: "preference pairs"}
MARKS_PER_EXAMPLE = 10
"""The number of tokens that mark the two messages of an example; vendors count them."""


def checked_training_file(
    request: TrainingRequest, provider: str, method: str = SFT
) -> TrainingFile:
    """Return the training file of a method, SFT or DPO, after checking every line.

    Raises RefusedError if it is too short or a line is invalid.
    """
    file = long_enough(request, provider, method)
    text = Path(file.path).read_text(encoding="utf-8").removesuffix("\n")
    for number, line in enumerate(text.split("\n"), start=1):
        if problem := check_line(method, line):
            raise RefusedError(
                f"Line {number} of {Path(file.path).name} {problem}; nothing was sent "
                f"to {provider}."
            )
    return file


def long_enough(
    request: TrainingRequest, provider: str, method: str = SFT
) -> TrainingFile:
    """Return the training file of a method, SFT or DPO.

    Raises RefusedError if it has too few lines; the message says how many are missing.
    """
    file = request.files.get(f"{method}_train")
    lines = 0 if file is None else file.lines
    if file is None or lines < FEWEST_EXAMPLES:
        left_out = (
            f" {file.left_out} more lack a hook, three sentences of body or a call to "
            "action, so that a writer could not answer with them."
            if file is not None and file.left_out
            else ""
        )
        raise RefusedError(
            f"{provider} trains on {FEWEST_EXAMPLES} {_EXAMPLES[method]} or more; the "
            f"set has {lines}, {FEWEST_EXAMPLES - lines} are missing.{left_out}"
        )
    return file


def trained_tokens(file: TrainingFile) -> int:
    """Return the number of tokens over all epochs.

    The tokens that mark the messages are included.
    """
    return (file.tokens + MARKS_PER_EXAMPLE * file.lines) * EPOCHS
