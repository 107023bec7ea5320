"""Examples of aliases in the API's document."""

from __future__ import annotations

from apps.datasets.api.examples import CLEANED_ID, DATASET_ID, PROJECT_ID, VERSION_ID

ALIAS_ID = "01936f2e-0000-7000-8000-000000000061"
ALIAS = {
    "id": ALIAS_ID,
    "project": PROJECT_ID,
    "project_name": "risk",
    "dataset": DATASET_ID,
    "dataset_name": "loans",
    "name": "gold",
    "version": CLEANED_ID,
    "number": 2,
    "version_state": "published",
    "moved_at": "2026-05-06T08:00:00Z",
    "moved_by": "01936f2e-0000-7000-8000-000000000002",
    "moved_by_name": "ada",
    "created_at": "2026-05-05T12:00:00Z",
}
MOVES = {
    "alias": ALIAS_ID,
    "moves": [
        {"at": "2026-05-06T08:00:00Z", "by": "ada", "version": CLEANED_ID, "number": 2, "number_before": 1},
        {"at": "2026-05-05T12:00:00Z", "by": "bo", "version": VERSION_ID, "number": 1, "number_before": None},
    ],
}
