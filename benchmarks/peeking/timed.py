"""Times the decision rule on one draw: `python -m peeking.timed EXPERIMENTS SEED`.

Prints JSON: CPU and wall seconds of the product on the import path, best of three.
"""

from __future__ import annotations

import json
import sys
import time

from peeking.audience import Scenario, draw
from peeking.rules import applied_rule

TIMED = Scenario("timed", 3, None)
ROUNDS = 3


def seconds(experiments: int, seed: int) -> dict[str, float]:
    """The quickest of three rounds: CPU seconds of the process, and wall seconds."""
    drawn = draw(TIMED, experiments, seed)
    rounds = []
    for _ in range(ROUNDS):
        cpu, wall = time.process_time(), time.perf_counter()
        applied_rule(drawn)
        rounds.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu, wall = min(rounds)
    return {"cpu": cpu, "wall": wall}


if __name__ == "__main__":
    print(json.dumps(seconds(int(sys.argv[1]), int(sys.argv[2]))))
