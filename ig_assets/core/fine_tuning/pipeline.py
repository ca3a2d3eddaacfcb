"""The steps of a month's fine-tune: examples, files, job, model, evaluation.

Each step is idempotent and reads what the steps before it stored, so that assets and
commands run them one by one or together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ig_assets.core.corpus.embedding.query_cache import embed_queries
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.fine_tuning.evaluation.evaluation import (
    EvaluationSummary,
    Evaluator,
    HeldOutExample,
    WrittenText,
    evaluate_model,
)
from ig_assets.core.fine_tuning.evaluation.preference_accuracy import PairLikelihood
from ig_assets.core.fine_tuning.jobs.expected_costs import (
    ExpectedCost,
    expected_costs,
)
from ig_assets.core.fine_tuning.jobs.register import register_model
from ig_assets.core.fine_tuning.jobs.rows import FINAL, JobRow, latest_job
from ig_assets.core.fine_tuning.jobs.states import poll_jobs
from ig_assets.core.fine_tuning.jobs.submit import submit_to_first
from ig_assets.core.fine_tuning.training_set.dataset_files import (
    DatasetSummary,
    write_datasets,
)
from ig_assets.core.fine_tuning.training_set.examples import (
    ExamplesSummary,
    build_training_examples,
)
from ig_assets.core.fine_tuning.training_set.manifests import write_events
from ig_assets.core.fine_tuning.training_set.vendor_lines import script_answer
from ig_assets.core.generation.pipeline import GenerationContext
from ig_assets.core.generation.writing.held_out import write_held_out
from ig_assets.core.generation.writing.judge import judge
from ig_assets.core.generation.writing.likelihood import held_out_likelihood
from ig_assets.core.generation.writing.models import writing_models
from ig_assets.core.generation.writing.write import Sampling
from ig_assets.core.models.few_shot import few_shot_messages
from ig_assets.core.models.registry import ModelName, ModelRow, active_model
from ig_assets.core.ports import Clock, GivesLikelihoods, Trainer, Vectors
from ig_assets.errors import InputError, RefusedError
from ig_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class FineTuning:
    """The services and settings that a month's fine-tune uses.

    `space` names the stored embeddings in which near-duplicates are searched; `folder`
    has one folder of dataset files per month. `trainers` are tried in order, and their
    costs are booked in the `ledger`. With `with_ads`, experiments that ads decided are
    included; a decision's weight halves every `half_life_months`. `evaluation_topics`
    is the number of held-out pairs for the comparison.
    """

    clock: Clock
    warehouse: Warehouse
    ledger: Ledger
    trainers: tuple[Trainer, ...]
    base: ModelName
    space: Space
    folder: Path
    seed: int
    with_ads: bool
    evaluation_topics: int
    half_life_months: float | None = None


@dataclass(frozen=True)
class MonthEvaluation:
    """The month's candidate, the model with which it was compared, and the result."""

    candidate: ModelRow
    active: ModelRow
    summary: EvaluationSummary


def build_examples(
    fine_tuning: FineTuning, month: str, run_id: str = ""
) -> ExamplesSummary:
    """Build the month's training set. Raises InputError if the month is not over."""
    return build_training_examples(
        fine_tuning.warehouse,
        fine_tuning.clock,
        month,
        fine_tuning.seed,
        fine_tuning.space.model,
        fine_tuning.space.dimensions,
        run_id,
        with_ads=fine_tuning.with_ads,
        half_life_months=fine_tuning.half_life_months,
    )


def write_files(
    fine_tuning: FineTuning, month: str, run_id: str = ""
) -> DatasetSummary:
    """Write the files of the month's stored examples; equal rows give equal bytes.

    Raises InputError for an invalid line.
    """
    return write_datasets(
        fine_tuning.warehouse,
        fine_tuning.clock,
        month,
        fine_tuning.folder,
        fine_tuning.seed,
        fine_tuning.base.name,
        run_id,
    )


def submit_files(
    fine_tuning: FineTuning, dataset: DatasetSummary, run_id: str = ""
) -> JobRow:
    """Submit a month's files once, to the first trainer that accepts them.

    Raises TransientVendorError, AccessError and BudgetError.
    """
    return submit_to_first(
        fine_tuning.warehouse,
        fine_tuning.clock,
        fine_tuning.trainers,
        dataset.month,
        dataset,
        fine_tuning.seed,
        run_id,
        fine_tuning.ledger,
    )


def prepare_month(fine_tuning: FineTuning, month: str) -> DatasetSummary:
    """Build the month's training set and write its files."""
    examples = build_examples(fine_tuning, month)
    return replace(write_files(fine_tuning, month), excluded=examples.excluded)


def month_costs(fine_tuning: FineTuning, dataset: DatasetSummary) -> list[ExpectedCost]:
    """Return each trainer's expected cost for a month's files; nothing is sent."""
    return expected_costs(fine_tuning.trainers, dataset, fine_tuning.seed)


def submit_month(
    fine_tuning: FineTuning, dataset: DatasetSummary
) -> tuple[JobRow, ModelRow | None]:
    """Submit a month's files, poll the trainer once, register a finished model.

    Returns (job as submitted, model or None if the training is not finished).
    """
    warehouse, clock = fine_tuning.warehouse, fine_tuning.clock
    job = submit_files(fine_tuning, dataset)
    poll_jobs(warehouse, clock, *fine_tuning.trainers)
    return job, _register(fine_tuning, dataset.month)


def register_month(fine_tuning: FineTuning, month: str, run_id: str = "") -> ModelRow:
    """Register the model of the month's job.

    Raises InputError if the job is missing or not finished, and RefusedError if it
    failed or was refused.
    """
    warehouse = fine_tuning.warehouse
    model = _register(fine_tuning, month, run_id)
    if model is not None:
        return model
    with warehouse.transaction() as con:
        job = latest_job(con, month)
    if job is None:
        raise InputError(
            f"There is no fine-tune job for {month}; materialise fine_tune_job first."
        )
    if job.status in FINAL:
        raise RefusedError(
            f"The fine-tune job of {month} ended as {job.status}: "
            f"{job.refusal or 'the trainer gave no reason'}"
        )
    raise InputError(
        f"The fine-tune job of {month} is {job.status}; its model is registered by "
        "fine_tune_status_sensor when it ends."
    )


def _register(fine_tuning: FineTuning, month: str, run_id: str = "") -> ModelRow | None:
    """Register the model of the month's job, and update its OpenLineage file."""
    warehouse = fine_tuning.warehouse
    model = register_model(warehouse, fine_tuning.clock, month, run_id)
    if model is not None:
        with warehouse.transaction() as con:
            write_events(con, fine_tuning.folder / month, month)
    return model


def evaluate_month(
    fine_tuning: FineTuning, generation: GenerationContext, month: str, run: RunRef
) -> MonthEvaluation:
    """Compare the month's candidate with the active model on held-out prompts.

    Registers the candidate and the base model if they are new. Raises as
    `register_month` and `write_script` do.
    """
    generation.ledger.mark_unknown(run)
    writing_models(generation.warehouse, generation.clock, generation.base)
    candidate = register_month(fine_tuning, month)
    with generation.warehouse.transaction() as con:
        active = active_model(con)
    calls = _PaidCalls(generation, run)
    evaluator = Evaluator(
        fine_tuning.warehouse,
        fine_tuning.clock,
        calls.write,
        calls.embed,
        fine_tuning.evaluation_topics,
        fine_tuning.seed,
        judge=calls.judge,
        likelihood=calls.pair_likelihood if calls.likely(candidate, active) else None,
        max_in_flight=generation.options.max_in_flight,
    )
    with generation.ledger.interruptible(run):
        summary = evaluate_model(evaluator, month, candidate, active)
    return MonthEvaluation(candidate, active, summary)


@dataclass(frozen=True)
class _PaidCalls:
    """Makes the calls of an evaluation: texts, embeddings, likelihoods, judgements.

    The base model judges, whichever models are compared.
    """

    generation: GenerationContext
    run: RunRef

    def write(self, model: ModelRow, example: HeldOutExample) -> WrittenText:
        context = self.generation
        sampling = Sampling(context.options.temperature, example.seed)
        writer = context.writers(model.called)
        shown = self._shown_examples(model)
        return WrittenText(
            write_held_out(
                context.ledger, writer, example.prompt, shown, sampling, self.run
            )
        )

    def likely(self, *models: ModelRow) -> bool:
        """Return whether each of the models gives likelihoods."""
        writers = (self.generation.writers(model.called) for model in models)
        return all(isinstance(writer, GivesLikelihoods) for writer in writers)

    def pair_likelihood(
        self, model: ModelRow, example: HeldOutExample
    ) -> PairLikelihood | None:
        context = self.generation
        answers = [script_answer(text) for text in (example.winner, example.loser)]
        writer, shown = context.writers(model.called), self._shown_examples(model)
        assert isinstance(writer, GivesLikelihoods)
        found = [
            held_out_likelihood(
                context.ledger,
                writer,
                example.prompt,
                shown,
                answer.model_dump_json(),
                self.run,
            ).nats_per_token
            for answer in answers
            if answer is not None and None not in answers
        ]
        return PairLikelihood(*found) if found else None

    def _shown_examples(self, model: ModelRow) -> list[str]:
        """Return the winners that a few-shot model shows in its prompt."""
        if model.artifact is None:
            return []
        with self.generation.warehouse.transaction() as con:
            return [text for _, text in few_shot_messages(con, model.artifact)]

    def judge(self, example: HeldOutExample, first: str, second: str) -> int | None:
        context = self.generation
        return judge(
            context.ledger,
            context.writers(context.base.name),
            example.prompt,
            (first, second),
            example.seed,
            self.run,
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        context = self.generation
        return np.stack(
            embed_queries(
                context.warehouse, context.ledger, context.embedder, self.run, texts
            )
        )
