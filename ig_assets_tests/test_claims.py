"""A test fails where its claim is wrong: none asserts nothing, or only in a loop that
an empty list would skip."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
LOOPS = (ast.For, ast.While)


def test_every_test_asserts_something_that_no_empty_loop_skips() -> None:
    tests = list(_tests())
    assert len(tests) > 1000
    assert [name for name, test in tests if not _asserts(test)] == []


def _tests() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted(FOLDER.rglob("test_*.py")):
        for node in _functions(ast.parse(path.read_text("utf-8"))):
            if node.name.startswith("test_"):
                yield f"{path.relative_to(FOLDER)}::{node.name}", node


def _functions(node: ast.AST) -> Iterator[ast.FunctionDef]:
    """The functions that pytest may collect: those within a function are none."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield child
        elif isinstance(child, ast.stmt):
            yield from _functions(child)


def _asserts(node: ast.AST) -> bool:
    """Whether it holds an assertion that is surely reached."""
    if isinstance(node, ast.Assert):
        return True
    if isinstance(node, ast.Call) and _name(node.func).startswith(
        ("pytest.raises", "pytest.warns", "np.testing.")
    ):
        return True
    if isinstance(node, LOOPS) and not _turns(node):
        return False
    return any(_asserts(child) for child in ast.iter_child_nodes(node))


def _name(function: ast.expr) -> str:
    """A dotted name; empty for anything else that is called."""
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute):
        return f"{_name(function.value)}.{function.attr}"
    return ""


def _turns(loop: ast.For | ast.While) -> bool:
    """Whether what it loops over is written there, and is not empty."""
    if isinstance(loop, ast.While):
        return False
    over = loop.iter
    if isinstance(over, ast.Call) and _name(over.func) == "range":
        return True
    return isinstance(over, (ast.Tuple, ast.List)) and bool(over.elts)
