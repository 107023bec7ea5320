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
from workers.contracts.recipes import KINDS, normalised, problems

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
    **{
        kind: {"columns": ["a"]}
        for kind in ("drop_columns", "keep_columns", "reorder_columns", "parse_dates", "redact")
    },
    "date_parts": {"column": "a"},
    "balance": {"column": "a"},
}
"""What a step of a kind must have, beside what stands for itself."""
LOOSE = ("expression", "pattern", "zone", "texts", "numbers", "secret")
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
    fitted = {kind for kind, form in FORMS.items() if form["is_fitted"]}
    assert fitted >= {"outliers", "impute", "standardise", "one_hot", "merge_rare"}
    assert not fitted & {"cast", "derive", "split", "drop_duplicates", "missing_values", "normalise_text"}
    assert {kind for kind, form in FORMS.items() if form["is_once"]} == {"split", "encode_label"}
    assert FORMS["encode_label"]["schema"]["required"] == ["kind", "column", "mapping"]
    assert FORMS["normalise_text"]["schema"]["properties"]["unicode"] == {
        "title": "Unicode form",
        "description": "NFC composes characters; NFKC also makes equal what only looks different. Left empty, neither.",
        "x-zh-hans": {
            "title": "Unicode 形式",
            "description": "NFC 合成字符；NFKC 还会统一仅外观不同的字符。留空表示不处理。",
        },
        "type": ["string", "null"],
        "enum": ["NFC", "NFKC", None],
        "x-input": "choice",
        "x-choices": [{"value": form, "title": form, "x-zh-hans": {"title": form}} for form in ("NFC", "NFKC")],
        "default": None,
    }
    assert FORMS["standardise"]["schema"]["properties"]["columns"]["x-column-types"] == ["int64", "float64"]


def test_the_steps_of_the_example_fit_their_schemas() -> None:
    for step in STEPS:
        Draft202012Validator(FORMS[str(step["kind"])]["schema"]).validate(step)


@pytest.mark.parametrize("kind, name", [(kind, name) for kind, found in KINDS.items() for name in found.options])
def test_a_schema_and_the_test_of_an_option_agree(kind: str, name: str) -> None:
    """A schema may take more where it cannot say all: that a pattern can be read, that numbers rise."""
    option = KINDS[kind].options[name]
    validator = Draft202012Validator(FORMS[kind]["schema"]["properties"][name])
    for value in VALUES:
        if option.holds(value) or option.schema["x-input"] not in LOOSE:
            assert validator.is_valid(value) is option.holds(value), f"{name}: {value!r}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_takes_a_step_with_what_it_must_have_and_nothing_unknown(kind: str) -> None:
    step = {"kind": kind, **REQUIRED.get(kind, {})}
    validator = Draft202012Validator(FORMS[kind]["schema"])
    assert problems([step]) == {}
    assert validator.is_valid(step)
    assert validator.is_valid(normalised([step])[0])
    assert not validator.is_valid({**step, "colour": 1})
    for name in REQUIRED.get(kind, {}):
        rest = {key: value for key, value in step.items() if key != name}
        assert validator.is_valid(rest) is not KINDS[kind].options[name].required


@pytest.mark.parametrize("name", OPTIONS)
def test_a_schema_and_the_test_of_parsing_agree(name: str) -> None:
    validator = Draft202012Validator(parsing_form())
    for value in VALUES:
        if name == "encoding" and isinstance(value, str):  # which encodings there are, a schema does not say
            continue
        assert validator.is_valid({name: value}) is not bool(parsing_problems({name: value})), f"{name}: {value!r}"
