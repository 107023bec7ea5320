"""An ingestion as the API's document shows it."""

from __future__ import annotations

from apps.datasets.api.examples import DATASET_ID, PROJECT_ID, SOURCE_ID, SUCCEEDED, VERSION_ID

INGESTION = {
    "id": "01936f2e-0000-7000-8000-000000000009",
    "project": PROJECT_ID,
    "project_name": "risk",
    "dataset": DATASET_ID,
    "dataset_name": "loans",
    "source": SOURCE_ID,
    "source_name": "credit_data.csv",
    "origin": None,
    "schedule": None,
    "append_to": None,
    "append_to_number": None,
    "options": {"format": "csv", "null_values": [""]},
    "version": VERSION_ID,
    "version_number": 1,
    "rejected": {
        "count": 1,
        "samples": [
            {
                "line": 12,
                "column": "Age",
                "reason": 'could not convert "thirty" to int64',
                "message": [{"code": "data_row_convert", "params": {"value": '"thirty"', "type": "int64"}}],
                "text": "good,9,rent,60,thirty",
            }
        ],
    },
    "quarantine": {"size_bytes": 118, "sha256": "5e4209fdf45c5d8afda9aec0252210f0ac6f82270b283cd40f6870cb2ba612ce"},
    "detected": {
        **{"format": "csv", "encoding": "utf-8", "encoding_confidence": 1.0, "line_ending": "lf"},
        **{"delimiter": ",", "quote": '"', "header": True},
    },
    **SUCCEEDED,
}
