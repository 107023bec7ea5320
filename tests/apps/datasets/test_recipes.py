"""The shape of recipes and of parsing options: pure, by tables of cases."""

from __future__ import annotations

from typing import Any

import pytest

from apps.datasets import recipes
from apps.datasets.api.examples import STEPS
from apps.datasets.recipes.parsing import OPTIONS, format_of, parsing_problems

SPLIT = {"kind": "split"}


def test_the_recipe_of_the_example_has_no_problems() -> None:
    assert recipes.problems(STEPS) == {}
    assert recipes.normalised(STEPS) == STEPS


def test_options_left_out_are_written_out() -> None:
    assert recipes.normalised([{"kind": "missing_values"}, SPLIT, {"kind": "outliers", "factor": 3}]) == [
        {"kind": "missing_values", "markers": ["", "NA"]},
        {"kind": "split", "test_ratio": 0.2, "seed": 0, "stratify": None},
        {"kind": "outliers", "method": "iqr", "factor": 3, "replace": "median", "columns": None},
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
    "an unknown option": ([{"kind": "drop_duplicates", "keep": "first"}], {"steps[0].keep": "known are none"}),
    "a misspelt option": ([{**SPLIT, "test_ration": 0.1}], {"steps[0].test_ration": "Did you mean 'test_ratio'?"}),
    "a missing option": ([{"kind": "encode_label", "mapping": {"a": 0, "b": 1}}], {"steps[0].column": "Is missing"}),
    "a ratio of 1": ([{**SPLIT, "test_ratio": 1}], {"steps[0].test_ratio": "above 0 and below 1"}),
    "a ratio that is true": ([{**SPLIT, "test_ratio": True}], {"steps[0].test_ratio": "above 0 and below 1"}),
    "a seed that is false": ([{**SPLIT, "seed": False}], {"steps[0].seed": "whole number"}),
    "a seed below 0": ([{**SPLIT, "seed": -1}], {"steps[0].seed": "whole number"}),
    "labels with one number": (
        [{"kind": "encode_label", "column": "Status", "mapping": {"good": 1, "bad": 1}}],
        {"steps[0].mapping": "a whole number of its own"},
    ),
    "a column twice": ([SPLIT, {"kind": "outliers", "columns": ["a", "a"]}], {"steps[1].columns": "column names"}),
    "an unknown method": ([SPLIT, {"kind": "outliers", "method": "mad"}], {"steps[1].method": "'iqr'"}),
    "two splits": ([SPLIT, SPLIT], {"steps[1].kind": "more than one"}),
    "fitted before the split": ([{"kind": "impute"}, SPLIT], {"steps[0].kind": "put a 'split' before it"}),
    "fitted without a split": ([{"kind": "one_hot"}], {"steps[0].kind": "put a 'split' before it"}),
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
        ("a.csv.gz", ""),
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
