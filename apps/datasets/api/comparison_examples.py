"""An example of a comparison in the API's document."""

from __future__ import annotations

from apps.datasets.api.examples import CLEANED_ID, DATASET_ID, PROJECT_ID, SUCCEEDED, VERSION_ID

DRIFT_COLUMN = {
    "name": "Age",
    "type": "int64",
    "compared_by": "value",
    "level": "small",
    "psi": 0.12,
    "p_value": 0.0004,
    "missing": {"reference": 0.0, "current": 0.0, "psi": 0.0, "p_value": 1.0},
    "ks": {"statistic": 0.09, "p_value": 0.0004, "values": [4454, 4452]},
    "categories": None,
    "bins": {"edges": [30.0, 41.0], "reference": [1500, 1490, 1464], "current": [1400, 1510, 1542]},
    "overlay": {"edges": [18.0, 43.0, 68.0], "reference": [2990, 1464], "current": [2910, 1542]},
}
COMPARISON = {
    "id": "01936f2e-0000-7000-8000-000000000071",
    "project": PROJECT_ID,
    "project_name": "risk",
    "before": VERSION_ID,
    "before_number": 1,
    "before_dataset": DATASET_ID,
    "before_dataset_name": "loans",
    "after": CLEANED_ID,
    "after_number": 2,
    "after_dataset": DATASET_ID,
    "after_dataset_name": "loans",
    "key": ["id"],
    **SUCCEEDED,
    "result": {
        "key": ["id"],
        "schema": {
            "added": [{"name": "__split", "type": "string"}],
            "removed": [],
            "type_changed": [{"name": "Income", "before": "int64", "after": "float64"}],
        },
        "rows": {"before": 4454, "after": 4452, "added": 0, "removed": 2, "changed": 87, "same": 4365},
        "columns": [{"name": "Income", "changed": 87}],
        "examples": {
            "added": [],
            "removed": [{"ordinal": 12, "values": {"id": 13, "Age": 41, "Income": 120}}],
            "changed": [
                {
                    "key": {"id": 4},
                    "ordinal_before": 3,
                    "ordinal_after": 3,
                    "cells": [{"column": "Income", "before": 959, "after": 124.0}],
                }
            ],
        },
        "drift": {
            "method": {
                "bins": 10, "smoothing": 0.5, "psi_small": 0.1, "psi_large": 0.25, "p_value": 0.01,
                "rows_compared": 1000000,
            },
            "rows": {"reference": 4454, "current": 4452},
            "columns": [DRIFT_COLUMN],
            "left_out": [{"name": "__split", "reason": "not_in_reference"}],
            "summary": {"compared": 1, "none": 0, "small": 1, "large": 0, "shifted": ["Age"]},
        },
    },
}  # fmt: skip
