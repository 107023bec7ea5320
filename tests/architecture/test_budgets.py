"""Budgets of ARCHITECTURE §8: short files and functions, everything annotated, nothing swallowed or left open."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import ROOT, files, nodes

FILE_LINES, FUNCTION_LINES, CLASS_LINES = 300, 40, 200


def _nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in files():
        for node in nodes(path):
            yield path, node


def _module(path: Path) -> ast.Module:
    first = nodes(path)[0]
    assert isinstance(first, ast.Module)
    return first


def _at(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_are_short() -> None:
    assert [str(path.relative_to(ROOT)) for path in files() if len(path.read_text().splitlines()) > FILE_LINES] == []


def test_functions_and_classes_are_short() -> None:
    wrong = [
        f"{_at(path, node)} {node.name} has {_lines(node)} lines"
        for path, node in _nodes()
        if (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > FUNCTION_LINES)
        or (isinstance(node, ast.ClassDef) and _lines(node) > CLASS_LINES)
    ]
    assert wrong == []


def test_every_function_says_what_it_returns() -> None:
    assert [
        f"{_at(path, node)} {node.name}"
        for path, node in _nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is None
    ] == []


def test_every_module_has_a_docstring() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in files()
        if path.read_text().strip() and ast.get_docstring(_module(path)) is None
    ]
    assert silent == []


def test_no_exception_is_swallowed() -> None:
    wrong = [
        _at(path, node)
        for path, node in _nodes()
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or all(isinstance(step, ast.Pass) for step in node.body))
    ]
    assert wrong == []


def test_nothing_is_left_open_or_mocked() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|unittest\.mock|MagicMock")
    assert [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if words.search(line)
    ] == []


def test_tests_never_sleep() -> None:
    allowed = {ROOT / "tests" / "support" / "waiting.py"}
    wrong = [
        _at(path, node)
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path not in allowed and "sleep" in path.read_text()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
    ]
    assert wrong == []


def test_no_room_has_a_forbidden_name() -> None:
    forbidden = {"utils.py", "helpers.py", "managers.py", "signals.py"}
    assert [str(path.relative_to(ROOT)) for path in files() if path.name in forbidden] == []
