"""A small data folder with a model that learnt from a script: real index and files."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.adapters.simulated.few_shot_trainer import FewShotTrainer
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.index.sync import sync_index
from ig_assets.core.fine_tuning.jobs.register import register_model
from ig_assets.core.fine_tuning.jobs.submit import submit_job
from ig_assets.core.fine_tuning.training_set.dataset_files import write_datasets
from ig_assets.core.fine_tuning.training_set.examples import build_training_examples
from ig_assets.core.forgetting.traces.copies import Bounds
from ig_assets.core.forgetting.steps import Forgetting
from ig_assets.core.identity import text_hash
from ig_assets.core.models.few_shot import choose_for_month
from ig_assets.core.models.registry import activate, ensure_base_model
from ig_assets.core.ports import BatchEmbedder
from ig_assets.errors import SettingsError
from ig_assets.warehouse.forgetting.receipts import receipts_folder
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    CUTOFF,
    DIMENSIONS,
    MODEL,
    MONTH,
    FineTuningFactory,
    FixedClock,
)

PHRASE = "A lavender kettle hums under the narrow stairwell tonight."
REST = "Nobody's aunt counts “seventeen” copper spoons before a thunderstorm in May."
TEXT = f"{PHRASE}\n\n{REST}"
BASE = "base/openai/tiny"
SEED = 1
"""Puts kettle and lamp into the training lines and radish into the others."""


def no_vendor() -> BatchEmbedder:
    raise SettingsError("there is no key")


class ForgettingFactory(FineTuningFactory):
    """The script `history/kettle` by Mara won once, and the active model shows it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        super().__init__(self.data)
        self.index = FaissIndex(self.data / "faiss", "scripts")

    @classmethod
    def filled(cls, folder: Path) -> ForgettingFactory:
        """A filled data folder whose warehouse is closed."""
        factory = cls(folder)
        factory.fill()
        factory.warehouse.close()
        return factory

    @property
    def settings(self) -> dict[str, str]:
        """The settings under which commands use this folder."""
        return {
            "IG_DATA_DIR": str(self.data),
            "IG_WAREHOUSE_URL": f"duckdb:///{self.data / 'w.duckdb'}",
        }

    def work(self, **changes: Any) -> Forgetting:
        """What a forgetting needs."""
        work = Forgetting(
            clock=self.clock,
            machine_clock=FixedClock(datetime(2031, 5, 6)),
            warehouse=self.warehouse,
            index=self.index,
            batches=no_vendor,
            receipts=receipts_folder(self.data / "w.duckdb"),
            datasets=self.data / "datasets",
            searched=(self.data,),
            library=None,
            bounds=Bounds(0.5, 15),
            rolls_back=True,
            seed=SEED,
            base_model="tiny",
        )
        return replace(work, **changes)

    def fill(self) -> None:
        """Three past tests, the month's model of two of them, made active."""
        self.past("kettle", TEXT, vector=(1.0, 0.0, 0.0), author="Mara")
        self.past("radish", _other("radishes"), vector=(0.0, 1.0, 0.0), author="Ole")
        self.past("lamp", _other("lamps"), vector=(0.0, 0.0, 1.0), author="Ole")
        ensure_base_model(self.warehouse, self.clock, "openai", "tiny")
        sync_index(self.warehouse, self.index, self.clock, Space(MODEL, DIMENSIONS))
        self.train()
        with self.warehouse.transaction() as con:
            activate(con, self.model_id, "a test", self.clock.now())

    def train(self) -> None:
        """The month's examples, files, few-shot job and model."""
        build_training_examples(
            self.warehouse, self.clock, MONTH, SEED, MODEL, DIMENSIONS
        )
        dataset = write_datasets(
            self.warehouse, self.clock, MONTH, self.data / "datasets", SEED, "tiny"
        )
        trainer = FewShotTrainer(
            self.data / "few_shot_trainer",
            lambda request: choose_for_month(
                self.warehouse, request.month, 20, MODEL, DIMENSIONS
            ),
            "tiny",
        )
        submit_job(self.warehouse, self.clock, trainer, MONTH, dataset, SEED)
        model = register_model(self.warehouse, self.clock, MONTH)
        assert model is not None and model.artifact is not None
        self.model_id = model.model_id
        self.shown = model.artifact["example_ids"]

    def past(
        self, name: str, text: str, vector: tuple[float, float, float], author: str
    ) -> None:
        """A decided test of the past whose winner is `history/<name>`."""
        earlier, self._waiting = self._waiting, []
        self.imported(name)
        waiting, self._waiting = self._waiting, earlier
        for table, row in waiting:
            changed = {k: _renamed(name, text, k, v) for k, v in row.items()}
            if table == "scripts" and changed["script_id"] == f"history/{name}":
                hook, body = text.split("\n\n")
                changed |= {"hook": hook, "body": body, "text": text}
                changed |= {"author": author, "call_to_action": ""}
            if table == "script_status":
                hashes = {f"history/{name}": text_hash(text)}
                changed["revision_hash"] = hashes.get(changed["script_id"])
            self._waiting.append((table, changed))
        self.embed(text_hash(text), vector)

    def write_variant(self, name: str, text: str, **columns: Any) -> None:
        """A draft and a variant that was not posted."""
        key = {"variant_id": name, "month": MONTH, "topic_id": "t", "arm": "a"}
        words = {"hook": text, "body": text, "call_to_action": "", "text": text}
        self.write("drafts", key | words)
        self.write("variants", key | words | {"revision_hash": text_hash(text)})
        self.write("variants", key | columns) if columns else None

    def retrieved(self, variant_id: str, script_id: str) -> None:
        self.write(
            "retrievals",
            {
                "variant_id": variant_id,
                "script_id": script_id,
                "revision_hash": text_hash(TEXT),
                "rank": 1,
                "similarity": 0.5,
            },
        )

    def files_with(self, words: str) -> list[str]:
        """The files below the data folder whose bytes have the words."""
        self.warehouse.close()
        return sorted(
            path.relative_to(self.data).as_posix()
            for path in self.data.rglob("*")
            if path.is_file() and words.encode() in path.read_bytes()
        )


def _renamed(name: str, text: str, column: str, value: Any) -> Any:
    old = f"old hook {name} a\n\nold body {name} a"
    if value == f"s-{name}-a":
        return f"history/{name}"
    return text_hash(text) if value == text_hash(old) else value


def _other(subject: str) -> str:
    return (
        f"Three quiet bakers argue about {subject} near the old harbour wall.\n\n"
        f"Every Tuesday somebody repaints {subject} with yellow chalk and patience."
    )


__all__ = ["CUTOFF", "MONTH", "PHRASE", "REST", "TEXT", "ForgettingFactory"]
