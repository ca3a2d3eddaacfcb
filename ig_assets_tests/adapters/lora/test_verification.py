"""What `make verify-training` needs before it trains anything."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement

from ig_assets.adapters.lora.rows import rows_of_dataset
from tools.verify_training import Place, make_dataset

ROOT = Path(__file__).parents[3]
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}
MAC = {"sys_platform": "darwin", "platform_machine": "arm64"}


def torch_in_the_lock(machine: dict[str, str]) -> list[tuple[str, int]]:
    """(version, number of hashes) of each line that a machine would install."""
    lock = (ROOT / "requirements" / "train.txt").read_text()
    lines = re.findall(r"^torch==.*(?:\n    .*)+", lock, re.MULTILINE)
    found = []
    for line in lines:
        named = Requirement(line.split("\\\n")[0].strip())
        if named.marker is None or named.marker.evaluate(machine):
            found.append((str(named.specifier), line.count("--hash=")))
    return found


def test_linux_takes_no_build_of_torch_but_the_one_for_processors() -> None:
    """Of several allowed files pip prefers one whose hash the index tells, for CUDA."""
    assert torch_in_the_lock(LINUX) == [("==2.13.0+cpu", 1)]
    [(version, hashes)] = torch_in_the_lock(MAC)
    assert version == "==2.13.0" and hashes > 1


def test_the_training_set_of_the_verification_is_as_the_trainer_reads_it(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path, tmp_path / "never read.gguf")
    assert make_dataset(place).lines == 14
    rows = rows_of_dataset(place.dataset)
    kinds = [
        (kind, split) for kind in ("sft", "dpo") for split in ("train", "validation")
    ]
    assert [len(rows.of(*one)) for one in kinds] == [10, 1, 2, 1]
