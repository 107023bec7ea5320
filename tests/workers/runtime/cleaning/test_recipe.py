"""Recipes are refused before or while they run, naming step and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.workers.runtime.cleaning.jobs import Jobs
from workers.runtime.cleaning.errors import RecipeError, UserError
from workers.runtime.cleaning.recipe import Recipe

MISSING = {"kind": "missing_values"}
SPLIT = {"kind": "split", "test_ratio": 0.5}
COLUMNS: dict[str, list[Any]] = {
    "n": [1.0, 2.0, 3.0, None],
    "s": ["x", "y", None, "x"],
    "Status": ["good", "bad", "good", "bad"],
    "day": ["2024-01-01"] * 4,
}

REFUSALS: list[tuple[Any, str, str]] = [
    (None, "invalid_recipe", "Takes a list of at least one step."),
    ([], "invalid_recipe", "Takes a list of at least one step."),
    (["split"], "invalid_recipe", "step 1 (): Takes an object with a `kind`."),
    ([{"kind": "shuffle"}], "unknown_step", 'step 1 (shuffle): "shuffle" is not known; known are '),
    (
        [MISSING, {"kind": "encode_label", "mapping": {"good": 0}}],
        "invalid_recipe",
        "step 2 (encode_label): column: Is missing; takes a column name.",
    ),
    (
        [{**SPLIT, "ratio": 0.1}],
        "invalid_recipe",
        'step 1 (split): ratio: "ratio" is not known; known are by, column, positive, seed, stratify, ',
    ),
    (
        [{**SPLIT, "test_ratio": 1}],
        "invalid_recipe",
        "step 1 (split): test_ratio: Takes a number above 0 and below 1, not 1.",
    ),
    (
        [{**SPLIT, "seed": -1}],
        "invalid_recipe",
        "step 1 (split): seed: Takes a whole number from 0 to 9007199254740991, not -1.",
    ),
    (
        [{**SPLIT, "stratify": "state"}],
        "unknown_column",
        "step 1 (split): There is no column 'state'; there are n, s, Status, day",
    ),
    ([SPLIT, SPLIT], "invalid_recipe", "step 2 (split): There is more than one 'split'."),
    (
        [SPLIT, {"kind": "impute", "numeric": "modes"}],
        "invalid_recipe",
        "step 2 (impute): numeric: Takes 'median' or 'mean' or 'mode' or 'constant' or 'forward_fill' or ",
    ),
    (
        [SPLIT, {"kind": "outliers", "factor": 0}],
        "invalid_recipe",
        "step 2 (outliers): factor: Takes a number above 0, not 0.",
    ),
    (
        [SPLIT, {"kind": "outliers", "columns": ["s"]}],
        "wrong_type",
        "step 2 (outliers): Column 's' is string, not int64 or float64",
    ),
    (
        [SPLIT, {"kind": "standardise", "columns": ["N"]}],
        "unknown_column",
        "step 2 (standardise): There is no column 'N'; there are n, s, Status, day, __split",
    ),
    (
        [SPLIT, {"kind": "one_hot", "columns": ["n"]}],
        "wrong_type",
        "step 2 (one_hot): Column 'n' is float64, not string or bool",
    ),
    (
        [SPLIT, {"kind": "one_hot", "columns": ["s"]}, {"kind": "drop_columns", "columns": ["s"]}],
        "unknown_column",
        "step 3 (drop_columns): There is no column 's'; there are n, Status, day, __split",
    ),
    (
        [{"kind": "encode_label", "column": "Status", "mapping": {"good": True}}],
        "invalid_recipe",
        "step 1 (encode_label): mapping: Takes an object that gives each label a whole number from 0 on, not",
    ),
    (
        [{"kind": "encode_label", "column": "n", "mapping": {"1": 1}}],
        "wrong_type",
        "step 1 (encode_label): Column 'n' is float64, not string or int64 or bool",
    ),
    (
        [
            {"kind": "drop_columns", "columns": ["Status"]},
            {"kind": "encode_label", "column": "Status", "mapping": {"a": 1}},
        ],
        "wrong_type",
        "step 1 (drop_columns): Column 'Status' is the label, not a feature",
    ),
    (
        [SPLIT, {"kind": "outliers", "columns": "n"}],
        "invalid_recipe",
        'step 2 (outliers): columns: Takes a list of column names, not "n".',
    ),
    (
        [{"kind": "missing_values", "markers": "NA"}],
        "invalid_recipe",
        "step 1 (missing_values): markers: Takes a list of texts",
    ),
    (
        [MISSING, {"kind": "drop_columns", "columns": ["staus"]}],
        "unknown_column",
        "step 2 (drop_columns): There is no column 'staus'; there are n, s, Status, day; did you mean 'Status'?",
    ),
    (
        [SPLIT, {"kind": "drop_columns", "columns": ["n", "s", "Status", "day"]}],
        "no_columns",
        "step 2 (drop_columns): No feature is left",
    ),
    (
        [{**SPLIT, "test_ratio": 0.99}, {"kind": "impute"}],
        "no_training_rows",
        "step 1 (split): no row is left for training: all 4 are test rows at a test_ratio of 0.99",
    ),
]


@pytest.mark.parametrize(("steps", "code", "detail"), REFUSALS)
def test_a_recipe_that_does_not_fit_is_refused(jobs: Jobs, steps: Any, code: str, detail: str) -> None:
    with pytest.raises(UserError) as caught:
        jobs.clean(jobs.parquet(COLUMNS), steps)

    assert caught.value.code == code
    assert caught.value.detail.startswith(detail)


def test_the_error_has_the_place_in_parts() -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_json([MISSING, {"kind": "encode_label", "column": "y", "mapping": {}}])

    assert caught.value.to_json() == {
        "error": {
            "code": "invalid_recipe",
            "detail": "step 2 (encode_label): mapping: Takes an object that gives each label a whole number from 0 on, "
            "not {}.",
            "step": 2,
            "kind": "encode_label",
            "column": "",
        }
    }


def test_text_that_may_turn_out_to_be_numbers_is_judged_when_it_has(jobs: Jobs) -> None:
    steps = [MISSING, SPLIT, {"kind": "outliers", "columns": ["n"]}]
    numbers = jobs.clean(jobs.parquet({"n": ["1", "NA", " 3 ", "2"]}), steps)
    assert numbers.table["n"].to_pylist() == [1.0, None, 3.0, 2.0]

    with pytest.raises(UserError, match=r"step 3 \(outliers\): Column 'n' is string"):
        jobs.clean(jobs.parquet({"n": ["1", "NA", "x", "2"]}), steps)


def test_labels_outside_of_the_mapping_are_counted(jobs: Jobs) -> None:
    with pytest.raises(UserError) as caught:
        jobs.clean(
            jobs.parquet({"y": ["good", "ugly", None, "ugly", "bad"]}),
            [{"kind": "encode_label", "column": "y", "mapping": {"good": 0, "bad": 1}}],
        )

    assert (caught.value.code, caught.value.detail) == (
        "unmapped_label",
        "step 1 (encode_label): column 'y' has values outside of the mapping: 'ugly' (2 rows), "
        "a missing value (1 rows)",
    )


def test_data_that_was_not_ingested_is_refused(jobs: Jobs) -> None:
    files = jobs.parquet({"__ordinal": [0], "a": [1]}, "notes.txt")

    with pytest.raises(UserError, match="no_files"):
        jobs.clean(files, [MISSING])


def test_an_error_lists_some_columns_and_the_likely_one(jobs: Jobs) -> None:
    files = jobs.parquet({f"column_{number}": [1] for number in range(300)})
    with pytest.raises(UserError) as caught:
        jobs.clean(files, [{"kind": "drop_columns", "columns": ["COLUMN_299"]}])

    assert "there are column_0, column_1," in caught.value.detail
    assert "column_19 and 280 more; did you mean 'column_299'" in caught.value.detail
    assert len(caught.value.detail) < 500


def test_values_that_would_make_columns_alike_are_named(jobs: Jobs) -> None:
    files = jobs.parquet({"s": ["Rent", "rent"] * 10, "x": list(range(20))})
    with pytest.raises(UserError) as caught:
        jobs.clean(files, [SPLIT, {"kind": "one_hot"}])

    assert (caught.value.code, caught.value.detail) == (
        "duplicate_column_names",
        "step 2 (one_hot): there would be columns 's=Rent' and 's=rent', equal but for case",
    )


def test_categories_become_no_more_columns_than_a_job_gets_through(jobs: Jobs) -> None:
    values = {f"s{place}": [f"v{number}" for number in range(2600)] for place in range(2)}
    with pytest.raises(UserError, match=r"step 2 \(one_hot\): there would be \d+ columns; at most 5000"):
        jobs.clean(
            jobs.parquet(values), [{**SPLIT, "test_ratio": 0.001}, {"kind": "one_hot", "max_categories": 10_000}]
        )


def test_a_recipe_that_fails_half_way_leaves_no_file(jobs: Jobs, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unmapped_label"):
        jobs.clean(
            jobs.parquet(COLUMNS),
            [SPLIT, {"kind": "impute"}, {"kind": "encode_label", "column": "Status", "mapping": {"good": 0}}],
        )

    assert [path.name for path in tmp_path.rglob("dataset-output/**/*")] == []
