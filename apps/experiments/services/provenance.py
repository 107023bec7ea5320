"""What a run is made of, kept so that it can be made again: its code, and its data by their digests."""

from __future__ import annotations

import hashlib
from typing import Any

from apps.datasets.services.lineage import edge_add
from apps.datasets.states import Relation
from apps.experiments.models import Run, RunInput
from apps.experiments.services.asked import Request
from workers.contracts.images import digest_of
from workers.contracts.package_lock import lock_read


def provenance_of(request: Request) -> dict[str, Any]:
    """What is known of a run before it runs: digests of its code and of what it reads, by the job's names."""
    lock = lock_read(request.requirements)
    said: dict[str, Any] = {
        "inputs": {each.name: each.version.digest for each in request.versions()},
        "script_sha256": hashlib.sha256(request.script.encode()).hexdigest() if request.script else "",
        "bundle_sha256": request.bundle.sha256 if request.bundle is not None else "",
        "archive_sha256": request.bundle.archive_sha256 if request.bundle is not None else "",
        "git_commit": request.bundle.git_commit if request.bundle is not None else "",
        "lock_sha256": lock.digest if lock.packages else "",
        "image_digest": digest_of(request.image),
    }
    return {name: value for name, value in said.items() if value}


def read_edges_add(run: Run) -> None:
    """Note which dataset versions a run reads, once it runs."""
    inputs = RunInput.objects.filter(run=run, dataset_version__isnull=False).values_list("dataset_version", flat=True)
    read = [run.dataset_version_id, *inputs]
    for version_id in dict.fromkeys(each for each in read if each is not None):
        edge_add(
            project=run.project,
            from_kind="run",
            from_id=run.pk,
            relation=Relation.TRAINED_ON,
            to_kind="dataset_version",
            to_id=version_id,
        )
