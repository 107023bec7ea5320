"""Details of states are made of sentences of the closed list, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import ROOT, files, nodes
from workers.contracts.sentences import SENTENCES

TAKERS = {
    *("transition", "Move", "workload_move", "workload_stop", "back_off", "revision_stop"),
    *("attempt_refused", "launch_delayed", "launch_undo"),
    *("Ended", "Again", "Wait", "Refuse", "fail", "BadResult"),
}
"""What keeps a detail, or hands one on."""
FAKED = ROOT / "workers" / "backends"
"""Fakes of a backend say what a test wants."""


def _functions() -> Iterator[tuple[Path, ast.AST]]:
    for path in files():
        if path.is_relative_to(FAKED) and path.name.startswith("fake"):
            continue
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _written_out(node: ast.AST) -> bool:
    """Whether words stand here that are no sentence of the list."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and " " in node.value.strip()
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.Constant) and re.search(r"\w", str(part.value)) for part in node.values)
    if isinstance(node, ast.BoolOp):
        return any(_written_out(value) for value in node.values)
    if isinstance(node, ast.IfExp):
        return _written_out(node.body) or _written_out(node.orelse)
    return isinstance(node, ast.Tuple) and any(_written_out(item) for item in node.elts)


def _details(function: ast.AST) -> Iterator[ast.AST]:
    """What the function hands to those that keep details, and what it calls `detail` on the way there."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and _name(node) in TAKERS]
    handed = {value for call in calls for value in [*call.args, *(keyword.value for keyword in call.keywords)]}
    yield from handed
    named = {value.id for value in handed if isinstance(value, ast.Name)}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(
            (isinstance(to, ast.Name) and to.id in named) or (isinstance(to, ast.Attribute) and to.attr == "detail")
            for to in node.targets
        ):
            yield node.value


def test_details_are_made_of_sentences() -> None:
    wrong = {
        f"{path.relative_to(ROOT)}:{getattr(value, 'lineno', 0)}"
        for path, function in _functions()
        if path != ROOT / "apps" / "common" / "errors.py"
        for value in _details(function)
        if _written_out(value)
    }
    assert sorted(wrong) == []


def _said() -> Iterator[tuple[str, str, set[str]]]:
    """Where, which code, with which parameters (empty where they are handed on)."""
    for path in files():
        for node in nodes(path):
            if isinstance(node, ast.Call) and _name(node) == "say":
                codes = [part for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                params = {keyword.arg for keyword in node.keywords}
                known = {str(param) for param in params} if None not in params else set()
                for code in codes:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", str(code.value), known


def test_sentences_are_said_with_their_parameters() -> None:
    wrong = [
        f"{where}: {code} {sorted(params)}"
        for where, code, params in _said()
        if params and code in SENTENCES and params != set(re.findall(r"\{(\w+):", SENTENCES[code]))
        if code not in ("replica_reason",)
    ]
    assert wrong == []


def test_every_sentence_of_the_list_is_said() -> None:
    text = "\n".join(path.read_text() for path in files() if path.name != "sentences.py")
    quoted = set(re.findall(r"""["'](\w+)(?=["'])""", text))
    assert [code for code in SENTENCES if code not in quoted] == []
