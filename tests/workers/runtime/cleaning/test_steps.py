"""Each step on a few rows, with every value said."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.workers.runtime.cleaning.jobs import Done, Jobs
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.keys import repeated
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.steps.gaps import most_frequent
from workers.runtime.cleaning.steps.moments import moments

TRAIN, TEST = "train", "test"


def values(done: Done, name: str) -> list[Any]:
    found: list[Any] = done.table[name].to_pylist()
    return found


def learned(done: Done, kind: str) -> dict[str, Any]:
    document = json.loads((done.folder / "preprocessor.json").read_text(encoding="utf-8"))
    return next(step for step in document["steps"] if step["kind"] == kind)


def test_markers_and_blanks_become_missing_and_numbers_numbers(jobs: Jobs) -> None:
    files = jobs.parquet(
        {
            "number": ["1", " 2.5 ", "NA", "-3e2", "  "],
            "mixed": ["1", "x", "NA", "", None],
            "text": ["NA ", "na", "a", "b", "c"],
            "huge": ["1", "1e999", "2", "3", "4"],
            "whole": [1, None, 3, 4, 5],
            "empty": ["", "NA", None, " ", ""],
        }
    )
    done = jobs.clean(files, [{"kind": "missing_values"}])

    assert values(done, "number") == [1.0, 2.5, None, -300.0, None]
    assert values(done, "mixed") == ["1", "x", None, None, None]
    assert values(done, "text") == [None, "na", "a", "b", "c"]
    assert values(done, "huge") == ["1", "1e999", "2", "3", "4"]
    assert values(done, "whole") == [1.0, None, 3.0, 4.0, 5.0]
    step = done.step("missing_values")
    assert step["cells_changed"] == {"number": 2, "mixed": 2, "text": 1, "empty": 4}
    assert step["cells_missing"] == {"number": 2, "mixed": 3, "text": 1, "whole": 1, "empty": 5}
    assert done.result["preprocessor"] is None


def test_without_markers_only_types_change(jobs: Jobs) -> None:
    done = jobs.clean(jobs.parquet({"a": ["1", "2"], "b": ["", "x"]}), [{"kind": "missing_values", "markers": []}])

    assert (values(done, "a"), values(done, "b")) == ([1.0, 2.0], ["", "x"])


def test_of_equal_rows_the_lowest_ordinal_stays(jobs: Jobs) -> None:
    files = jobs.parquet(
        {
            "__ordinal": pa.array([9, 4, 7, 1, 0, 3], pa.int64()),
            "a": [1.0, 1.0, 0.0, -0.0, None, None],
            "s": ["x", "x", "", "", None, ""],
        }
    )
    done = jobs.clean(files, [{"kind": "drop_duplicates"}])

    assert done.table["__ordinal"].to_pylist() == [0, 1, 3, 4]
    assert (done.step("drop_duplicates")["rows_in"], done.step("drop_duplicates")["rows_out"]) == (6, 4)
    assert done.result["row_count"] == 4


def test_rows_may_be_equal_by_some_columns_only(jobs: Jobs) -> None:
    files = jobs.parquet({"key": ["a", "b", "a"], "other": [1, 2, 3]})

    done = jobs.clean(files, [{"kind": "drop_duplicates", "columns": ["key"]}])

    assert values(done, "other") == [1.0, 2.0]


def test_large_whole_numbers_are_not_taken_for_equal(jobs: Jobs) -> None:
    ids = [2**53, 2**53 + 1, 2**53, 2**63 - 1, 2**63 - 2, -(2**63), 2**63 - 1]
    files = jobs.parquet({"id": pa.array(ids, pa.int64()), "s": ["x"] * 7})

    assert jobs.clean(files, [{"kind": "drop_duplicates"}]).table["__ordinal"].to_pylist() == [0, 1, 3, 4, 5]


def test_repeated_needs_both_lanes() -> None:
    keys, others = np.array([5, 5, 5], np.uint64), np.array([1, 2, 1], np.uint64)

    assert repeated(keys, others, np.array([3, 2, 1])).tolist() == [3]


@pytest.mark.parametrize(
    ("ratio", "expected"), [(0.2, {"a": 2, "b": 6}), (0.5, {"a": 5, "b": 16}), (0.05, {"a": 0, "b": 2})]
)
def test_each_class_is_split_by_its_share(jobs: Jobs, ratio: float, expected: dict[str, int]) -> None:
    files = jobs.parquet({"x": list(range(42)), "y": ["a"] * 10 + ["b"] * 32})

    done = jobs.clean(files, [{"kind": "split", "test_ratio": ratio, "seed": 1, "stratify": "y"}])

    sides = list(zip(values(done, "y"), values(done, "__split"), strict=True))
    assert {name: sides.count((name, TEST)) for name in ("a", "b")} == expected
    warnings = done.step("split")["warnings"]
    small = {
        **{"code": "class_not_split", "column": "y", "detail": "all 10 rows of 'a' are training rows"},
        "params": {"rows": 10, "side": "training", "value": "a"},
    }
    assert warnings == ([small] if expected["a"] == 0 else [])


def test_a_split_goes_by_content_not_by_place(jobs: Jobs) -> None:
    rows = np.random.default_rng(3).permutation(200)
    split = [{"kind": "split", "test_ratio": 0.3, "seed": 9}]
    straight = jobs.clean(jobs.parquet({"x": np.arange(200)}), split)
    shuffled = jobs.clean(jobs.parquet({"x": rows}), split)
    other = jobs.clean(jobs.parquet({"x": np.arange(200)}), [{**split[0], "seed": 10}])

    def chosen(done: Done) -> set[float]:
        return {x for x, side in zip(values(done, "x"), values(done, "__split"), strict=True) if side == TEST}

    assert len(chosen(straight)) == 60
    assert chosen(straight) == chosen(shuffled)
    assert straight.result["digest"] == shuffled.result["digest"]
    assert 5 < len(chosen(straight) & chosen(other)) < 40


def test_whole_numbers_split_alike_as_integers_and_as_floats(jobs: Jobs) -> None:
    split = [{"kind": "split", "test_ratio": 0.3, "seed": 9}]
    whole = jobs.clean(jobs.parquet({"x": np.arange(50)}), split)
    floats = jobs.clean(jobs.parquet({"x": np.arange(50.0)}), split)

    assert values(whole, "__split") == values(floats, "__split")


def test_equal_rows_on_the_border_are_told_apart_by_ordinal(jobs: Jobs) -> None:
    done = jobs.clean(jobs.parquet({"x": [7.0] * 10}), [{"kind": "split", "test_ratio": 0.3}])

    assert values(done, "__split") == [TEST] * 3 + [TRAIN] * 7


def test_the_split_of_known_content_never_moves(jobs: Jobs) -> None:
    """Pins the hash: an upgrade of Daft that changed it would move rows between the sides of every dataset."""
    files = jobs.parquet(
        {"i": list(range(8)), "f": [0.5, None, -1.0, 2.0, 1e300, 0.0, 3.0, 4.0], "s": list("abcdefgé")}
    )

    done = jobs.clean(files, [{"kind": "split", "test_ratio": 0.5, "seed": 42}])

    assert [place for place, side in enumerate(values(done, "__split")) if side == TEST] == [2, 3, 4, 6]


def fitted(jobs: Jobs, columns: dict[str, list[Any]], *steps: dict[str, Any]) -> Done:
    """Clean rows whose split is given: the last row is a test row."""
    count = len(next(iter(columns.values())))
    return jobs.clean(jobs.parquet({"__split": [TRAIN] * (count - 1) + [TEST], **columns}), list(steps))


def test_outliers_become_the_median_of_the_training_rows(jobs: Jobs) -> None:
    done = fitted(
        jobs,
        {
            "x": [1, 2, 3, 4, 100, None, -50],
            "flat": [0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 9.0],
            "none": pa.array([None] * 6 + [5.0], pa.float64()),
        },
        {"kind": "outliers"},
    )

    assert values(done, "x") == [1.0, 2.0, 3.0, 4.0, 3.0, None, 3.0]
    assert learned(done, "outliers")["columns"] == {"x": [-1.0, 7.0, 3.0]}
    step = done.step("outliers")
    assert step["cells_changed"] == {"x": 2}
    assert step["warnings"] == [
        {
            **{"code": "zero_spread", "column": "flat", "params": {"quartile": "0"}},
            "detail": "the quartiles of the training rows are both 0",
        },
        {"code": "all_missing", "column": "none", "detail": "no training row has a value", "params": {}},
    ]


def test_missing_values_are_filled_from_the_training_rows(jobs: Jobs) -> None:
    columns = {"x": [1.0, None, 2.0, 9.0, 1000.0], "s": ["b", "a", None, None, "z"], "whole": [1, 2, None, 5, 7]}

    done = fitted(jobs, columns, {"kind": "impute"}, {"kind": "one_hot"})

    assert values(done, "x") == [1.0, 2.0, 2.0, 9.0, 1000.0]
    assert values(done, "whole") == [1.0, 2.0, 2.0, 5.0, 7.0]
    assert learned(done, "impute") == {
        "kind": "impute",
        "numbers": {"x": 2.0, "whole": 2.0},
        "categories": {"s": "a"},  # a tie: the smallest
    }
    assert done.step("impute")["cells_changed"] == {"x": 1, "s": 2, "whole": 1}
    mean = fitted(jobs, columns, {"kind": "impute", "numeric": "mean"}, {"kind": "one_hot"})
    assert learned(mean, "impute")["numbers"] == {"x": 4.0, "whole": 2.66666666667}


def test_scaling_is_by_mean_and_population_deviation_of_the_training_rows(jobs: Jobs) -> None:
    done = fitted(jobs, {"x": [2.0, 4.0, 4.0, 6.0, None, 14.0], "flat": [3.0] * 5 + [9.0]}, {"kind": "standardise"})

    assert values(done, "x") == pytest.approx(
        [(x - 4) / 2**0.5 if x is not None else None for x in [2, 4, 4, 6, None, 14]]
    )
    assert values(done, "flat") == [3.0] * 5 + [9.0]
    assert learned(done, "standardise")["columns"] == {"x": [4.0, significant(2**0.5)]}
    assert done.step("standardise")["warnings"] == [
        {"code": "zero_spread", "column": "flat", "detail": "every training row has 3", "params": {"value": "3"}}
    ]


def test_moments_of_far_numbers_are_exact() -> None:
    far = np.random.default_rng(1).normal(1e9, 1e-3, 10_000)

    mean, std = moments(far)

    assert (mean, std) == (1e9, significant(float(np.std(far - 1e9))))
    assert moments(far[::-1]) == (mean, std)


def test_text_becomes_a_column_per_value_of_the_training_rows(jobs: Jobs) -> None:
    done = fitted(
        jobs,
        {"a": [1.0] * 5, "s": ["y", "x", None, "y", "z"], "b": [True, False, None, True, True]},
        {"kind": "one_hot"},
    )

    assert [column["name"] for column in done.result["schema"]] == ["__split", "a", "s=x", "s=y", "b=false", "b=true"]
    assert (values(done, "s=x"), values(done, "s=y")) == ([0, 1, 0, 0, 0], [1, 0, 0, 1, 0])
    assert (values(done, "b=false"), values(done, "b=true")) == ([0, 1, 0, 0, 0], [1, 0, 0, 1, 1])
    assert done.step("one_hot")["warnings"] == [
        {
            **{"code": "unseen_category", "column": "s", "params": {"rows": 1}},
            "detail": "1 test rows have a value that no training row has",
        }
    ]


def test_too_many_values_and_colliding_names_are_refused(jobs: Jobs) -> None:
    with pytest.raises(UserError, match=r"too_many_categories: step 1 \(one_hot\): column 's' has 4 values"):
        fitted(jobs, {"s": list("abcde")}, {"kind": "one_hot", "max_categories": 3})
    with pytest.raises(UserError, match=r"there would be two columns 's=a'"):
        fitted(jobs, {"s": ["a", "a"], "s=a": [1.0, 2.0]}, {"kind": "one_hot"})


def test_the_label_becomes_whole_numbers_and_no_feature(jobs: Jobs) -> None:
    done = fitted(
        jobs,
        {"y": [0, 1, 1, 0], "x": [1.0, 2.0, 3.0, 4.0]},
        {"kind": "encode_label", "column": "y", "mapping": {"0": 5, "1": 2}},
        {"kind": "standardise"},
    )

    assert values(done, "y") == [5, 2, 2, 5]
    assert [column["name"] for column in done.result["schema"]] == ["__split", "x", "y"]
    assert learned(done, "standardise")["columns"].keys() == {"x"}


def test_columns_can_be_left_out(jobs: Jobs) -> None:
    done = fitted(
        jobs,
        {"id": ["a1", "a2", "a3"], "x": [1.0, None, 3.0], "day": np.array(["2024-01-01"] * 3, dtype="datetime64[D]")},
        {"kind": "drop_columns", "columns": ["id", "day"]},
        {"kind": "impute"},
    )

    assert [column["name"] for column in done.result["schema"]] == ["__split", "x"]
    document = json.loads((done.folder / "preprocessor.json").read_text(encoding="utf-8"))
    assert (document["inputs"], document["ignored"]) == ([{"name": "x", "type": "number"}], ["day", "id"])


def test_times_stay_and_leave_no_preprocessor(jobs: Jobs) -> None:
    done = fitted(
        jobs,
        {"x": [1.0, 2.0], "at": np.array(["2024-01-01T02", "2024-01-02"], dtype="datetime64[us]")},
        {"kind": "impute"},
    )

    assert [column["type"] for column in done.result["schema"]] == ["string", "float64", "timestamp"]
    assert done.result["preprocessor"] is None


def test_the_most_frequent_value_of_nothing_is_none() -> None:
    assert most_frequent(pa.chunked_array([pa.array([None], pa.string())])) is None


def test_names_that_look_like_expressions_are_only_names(jobs: Jobs) -> None:
    odd = ["a.b", "a*", "col(x)", 'quo"te', "o'clock", " spaced ", "é"]
    columns: dict[str, list[Any]] = {name: [1.0, 2.0, None, 4.0] for name in odd}
    columns["t.ext"] = ["it's", 'q"', "it's", "z"]

    done = fitted(
        jobs, columns, {"kind": "missing_values"}, {"kind": "outliers"}, {"kind": "impute"}, {"kind": "one_hot"}
    )

    assert [values(done, name) for name in odd] == [[1.0, 2.0, 1.5, 1.5]] * len(odd)
    assert values(done, "t.ext=it's") == [1.0, 0.0, 1.0, 0.0]
    assert [each["name"] for each in jobs.profile(done.files)["columns"]][1:8] == odd
