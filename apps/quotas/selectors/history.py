"""What was held and used of a pool over time: means per bucket, summed by the database from usage intervals."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from apps.access.models import Project
from apps.quotas.models import ResourcePool, UsageRecord
from apps.quotas.selectors.usage import pool_capacities
from apps.quotas.states import Resource

BUCKETS_MOST = 1000

ALL, PROJECT, OTHERS = "all", "project", "others"
SCOPES = (ALL, PROJECT, OTHERS)
"""Whose a series is: everybody's, one project's, or that of all projects which the reader does not see."""


@dataclass(frozen=True, slots=True)
class Series:
    """One resource over the buckets: means over time, in the unit of the resource."""

    resource: str
    flavor: str
    simulated: bool
    scope: str
    project: UUID | None
    project_name: str | None
    capacity: int
    """Of the whole pool, as it is now."""
    reserved: list[float]
    used: list[float]


@dataclass(frozen=True, slots=True)
class History:
    """A pool between two moments."""

    starts: list[datetime]
    """Beginning of each bucket."""
    bucket_seconds: float
    until: datetime
    series: list[Series]


Sums = defaultdict[tuple[UUID | None, str, str], tuple[list[float], list[float]]]
"""Whose, of what, of which kind → reserved and used per bucket."""

_SUMS = ", ".join(
    f"sum({name} * {weight}) / %(seconds)s AS {name}_{kind}"
    for name in Resource.values
    for kind, weight in (("reserved", "held"), ("used", "ran"))
)
_SQL = """
WITH record AS (
    SELECT {owner} AS owner, flavor, cpu_millis, memory_bytes, gpus, reserved_at, used_at,
           COALESCE(closed_at, %(until)s) AS over_at
    FROM {table}
    WHERE pool_id = %(pool)s AND reserved_at < %(until)s AND (closed_at IS NULL OR closed_at > %(since)s) {only}
), part AS (
    SELECT record.*, bucket,
           %(since)s + bucket * %(step)s::interval AS begins, %(since)s + (bucket + 1) * %(step)s::interval AS ends
    FROM record CROSS JOIN LATERAL generate_series(
        GREATEST(floor({reserved} / %(seconds)s)::int, 0), LEAST(floor({over} / %(seconds)s)::int, %(last)s)
    ) AS bucket
), share AS (
    SELECT *,
        GREATEST(extract(epoch FROM LEAST(over_at, ends) - GREATEST(reserved_at, begins))::float8, 0) AS held,
        CASE WHEN used_at IS NULL THEN 0
             ELSE GREATEST(extract(epoch FROM LEAST(over_at, ends) - GREATEST(used_at, begins))::float8, 0) END AS ran
    FROM part
)
SELECT owner, flavor, bucket, {sums} FROM share GROUP BY owner, flavor, bucket
"""


def pool_history(
    pool: ResourcePool,
    user: Any,
    *,
    since: datetime,
    until: datetime,
    buckets: int,
    project: Project | None = None,
    by_project: bool = False,
) -> History:
    """Means per bucket of what was reserved and used. Four queries at most.

    Args:
        project: only this one's, which the caller has seen that the user may see.
        by_project: a series per project that the user sees, and one for all others together.
    """
    step, apart = (until - since) / buckets, by_project or project is not None
    named = {project.pk: project.name} if project is not None else {}
    if by_project and project is None:
        named = dict(Project.objects.visible_to(user).order_by("name").values_list("pk", "name"))
    sums: Sums = defaultdict(lambda: ([0.0] * buckets, [0.0] * buckets))
    for row in _rows(pool, since, until, step, buckets, project, apart=apart):
        owner = row["owner"] if row["owner"] in named else None
        for resource in Resource.values:
            flavor = row["flavor"] if resource == Resource.GPUS else ""
            if resource == Resource.GPUS and not flavor:
                continue
            reserved, used = sums[owner, resource, flavor]
            reserved[row["bucket"]] += row[f"{resource}_reserved"]
            used[row["bucket"]] += row[f"{resource}_used"]
    found = {owner for owner, *_ in sums}
    owners: list[UUID | None] = [pk for pk in named if pk in found or project is not None]
    owners += [None] if not apart or None in found else []
    starts = [since + number * step for number in range(buckets)]
    return History(starts, step.total_seconds(), until, _series(pool, sums, owners, named, apart=apart))


def _rows(
    pool: ResourcePool,
    since: datetime,
    until: datetime,
    step: timedelta,
    buckets: int,
    project: Project | None,
    *,
    apart: bool,
) -> list[dict[str, Any]]:
    sql = _SQL.format(
        owner="project_id" if apart else "NULL::uuid",
        table=connection.ops.quote_name(UsageRecord._meta.db_table),
        only="AND project_id = %(project)s" if project is not None else "",
        reserved="extract(epoch FROM reserved_at - %(since)s)::float8",
        over="extract(epoch FROM over_at - %(since)s)::float8",
        sums=_SUMS,
    )
    values: dict[str, Any] = {"pool": pool.pk, "since": since, "until": until, "step": step, "last": buckets - 1}
    values["seconds"] = step.total_seconds()
    with connection.cursor() as cursor:
        cursor.execute(sql, values | ({"project": project.pk} if project is not None else {}))
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _series(
    pool: ResourcePool, sums: Sums, owners: list[UUID | None], named: dict[UUID, str], *, apart: bool
) -> list[Series]:
    has, simulated = pool_capacities(ResourcePool.objects.filter(pk=pool.pk))
    kinds = sorted({*has, *((resource, flavor) for _, resource, flavor in sums)})
    return [
        Series(
            resource=resource,
            flavor=flavor,
            simulated=simulated.get(flavor, False),
            scope=PROJECT if owner else OTHERS if apart else ALL,
            project=owner,
            project_name=named[owner] if owner else None,
            capacity=has[resource, flavor],
            reserved=sums[owner, resource, flavor][0],
            used=sums[owner, resource, flavor][1],
        )
        for owner in owners
        for resource, flavor in kinds
    ]
