"""The shape of recipes and of parsing options: pure, by tables of cases."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from apps.datasets.api.examples import STEPS
from apps.datasets.recipes.parsing import COLUMN_TYPES, FORMATS, OPTIONS, format_of, parsing_problems
from workers.contracts import recipes
from workers.runtime.cleaning.readers import READERS, Options
from workers.runtime.cleaning.schema import SQL_TYPES
from workers.runtime.cleaning.steps import STEPS as JOB_STEPS
from workers.runtime.cleaning.steps.base import options_of

SPLIT = {"kind": "split"}


def test_the_recipe_of_the_example_has_no_problems() -> None:
    assert recipes.problems(STEPS) == {}
    whole = recipes.normalised(STEPS)
    assert [{name: each[name] for name in step} for step, each in zip(STEPS, whole, strict=True)] == STEPS
    assert recipes.normalised(whole) == whole


def test_options_left_out_are_written_out() -> None:
    assert recipes.normalised([{"kind": "missing_values"}, {"kind": "cast", "to": "bool", "columns": ["a"]}]) == [
        {"kind": "missing_values", "markers": ["", "NA"], "columns": None, "sentinels": [], "numbers": True},
        {"kind": "cast", "columns": ["a"], "to": "bool", "on_error": "null"},
    ]


def test_defaults_are_not_shared_between_recipes() -> None:
    first = recipes.normalised([{"kind": "missing_values"}])
    first[0]["markers"].append("-")
    assert recipes.normalised([{"kind": "missing_values"}])[0]["markers"] == ["", "NA"]


def test_the_digest_is_of_the_steps_whatever_the_order_of_their_options() -> None:
    turned = [dict(reversed(step.items())) for step in STEPS]
    assert recipes.digest(turned) == recipes.digest(STEPS)
    assert recipes.digest(STEPS).startswith("sha256:")
    assert recipes.digest(STEPS[:-1]) != recipes.digest(STEPS)


CASES: dict[str, tuple[Any, dict[str, str]]] = {
    "no list": ({"kind": "split"}, {"steps": "at least one step"}),
    "no step": ([], {"steps": "at least one step"}),
    "too many steps": ([{"kind": "drop_duplicates"}] * 101, {"steps": "at most 100"}),
    "a step that is no object": ([SPLIT, "split"], {"steps[1]": "an object with a `kind`"}),
    "no kind": ([{"markers": []}], {"steps[0].kind": "null is not known"}),
    "a kind that is no text": ([{"kind": ["split"]}], {"steps[0].kind": "is not known"}),
    "an unknown kind": ([SPLIT, SPLIT, {"kind": "standardize"}], {"steps[2].kind": "Did you mean 'standardise'?"}),
    "an unknown option": ([{"kind": "drop_duplicates", "kept": "first"}], {"steps[0].kept": "known are by, columns"}),
    "a misspelt option": ([{**SPLIT, "test_ration": 0.1}], {"steps[0].test_ration": "Did you mean 'test_ratio'?"}),
    "a missing option": ([{"kind": "encode_label", "mapping": {"a": 0, "b": 1}}], {"steps[0].column": "Is missing"}),
    "a ratio of 1": ([{**SPLIT, "test_ratio": 1}], {"steps[0].test_ratio": "above 0 and below 1"}),
    "a ratio that is true": ([{**SPLIT, "test_ratio": True}], {"steps[0].test_ratio": "above 0 and below 1"}),
    "a seed that is false": ([{**SPLIT, "seed": False}], {"steps[0].seed": "whole number"}),
    "a seed below 0": ([{**SPLIT, "seed": -1}], {"steps[0].seed": "whole number"}),
    "a label that is no number": (
        [{"kind": "encode_label", "column": "Status", "mapping": {"good": 0, "bad": 0.5}}],
        {"steps[0].mapping": "a whole number from 0 on"},
    ),
    "a label with a NUL": (
        [{"kind": "encode_label", "column": "Status", "mapping": {"go\0od": 0}}],
        {"steps[0].mapping": "a whole number from 0 on"},
    ),
    "a column with a NUL": ([{"kind": "split", "stratify": "a\0b"}], {"steps[0].stratify": "a column name"}),
    "half a character": ([{"kind": "missing_values", "markers": ["\ud83d"]}], {"steps[0].markers": "texts"}),
    "a number beyond all bounds": (
        [SPLIT, {"kind": "outliers", "factor": 10**400}],
        {"steps[1].factor": "a number above 0"},
    ),
    "a number that is none": ([SPLIT, {"kind": "outliers", "factor": float("nan")}], {"steps[1].factor": "above 0"}),
    "a column twice": ([SPLIT, {"kind": "outliers", "columns": ["a", "a"]}], {"steps[1].columns": "column names"}),
    "an unknown method": ([SPLIT, {"kind": "outliers", "method": "guess"}], {"steps[1].method": "'iqr'"}),
    "two splits": ([SPLIT, SPLIT], {"steps[1].kind": "more than one"}),
    "two problems at once": (
        [{"kind": "nothing"}, {**SPLIT, "seed": "x", "more": 1}],
        {"steps[0].kind": "not known", "steps[1].seed": "whole number", "steps[1].more": "not known"},
    ),
}


@pytest.mark.parametrize("steps, expected", CASES.values(), ids=CASES)
def test_problems_name_their_place(steps: Any, expected: dict[str, str]) -> None:
    found = recipes.problems(steps)
    assert sorted(found) == sorted(expected)
    for place, text in expected.items():
        assert text in " ".join(found[place])


@pytest.mark.parametrize(
    "name, expected",
    [
        ("a.csv", "csv"),
        ("A.CSV", "csv"),
        ("a.tab", "tsv"),
        ("a.ndjson", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.csv.gz", "csv"),
        ("a.xls", "excel"),
        ("a.ods", ""),
        ("csv", ""),
    ],
)
def test_a_name_says_its_format(name: str, expected: str) -> None:
    assert format_of(name) == expected


def test_every_option_takes_its_default() -> None:
    assert parsing_problems({name: option.default for name, option in OPTIONS.items()}) == {}


@pytest.mark.parametrize(
    "name, value",
    [
        ("format", "xlsx"),
        ("delimiter", ";;"),
        ("delimiter", "ä"),
        ("null_values", "NA"),
        ("header", 1),
        ("encoding", "utf-9"),
        ("encoding", "a\0b"),
        ("types", {"a": "int"}),
        ("types", ["a"]),
        ("colour", "red"),
    ],
)
def test_a_wrong_option_is_named(name: str, value: Any) -> None:
    assert list(parsing_problems({name: value})) == [f"options.{name}"]


# The job and its gate say the same -------------------------------------------------------------------------------


def _fields(kind: type[Any], *left_out: str) -> dict[str, Any]:
    """Name → default of the fields of a dataclass; MISSING where there is none."""
    return {
        field.name: field.default_factory() if callable(field.default_factory) else field.default
        for field in dataclasses.fields(kind)
        if field.name not in left_out
    }


def test_the_job_knows_the_same_steps() -> None:
    assert set(recipes.KINDS) == set(JOB_STEPS)


@pytest.mark.parametrize("name", recipes.KINDS)
def test_a_step_takes_the_same_options(name: str) -> None:
    assert sorted(options_of(JOB_STEPS[name])) == sorted(recipes.KINDS[name].options)


def test_the_job_follows_the_recipe_of_the_example() -> None:
    for number, step in enumerate(recipes.normalised(STEPS), 1):
        assert JOB_STEPS[step["kind"]].parse(number, step).kind == step["kind"]


def test_the_job_parses_by_the_same_options() -> None:
    folders = {"images", "texts", "archive"}  # read file by file, by what `cleaning/folders` says
    assert set(READERS) == set(FORMATS) - folders
    assert set(COLUMN_TYPES) == set(SQL_TYPES)
    theirs = {
        name: list(default) if isinstance(default, tuple) else default for name, default in _fields(Options).items()
    }
    own = {name: option.default for name, option in OPTIONS.items() if name in theirs}
    assert {name: theirs[name] for name in own} == own
    assert set(theirs) - set(own) == {"as_text", "is_append"}  # what the job itself decides
