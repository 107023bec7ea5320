"""The small files beside the data: sample rows, the report with examples, statistics."""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.workers.runtime.cleaning.jobs import Done, Jobs
from workers.runtime.cleaning import companions
from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.watch import examples, rows_watched


def companion(done: Done, kind: str) -> Any:
    return json.loads((done.folder / f"{kind}.json").read_text(encoding="utf-8"))


def step(done: Done, kind: str) -> dict[str, Any]:
    number = done.step(kind)["step"]
    return next(each for each in companion(done, "report")["steps"] if each["step"] == number)


def test_files_are_named_with_their_size_and_digest(credit: Done, cleaned: Done) -> None:
    assert sorted(credit.result["companions"]) == ["profile", "sample"]
    assert sorted(cleaned.result["companions"]) == ["profile", "report", "sample"]
    for kind, file in cleaned.result["companions"].items():
        content = (cleaned.folder / file["name"]).read_bytes()
        assert file == {
            "name": f"{kind}.json", "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
        }  # fmt: skip


def test_statistics_taken_on_the_way_are_those_of_a_profile(credit: Done, jobs: Jobs) -> None:
    assert companion(credit, "profile") == jobs.profile(credit.files)


def test_the_sample_has_the_first_rows_and_some_of_all(credit: Done) -> None:
    sample = companion(credit, "sample")
    rows = {row["__ordinal"]: row for row in credit.table.to_pylist()}

    assert sample["columns"][:2] == [{"name": "Status", "type": "string"}, {"name": "Seniority", "type": "int64"}]
    assert [row["ordinal"] for row in sample["first"]] == list(range(50))
    drawn = [row["ordinal"] for row in sample["random"]]
    assert (len(drawn), drawn) == (50, sorted(set(drawn)))
    thirds = np.histogram(drawn, 3, (0, 4454))[0]
    assert thirds.min() >= 10, "they lie all over the data"
    for row in sample["first"] + sample["random"]:
        names = [column["name"] for column in sample["columns"]]
        assert dict(zip(names, row["values"], strict=True)) == {name: rows[row["ordinal"]][name] for name in names}


def test_a_sample_of_wide_data_has_fewer_rows_and_short_texts(jobs: Jobs) -> None:
    row = ",".join(["x" * 300] * 1000)
    done = jobs.ingest("\n".join([",".join(f"c{n}" for n in range(1000)), *[row] * 100]))
    sample = companion(done, "sample")

    assert (len(sample["first"]), len(sample["random"])) == (4, 4)
    assert sample["first"][0]["values"][0] == "x" * 200 + "…"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.23456789012345, 1.23456789012),
        (float("inf"), None),
        (datetime.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        ("a\0b", "a\ufffdb"),
        (True, True),
        (None, None),
    ],
)
def test_values_are_plain(value: object, shown: object) -> None:
    assert plain(value) == shown


@pytest.mark.parametrize("limit", ["PROFILED_CELLS_MOST", "PROFILED_COLUMNS_MOST"])
def test_large_data_is_profiled_when_asked_for_only(jobs: Jobs, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(companions, limit, 1)

    assert sorted(jobs.ingest("a,b\n1,2\n").result["companions"]) == ["sample"]


def test_the_report_says_what_was_told_and_learned(cleaned: Done) -> None:
    outliers = cleaned.step("outliers")
    told = {"method": "iqr", "factor": 1.5, "replace": "median", "columns": None}
    assert outliers["parameters"].items() >= told.items()
    assert step(cleaned, "outliers")["fitted"][0] == {
        "column": "Seniority", "low": -13.0, "high": 27.0, "replacement": 5.0,
    }  # fmt: skip
    assert {each["column"]: each["fill"] for each in step(cleaned, "impute")["fitted"]}["Home"] == "owner"
    assert step(cleaned, "one_hot")["fitted"][0] == {
        "column": "Home",
        "categories": ["ignore", "other", "owner", "parents", "priv", "rent"],
        "category_count": 6,
    }
    assert sorted(step(cleaned, "standardise")["fitted"][0]) == ["column", "mean", "std"]
    assert cleaned.step("split")["columns_added"] == ["__split"]
    assert cleaned.step("one_hot")["columns_removed"] == ["Home", "Marital", "Records", "Job"]
    assert companion(cleaned, "report")["rows_watched"] == 4454


def test_examples_are_what_the_data_was_before_and_after(credit: Done, cleaned: Done) -> None:
    before = {row["__ordinal"]: row for row in credit.table.to_pylist()}
    shown = step(cleaned, "impute")["examples"]
    assert len(shown) == 10
    filled = {each["column"]: each["fill"] for each in step(cleaned, "impute")["fitted"]}
    for example in shown:
        for cell in example["cells"]:
            assert before[example["ordinal"]][cell["column"]] is None
            assert (cell["before"], cell["after"]) == (None, filled[cell["column"]])
    assert {cell["column"] for example in shown for cell in example["cells"]} == set(
        cleaned.step("impute")["cells_changed"]
    ), "each column that changed has an example"


def test_removed_rows_are_examples(cleaned: Done) -> None:
    shown = step(cleaned, "drop_duplicates")["examples"]

    assert (len(shown), [each["is_removed"] for each in shown]) == (2, [True, True])
    assert shown[0]["cells"][0] == {"column": "Status", "before": "bad", "after": None}
    assert len(shown[0]["cells"]) == 12


def test_text_that_becomes_the_number_it_spells_has_not_changed(jobs: Jobs) -> None:
    done = jobs.clean(jobs.parquet({"a": [" 1", "NA", "3"], "b": ["x", "y", "NA"]}), [{"kind": "missing_values"}])

    assert step(done, "missing_values")["examples"] == [
        {"ordinal": 1, "is_removed": False, "cells": [{"column": "a", "before": "NA", "after": None}]},
        {"ordinal": 2, "is_removed": False, "cells": [{"column": "b", "before": "NA", "after": None}]},
    ]


def test_columns_that_become_others_show_what_became_of_a_value(jobs: Jobs) -> None:
    steps: list[dict[str, Any]] = [{"kind": "split", "test_ratio": 0.4}, {"kind": "one_hot"}]
    done = jobs.clean(jobs.parquet({"home": ["own", "own", "own", "own", "own"]}), steps)

    assert step(done, "one_hot")["examples"][0] == {
        "ordinal": 0,
        "is_removed": False,
        "cells": [
            {"column": "home", "before": "own", "after": None},
            {"column": "home=own", "before": None, "after": 1.0},
        ],
    }


def test_columns_left_out_are_no_examples(jobs: Jobs) -> None:
    done = jobs.clean(jobs.parquet({"a": [1, 2], "b": [3, 4]}), [{"kind": "drop_columns", "columns": ["b"]}])

    assert step(done, "drop_columns")["examples"] == []
    assert done.step("drop_columns")["columns_removed"] == ["b"]


def test_examples_are_bounded() -> None:
    names = [f"c{number}" for number in range(30)]
    ordinals = {"__ordinal": list(range(50))}
    before = pa.table(ordinals | {name: [0.0] * 50 for name in names})
    after = pa.table(ordinals | {name: [1.0] * 50 for name in names})

    shown = examples(before, after)

    assert (len(shown), {len(each["cells"]) for each in shown}) == (10, {12})
    assert examples(before, before) == []
    assert (rows_watched(1), rows_watched(500), rows_watched(100_000)) == (5_000, 1_000, 20)


@pytest.mark.parametrize("name", ["a", "größe"])
def test_a_report_that_is_too_large_is_cut_and_says_so(jobs: Jobs, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    files = jobs.parquet({name: [1.0, None, 3.0, 4.0] * 10})
    steps: list[dict[str, Any]] = [{"kind": "split", "test_ratio": 0.4}, {"kind": "impute"}]
    whole = jobs.clean(files, steps)
    assert companion(whole, "report")["is_cut"] is False
    size = whole.result["companions"]["report"]["size_bytes"]

    monkeypatch.setattr(companions, "BYTES_MOST", size - 1)
    cut = companion(jobs.clean(files, steps), "report")

    assert (cut["is_cut"], [each["examples"] for each in cut["steps"]]) == (True, [[], []])
    assert cut["steps"][1]["fitted"] == [{"column": name, "fill": 4.0}]
