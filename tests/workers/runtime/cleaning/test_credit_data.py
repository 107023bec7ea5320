"""The main job's data: what the real loans become, to the row and to the digit."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.workers.runtime.cleaning.jobs import CREDIT_DATA, RECIPE, Done, Jobs
from workers.runtime.preprocessor import Preprocessor

INGESTED = "sha256:d439a78c574e4caea4c1285ddc4794b0e5e124740e9205ce04b0c9b5f30d7c02"
CLEANED = "sha256:2d8b9d887a17144be90ad9e40ffb2414a545ecf4af397c963605813d181990a6"
MISSING = {"Home": 6, "Marital": 1, "Job": 2, "Income": 381, "Assets": 47, "Debt": 18}


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """The rows as a client sends them: numbers as numbers, a blank as null, without the label."""
    with CREDIT_DATA.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = {"Home", "Marital", "Records", "Job"}
    return [
        {
            name: (text if name in texts else float(text)) if text else None
            for name, text in row.items()
            if name != "Status"
        }
        for row in rows
    ]


def lines() -> tuple[str, list[str]]:
    header, *rows = CREDIT_DATA.read_text(encoding="utf-8").splitlines()
    return header, rows


def test_the_file_is_4454_loans_with_455_missing_cells(credit: Done) -> None:
    assert credit.result["row_count"] == 4454
    assert credit.result["rejected"] == {"count": 0, "samples": []}
    assert credit.result["digest"] == INGESTED
    assert sum(credit.table[column["name"]].null_count for column in credit.result["schema"]) == 455
    assert {column["name"] for column in credit.result["schema"] if column["nullable"]} == MISSING.keys()
    assert credit.table["__ordinal"].to_pylist() == list(range(4454))


def test_two_duplicates_are_dropped_and_the_rest_is_split_by_class(cleaned: Done) -> None:
    assert cleaned.result["digest"] == CLEANED
    assert cleaned.result["row_count"] == 4452
    assert cleaned.result["splits"] == {"train": 3561, "test": 891}
    assert sorted(set(range(4454)) - set(cleaned.table["__ordinal"].to_pylist())) == [1022, 2929]
    sides = cleaned.table.group_by(["Status", "__split"]).aggregate([([], "count_all")]).to_pylist()
    assert {(row["Status"], row["__split"]): row["count_all"] for row in sides} == {
        (0, "train"): 2559,
        (0, "test"): 640,
        (1, "train"): 1002,
        (1, "test"): 251,
    }


def test_the_report_says_what_each_step_did(cleaned: Done) -> None:
    report = [{key: value for key, value in step.items() if key != "seconds"} for step in cleaned.result["report"]]

    assert [(step["step"], step["kind"], step["rows_in"], step["rows_out"]) for step in report] == [
        (1, "missing_values", 4454, 4454),
        (2, "drop_duplicates", 4454, 4452),
        (3, "split", 4452, 4452),
        (4, "encode_label", 4452, 4452),
        (5, "outliers", 4452, 4452),
        (6, "impute", 4452, 4452),
        (7, "standardise", 4452, 4452),
        (8, "one_hot", 4452, 4452),
    ]
    assert report[0]["cells_missing"] == MISSING
    assert sum(MISSING.values()) == 455
    assert report[4]["cells_changed"] == {
        "Seniority": 150,
        "Expenses": 19,
        "Income": 207,
        "Assets": 276,
        "Amount": 72,
        "Price": 169,
    }
    assert report[4]["warnings"] == [
        {
            **{"code": "zero_spread", "column": "Debt", "params": {"quartile": "0"}},
            "detail": "the quartiles of the training rows are both 0",
        }
    ]
    assert report[5]["cells_changed"] == MISSING
    assert [step["warnings"] for step in report if step["kind"] != "outliers"] == [[]] * 7


def test_the_output_has_no_missing_value_and_scaled_features(cleaned: Done) -> None:
    table = cleaned.table
    assert table.column_names[:2] == ["__ordinal", "__split"]
    assert table.column_names[-1] == "Status"
    assert len(table.column_names) == 29
    assert all(column.null_count == 0 for column in table.columns)
    train = table.filter(pc.equal(table["__split"], "train"))
    for name in ("Seniority", "Time", "Age", "Expenses", "Income", "Assets", "Debt", "Amount", "Price"):
        values = train[name].to_numpy()
        assert abs(values.mean()) < 1e-9
        assert values.std() == pytest.approx(1, abs=1e-9)


def test_what_was_fitted_is_what_numpy_finds_in_the_training_rows(credit: Done, cleaned: Done) -> None:
    raw = credit.table
    train = cleaned.table.filter(pc.equal(cleaned.table["__split"], "train"))["__ordinal"].to_numpy()
    income = raw["Income"].to_numpy()[train]
    steps = {step["kind"]: step for step in document(cleaned)["steps"]}

    first, median, third = np.nanquantile(income, [0.25, 0.5, 0.75])
    low, high = first - 1.5 * (third - first), third + 1.5 * (third - first)
    assert steps["outliers"]["columns"]["Income"] == [low, high, median] == [-30.0, 290.0, 123.0]
    kept = np.where((income < low) | (income > high), median, income)
    assert steps["impute"]["numbers"]["Income"] == np.nanmedian(kept) == 123.0
    filled = np.where(np.isnan(kept), 123.0, kept)
    assert steps["standardise"]["columns"]["Income"] == pytest.approx([filled.mean(), filled.std()], rel=1e-11)
    assert steps["impute"]["categories"] == {"Home": "owner", "Marital": "married", "Records": "no", "Job": "fixed"}


def document(done: Done) -> dict[str, Any]:
    return dict(json.loads((done.folder / "preprocessor.json").read_text(encoding="utf-8")))


def test_serving_transforms_every_loan_as_cleaning_did(cleaned: Done, records: list[dict[str, Any]]) -> None:
    preprocessor = Preprocessor.load(cleaned.folder / "preprocessor.json")
    table = cleaned.table
    expected = np.stack([table[name].to_numpy() for name in preprocessor.outputs], axis=1)

    served = preprocessor.transform(records)

    assert served.shape == (4454, 26)
    assert served.dtype == np.float32
    kept = table["__ordinal"].to_numpy()
    assert np.array_equal(served[kept], expected.astype(np.float32))
    assert np.abs(served[kept] - expected).max() < 1e-6
    assert preprocessor.outputs == table.column_names[2:-1]
    assert preprocessor.label == {"column": "Status", "mapping": {"good": 0, "bad": 1}, "positive": None}


def test_loans_sent_as_text_or_with_gaps_transform_alike(cleaned: Done, records: list[dict[str, Any]]) -> None:
    preprocessor = Preprocessor.load(cleaned.folder / "preprocessor.json")
    expected = preprocessor.transform(records)
    with CREDIT_DATA.open(encoding="utf-8", newline="") as file:
        texts = list(csv.DictReader(file))
    marked = [{name: text or " NA " for name, text in row.items()} for row in texts]
    gaps = [{name: value for name, value in record.items() if value is not None} for record in records]

    for sent in (texts, marked, gaps):
        assert np.array_equal(preprocessor.transform(sent), expected)


def test_real_records_of_the_held_out_part_travel_with_the_preprocessor(
    cleaned: Done, records: list[dict[str, Any]]
) -> None:
    table = cleaned.table
    held_out = table.filter(pc.equal(table["__split"], "test"))["__ordinal"].to_pylist()
    complete = [records[ordinal] for ordinal in held_out if None not in records[ordinal].values()]
    examples = document(cleaned)["examples"]
    assert examples == complete[:3]
    assert isinstance(examples[0]["Income"], int)
    assert Preprocessor.load(cleaned.folder / "preprocessor.json").transform(examples).shape == (3, 26)


def test_without_a_split_there_is_no_held_out_part(jobs: Jobs) -> None:
    files = jobs.parquet({"a": ["1", "x", "2.5"], "b": [1.0, 2.0, 3.0]})
    assert "examples" not in document(jobs.clean(files, [{"kind": "drop_columns", "columns": ["a"]}]))


def test_the_same_recipe_gives_the_same_version_twice(jobs: Jobs, credit: Done, cleaned: Done) -> None:
    again = jobs.clean(credit.files, RECIPE)

    assert again.result["digest"] == CLEANED
    assert again.result["preprocessor"] == cleaned.result["preprocessor"]
    assert again.result["files"] == cleaned.result["files"]


def test_neither_order_nor_partition_of_the_rows_matters(jobs: Jobs, credit: Done, tmp_path: Path) -> None:
    shuffled = credit.table.take(np.random.default_rng(5).permutation(4454))
    files = []
    for number, start in enumerate(range(0, 4454, 700)):
        files.append(tmp_path / f"part-{number}.parquet")
        pq.write_table(shuffled.slice(start, 700), files[-1])

    done = jobs.clean(files, RECIPE)

    assert done.result["digest"] == CLEANED
    assert done.result["splits"] == {"train": 3561, "test": 891}


def test_the_same_loans_in_another_order_are_the_same_versions(jobs: Jobs) -> None:
    header, rows = lines()
    random.Random(1).shuffle(rows)

    ingested = jobs.ingest("\n".join([header, *rows]) + "\n")

    assert ingested.result["digest"] == INGESTED
    assert jobs.clean(ingested.files, RECIPE).result["digest"] == CLEANED


def test_loans_with_na_as_text_end_the_same(jobs: Jobs) -> None:
    header, rows = lines()
    marked = "\n".join([header, *(",".join(cell or "NA" for cell in row.split(",")) for row in rows)]) + "\n"

    known = jobs.ingest(marked, null_values=["", "NA"])
    as_text = jobs.ingest(marked)
    cleaned = jobs.clean(as_text.files, RECIPE)

    assert known.result["digest"] == INGESTED
    assert as_text.result["digest"] != INGESTED
    assert cleaned.result["digest"] == CLEANED
    assert cleaned.step("missing_values")["cells_changed"] == MISSING


def test_another_seed_is_another_version(jobs: Jobs, credit: Done) -> None:
    recipe = [{**step, "seed": 43} if step["kind"] == "split" else step for step in RECIPE]

    done = jobs.clean(credit.files, recipe)

    assert done.result["splits"] == {"train": 3561, "test": 891}
    assert done.result["digest"] != CLEANED
