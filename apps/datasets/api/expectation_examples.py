"""One example of each answer about expectations, for the API's document."""

from __future__ import annotations

from typing import Any

from apps.datasets.api.examples import AT, DATASET_ID, PROFILE, PROJECT_ID, USER_ID, VERSION_ID

EXPECTATION_ID = "01936f2e-0000-7000-8000-000000000020"
WORKLOAD_ID = "01936f2e-0000-7000-8000-000000000008"
BETWEEN = {"column": "age", "minimum": 18, "maximum": 120, "mostly": 1}
WANTED = {"kind": "between", "parameters": BETWEEN, "severity": "block", "description": "Adults only."}

EXPECTATION: dict[str, Any] = {
    "id": EXPECTATION_ID,
    "project": PROJECT_ID,
    "project_name": "credit",
    "dataset": DATASET_ID,
    "dataset_name": "loans",
    **WANTED,
    "label": "between(age)",
    "is_active": True,
    "revision": 1,
    "created_by": USER_ID,
    "created_by_name": "ada",
    "created_at": AT,
    "changed_at": AT,
}
RESULT: dict[str, Any] = {
    "expectation": EXPECTATION_ID,
    "revision": 1,
    "kind": "between",
    "parameters": BETWEEN,
    "severity": "block",
    "label": "between(age)",
    "outcome": "failed",
    "rows_checked": 4454,
    "rows_failed": 2,
    "ratio": 0.999550965424,
    "observed": {},
    "problem": None,
    "examples": [{"ordinal": 17, "values": {"age": 999}}, {"ordinal": 803, "values": {"age": -1}}],
    "seconds": 0.004,
}
VALIDATION_RUN: dict[str, Any] = {
    **{key: value for key, value in PROFILE.items() if key != "result"},
    "id": "01936f2e-0000-7000-8000-000000000021",
    "passed_count": 11,
    "warned_count": 0,
    "blocked_count": 1,
    "results": [RESULT],
}
QUALITY_HOLD: dict[str, Any] = {
    "id": "01936f2e-0000-7000-8000-000000000022",
    "project": PROJECT_ID,
    "workload": WORKLOAD_ID,
    "workload_name": "baseline",
    "workload_state": "pending",
    "owner_kind": "run",
    "owner": "01936f2e-0000-7000-8000-000000000023",
    "version": VERSION_ID,
    "version_number": 4,
    "version_state": "validating",
    "dataset": DATASET_ID,
    "dataset_name": "loans",
    "created_at": AT,
    "settled_at": None,
}
QUALITY: dict[str, Any] = {
    "version": VERSION_ID,
    "state": "validating",
    "state_message": [{"code": "quality_failed", "params": {"rules": ["between(age)"]}}],
    "expectation_count": 12,
    "is_outdated": False,
    "newest": VALIDATION_RUN,
    "under_way": None,
    "failed_run": None,
    "waiting": [QUALITY_HOLD],
    "waiting_count": 1,
    "asked": None,
    "override": None,
}
PROPOSALS: dict[str, Any] = {
    "version": VERSION_ID,
    "dataset": DATASET_ID,
    "has_profile": True,
    "proposals": [
        {
            "kind": "not_null",
            "parameters": {"column": "age", "mostly": 1},
            "severity": "block",
            "reason": "complete",
            "label": "not_null(age)",
            "exists": False,
        }
    ],
}
