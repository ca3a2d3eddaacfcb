"""The layers hold, and opening the code location loads nothing heavy."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parent.parent
HEAVY = (
    "openai",
    "pinecone",
    "pandas",
    "faiss",
    "onnxruntime",
    "scipy",
    "matplotlib",
    "tokenizers",
    "xllamacpp",
    "huggingface_hub",
    "genai_prices",
    "bpe_openai",
)


@pytest.fixture
def loggers() -> Iterator[None]:
    """Import Linter disables all loggers that there are; here they come back."""
    before = {
        logger: logger.disabled
        for logger in logging.root.manager.loggerDict.values()
        if isinstance(logger, logging.Logger)
    }
    yield
    for logger, disabled in before.items():
        logger.disabled = disabled


@pytest.mark.usefixtures("loggers")
def test_imports_run_one_way() -> None:
    """The contracts of pyproject.toml; `lint-imports` shows what breaks them."""
    found = lint_imports(
        config_filename=str(ROOT / "pyproject.toml"), no_cache=True, is_debug_mode=False
    )
    assert found == EXIT_STATUS_SUCCESS


def test_opening_the_code_location_loads_no_heavy_library(tmp_path: Path) -> None:
    script = (
        "import json, sys\n"
        "from ig_assets.definitions import defs\n"
        "defs()\n"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={
            "PATH": "",
            "HOME": str(tmp_path),
            "IG_DATA_DIR": str(tmp_path / "data"),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
    assert not (tmp_path / "data").exists(), "looking at the definitions writes nothing"
