"""The process of one training job: `python -m ig_assets.adapters.lora.job_process`.

It holds the job's lock while it lives, waits for its turn on the machine, and writes a
final state. A killed process writes none, and is started again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ig_assets.adapters.lora.adapter_file import sha256_of, write_adapter
from ig_assets.adapters.lora.fit.batches import TokenRow, token_rows
from ig_assets.adapters.lora.gguf_header import base_facts
from ig_assets.adapters.lora.job_folder import ENDED, JobFolder, JobSpec
from ig_assets.adapters.lora.rows import TrainingRow, read_rows
from ig_assets.errors import IgAssetsError, RefusedError

TURN = ".training.lock"
"""The lock file in the trainer's folder; its holder is the one job that trains."""

_START_S, _WAIT_S = 30.0, 2.0


def work(folder: JobFolder, adapters: Path) -> None:
    """Do the job, unless it has ended or another process is doing it."""
    try:
        with folder.lock(_START_S):
            if folder.state().status in ENDED:
                return
            folder.change(starts=folder.state().starts + 1, pid=os.getpid())
            try:
                _train_in_turn(folder, adapters)
            except _Cancelled:
                folder.end("cancelled", reason="A person cancelled it.")
            except IgAssetsError as error:
                folder.end("failed", reason=str(error))
            except Exception as error:  # the boundary of this process
                traceback.print_exc()
                reason = f"The training broke off ({type(error).__name__})"
                folder.end("failed", reason=f"{reason}; see {folder.log}.")
    except Timeout:
        print("Another process works on the job.")


class _Cancelled(Exception):
    """The job was asked to stop."""


def _train_in_turn(folder: JobFolder, adapters: Path) -> None:
    turn = FileLock(folder.path.parent.parent / TURN, timeout=0)
    while True:
        try:
            with turn:
                return _train(folder, folder.spec(), adapters)
        except Timeout:
            _stop_if_cancelled(folder)
            time.sleep(_WAIT_S)


def _stop_if_cancelled(folder: JobFolder) -> None:
    if folder.is_cancelled:
        raise _Cancelled


def _train(folder: JobFolder, spec: JobSpec, adapters: Path) -> None:
    from ig_assets.adapters.lora.base_model import load_with_adapter
    from ig_assets.adapters.lora.fit.training import Cancelled, Diverged, Training

    folder.change(status="running", stage="reading")
    base = Path(spec.base_path)
    if sha256_of(base) != spec.base_sha256:
        raise RefusedError(f"{base} is not the base model that the job began with.")
    rows, excluded = _rows(folder, spec, base)
    _stop_if_cancelled(folder)
    folder.change(stage="loading")
    model = load_with_adapter(base, spec.machine, spec.recipe, spec.seed)
    job = Training(
        model,
        rows,
        spec.recipe,
        spec.seed,
        folder.checkpoint,
        spec.machine.device,
    )
    folder.keep_losses(job.done)
    folder.change(stage="training", step=job.done, steps=job.steps)

    def report(
        step: int, training: float, validation: float | None, saved: bool
    ) -> None:
        folder.add_loss(step, training, validation)
        folder.change(step=step, **({"starts": 1} if saved else {}))

    try:
        trained = job.run(report, lambda: folder.is_cancelled)
    except Cancelled:
        raise _Cancelled from None
    except Diverged:
        raise RefusedError(
            "The training loss became NaN or infinite; look at the examples with the "
            "largest weights."
        ) from None
    folder.change(stage="converting")
    facts = base_facts(base)
    path, sha256 = write_adapter(
        adapters, trained.weights, facts.architecture, facts.blocks, spec.recipe.alpha
    )
    read = sum(row.tokens for row in rows.supervised) * spec.recipe.epochs
    read += sum(row.tokens for row in rows.pairs) * spec.recipe.pair_epochs
    result: dict[str, Any] = {
        "adapter": sha256,
        "file": path.name,
        "steps": trained.steps,
        "excluded": excluded,
        "trained_tokens": read,
    }
    if trained.accuracy is not None:
        result["held_out_pairs"] = {
            "n": len(rows.held_out_pairs),
            "base": trained.accuracy[0],
            "trained": trained.accuracy[1],
        }
    folder.end("succeeded", result=result, step=trained.steps)


def _rows(folder: JobFolder, spec: JobSpec, base: Path) -> tuple[Any, dict[str, int]]:
    """Return the tokenised rows, and the number of excluded training rows by reason.

    Raises RefusedError if the file's rows are not the job's, or if no supervised
    training row is left.
    """
    from ig_assets.adapters.lora.base_model import load_tokenizer
    from ig_assets.adapters.lora.fit.training import TrainingSet

    if sha256_of(folder.rows) != spec.rows_sha256:
        raise RefusedError(f"{folder.rows} does not have the rows of the job.")
    rows, tokenizer = list(read_rows(folder.rows)), load_tokenizer(base)
    most = spec.recipe.most_tokens

    def part(kind: str, split: str, at_most: int | None = None) -> list[TokenRow]:
        chosen: list[TrainingRow] = [
            r for r in rows if (r.kind, r.split) == (kind, split)
        ]
        found, left_out = token_rows(chosen[:at_most], tokenizer, most)
        if split == "train":
            for reason, count in left_out.items():
                excluded[f"{kind} {reason}"] = count
        return found

    excluded: dict[str, int] = {}
    held_out = spec.recipe.most_validation_rows
    found = TrainingSet(
        supervised=part("sft", "train"),
        pairs=part("dpo", "train"),
        held_out=part("sft", "validation", held_out),
        held_out_pairs=part("dpo", "validation"),
    )
    if not found.supervised:
        raise RefusedError(
            f"No supervised example is left to train on; excluded are {excluded}."
        )
    return found, excluded


def main() -> None:
    """Parse the command line of the process that a trainer starts, and do the job."""
    parser = argparse.ArgumentParser(description="Train one adapter.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--adapters", type=Path, required=True)
    arguments = parser.parse_args()
    work(JobFolder(arguments.folder), arguments.adapters)
    sys.exit(0)


if __name__ == "__main__":
    main()
