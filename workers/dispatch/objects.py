"""What jobs and uploads left in the object store and no row names is removed, a day after the last hand on it.

Only what is known to be over is touched: the folder of an attempt that the database knows and that has ended. A
folder of an attempt that the database does not know may be of another database, and is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from apps.access.models import Project
from apps.common import clock
from apps.common.deletions import deleting
from apps.common.storage import store
from apps.quotas.models import Attempt
from apps.quotas.services.pulses import last_worked, pulse_beat
from workers.dispatch.batch import for_each

log = logging.getLogger(__name__)

KEEP = timedelta(hours=24)
"""After the end of an attempt, or the last byte of an upload."""
BATCH = 100
EVERY = timedelta(hours=1)
"""Between two looks at all uploads, and at all parts: each lists its folders of the store."""
UPLOADS_SWEPT: Final = "sweep:uploads"
PARTS_SWEPT: Final = "sweep:parts"
CONTENTS_SWEPT: Final = "sweep:contents"
UNFINISHED_SWEPT: Final = "sweep:unfinished"
UNFINISHED: Final = timedelta(days=7)
"""More than any upload into a bucket takes."""
BUNDLES_SWEPT: Final = "sweep:bundles"
PARTS: Final = "parts"
CONTENTS: Final = "artifacts"
BUNDLES: Final = "bundles"
PARTS_BATCH = 1000

Namer = Callable[[Collection[UUID]], set[str]]
"""Attempt ids → the paths below their folders that its rows name; one that ends with `/` is all below it."""


def objects_sweep(namers: Iterable[Namer]) -> int:
    """Remove what nobody names of attempts that ended a day ago, some at a time; returns of how many."""
    over = Attempt.objects.filter(ended_at__lt=clock.db_now() - KEEP, swept_at=None).order_by("ended_at")
    ids = list(over.values_list("pk", flat=True)[:BATCH])
    if not ids:
        return 0
    named = set[str]().union(*(namer(ids) for namer in namers))
    folders = tuple(name for name in named if name.endswith("/"))

    def attempt_sweep(attempt_id: UUID) -> None:
        with deleting() as allowed:
            if allowed:  # else a backup copies what its snapshot names: next time
                attempt_prune(attempt_id)

    def attempt_prune(attempt_id: UUID) -> None:
        path = f"attempts/{attempt_id}"
        if store().exists(path):
            removed = store().prune(path, lambda name: name in named or name.startswith(folders))
            if removed:
                log.info("removed %d objects of attempt %s that nobody names", len(removed), attempt_id)
        Attempt.objects.filter(pk=attempt_id).update(swept_at=clock.db_now())

    return for_each(ids, attempt_sweep, what="attempt")


def uploads_sweep(known: Callable[[Collection[UUID]], set[UUID]]) -> list[UUID]:
    """Remove uploads that never became a source, once an hour; returns their ids.

    Args:
        known: which of some ids are of a source.
    """
    if not _is_due(UPLOADS_SWEPT):
        return []
    found = [UUID(name) for name in store().folders("sources") if _is_id(name)]
    left = sorted(set(found) - known(found))
    old = [one for one in left if store().age_seconds(f"sources/{one}") > KEEP.total_seconds()]
    gone = [one for one in old if one not in known([one])]
    for one in gone:
        store().delete(f"sources/{one}")
        log.info("removed the upload %s, which never became a source", one)
    pulse_beat(UPLOADS_SWEPT)
    return gone


def parts_sweep(named: Callable[[UUID, Collection[str]], set[str]]) -> list[str]:
    """Remove parts that no version names, once an hour: of a publication that was killed before it had one.

    A folder of a project that the database does not know may be of another database, and is left alone.

    Args:
        named: project id and paths below `parts/<project id>/` → those that a version names.
    """
    return _kept_sweep(PARTS, PARTS_SWEPT, named)


def contents_sweep(named: Callable[[Collection[str]], set[str]]) -> list[str]:
    """Remove contents of artifacts that no row names, once an hour: of an upload that was killed before it had one.

    Args:
        named: paths below `artifacts/<project id>/` → those that a row names.
    """
    return _kept_sweep(CONTENTS, CONTENTS_SWEPT, lambda _, paths: named(paths))


def bundles_sweep(named: Callable[[Sequence[str]], set[str]]) -> list[str]:
    """Remove archives of source bundles that no row names, once an hour: of one that was killed while it was sent, or
    collected.

    Args:
        named: paths below `bundles/<project id>/` → those that a row names.
    """
    return _kept_sweep(BUNDLES, BUNDLES_SWEPT, lambda _, paths: named(list(paths)))


def unfinished_sweep() -> int:
    """Give up what writers that were killed began in a bucket and never finished, once an hour; how many."""
    if not store().is_bucket or not _is_due(UNFINISHED_SWEPT):
        return 0
    given_up = store().drop_unfinished(UNFINISHED.total_seconds())
    if given_up:
        log.info("gave up %d uploads into the bucket that nobody finished", given_up)
    pulse_beat(UNFINISHED_SWEPT)
    return given_up


def _kept_sweep(folder: str, mark: str, named: Callable[[UUID, Collection[str]], set[str]]) -> list[str]:
    if not _is_due(mark):
        return []
    ids = [UUID(name) for name in store().folders(folder) if _is_id(name)]
    gone: list[str] = []
    for project_id in Project.objects.filter(pk__in=ids).order_by("pk").values_list("pk", flat=True):
        there = (path for path, _ in store().listing(f"{folder}/{project_id}"))
        while some := list(islice(there, PARTS_BATCH)):
            gone += _parts_remove(project_id, sorted(set(some) - named(project_id, some)), named)
    pulse_beat(mark)
    return gone


def _parts_remove(
    project_id: UUID, paths: Sequence[str], named: Callable[[UUID, Collection[str]], set[str]]
) -> list[str]:
    """Those of some parts that nobody names and nobody is about to name; none while a backup runs."""
    if not paths:
        return []
    with deleting() as allowed:  # whoever publishes a version holds this off until its row is there
        gone = sorted(set(paths) - named(project_id, paths)) if allowed else []
        for path in gone:
            store().delete(path)
    if gone:
        log.info("removed %d files of project %s that nobody names", len(gone), project_id)
    return gone


def _is_due(sweep: str) -> bool:
    last = last_worked(sweep)
    return last is None or clock.db_now() - last >= EVERY


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
