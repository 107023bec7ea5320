"""The tree by which a pool is shared is one, and no cohort holds more than it is guaranteed and may borrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max
from django.db.models.functions import Coalesce

from apps.common.invariants import Check, Finding, Instant, Level, by_query, together
from apps.common.models import AuditEvent
from apps.quotas.models import Cohort, Node, Queue, ResourcePool, Workload
from apps.quotas.selectors.pool_tree import amounts_of, cohorts_of
from apps.quotas.states import OCCUPYING

CHANGES = ("quota.set", "quota.removed", "queue.changed", "cohort.created", "cohort.changed", "cohort.deleted")
MINUTE = timedelta(minutes=1)


def _cohorts(instant: Instant) -> Iterator[Finding]:
    """What was admitted stays when limits are lowered or nodes of the tree are moved; all after that is our fault."""
    for pool in ResourcePool.objects.filter(pk__in=Cohort.objects.values("pool")).order_by("pk"):
        cohorts = cohorts_of(pool)
        queues = list(Queue.objects.filter(pool=pool).order_by("pk"))
        admitted = _admitted(pool, cohorts, queues)
        changed = None
        for (resource, flavor), amounts in amounts_of(pool, cohorts, queues, {}).items():
            for cohort in cohorts:
                one = amounts[cohort.pk]
                if one.nominal is None or one.borrowing_limit is None:
                    continue
                most = one.subtree_nominal + one.borrowing_limit
                if one.reserved <= most:
                    continue
                changed = changed or _changed_at(pool)
                what = (
                    f"cohort {cohort.pk} ({cohort.name}) holds {one.reserved:g} of {most} {resource} {flavor}".rstrip()
                )
                is_ours = admitted[cohort.pk] > changed + MINUTE
                over = Finding(f"{what}: over since a limit was lowered", Level.WARNING)
                yield Finding(what) if is_ours else over


def _admitted(pool: ResourcePool, cohorts: Sequence[Cohort], queues: Sequence[Queue]) -> dict[UUID | None, datetime]:
    """When something below each cohort was admitted last, of what holds something now."""
    rows = (
        Workload.objects.filter(pool=pool, state__in=OCCUPYING).order_by().values("queue").annotate(Max("admitted_at"))
    )
    last = {row["queue"]: row["admitted_at__max"] for row in rows}
    found: dict[UUID | None, datetime] = {one.pk: pool.created_at for one in cohorts}
    for node, parent in [
        *((one.pk, one.cohort_id) for one in queues),
        *((one.pk, one.parent_id) for one in reversed(cohorts)),
    ]:
        at = found.get(node) or last.get(node) or pool.created_at
        found[parent] = max(found.get(parent, at), at)
    return found


def _changed_at(pool: ResourcePool) -> datetime:
    """When the limits of a pool can have changed last."""
    audits = AuditEvent.objects.filter(action__in=CHANGES).aggregate(at=Max("at"))["at"]
    nodes = Node.objects.filter(pool=pool).aggregate(at=Max(Coalesce("changed_at", "seen_at")))["at"]
    return max(one for one in (audits, nodes, pool.created_at) if one is not None)


CHECKS: Sequence[Check] = (
    Check(
        "cohort.tree",
        "Cohorts and queues are below cohorts of their own pool, and no cohort is above itself.",
        together(
            by_query(
                "cohort {} of pool {} is below cohort {} of pool {}",
                "SELECT c.id, c.pool_id, p.id, p.pool_id FROM {cohort} c JOIN {cohort} p ON p.id = c.parent_id"
                " WHERE p.pool_id <> c.pool_id",
                cohort=Cohort,
            ),
            by_query(
                "queue {} of pool {} is below cohort {} of pool {}",
                "SELECT q.id, q.pool_id, c.id, c.pool_id FROM {queue} q JOIN {cohort} c ON c.id = q.cohort_id"
                " WHERE q.pool_id <> c.pool_id",
                queue=Queue,
                cohort=Cohort,
            ),
            by_query(
                "cohort {} ({}) is above itself",
                """
                WITH RECURSIVE up AS (
                    SELECT id, name, parent_id, 1 AS steps FROM {cohort}
                    UNION ALL SELECT up.id, up.name, c.parent_id, up.steps + 1
                    FROM up JOIN {cohort} c ON c.id = up.parent_id
                    WHERE up.parent_id <> up.id AND up.steps < 100
                )
                SELECT DISTINCT id, name FROM up WHERE parent_id = id ORDER BY id
                """,
                cohort=Cohort,
            ),
        ),
    ),
    Check("cohort.sums", "What a cohort holds is within what it is guaranteed and may borrow.", _cohorts),
)
