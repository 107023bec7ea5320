"""Examples of what is submitted and of what it was made of, for the API's document."""

from __future__ import annotations

from typing import Any

from apps.experiments.api import examples

BUNDLE_ID = "01936f2e-0000-7000-8000-000000000120"
_FILE = {"sha256": examples.SHA256, "is_executable": False}
BUNDLE: dict[str, Any] = {
    "id": BUNDLE_ID,
    "project": examples.PROJECT_ID,
    "sha256": examples.SHA256,
    "size_bytes": 18_204,
    "file_count": 2,
    "git_commit": "8c7f0f3a6f6d4c1f9a3b2e1d0c9b8a7f6e5d4c3b",
    "uploaded_by": "01936f2e-0000-7000-8000-000000000007",
    "created_at": examples.AT,
    "sent_at": examples.AT,
    "files": [{"name": "src/model.py", "size_bytes": 5_120, **_FILE}, {"name": "train.py", "size_bytes": 911, **_FILE}],
}
BUNDLE_MADE = {
    **BUNDLE,
    "is_new": True,
    "left_out": [{"name": "data/", "rule": ".gitignore: data/"}, {"name": ".git/", "rule": "always"}],
    "left_out_count": 2,
}
PROVENANCE: dict[str, Any] = {
    "kind": "bundle",
    "script_sha256": "",
    "bundle": BUNDLE_ID,
    "bundle_sha256": examples.SHA256,
    "lock_sha256": examples.SHA256,
    "image_digest": "",
    "images_seen": [],
    "git_commit": "8c7f0f3a6f6d4c1f9a3b2e1d0c9b8a7f6e5d4c3b",
    "seed": 7,
    "inputs": [
        {
            "name": "data",
            "dataset_version": examples.VERSION_ID,
            "dataset_name": "loans",
            "dataset_version_number": 2,
            "reference": "credit-risk/loans@gold",
            "digest": examples.SHA256,
        }
    ],
    "environment": examples.RUN_ATTEMPT["environment"],
    "repeats": examples.RUN_ID,
    "repeats_name": "risk-1",
    "differences": [{"what": "packages.numpy", "before": "2.2.5", "after": "2.2.6"}],
    "obstacles": [{"what": "secrets.wandb", "detail": "is no secret of the project any more"}],
}
