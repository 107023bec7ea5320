"""Garbage collection by rules: tombstone, grace, delete, verify. Rows, schemas, digests and lineage stay for ever.

A version that no reason keeps gets a tombstone: no new job reads it, and it can be had back. When the grace is over
and there is still no reason, its data is marked as deleted and its files go, but for those that other versions have;
when the store has none of them any more, that is noted too. Each step is one commit; whoever is killed between two of
them is followed by the next tick, which goes on where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction

from apps.access.models import Project, User
from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.deletions import deleting
from apps.common.errors import BedplateError, Conflict, Invalid
from apps.common.events import emit
from apps.common.storage import store
from apps.datasets.models import Dataset, DatasetVersion, KeepRule
from apps.datasets.selectors.keeping import facts_of, files_alone, kept, rule_of

log = logging.getLogger(__name__)

COLLECTOR = Actor.system("collect")
AT_ONCE = 20
"""Versions whose files go in one tick: a backup that begins waits for the block in which they do."""
COLUMNS = ("keep_last", "keep_days", "keep_named", "keep_parents", "grace_days")


@transaction.atomic
def keep_rule_set(
    *, project: Project, dataset: Dataset | None, changed_by: User | None, actor: Actor, **rule: Any
) -> KeepRule:
    """The rule of a dataset, or of a project's datasets that have none, in the place of one that was there.

    Raises:
        Invalid: the dataset is of another project, or the rule would keep nothing by number or age.
    """
    if dataset is not None and dataset.project_id != project.pk:
        raise Invalid("The dataset belongs to another project.", fields={"dataset": ["is of another project"]})
    if not rule.get("keep_last") and not rule.get("keep_days"):
        text = "Say how many versions are kept, or for how many days: a rule without either would keep none."
        raise Invalid(text, fields={"keep_last": ["this or keep_days is needed"]})
    Project.objects.select_for_update(of=("self",)).get(pk=project.pk)
    before: KeepRule | None = KeepRule.objects.filter(project=project, dataset=dataset).first()
    columns = {**{name: rule[name] for name in COLUMNS}, "changed_by": changed_by, "changed_at": clock.db_now()}
    if before is None:
        made: KeepRule = KeepRule.objects.create(project=project, dataset=dataset, **columns)
    else:
        made = before
        old = _said(before)
        for name, value in columns.items():
            setattr(made, name, value)
        made.save(update_fields=list(columns))
    record(actor, "keep_rule.set", made, detail={**_said(made), "before": old if before else None})
    return made


@transaction.atomic
def keep_rule_delete(rule: KeepRule, *, actor: Actor) -> None:
    """Without the rule everything is kept. What has a tombstone loses it at the next tick."""
    record(actor, "keep_rule.deleted", rule, detail=_said(rule))
    rule.delete()


@transaction.atomic
def version_pin(version: DatasetVersion, *, is_pinned: bool, actor: Actor) -> DatasetVersion:
    """Keep a version whatever a rule says, also one that has a tombstone; or leave it to the rule again.

    Raises:
        Conflict: its data is deleted.
    """
    locked: DatasetVersion = DatasetVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if locked.data_deleted_at is not None:
        raise Conflict(f"the data of version {locked.number} was deleted; it cannot be had back")
    if (locked.is_pinned, is_pinned and locked.data_tombstoned_at) != (is_pinned, None):
        detail = {"is_pinned": is_pinned, "restored": bool(is_pinned and locked.data_tombstoned_at)}
        record(actor, "dataset_version.pinned", locked, detail=detail)
        locked.is_pinned = is_pinned
        locked.data_tombstoned_at = None if is_pinned else locked.data_tombstoned_at
        locked.save(update_fields=["is_pinned", "data_tombstoned_at"])
        emit("dataset_version.pinned", locked, payload={"is_pinned": is_pinned})
    return locked


def versions_collect() -> int:
    """The tick: decide about every dataset under a rule, and delete what is due. Returns of how many versions."""
    for dataset in _datasets():
        try:
            tombstones_set(dataset)
        except (BedplateError, DatabaseError):
            log.exception("could not decide which versions of dataset %s are kept", dataset.pk)
    gone = 0
    for version_id in list(islice(_due(), AT_ONCE)):
        try:
            gone += version_data_delete(version_id)
        except (BedplateError, DatabaseError, OSError):
            log.exception("could not delete the data of version %s", version_id)
    return gone


@transaction.atomic
def tombstones_set(dataset: Dataset) -> list[UUID]:
    """Give tombstones to what nothing keeps, take them from what something keeps again; returns who has a new one."""
    rule, now = rule_of(dataset), clock.db_now()
    facts = facts_of(dataset.pk)
    reasons = kept(facts, rule, now) if rule is not None else {one.id: ["no_rule"] for one in facts}
    without = [pk for pk, found in reasons.items() if not found]
    versions = DatasetVersion.objects.select_for_update(of=("self",))
    changed: list[UUID] = []
    for version in versions.filter(pk__in=without, data_tombstoned_at=None, data_deleted_at=None):
        DatasetVersion.objects.filter(pk=version.pk).update(data_tombstoned_at=now)
        record(COLLECTOR, "dataset_version.tombstoned", version, detail={"number": version.number})
        emit("dataset_version.tombstoned", version, payload={})
        changed.append(version.pk)
    again = versions.filter(dataset=dataset, data_deleted_at=None).exclude(pk__in=without)
    for version in again.exclude(data_tombstoned_at=None):
        _restore(version, reasons.get(version.pk, []), COLLECTOR)
    return changed


@transaction.atomic
def version_restore(version: DatasetVersion, *, reasons: list[str], actor: Actor) -> DatasetVersion:
    """Take its tombstone from a version that something is about to read, as the next tick would.

    Raises:
        Conflict: its data was deleted meanwhile.
    """
    locked: DatasetVersion = DatasetVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if locked.data_deleted_at is not None:
        raise Conflict(f"the data of version {locked.number} was deleted; it cannot be had back")
    if locked.data_tombstoned_at is not None:
        _restore(locked, reasons, actor)
        locked.data_tombstoned_at = None
    return locked


def _restore(version: DatasetVersion, reasons: list[str], actor: Actor) -> None:
    DatasetVersion.objects.filter(pk=version.pk).update(data_tombstoned_at=None)
    record(actor, "dataset_version.kept", version, detail={"number": version.number, "reasons": reasons})
    emit("dataset_version.kept", version, payload={})


def version_data_delete(version_id: UUID) -> bool:
    """Delete the data of a version whose grace is over and that nothing keeps; whether it is gone now. May run twice.

    Outside any transaction. While a backup runs it does nothing.
    """
    with deleting() as allowed:
        if not allowed or not _mark(version_id):
            return False
        version: DatasetVersion = DatasetVersion.objects.get(pk=version_id)
        alone = files_alone([version])
        for path in alone:
            store().delete(path)
        left = [path for path in alone if store().exists(path)]
    if left:
        log.warning("%d files of version %s are still there", len(left), version_id)
        return False
    return bool(DatasetVersion.objects.filter(pk=version_id, data_gone_at=None).update(data_gone_at=clock.db_now()))


@transaction.atomic
def _mark(version_id: UUID) -> bool:
    """Note that the data is deleted, unless the grace is not over or something keeps it; whether it is noted.

    The grace, a day at least, is why no lock is taken on what reads versions: by its end what was submitted when the
    tombstone came is committed, and what ended then has its lineage.
    """
    found: DatasetVersion = (
        DatasetVersion.objects.select_for_update(of=("self",)).select_related("dataset").get(pk=version_id)
    )
    if found.data_deleted_at is not None:
        return True
    rule, now = rule_of(found.dataset), clock.db_now()
    if rule is None or found.data_tombstoned_at is None:
        return False
    if now < found.data_tombstoned_at + timedelta(days=rule.grace_days):
        return False
    if kept(facts_of(found.dataset_id), rule, now).get(found.pk, ["unsettled"]):
        return False
    DatasetVersion.objects.filter(pk=found.pk).update(data_deleted_at=now)
    detail = {"number": found.number, "digest": found.digest, "size_bytes": found.size_bytes, "rule": str(rule.pk)}
    record(COLLECTOR, "dataset_version.data_deleted", found, detail=detail)
    emit("dataset_version.data_deleted", found, payload={})
    return True


def _due() -> Iterator[UUID]:
    """Versions whose data may have to go now: begun before, or the grace of their rule is over; oldest first."""
    grace = {(rule.project_id, rule.dataset_id): timedelta(days=rule.grace_days) for rule in KeepRule.objects.all()}
    marked = DatasetVersion.objects.filter(data_tombstoned_at__isnull=False, data_gone_at=None)
    columns = ("pk", "project_id", "dataset_id", "data_tombstoned_at", "data_deleted_at")
    now = clock.db_now()
    for pk, project, dataset, since, deleted_at in marked.order_by("data_tombstoned_at").values_list(*columns):
        waits = grace.get((project, dataset), grace.get((project, None)))
        if deleted_at is not None or (waits is not None and now >= since + waits):
            yield pk


def _datasets() -> Iterable[Dataset]:
    """Those under a rule, and those of which a version has a tombstone without one any more."""
    ruled = KeepRule.objects.values_list("project_id", "dataset_id")
    projects = {project for project, dataset in ruled if dataset is None}
    own = {dataset for _, dataset in ruled if dataset is not None}
    marked = DatasetVersion.objects.filter(data_deleted_at=None).exclude(data_tombstoned_at=None)
    own |= set(marked.values_list("dataset_id", flat=True))
    found = Dataset.objects.filter(pk__in=own) | Dataset.objects.filter(project_id__in=projects)
    return list(found.distinct().order_by("pk"))


def _said(rule: KeepRule) -> dict[str, Any]:
    dataset = str(rule.dataset_id) if rule.dataset_id else None
    return {"dataset": dataset, **{name: getattr(rule, name) for name in COLUMNS}}
