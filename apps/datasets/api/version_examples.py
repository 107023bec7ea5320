"""Examples of what is said about a version, for the API's document."""

from __future__ import annotations

from typing import Any

from apps.datasets.api.examples import (
    AT,
    CLEANED_ID,
    DATASET_ID,
    PROJECT_ID,
    RECIPE_ID,
    SHA256,
    SOURCE_ID,
    STEP_REPORT,
    VERSION_ID,
)

SAMPLE: dict[str, Any] = {
    "version": VERSION_ID,
    "is_available": True,
    "row_count": 4454,
    "columns": [{"name": "Status", "type": "string"}, {"name": "Income", "type": "float64"}],
    "first": [{"ordinal": 0, "values": ["good", 129.0]}, {"ordinal": 1, "values": ["good", 131.0]}],
    "random": [{"ordinal": 2871, "values": ["bad", None]}],
}
REPORT = {
    "version": CLEANED_ID,
    "recipe": RECIPE_ID,
    "recipe_name": "loans",
    "recipe_number": 1,
    "input_version": VERSION_ID,
    "input_version_number": 1,
    "rows_watched": 4454,
    "is_cut": False,
    "steps": [
        {
            **STEP_REPORT,
            "fitted": [{"column": "Income", "low": -30.0, "high": 290.0, "replacement": 125.0}],
            "examples": [
                {
                    "ordinal": 29,
                    "is_removed": False,
                    "cells": [{"column": "Income", "before": 500.0, "after": 125.0}],
                }
            ],
        }
    ],
}


def _version(pk: str, number: int, rows: int) -> dict[str, Any]:
    return {
        "id": pk,
        "dataset": DATASET_ID,
        "dataset_name": "loans",
        "number": number,
        "row_count": rows,
        "size_bytes": 310_022,
        "digest": f"sha256:{SHA256}",
        "created_at": AT,
        "has_profile": True,
    }


DIFF = {
    "before": _version(VERSION_ID, 1, 4454),
    "after": _version(CLEANED_ID, 2, 4452),
    "is_same_content": False,
    "columns": [
        {
            "name": "Income",
            "change": "changed",
            "type_before": "float64",
            "type_after": "float64",
            "nullable_before": True,
            "nullable_after": False,
            "statistics": [{"name": "null_ratio", "before": 0.0855410867, "after": 0.0}],
        }
    ],
}
_OF_PROJECT = {"is_hidden": False, "project": PROJECT_ID, "project_name": "risk", "created_at": AT}
LINEAGE = {
    "of": {"kind": "dataset_version", "id": VERSION_ID},
    "depth": 3,
    "is_cut": False,
    "nodes": [
        {
            "kind": "dataset_version",
            "id": VERSION_ID,
            "distance": 0,
            "name": "loans",
            "number": 1,
            "state": "published",
            "parent_kind": "dataset",
            "parent_id": DATASET_ID,
            **_OF_PROJECT,
        },
        {
            "kind": "source",
            "id": SOURCE_ID,
            "distance": -1,
            "name": "credit_data.csv",
            "number": None,
            "state": None,
            "parent_kind": "dataset",
            "parent_id": DATASET_ID,
            **_OF_PROJECT,
        },
        {
            "kind": "dataset_version",
            "id": CLEANED_ID,
            "distance": 1,
            "is_hidden": True,
            "name": None,
            "number": None,
            "state": None,
            "project": None,
            "project_name": None,
            "parent_kind": None,
            "parent_id": None,
            "created_at": None,
        },
    ],
    "edges": [
        {
            "from_kind": "dataset_version",
            "from_id": VERSION_ID,
            "relation": "ingested_from",
            "to_kind": "source",
            "to_id": SOURCE_ID,
        },
        {
            "from_kind": "dataset_version",
            "from_id": CLEANED_ID,
            "relation": "cleaned_from",
            "to_kind": "dataset_version",
            "to_id": VERSION_ID,
        },
    ],
}
