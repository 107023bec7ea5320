"""Garbage collection of artifacts and checkpoints: tombstone, grace, note, delete. Rows stay.

What no reason keeps gets a tombstone. When the grace is over and there is still no reason, the row notes that its file
is gone, and only then the file goes, unless another row has the same content. Whoever is killed between the two leaves
a file that no row names: the sweep of contents, or of attempts, finds it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import DatabaseError, transaction
from django.db.models import F

from apps.access.models import Project, User
from apps.common import audit, clock
from apps.common.audit import Actor
from apps.common.deletions import deleting
from apps.common.errors import BedplateError, Conflict
from apps.common.storage import store
from apps.experiments.models import Artifact, Checkpoint, FileHold, FileRule, ModelVersion, Run
from apps.experiments.models.retention import GRACE_DAYS
from apps.experiments.selectors.files import contents_named
from apps.experiments.selectors.keeping import reasons_of
from apps.experiments.selectors.keeping_facts import facts_of

log = logging.getLogger(__name__)

COLLECTOR: Final = Actor.system("collect")
LOOKED_AT_ONCE: Final = 2000
"""Files about which one tick decides, those looked at longest ago first."""
DELETED_AT_ONCE: Final = 200
"""Files that go in one tick: a backup that begins waits for the block in which they do."""
KINDS: Final[tuple[type[Artifact] | type[Checkpoint], ...]] = (Artifact, Checkpoint)


@transaction.atomic
def file_rule_set(*, project: Project, changed_by: User | None, actor: Actor, **rule: Any) -> FileRule:
    """The rule of a project for its files, in the place of one that was there."""
    Project.objects.select_for_update(of=("self",), no_key=True).get(pk=project.pk)
    columns = {**rule, "changed_by": changed_by, "changed_at": clock.db_now()}
    made: FileRule
    made, _ = FileRule.objects.update_or_create(project=project, defaults=columns)
    audit.record(actor, "file_rule.set", made, detail=rule)
    return made


@transaction.atomic
def file_rule_delete(rule: FileRule, *, actor: Actor) -> None:
    """Without it whatever nobody deleted is kept; what has a tombstone loses it at the next look."""
    audit.record(actor, "file_rule.deleted", rule)
    rule.delete()


@transaction.atomic
def file_hold_place(
    *,
    project: Project,
    reason: str,
    placed_by: User | None,
    actor: Actor,
    run: Run | None = None,
    model_version: ModelVersion | None = None,
) -> FileHold:
    """Keep all files of a run, or of a model version, until the hold is lifted."""
    hold: FileHold = FileHold.objects.create(
        project=project, run=run, model_version=model_version, reason=reason, placed_by=placed_by
    )
    audit.record(actor, "file_hold.placed", hold, detail={"reason": reason})
    return hold


@transaction.atomic
def file_hold_lift(hold: FileHold, *, lifted_by: User | None, actor: Actor) -> FileHold:
    """Leave the files to the rules again.

    Raises:
        Conflict: it was lifted before.
    """
    current: FileHold = FileHold.objects.select_for_update(of=("self",)).get(pk=hold.pk)
    if current.lifted_at is not None:
        raise Conflict("This hold was lifted before.")
    current.lifted_at, current.lifted_by = clock.db_now(), lifted_by
    current.save(update_fields=["lifted_at", "lifted_by"])
    audit.record(actor, "file_hold.lifted", current)
    return current


def files_collect() -> int:
    """The tick: decide about files whose turn it is, and delete what is due. Returns how many files went."""
    gone = 0
    for kind in KINDS:
        try:
            tombstones_set(kind)
            gone += files_delete(kind)
        except (BedplateError, DatabaseError, OSError):
            log.exception("could not decide which files of kind %s are kept", kind.__name__)
    return gone


def tombstones_set(kind: type[Artifact] | type[Checkpoint], *, most: int = LOOKED_AT_ONCE) -> int:
    """Give tombstones to what nothing keeps, and take them from what something keeps again; how many have new ones."""
    now = clock.db_now()
    files = _joined(kind.objects.filter(gone_at=None)).order_by(F("looked_at").asc(nulls_first=True), "id")[:most]
    kept = {pk: bool(reasons_of(facts)) for pk, facts in facts_of(list(files), now).items()}
    rows: Any = kind.objects.filter(pk__in=list(kept), gone_at=None)
    rows.update(looked_at=now)
    rows.filter(pk__in=[pk for pk, is_kept in kept.items() if is_kept]).exclude(tombstoned_at=None).update(
        tombstoned_at=None
    )
    without = [pk for pk, is_kept in kept.items() if not is_kept]
    return int(rows.filter(pk__in=without, tombstoned_at=None).update(tombstoned_at=now))


def files_delete(kind: type[Artifact] | type[Checkpoint], *, most: int = DELETED_AT_ONCE) -> int:
    """Delete files whose grace is over and that nothing keeps; how many. Outside any transaction; none while a backup
    runs."""
    now = clock.db_now()
    due: Any = _joined(kind.objects.filter(gone_at=None, tombstoned_at__lte=now - timedelta(days=1)))
    files = list(due.order_by("tombstoned_at")[: most * 4])
    grace = dict(FileRule.objects.values_list("project_id", "grace_days"))
    files = [one for one in files if _is_over(one, now, grace.get(one.project_id, GRACE_DAYS))][:most]
    if not files:
        return 0
    with deleting() as allowed:
        if not allowed:
            return 0
        alone = _note(kind, files, now)
        for path in sorted(alone):
            store().delete(path)
    return len(alone)


def _is_over(file: Artifact | Checkpoint, now: datetime, days: int) -> bool:
    return file.tombstoned_at is not None and now >= file.tombstoned_at + timedelta(days=days)


@transaction.atomic
def _note(kind: type[Artifact] | type[Checkpoint], files: Sequence[Any], now: datetime) -> set[str]:
    """Note that these are gone, but for what something keeps by now; the paths that no row that is there has."""
    ids = [one.pk for one in files]
    list(kind.objects.select_for_update(of=("self",)).filter(pk__in=ids, gone_at=None).order_by("id").values_list("pk"))
    facts = facts_of(list(_joined(kind.objects.filter(pk__in=ids, gone_at=None))), now)
    going = [one for one in files if one.pk in facts and not reasons_of(facts[one.pk])]
    rows: Any = kind.objects.filter(pk__in=[one.pk for one in going])
    rows.update(gone_at=now)
    for project_id, count in Counter(one.project_id for one in going).items():
        project = next(one.project for one in going if one.project_id == project_id)
        detail = {"kind": kind._meta.model_name, "count": count, "files": [str(one.pk) for one in going][:100]}
        audit.record(COLLECTOR, "files.collected", project, detail=detail)
    paths = {one.path for one in going}
    return paths - contents_named(paths)


def _joined(rows: Any) -> Any:
    """With what the facts ask for."""
    needed = ["project", "run", *(["logged_model"] if rows.model is Artifact else [])]
    return rows.select_related(*needed).defer("metadata", "run__script", "run__summary", "run__result")
