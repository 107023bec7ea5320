"""Garbage collection of source bundles: what no run has goes after a grace, row and archive.

The row goes first and is committed; who is killed before the archive has gone leaves one that no row names, and it is
swept. Who sends the same content again, or submits a run of it, is waited for: see `bundle_held` and `deletions.py`.
"""

from __future__ import annotations

import logging
from typing import Final
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from apps.common import audit, clock
from apps.common.audit import Actor
from apps.common.deletions import deleting
from apps.common.errors import BedplateError, Invalid
from apps.common.storage import store
from apps.experiments.models import SourceBundle
from apps.experiments.selectors.keeping_bundles import bundle_facts_of, bundle_reasons_of, bundles_looked_at

log = logging.getLogger(__name__)

COLLECTOR: Final = Actor.system("collect")
DELETED_AT_ONCE: Final = 200


def bundles_collect(*, most: int = DELETED_AT_ONCE) -> int:
    """The tick: delete what nothing keeps, some at a time; how many went. Outside any transaction; none while a backup
    runs."""
    try:
        ids = list(bundles_looked_at(clock.db_now()).values_list("pk", flat=True)[:most])
        if not ids:
            return 0
        with deleting() as allowed:
            gone = _rows_delete(ids) if allowed else []
            for path in gone:
                store().delete(path)
        return len(gone)
    except (BedplateError, DatabaseError, OSError):
        log.exception("could not decide which source bundles are kept")
        return 0


def bundle_held(bundle: SourceBundle) -> None:
    """Keep it from being collected until the caller's transaction ends.

    Raises:
        Invalid: it was collected just now.
    """
    table = connection.ops.quote_name(SourceBundle._meta.db_table)
    with connection.cursor() as cursor:  # no other lock lets many runs of one bundle be submitted at once
        cursor.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR KEY SHARE", [bundle.pk])  # noqa: S608 - our own table
        if cursor.fetchone() is None:
            raise Invalid("bundle: is gone; send it again", fields={"bundle": ["is gone; send it again"]})


@transaction.atomic
def _rows_delete(ids: list[UUID]) -> list[str]:
    """Delete the rows of these that nothing keeps by now; the paths of their archives."""
    rows = SourceBundle.objects.select_for_update(of=("self",), skip_locked=True).filter(pk__in=ids)
    bundles = list(rows.select_related("project").defer("files").order_by("id"))
    facts = bundle_facts_of(bundles, clock.db_now())
    going = [one for one in bundles if not bundle_reasons_of(facts[one.pk])]
    for one in going:
        detail = {"sha256": one.sha256, "size_bytes": one.size_bytes, "sent_at": one.sent_at.isoformat()}
        audit.record(COLLECTOR, "source_bundle.collected", one, detail=detail)
    SourceBundle.objects.filter(pk__in=[one.pk for one in going]).delete()
    return [one.path for one in going]
