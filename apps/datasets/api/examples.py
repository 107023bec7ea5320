"""One example of each answer, for the API's document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer

from apps.datasets.api.profile_example import RESULT
from workers.contracts.recipes import normalised

PROJECT_ID = "01936f2e-0000-7000-8000-000000000001"
DATASET_ID = "01936f2e-0000-7000-8000-000000000002"
SOURCE_ID = "01936f2e-0000-7000-8000-000000000003"
VERSION_ID = "01936f2e-0000-7000-8000-000000000004"
CLEANED_ID = "01936f2e-0000-7000-8000-000000000005"
RECIPE_ID = "01936f2e-0000-7000-8000-000000000006"
USER_ID = "01936f2e-0000-7000-8000-000000000007"
CLEANING_RUN_ID = "01936f2e-0000-7000-8000-00000000000a"
PROFILE_ID = "01936f2e-0000-7000-8000-00000000000b"
AT = "2026-03-02T09:30:00Z"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

SUCCEEDED: dict[str, Any] = {
    "state": "succeeded",
    "state_reason": "completed",
    "state_detail": "",
    "state_message": [],
    "state_at": AT,
    "workload": "01936f2e-0000-7000-8000-000000000008",
    "workload_state": "succeeded",
    "workload_reason": "completed",
    "workload_detail": "",
    "workload_message": [],
    "requested_by": USER_ID,
    "requested_by_name": "ada",
    "created_at": AT,
}

DATASET = {
    "id": DATASET_ID,
    "project": PROJECT_ID,
    "project_name": "risk",
    "name": "loans",
    "title": "Loan applications",
    "description": "",
    "created_by": USER_ID,
    "created_by_name": "ada",
    "created_at": AT,
    "version_count": 2,
    "latest_version": {
        "id": CLEANED_ID,
        "number": 2,
        "row_count": 4452,
        "column_count": 15,
        "size_bytes": 310_022,
        "sensitivity": "unclassified",
        "published_at": AT,
    },
    "newest_job": {
        "kind": "cleaning_run",
        "id": CLEANING_RUN_ID,
        "state": "succeeded",
        "state_reason": "completed",
        "state_detail": "",
        "state_message": [],
        "state_at": AT,
        "created_at": AT,
    },
}
SUMMARY = {
    "datasets": 3,
    "versions": 7,
    "row_count": 31_164,
    "size_bytes": 2_170_154,
    "sources": 4,
    "source_bytes": 981_280,
    "jobs": [
        {"kind": "ingestion", "queued": 0, "running": 1, "failed": 0},
        {"kind": "profile", "queued": 0, "running": 0, "failed": 0},
        {"kind": "cleaning_run", "queued": 1, "running": 0, "failed": 2},
    ],
}
SOURCE = {
    "id": SOURCE_ID,
    "project": PROJECT_ID,
    "project_name": "risk",
    "dataset": DATASET_ID,
    "dataset_name": "loans",
    "name": "credit_data.csv",
    "file_format": "csv",
    "sha256": SHA256,
    "size_bytes": 245_320,
    "origin": None,
    "uploaded_by": USER_ID,
    "uploaded_by_name": "ada",
    "created_at": AT,
}
STEP_REPORT: dict[str, Any] = {
    "step": 4,
    "kind": "outliers",
    "parameters": {"method": "iqr", "factor": 1.5, "replace": "median", "columns": None},
    "rows_in": 4452,
    "rows_out": 4452,
    "cells_changed": {"Income": 87},
    "cells_missing": {},
    "columns_added": [],
    "columns_removed": [],
    "warnings": [
        {
            **{"code": "zero_spread", "column": "Debt", "params": {"quartile": "0"}},
            "detail": "the quartiles of the training rows are both 0",
        }
    ],
    "seconds": 0.12,
}
DATASET_VERSION = {
    "id": CLEANED_ID,
    "project": PROJECT_ID,
    "project_name": "risk",
    "dataset": DATASET_ID,
    "dataset_name": "loans",
    "dataset_title": "Loan applications",
    "number": 2,
    "state": "published",
    "state_reason": "",
    "state_detail": "",
    "state_message": [],
    "state_at": AT,
    "digest": f"sha256:{SHA256}",
    "schema": [{"name": "Seniority", "type": "float64", "nullable": False}],
    "row_count": 4452,
    "size_bytes": 310_022,
    "parent": VERSION_ID,
    "parent_number": 1,
    "parent_dataset": DATASET_ID,
    "parent_dataset_name": "loans",
    "ingestion": None,
    "source": None,
    "source_name": None,
    "cleaning_run": CLEANING_RUN_ID,
    "recipe": RECIPE_ID,
    "recipe_name": "loans",
    "recipe_number": 1,
    "splits": {"train": 3562, "test": 890},
    "sensitivity": "unclassified",
    "created_by": USER_ID,
    "created_by_name": "ada",
    "created_at": AT,
    "has_sample": True,
    "newest_profile": {"id": PROFILE_ID, "state": "succeeded"},
    "files": [{"name": "part-00000.parquet", "rows": 4452, "size_bytes": 310_022, "sha256": SHA256}],
    "report": [STEP_REPORT],
    "preprocessor": {"name": "preprocessor.json", "size_bytes": 4096, "sha256": SHA256},
    "tags": ["q1"],
    "aliases": ["gold"],
    "is_pinned": False,
    "data_tombstoned_at": None,
    "data_deleted_at": None,
}
PROFILE = {
    "id": PROFILE_ID,
    "project": PROJECT_ID,
    "project_name": "risk",
    "dataset": DATASET_ID,
    "dataset_name": "loans",
    "version": VERSION_ID,
    "version_number": 1,
    "target": "",
    "result": RESULT,
    **SUCCEEDED,
}
STEPS: list[dict[str, Any]] = [
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
    "project_name": "risk",
    "name": "loans",
    "number": 1,
    "description": "",
    "steps": normalised(STEPS),
    "digest": f"sha256:{SHA256}",
    "created_by": USER_ID,
    "created_by_name": "ada",
    "created_at": AT,
}
CLEANING_RUN = {
    "id": CLEANING_RUN_ID,
    "project": PROJECT_ID,
    "project_name": "risk",
    "recipe": RECIPE_ID,
    "recipe_name": "loans",
    "recipe_number": 1,
    "input_dataset": DATASET_ID,
    "input_dataset_name": "loans",
    "input_version": VERSION_ID,
    "input_version_number": 1,
    "input_reference": "risk/loans@latest",
    "output_dataset": DATASET_ID,
    "output_dataset_name": "loans",
    "output_version": CLEANED_ID,
    "output_version_number": 2,
    "report": DATASET_VERSION["report"],
    **SUCCEEDED,
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


PREVIEW = {
    "id": "01936f2e-0000-7000-8000-00000000000c",
    "project": PROJECT_ID,
    "project_name": "risk",
    "dataset": DATASET_ID,
    "dataset_name": "loans",
    "version": VERSION_ID,
    "version_number": 1,
    "is_ready": True,
    "is_closing": False,
    "used_at": AT,
    **SUCCEEDED,
    "state": "running",
    "state_reason": "",
    "workload_state": "running",
    "workload_reason": "",
}


def _previewed(change: str, value: float | None, before: dict[str, Any]) -> dict[str, Any]:
    column = {"name": "Income", "type": "float64", "type_before": "float64", "change": "none"}
    row = {"ordinal": 30, "change": change, "values": [value], "before": before}
    return {"columns": [column], "column_count": 1, "rows": [row]}


PREVIEWED = {
    "rows_sampled": 4454,
    "row_count": 4454,
    "start": _previewed("none", None, {}),
    "steps": [
        {
            "step": 1,
            "kind": "impute",
            "parameters": {"numeric": "median", "categorical": "mode"},
            "rows_in": 4454,
            "rows_out": 4454,
            "cells_changed": {"Income": 381},
            "cells_missing": {},
            "columns_added": [],
            "columns_removed": [],
            "warnings": [],
            "seconds": 0.021,
            "fitted": [{"column": "Income", "fill": 124.0}],
            "schema": [{"name": "Income", "type": "float64"}],
            "table": _previewed("none", 124.0, {"0": None}),
        }
    ],
    "advice": [
        {
            "step": 1,
            "code": "fitted_without_split",
            "detail": "It learns from all rows: the recipe has no split.",
            "column": "",
            "params": {"kind": "impute"},
        }
    ],
    "error": None,
    "seconds": 0.043,
}


def shown_as(value: dict[str, Any]) -> Callable[[Serializer], Serializer]:
    """Give a serializer its example, for answers only."""
    example = OpenApiExample("Example", value=value, response_only=True)
    decorate: Callable[[Serializer], Serializer] = extend_schema_serializer(examples=[example])
    return decorate
