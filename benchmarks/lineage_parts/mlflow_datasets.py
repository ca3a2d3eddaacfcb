"""Logs scripts as datasets of MLflow runs and asks for them in both directions.

MLflow keeps the name, digest and source of a dataset that a run read. A model is a run
here, and each of its scripts a dataset; it has no words, no evidence and no weight.
"""

from __future__ import annotations

import json
import sys
import time

import mlflow
from mlflow.entities import Dataset, DatasetInput
from mlflow.tracking import MlflowClient

BATCH = 1_000
ROUNDS = 9


def main() -> None:
    """Log, ask some times each, print CPU seconds."""
    folder, models, of_model = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    client = MlflowClient()
    experiment = client.create_experiment("lineage", f"file://{folder}/artifacts")
    runs = []
    for model in range(models):
        run = client.create_run(experiment).info.run_id
        runs.append(run)
        scripts = range(model * of_model, (model + 1) * of_model)
        for first in range(0, of_model, BATCH):
            client.log_inputs(
                run,
                [
                    DatasetInput(Dataset(f"library/{i}", f"{i:032x}", "local", "{}"))
                    for i in scripts[first : first + BATCH]
                ],
            )
    found: dict[str, list[float]] = {"ids: scripts of a model": []}
    found["ids: models of a script"] = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        read = client.get_run(runs[1]).inputs.dataset_inputs
        found["ids: scripts of a model"].append(time.process_time() - begun)
        assert len(read) == of_model
        begun = time.process_time()
        wanted = f"datasets.name = 'library/{of_model + 1}'"
        reached = client.search_runs([experiment], wanted)
        found["ids: models of a script"].append(time.process_time() - begun)
        assert [one.info.run_id for one in reached] == [runs[1]]
    print(json.dumps({"models": models, **found}))


if __name__ == "__main__":
    main()
