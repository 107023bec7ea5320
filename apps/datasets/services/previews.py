"""Previews: opened, kept while they are used, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from uuid6 import uuid7

from apps.access.models import User
from apps.common import clock
from apps.common.audit import Actor
from apps.common.events import emit
from apps.datasets import specs
from apps.datasets.models import DatasetVersion, Preview
from apps.datasets.selectors import dataset_input
from apps.datasets.services.jobs import job_cancel, job_create, job_follow, job_of
from apps.datasets.services.preview_asking import token_digest, token_of
from apps.datasets.states import PREVIEW
from apps.quotas.models import Attempt, Workload
from apps.quotas.selectors import addresses_in, members_of
from apps.quotas.services.workloads import workload_stop
from apps.quotas.states import Reason, WorkloadState

USED_SECONDS = 15
"""How exactly it is noted when a preview was used."""
WANTED_SECONDS = 60
"""An unused preview keeps its room no longer than this from what waits for it."""
BATCH = 100


def preview_open(*, version: DatasetVersion, requested_by: User | None, actor: Actor) -> tuple[Preview, bool]:
    """The warm preview of a version, and whether it was opened just now.

    A project has one: that of another version is ended.

    Raises:
        Conflict: the version cannot be read by a job.
    """
    try:
        return _open(version, requested_by, actor)
    except IntegrityError:  # somebody opened one meanwhile: that is used, or gives way
        return _open(version, requested_by, actor)


@transaction.atomic
def _open(version: DatasetVersion, requested_by: User | None, actor: Actor) -> tuple[Preview, bool]:
    known = _open_one(version.project_id)
    if known is not None and known.version_id == version.pk:
        preview_touch(known)
        return known, False
    if known is not None:
        _close(known, Reason.SCALED_DOWN, "Another version is previewed.", actor)
    return _create(version, requested_by, actor), True


def preview_cancel(preview: Preview, *, actor: Actor) -> None:
    """Ask for its end; raises Conflict when it has ended."""
    with transaction.atomic():
        job_cancel(preview, actor=actor)
        Preview.objects.filter(pk=preview.pk).update(is_closing=True)


def preview_touch(preview: Preview) -> None:
    """Note that it is used; seldom, because it is used at every key."""
    now = clock.db_now()
    if now - preview.used_at >= timedelta(seconds=USED_SECONDS):
        preview.used_at = now
        Preview.objects.filter(pk=preview.pk, used_at__lt=now).update(used_at=now)


def preview_reconcile(workload_id: UUID) -> None:
    """Derive state and address from its workload. Safe to run any time."""
    preview = job_of(Preview, workload_id)
    if preview is None:
        return
    job_follow(preview, check=_nothing, apply=lambda _, checked: checked)
    with transaction.atomic():
        locked: Preview = Preview.objects.select_for_update(of=("self",)).select_related("workload").get(pk=preview.pk)
        found = "" if locked.is_terminal else next(iter(addresses_in(members_of(locked.workload))), "")
        if found == locked.address:
            return
        locked.address = found
        locked.save(update_fields=["address"])
        emit("preview.address_changed", locked, payload={"is_ready": bool(found)})


def previews_close_idle() -> int:
    """End previews that nobody has used for `BEDPLATE_PREVIEW_IDLE_SECONDS`; returns how many. One query where none is.

    A minute is enough where something else waits for quota or room.
    """
    limit = int(settings.BEDPLATE_PREVIEW_IDLE_SECONDS)
    wanted = Q(Exists(_waiting()), used_at__lt=Now() - timedelta(seconds=min(limit, WANTED_SECONDS)))
    unused = Q(used_at__lt=Now() - timedelta(seconds=limit))
    idle = Preview.objects.filter(unused | wanted, state__in=sorted(PREVIEW.active), is_closing=False)
    count = 0
    for pk, used_at in idle.order_by("id").values_list("pk", "used_at")[:BATCH]:
        with transaction.atomic():
            preview = Preview.objects.select_for_update(of=("self",)).get(pk=pk)
            if preview.is_terminal or preview.is_closing or preview.used_at != used_at:
                continue
            seconds = int((clock.db_now() - used_at).total_seconds())
            _close(preview, Reason.IDLE, f"Nobody used it for {seconds} s.", Actor.system("idle"))
            count += 1
    return count


def _waiting() -> Any:
    """What waits for room in the pool of a preview."""
    reasons = (Reason.WAITING_FOR_QUOTA, Reason.WAITING_FOR_CAPACITY)
    return Workload.objects.filter(
        pool=OuterRef("workload__pool"), state=WorkloadState.PENDING, state_reason__in=reasons
    ).exclude(pk=OuterRef("workload"))


def _open_one(project_id: UUID) -> Preview | None:
    found: Preview | None = (
        Preview.objects.select_for_update(of=("self",))
        .filter(project_id=project_id, state__in=sorted(PREVIEW.active), is_closing=False)
        .first()
    )
    return found


def _close(preview: Preview, reason: str, detail: str, actor: Actor) -> None:
    workload_stop(preview.workload, reason=reason, detail=detail, actor=actor)
    preview.is_closing = True
    preview.save(update_fields=["is_closing"])


def _create(version: DatasetVersion, requested_by: User | None, actor: Actor) -> Preview:
    preview_id = uuid7()
    source = dataset_input(version, specs.INPUT, unpublished=True)
    return job_create(
        Preview,
        job_id=preview_id,
        project=version.project,
        spec=specs.preview_spec(version=source, token_sha256=token_digest(token_of(preview_id))),
        name=f"preview {version.dataset.name} {version.number}",
        requested_by=requested_by,
        actor=actor,
        version=version,
        used_at=clock.db_now(),
    )


def _nothing(preview: Preview, attempt: Attempt) -> dict[str, Any]:
    """A server leaves no result."""
    return {}
