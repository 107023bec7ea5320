"""The schemas of steps and options: complete in both languages, and of one mind with what decides."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apps.datasets.api.examples import STEPS
from apps.datasets.recipes.forms import INPUTS, choices_of, parsing_form, step_forms
from apps.datasets.recipes.parsing import OPTIONS, parsing_problems
from apps.datasets.recipes.words import CHOICE_WORDS, KIND_WORDS, OPTION_WORDS, PARSING_WORDS
from workers.contracts.recipes import KINDS, problems

FORMS = {form["kind"]: form for form in step_forms()}
REQUIRED: dict[str, dict[str, Any]] = {
    "encode_label": {"column": "a", "mapping": {"x": 1}},
    "rename_columns": {"columns": {"a": "b"}},
    "cast": {"columns": ["a"], "to": "string"},
    "replace_text": {"columns": ["a"], "pattern": "x"},
    "map_values": {"column": "a", "mapping": {"x": "y"}},
    "parse_quantities": {"columns": ["a"], "unit": "kg"},
    "filter_rows": {"expression": "true"},
    "derive": {"name": "b", "expression": "1"},
    "near_duplicate_text": {"column": "a"},
    "pseudonymise": {"columns": ["a"], "secret": "key"},
    "generalise": {"column": "a", "method": "year"},
    "ordinal_encode": {"column": "a", "order": ["x"]},
    **{kind: {"columns": ["a"]} for kind in ("drop_columns", "keep_columns", "reorder_columns", "parse_dates", "redact")},
    "date_parts": {"column": "a"},
}
"""What a step of a kind must have, beside what stands for itself."""
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 0.2, 0.5, 1.5, 201, 10_001, 2**53, "", "a", "x" * 201, "iqr", "median", "mean",
    "mode", "csv", ";", "é", "\n", '"', "😀", [], ["a"], ["a", "a"], [""], ["x" * 201], [1], ['"'], {},
    {"a": 1}, {"a": -1}, {"a": "int64"}, {"a": "int32"}, {"a": 1.5}, "utf-8",
]  # fmt: skip


def test_every_word_is_there_in_both_languages_and_no_other() -> None:
    assert set(KIND_WORDS) == set(KINDS)
    assert set(OPTION_WORDS) == {(kind, name) for kind, found in KINDS.items() for name in found.options}
    assert set(PARSING_WORDS) == set(OPTIONS)
    options = [*OPTIONS.values(), *(option for kind in KINDS.values() for option in kind.options.values())]
    assert set(CHOICE_WORDS) == {value for option in options for value in choices_of(option.schema)}
    assert {option.schema["x-input"] for option in options} <= set(INPUTS)
    for words in [*KIND_WORDS.values(), *OPTION_WORDS.values(), *PARSING_WORDS.values()]:
        assert all(words)
        assert all(re.search(r"[\u4e00-\u9fff]", text) for text in (words.title_zh, words.description_zh))


@pytest.mark.parametrize("schema", [*(form["schema"] for form in FORMS.values()), parsing_form()])
def test_schemas_are_schemas_and_defaults_fit(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    for name, found in schema["properties"].items():
        if "default" in found:
            Draft202012Validator(found).validate(found["default"])
        if name != "kind":
            assert all((found["title"], found["x-zh-hans"]["title"], found["x-input"]))


def test_forms_say_what_a_recipe_must_keep_to() -> None:
    assert [form["kind"] for form in step_forms()] == list(KINDS)
    assert {kind for kind, form in FORMS.items() if form["is_fitted"]} == {
        "outliers", "impute", "standardise", "one_hot",
    }  # fmt: skip
    assert {kind for kind, form in FORMS.items() if form["is_once"]} == {"split", "encode_label"}
    assert FORMS["encode_label"]["schema"]["required"] == ["kind", "column", "mapping"]
    assert FORMS["outliers"]["schema"]["properties"]["method"] == {
        "title": "Method",
        "description": "How outliers are told from other values.",
        "x-zh-hans": {"title": "方法", "description": "如何判定离群值。"},
        "type": "string",
        "enum": ["iqr"],
        "x-input": "choice",
        "x-choices": [
            {
                "value": "iqr",
                "title": "Distance of the quartiles (IQR)",
                "x-zh-hans": {"title": "四分位距（IQR）"},
            }
        ],
        "default": "iqr",
    }
    assert FORMS["standardise"]["schema"]["properties"]["columns"]["x-column-types"] == ["int64", "float64"]


def test_the_steps_of_the_example_fit_their_schemas() -> None:
    for step in STEPS:
        Draft202012Validator(FORMS[str(step["kind"])]["schema"]).validate(step)


@pytest.mark.parametrize("kind, name", [(kind, name) for kind, found in KINDS.items() for name in found.options])
def test_a_schema_and_the_test_of_a_step_agree(kind: str, name: str) -> None:
    required = REQUIRED.get(kind, {})
    validator = Draft202012Validator(FORMS[kind]["schema"])
    for value in VALUES:
        step = {"kind": kind, **required, name: value}
        assert validator.is_valid(step) is not bool(problems([step])), f"{name}: {value!r}"
    assert not validator.is_valid({"kind": kind, **required, "colour": 1})


@pytest.mark.parametrize("name", OPTIONS)
def test_a_schema_and_the_test_of_parsing_agree(name: str) -> None:
    validator = Draft202012Validator(parsing_form())
    for value in VALUES:
        if name == "encoding" and isinstance(value, str):  # which encodings there are, a schema does not say
            continue
        assert validator.is_valid({name: value}) is not bool(parsing_problems({name: value})), f"{name}: {value!r}"
