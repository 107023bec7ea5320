"""One example of each answer, for the API's document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer

PROJECT_ID = "01936f2e-0000-7000-8000-000000000001"
DATASET_ID = "01936f2e-0000-7000-8000-000000000002"
SOURCE_ID = "01936f2e-0000-7000-8000-000000000003"
VERSION_ID = "01936f2e-0000-7000-8000-000000000004"
CLEANED_ID = "01936f2e-0000-7000-8000-000000000005"
RECIPE_ID = "01936f2e-0000-7000-8000-000000000006"
USER_ID = "01936f2e-0000-7000-8000-000000000007"
AT = "2026-03-02T09:30:00Z"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_SUCCEEDED: dict[str, Any] = {
    "state": "succeeded",
    "state_reason": "completed",
    "state_detail": "",
    "state_at": AT,
    "workload": "01936f2e-0000-7000-8000-000000000008",
    "workload_state": "succeeded",
    "workload_reason": "completed",
    "workload_detail": "",
    "requested_by": USER_ID,
    "created_at": AT,
}

DATASET = {
    "id": DATASET_ID,
    "project": PROJECT_ID,
    "name": "loans",
    "title": "Loan applications",
    "description": "",
    "created_by": USER_ID,
    "created_at": AT,
}
SOURCE = {
    "id": SOURCE_ID,
    "project": PROJECT_ID,
    "dataset": DATASET_ID,
    "name": "credit_data.csv",
    "file_format": "csv",
    "sha256": SHA256,
    "size_bytes": 245_320,
    "uploaded_by": USER_ID,
    "created_at": AT,
}
INGESTION = {
    "id": "01936f2e-0000-7000-8000-000000000009",
    "project": PROJECT_ID,
    "dataset": DATASET_ID,
    "source": SOURCE_ID,
    "options": {"format": "csv", "null_values": [""]},
    "version": VERSION_ID,
    "rejected": {
        "count": 1,
        "samples": [{"line": 12, "column": "Age", "reason": "not a number", "text": "good,9,rent,60,thirty"}],
    },
    **_SUCCEEDED,
}
DATASET_VERSION = {
    "id": CLEANED_ID,
    "project": PROJECT_ID,
    "dataset": DATASET_ID,
    "number": 2,
    "state": "published",
    "state_reason": "",
    "state_detail": "",
    "state_at": AT,
    "digest": f"sha256:{SHA256}",
    "schema": [{"name": "Seniority", "type": "float64", "nullable": False}],
    "row_count": 4452,
    "size_bytes": 310_022,
    "parent": VERSION_ID,
    "ingestion": None,
    "cleaning_run": "01936f2e-0000-7000-8000-00000000000a",
    "splits": {"train": 3562, "test": 890},
    "sensitivity": "unclassified",
    "created_at": AT,
    "files": [{"name": "part-00000.parquet", "rows": 4452, "size_bytes": 310_022, "sha256": SHA256}],
    "report": [
        {
            "step": 4,
            "kind": "outliers",
            "rows_in": 4452,
            "rows_out": 4452,
            "cells_changed": {"Income": 87},
            "warnings": [{"code": "zero_spread", "column": "Debt", "detail": "The IQR is 0: left alone."}],
            "seconds": 0.12,
        }
    ],
    "preprocessor": {"name": "preprocessor.json", "size_bytes": 4096, "sha256": SHA256},
}
PROFILE = {
    "id": "01936f2e-0000-7000-8000-00000000000b",
    "project": PROJECT_ID,
    "version": VERSION_ID,
    "result": {
        "row_count": 4454,
        "columns": [
            {
                "name": "Income",
                "type": "float64",
                "null_count": 381,
                "distinct_count": 353,
                "minimum": 6.0,
                "maximum": 959.0,
                "mean": 141.687699484,
                "std": 80.7493986,
                "quantiles": {"0.25": 90.0, "0.5": 125.0, "0.75": 170.0},
                "histogram": {"edges": [6.0, 482.5, 959.0], "counts": [4049, 24]},
                "top_values": [{"value": 150.0, "count": 142}],
            }
        ],
    },
    **_SUCCEEDED,
}
STEPS = [
    {"kind": "missing_values", "markers": ["", "NA"]},
    {"kind": "drop_duplicates", "columns": None},
    {"kind": "split", "test_ratio": 0.2, "seed": 42, "stratify": "Status", "positive": "bad"},
    {"kind": "encode_label", "column": "Status", "mapping": {"good": 0, "bad": 1}},
    {"kind": "outliers", "method": "iqr", "factor": 1.5, "replace": "median", "columns": None},
    {"kind": "impute", "numeric": "median", "categorical": "mode"},
    {"kind": "standardise", "columns": None},
    {"kind": "one_hot", "columns": None, "max_categories": 200},
]
RECIPE = {
    "id": RECIPE_ID,
    "project": PROJECT_ID,
    "name": "loans",
    "number": 1,
    "description": "",
    "steps": STEPS,
    "digest": f"sha256:{SHA256}",
    "created_by": USER_ID,
    "created_at": AT,
}
CLEANING_RUN = {
    "id": "01936f2e-0000-7000-8000-00000000000a",
    "project": PROJECT_ID,
    "recipe": RECIPE_ID,
    "input_version": VERSION_ID,
    "output_dataset": DATASET_ID,
    "output_version": CLEANED_ID,
    "report": DATASET_VERSION["report"],
    **_SUCCEEDED,
}
LINEAGE_EDGE = {
    "id": "01936f2e-0000-7000-8000-00000000000c",
    "project": PROJECT_ID,
    "from_kind": "dataset_version",
    "from_id": CLEANED_ID,
    "relation": "cleaned_from",
    "to_kind": "dataset_version",
    "to_id": VERSION_ID,
    "created_at": AT,
}

Serializer = Any


def shown_as(value: dict[str, Any]) -> Callable[[Serializer], Serializer]:
    """Give a serializer its example, for answers only."""
    example = OpenApiExample("Example", value=value, response_only=True)
    decorate: Callable[[Serializer], Serializer] = extend_schema_serializer(examples=[example])
    return decorate
