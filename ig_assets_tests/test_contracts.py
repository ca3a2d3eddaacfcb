"""The layers hold, and opening the code location loads nothing heavy."""

from __future__ import annotations

import ast
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


NEVER = {
    *("pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"),
    *("os.system", "os.popen", "eval", "exec", "compile"),
    *("np.load", "numpy.load", "pd.read_pickle", "torch.load"),
}
"""What runs what a file or a text says."""


def named(node: ast.AST) -> set[str]:
    """What a statement imports or calls; `shell=True` is "a shell"."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").partition(".")[0]}
    if isinstance(node, ast.Call):
        is_false = [
            isinstance(k.value, ast.Constant) and not k.value.value
            for k in node.keywords
            if k.arg == "shell"
        ]
        shell = {"a shell"} if is_false and not all(is_false) else set()
        is_safe = any(  # torch's loader that takes tensors and numbers alone
            word.arg == "weights_only" and ast.unparse(word.value) == "True"
            for word in node.keywords
        )
        return shell if is_safe else {ast.unparse(node.func)} | shell
    return set()


def test_nothing_runs_what_a_file_or_a_text_says() -> None:
    """No pickle, no shell, no eval; YAML by a safe loader alone."""
    sources = [
        p for name in ("ig_assets", "tools") for p in (ROOT / name).rglob("*.py")
    ]
    assert len(sources) > 300
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in named(node) & {*NEVER, "a shell", "yaml.unsafe_load"}
    ]
    assert found == []
    code = ast.parse("import pickle; run('ls', shell=True); os.system('ls')")
    seen = set().union(*map(named, ast.walk(code)))
    assert {"pickle", "a shell", "os.system"} <= seen
