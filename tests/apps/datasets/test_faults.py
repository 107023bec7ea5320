"""What data jobs say of files and recipes can be said in other languages: each of their sentences is in the list."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.common.messages import FAULT_MOST, SAID, _template, catalogue, message_of
from tests.architecture.tree import ROOT
from workers.contracts.faults import FAULTS, STEP

SAID_IN = ("workers/runtime/cleaning", "workers/contracts/recipes")
TELLERS = {"UserError", "Misfit", "RecipeError", "error"}
VALUES = {
    "text": "data.csv",
    "place": "line 1 of data.csv",
    "name": "utf-8",
    "number": "7",
    "bytes": "4096",
    "quoted": "'a column'",
}
READ = {**VALUES, "number": 7, "bytes": 4096, "quoted": "a column"}
OTHERS = {"workers/runtime/cleaning/readers/options.py"}
"""The API has refused these before a job is asked for: they would be our own mistake."""
OWN_MISTAKES = {"invalid_parameters", "one_file_expected"}
PIECED = {
    *("7: 7", "7: 7: 7"),  # what a library says
    *(
        "7 has 7",
        "7 has no row7",
        "no 7 of 7 is a JSON object; 7 7: 7",
        "there would be 7",
        "there is no column '7'; 7",
    ),
    *("columns 7 and 7 7 '7' in 7", "column 7 in 7: 7", "column '7' says 7; it is no feature", "7: '7' spans 7"),
    *(
        "7 has no column '7', which 7 has without a missing value",
        "no row is left for training: all 7 are test rows at 7",
    ),
    "the 7 version has no column '7' of the key; it has 7",
    "7 does not tell the rows of the 7 version apart: 7 of its values come more than once, 7 7 times",
    "77",  # an encoding that text is not in
    *("7; nor is it 7: byte 7",),
    *("7 copies of rows were added, with ordinals from 7 on", "7 test rows have a value that no training row has"),
}
"""Put together of words of ours: each way that they come is in the list. The last two are warnings."""


def _sentence(code: str, values: dict[str, str]) -> str:
    text = FAULTS[code]
    for name, kind in catalogue()[code]["params"].items():
        text = text.replace(f"{{{name}:{kind}}}", values[kind])
    return text


@pytest.mark.parametrize("code", sorted(set(FAULTS) - {STEP}))
def test_every_fault_is_taken_apart_exactly_alone_and_in_a_step(code: str) -> None:
    params = {name: READ[kind] for name, kind in catalogue()[code]["params"].items()}
    said, parts = _sentence(code, VALUES), [{"code": code, "params": params}]
    if said.endswith(":"):
        said, parts = f"{said} not JSON: at 7", [*parts, {"code": "data_row_not_json", "params": {"error": "at 7"}}]
    assert message_of(said, faults=True) == parts
    step = {"code": STEP, "params": {"step": 3, "kind": "impute"}}
    assert message_of(f"step 3 (impute): {said}", faults=True) == [step, *parts]
    assert message_of(said)[0]["code"] == SAID, "of what is no data job nothing is taken for a fault"


def test_what_nobody_knows_is_shown_as_it_is() -> None:
    assert message_of("step 2 (derive): Who knows.", faults=True)[1] == {
        "code": SAID, "params": {"text": "Who knows."},
    }  # fmt: skip


@pytest.mark.parametrize(
    "said, parts",
    [
        (
            "the database says: x: '\\xzz' is a link; an archive may hold files only",
            [("data_query_failed", {"error": "x: '\\xzz' is a link; an archive may hold files only"})],
        ),
        ("a: '\\xzz' is a link; an archive may hold files only", None),
        ("a: '\\N{no}' is a link; an archive may hold files only", None),
        ("a: '\\ud800' is a link; an archive may hold files only", None),
        ("a: 'b\nc' is a link; an archive may hold files only", None),
    ],
)
def test_what_only_looks_quoted_is_no_error(said: str, parts: list[tuple[str, dict[str, str]]] | None) -> None:
    wanted = parts if parts is not None else [(SAID, {"text": said})]
    assert [(one["code"], one["params"]) for one in message_of(said, faults=True)] == wanted
    json.dumps(message_of(said, faults=True), ensure_ascii=False).encode()


def test_a_number_that_is_too_long_is_no_error() -> None:
    long = "9" * 5000
    assert message_of(f"{long} of 3 members granted.")[0]["code"] == SAID


def test_before_a_colon_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = _template("begins", "file {file:quoted} says:", is_loose=True)
    monkeypatch.setattr("apps.common.messages._faults", {"begins": made})
    said = {name: message_of(f"file '{name}' says: No.", faults=True) for name in ("a", "\\xzz")}
    assert [one["code"] for one in said["a"]] == ["begins", SAID]
    assert said["\\xzz"] == [{"code": SAID, "params": {"text": "file '\\xzz' says: No."}}]


def test_what_is_very_long_is_shown_as_it_is() -> None:
    for length, code in ((900, "data_query_failed"), (FAULT_MOST, SAID)):
        assert message_of("the database says: " + "x" * length, faults=True)[0]["code"] == code


def _rendered(node: ast.expr) -> str | None:
    """A sentence as it is written, with a value in each hole; None where it is put together elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [
            str(part.value)
            if isinstance(part, ast.Constant)
            else "'7'"
            if isinstance(part, ast.FormattedValue) and part.conversion == ord("r")
            else "7"
            for part in node.values
        ]
        return "".join(parts)
    return None


def _details(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, code and sentence of each fault that is raised or handed on, as far as it is written where it stands."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        named = {
            target.id: text
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and (text := _rendered(node.value)) is not None
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in TELLERS:
                continue
            code, given = _given(called, node)
            said = named.get(given.id) if isinstance(given, ast.Name) else _rendered(given) if given else None
            if said and " " in said:
                yield node.lineno, code, said


def _given(called: str, call: ast.Call) -> tuple[str, ast.expr | None]:
    if called == "UserError":
        code = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
        return str(code), call.args[1] if len(call.args) > 1 else None
    return "", call.args[0] if call.args else None


def _said() -> Iterator[tuple[Path, int, str]]:
    for folder in SAID_IN:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if str(path.relative_to(ROOT)) in OTHERS:
                continue
            for line, code, text in _details(ast.parse(path.read_text())):
                if code not in OWN_MISTAKES:
                    yield path, line, text


def test_every_sentence_that_is_said_is_in_the_list() -> None:
    missing = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path, line, text in _said()
        if text not in PIECED and SAID in {part["code"] for part in message_of(text, faults=True)}
    ]
    assert missing == []
