"""The real loans through every step on numbers that is served: a record becomes what its row became, to the digit."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.workers.runtime.cleaning.jobs import CREDIT_DATA, SPLIT, STATUS, Done, Jobs
from workers.runtime.preprocessor import Preprocessor

MISSING = {"kind": "missing_values", "markers": ["", "NA"]}
THREE = {**SPLIT, "validation_ratio": 0.1}
BY_GROUPS = [
    *(MISSING, THREE, STATUS),
    {"kind": "derive", "name": "Rest", "expression": "if(Income > 0, (Income - Expenses) / Income, null)"},
    {"kind": "outliers", "method": "mad", "replace": "winsorise", "columns": ["Income", "Amount"]},
    {"kind": "outliers", "method": "percentile", "share": 0.02, "replace": "null", "columns": ["Price"]},
    {"kind": "outliers", "method": "zscore", "replace": "flag", "columns": ["Debt"]},
    {"kind": "impute", "numeric": "group_median", "by": "Job", "indicator": True, "columns": ["Income", "Rest"]},
    {"kind": "impute", "numeric": "mean"},
    {"kind": "scale", "method": "robust", "columns": ["Seniority"]},
    {"kind": "discretise", "bins": 8, "columns": ["Age"]},
    {"kind": "scale", "method": "log1p", "columns": ["Amount", "Rest"]},
    {"kind": "scale", "method": "min_max"},
    {"kind": "one_hot"},
]
BY_ROWS = [
    *(MISSING, SPLIT, STATUS),
    {"kind": "outliers", "method": "isolation_forest", "share": 0.02, "replace": "flag"},
    {
        "kind": "outliers",
        "method": "isolation_forest",
        "share": 0.01,
        "replace": "null",
        "seed": 7,
        "columns": ["Debt"],
    },
    {"kind": "impute", "numeric": "knn", "sample_rows": 300, "categorical": "constant", "fill_text": "unknown"},
    {"kind": "discretise", "method": "uniform", "bins": 5, "columns": ["Time"]},
    {"kind": "standardise"},
    {"kind": "one_hot"},
]


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    texts = {"Home", "Marital", "Records", "Job"}
    with CREDIT_DATA.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {
            name: (text if name in texts else float(text)) if text else None
            for name, text in row.items()
            if name != "Status"
        }
        for row in rows
    ]


@pytest.mark.parametrize("recipe", [BY_GROUPS, BY_ROWS], ids=["groups", "rows"])
def test_serving_transforms_every_loan_as_cleaning_did(
    jobs: Jobs, credit: Done, records: list[dict[str, Any]], recipe: list[dict[str, Any]]
) -> None:
    done = jobs.clean(credit.files, recipe)
    preprocessor = Preprocessor.load(done.folder / "preprocessor.json")
    expected = np.stack([done.table[name].to_numpy() for name in preprocessor.outputs], axis=1)

    served = preprocessor.transform(records)

    assert np.array_equal(served, expected.astype(np.float32))
    assert preprocessor.not_served == []
    assert {"is_outlier", "Debt_outlier"} & set(preprocessor.outputs)


def test_neither_order_nor_partition_of_the_rows_matters(jobs: Jobs, credit: Done, tmp_path: Any) -> None:
    shuffled = credit.table.take(np.random.default_rng(5).permutation(4454))
    files = []
    for number, start in enumerate(range(0, 4454, 1500)):
        files.append(tmp_path / f"part-{number}.parquet")
        pq.write_table(shuffled.slice(start, 1500), files[-1])
    steps = [step for step in BY_ROWS if step["kind"] not in ("discretise", "standardise") and step.get("seed") != 7]
    recipe = [*steps, {"kind": "balance", "column": "Status", "method": "oversample"}]

    straight, other = jobs.clean(credit.files, recipe), jobs.clean(files, recipe)

    assert straight.result["digest"] == other.result["digest"]
    assert straight.result["row_count"] > 4454
    assert straight.result["splits"]["test"] == 891
