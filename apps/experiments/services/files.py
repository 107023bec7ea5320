"""Artifacts and checkpoints: they count once the store holds exactly what the job announced."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from apps.common import clock
from apps.common.audit import Actor
from apps.common.errors import Conflict, Forbidden, Invalid
from apps.common.events import emit
from apps.common.storage import path_of, store
from apps.experiments.models import Artifact, Checkpoint, Run
from apps.experiments.services.summaries import summary_rebuild
from apps.quotas.models import Attempt
from apps.quotas.services.plain import json_cleaned
from apps.quotas.services.preemption import workload_checkpointed

METADATA_BYTES_MOST = 64 << 10
THERE: dict[str, Any] = {"looked_at": None, "tombstoned_at": None, "gone_at": None}
"""What is announced is there, whatever became of a file of that name before."""


class NotTheAnnouncedFile(Conflict):
    """What the store holds under the address has another size or digest, or is not there."""

    code, title = "file_differs", "Not the announced file"


def artifact_register(
    *, attempt: Attempt, name: str, kind: str, uri: str, sha256: str, size_bytes: int, metadata: dict[str, Any]
) -> Artifact:
    """Note a file of a run, after reading it; announced again, it is the same artifact.

    A job that writes a file anew announces it anew: the last word about a path counts. Reads the file, so call it
    outside any transaction.

    Raises:
        Forbidden: the attempt is not a run's, or the file is not the attempt's own.
        NotTheAnnouncedFile: missing, or of another size or digest.
    """
    run = run_of(attempt)
    path = _verified(attempt, uri, sha256, size_bytes)
    columns = {"name": name, "kind": kind, "sha256": sha256, "size_bytes": size_bytes, "metadata": _plain(metadata)}
    columns |= THERE
    created = {"run": run, "project": run.project, **columns}
    artifact: Artifact
    with transaction.atomic():
        artifact, made = Artifact.objects.update_or_create(
            attempt=attempt, path=path, defaults=columns, create_defaults=created
        )
        if made:
            payload = {"artifact": str(artifact.pk), "name": name, "kind": kind}
            emit("artifact.registered", run, noun="run", payload=payload)
    return artifact


def checkpoint_register(
    *, attempt: Attempt, step: int, uri: str, sha256: str, size_bytes: int, metadata: dict[str, Any]
) -> Checkpoint:
    """Acknowledge a checkpoint of a run, after reading it; as `artifact_register` in all else."""
    run = run_of(attempt)
    path = _verified(attempt, uri, sha256, size_bytes)
    columns = {"step": step, "sha256": sha256, "size_bytes": size_bytes, "metadata": _plain(metadata), **THERE}
    created = {"run": run, "project": run.project, "acknowledged_at": clock.db_now(), **columns}
    checkpoint: Checkpoint
    with transaction.atomic():
        checkpoint, made = Checkpoint.objects.update_or_create(
            attempt=attempt, path=path, defaults=columns, create_defaults=created
        )
        if made:
            emit("checkpoint.acknowledged", run, noun="run", payload={"checkpoint": str(checkpoint.pk), "step": step})
            workload_checkpointed(attempt.workload_id, at=checkpoint.acknowledged_at)
    return checkpoint


def checkpoint_resume(*, attempt: Attempt) -> Checkpoint | None:
    """The checkpoint from which this attempt continues: the highest step of the latest attempt whose file is there.

    Where it is an earlier attempt's, the run notes it: points of earlier attempts after that step are superseded
    from now on, and leave the summary.
    """
    run = run_of(attempt)
    found = _latest(run)
    if found is not None and found.attempt_id != attempt.pk:
        _continue_from(run.pk, attempt, found.step)
    return found


def run_of(attempt: Attempt) -> Run:
    """The run that an attempt works for.

    Raises:
        Forbidden: it works for something else.
    """
    run: Run | None = Run.objects.select_related("project").filter(workload_id=attempt.workload_id).first()
    if run is None:
        raise Forbidden("Only the job of a run has checkpoints and artifacts.")
    return run


def _latest(run: Run) -> Checkpoint | None:
    objects = store()
    newest_first = (
        run.checkpoints.filter(gone_at=None).order_by("-attempt__number", "-step", "-id").iterator(chunk_size=20)
    )
    return next((checkpoint for checkpoint in newest_first if objects.exists(checkpoint.path)), None)


@transaction.atomic
def _continue_from(run_id: UUID, attempt: Attempt, step: int) -> None:
    run: Run = Run.objects.select_for_update().get(pk=run_id)
    number = str(attempt.number)
    if number in run.attempt_starts and run.attempt_starts[number] == step:
        return
    run.attempt_starts = {**run.attempt_starts, number: step}
    run.summary = summary_rebuild(run)
    run.save(update_fields=["attempt_starts", "summary"])
    actor = Actor.attempt(attempt.pk)
    emit("run.resumed", run, payload={"attempt": attempt.number, "step": step, "actor": actor.id})


def _verified(attempt: Attempt, uri: str, sha256: str, size_bytes: int) -> str:
    """The path of a file of this attempt that is what was announced."""
    path, own = path_of(uri), f"attempts/{attempt.pk}/"
    if not path.startswith(own) or path.endswith("/") or _leads_out(path, own):
        raise Forbidden(f"A job announces files below bedplate://{own} only.")
    try:
        stored = store().measure(path)
    except (FileNotFoundError, IsADirectoryError):
        raise NotTheAnnouncedFile(f"{uri} is no file in the object store.") from None
    if (stored.size_bytes, stored.sha256) != (size_bytes, sha256):
        raise NotTheAnnouncedFile(
            f"{uri} has {stored.size_bytes} bytes and SHA-256 {stored.sha256}; "
            f"announced were {size_bytes} and {sha256}."
        )
    return path


def _leads_out(path: str, folder: str) -> bool:
    """Whether a link in a store that is a folder makes of this path another attempt's file."""
    file, own = store().local_path(path), store().local_path(folder)
    return file is not None and own is not None and not file.resolve().is_relative_to(own.resolve())


def _plain(metadata: dict[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = json_cleaned(metadata)
    if len(str(cleaned)) > METADATA_BYTES_MOST:
        raise Invalid(f"metadata: more than {METADATA_BYTES_MOST} bytes", fields={"metadata": ["is too long"]})
    return cleaned
