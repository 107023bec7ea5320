"""Reads the files of a version before anybody may use it: whether they are what was announced, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.events import emit
from apps.common.states import Move, explain, transition
from apps.common.storage import store
from apps.experiments.models import ModelVersion
from apps.experiments.selectors.model_files import ModelFile, files_of
from apps.experiments.services.descriptions import loader_refused, signature_read
from apps.experiments.states import ModelVersionReason, ModelVersionState
from workers.contracts.inspection.files import file_inspected
from workers.contracts.inspection.reports import NEEDS_APPROVAL, WORST, Format, Report, Verdict
from workers.contracts.sentences import say

VERIFY: Final = Actor.system("registry")
AT_ONCE_BYTES: Final = 64 << 20
"""A version of so much is verified by the request that makes it; a larger one in the background."""
LOCK: Final = 7_232_011
"""First half of the advisory lock of a version that is being read."""


def model_version_verify_soon(version: ModelVersion) -> ModelVersion:
    """Verify a small version now, and ask that a large one be verified; the version as it is then.

    Outside any transaction. Raises as `model_version_verify`.
    """
    if sum(file.size_bytes for file in files_of(version)) <= AT_ONCE_BYTES:
        return model_version_verify(version.pk)
    queues.send(queues.MODEL_VERSION, version.pk)
    return version


def model_version_verify(version_id: UUID) -> ModelVersion:
    """Read the files of a pending version: *ready* when they are what was announced and loading them runs no code;
    *archived* when they are not; *pending*, until somebody approves, when it does.

    Reads from the store, so call it outside any transaction. Of two that come at once one reads.

    Raises:
        StorageUnavailable, OSError: the store could not be asked; the tick tries again.
    """
    version: ModelVersion = _loaded(version_id)
    if not _is_due(version):
        return version
    with _alone(version_id) as is_alone:
        if is_alone and _is_due(version := _loaded(version_id)):
            damaged, inspection, signature = _read(version)
            _apply(version_id, damaged, inspection, signature)
    return _loaded(version_id)


def model_version_look(version_id: UUID) -> ModelVersion:
    """Verify a version that was not yet, and look again at one that was: somebody could not load it. Raises as both."""
    version = _loaded(version_id)
    return model_version_verify(version_id) if _is_due(version) else model_version_check(version_id)


def model_version_check(version_id: UUID) -> ModelVersion:
    """Read the files of a version again, because somebody could not load it; *archived* where they are damaged."""
    version = _loaded(version_id)
    if version.state == ModelVersionState.READY:
        damaged = [file.name for file in files_of(version) if not is_whole(file)]
        if damaged:
            model_version_damaged(version_id, damaged)
    return _loaded(version_id)


@transaction.atomic
def model_version_damaged(version_id: UUID, names: Sequence[str]) -> None:
    """Note that files of a version are not what they were: nobody uses it any more. Names that point at it stay, so
    that who asks by them is told why."""
    current: ModelVersion = ModelVersion.objects.select_for_update(of=("self",)).get(pk=version_id)
    if current.state == ModelVersionState.ARCHIVED:
        return
    detail = say("files_damaged", files=", ".join(names[:20]))
    transition(current, ModelVersionState.ARCHIVED, actor=VERIFY, reason=ModelVersionReason.FILE_DAMAGED, detail=detail)


def is_whole(file: ModelFile) -> bool:
    """Whether the store has it as it was announced; reads it. Raises StorageUnavailable, OSError."""
    try:
        stored = store().measure(file.path)
    except FileNotFoundError:
        return False
    return (stored.size_bytes, stored.sha256) == (file.size_bytes, file.sha256)


def _loaded(version_id: UUID) -> ModelVersion:
    found: ModelVersion = ModelVersion.objects.select_related("artifact", "preprocessor", "project").get(pk=version_id)
    return found


def _is_due(version: ModelVersion) -> bool:
    """One that waits for an approval was read already."""
    return version.state == ModelVersionState.PENDING and version.state_reason != ModelVersionReason.RUNS_CODE


@contextmanager
def _alone(version_id: UUID) -> Iterator[bool]:
    """Whether nobody else reads this version now."""
    key = int.from_bytes(version_id.bytes[-4:], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, key])
        (is_alone,) = cursor.fetchone()
    try:
        yield is_alone
    finally:
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, key])


def _read(version: ModelVersion) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    """Damaged files, what is in the others, and what the model takes and gives."""
    files = files_of(version)
    damaged = [file.name for file in files if not is_whole(file)]
    if damaged:
        return damaged, {}, {}
    reports = {file.name: _report(file) for file in files}
    refused = loader_refused(files)
    if refused:
        reports[refused.name] = Report(Format.OTHER, Verdict.EXECUTABLE, refused.why)
    worst = max((report.verdict for report in reports.values()), key=WORST.index, default=Verdict.PLAIN)
    inspection = {
        "verdict": str(worst),
        "files": {name: report.plain() for name, report in reports.items()},
        "inspected_at": clock.db_now().isoformat(),
    }
    return [], inspection, signature_read(files)


def _report(file: ModelFile) -> Report:
    last = file.name.rpartition("/")[2]
    name = file.name if "." in last else file.path.rpartition("/")[2]  # an artifact of a job has its ending there
    with store().open(file.path) as opened:
        return file_inspected(opened, name)


@transaction.atomic
def _apply(version_id: UUID, damaged: Sequence[str], inspection: dict[str, Any], signature: dict[str, Any]) -> None:
    current: ModelVersion = ModelVersion.objects.select_for_update(of=("self",)).get(pk=version_id)
    if not _is_due(current):
        return
    if damaged:
        model_version_damaged(version_id, damaged)
        return
    current.inspection, current.signature = inspection, signature
    current.save(update_fields=["inspection", "signature"])
    asking = sorted(name for name, one in inspection["files"].items() if one["verdict"] in NEEDS_APPROVAL)
    if not asking:
        transition(current, ModelVersionState.READY, actor=VERIFY)
        return
    detail = say("model_runs_code", files=", ".join(asking[:20]))
    explain([Move(current, ModelVersionState.PENDING, ModelVersionReason.RUNS_CODE, detail)])
    emit("model_version.inspected", current, payload={"verdict": inspection["verdict"]})
