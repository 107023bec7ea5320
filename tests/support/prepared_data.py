"""A small cleaned dataset version as the cleaning job leaves one: Parquet files and the preprocessor beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FEATURES = ("Income", "Debt", "Home=owner", "Home=rent")
TRAIN_ROWS, TEST_ROWS = 300, 100
PREPROCESSOR = {
    "format": "bedplate-preprocessor/1",
    "inputs": [
        {"name": "Income", "type": "number"},
        {"name": "Debt", "type": "number"},
        {"name": "Home", "type": "category"},
    ],
    "steps": [
        {"kind": "missing_values", "markers": ["", "NA"]},
        {"kind": "impute", "numbers": {"Income": 100.0, "Debt": 50.0}, "categories": {"Home": "rent"}},
        {"kind": "standardise", "columns": {"Income": [100.0, 10.0], "Debt": [50.0, 5.0]}},
        {"kind": "one_hot", "columns": {"Home": ["owner", "rent"]}},
    ],
    "outputs": list(FEATURES),
    "label": {"column": "Status", "mapping": {"good": 0, "bad": 1}},
}


def write_prepared_data(folder: Path, *, rows: int = TRAIN_ROWS + TEST_ROWS) -> list[Path]:
    """Two Parquet files with rows in no order, and `preprocessor.json`; the same at every call."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    numbers = random.normal(size=(rows, 2))
    owner = random.random(rows) < 0.5
    risk = 1.5 * numbers[:, 0] - 2.0 * numbers[:, 1] + owner + random.normal(size=rows)
    table = pa.table(
        {
            "__ordinal": np.arange(rows),
            "__split": np.where(np.arange(rows) % 4 == 3, "test", "train"),
            "Income": numbers[:, 0],
            "Debt": numbers[:, 1],
            "Home=owner": owner.astype(float),
            "Home=rent": (~owner).astype(float),
            "Status": (risk > 0.5).astype(int),
        }
    )
    shuffled = table.take(random.permutation(rows))
    paths = [folder / "part-00000.parquet", folder / "part-00001.parquet", folder / "preprocessor.json"]
    pq.write_table(shuffled.slice(0, rows // 2), paths[0])
    pq.write_table(shuffled.slice(rows // 2), paths[1])
    paths[2].write_text(json.dumps(PREPROCESSOR), encoding="utf-8")
    return paths
