"""Cohorts: the inner nodes of the tree by which a pool is shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, Unpack
from uuid import UUID

from django.db import transaction

from apps.access.models import Team
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, NotFound
from apps.quotas.models import Cohort, ResourcePool
from apps.quotas.services.changes import change_save, changed, plain, pool_shared_anew, refuse, weight_check
from apps.quotas.services.locks import pool_locked

DEEPEST = 12
"""Cohorts above each other; more help nobody, and each costs admission something."""


class CohortChanges(TypedDict, total=False):
    """What of a cohort may be changed."""

    name: str
    parent: Cohort | None
    team: Team | None
    weight: float


@transaction.atomic
def cohort_create(
    *,
    pool: ResourcePool,
    name: str,
    parent: Cohort | None = None,
    team: Team | None = None,
    weight: float = 1.0,
    actor: Actor,
) -> Cohort:
    """Make a cohort, without quotas: it guarantees nothing and limits nothing.

    Raises:
        Invalid: a parent of another pool, or too deep; no weight; a name that is empty or too long.
        Conflict: the pool has a cohort of that name.
    """
    locked = pool_locked(pool.pk)
    cohort = Cohort(pool=locked, name=name.strip(), parent=parent, team=team, weight=weight)
    _check(cohort)
    cohort.save()
    about = {"name": cohort.name, "parent": plain(parent), "team": plain(team), "weight": weight}
    record(actor, "cohort.created", cohort, detail={"after": about})
    _tell(locked)
    return cohort


@transaction.atomic
def cohort_change(*, cohort: Cohort, actor: Actor, **changes: Unpack[CohortChanges]) -> Cohort:
    """Change these of its columns; with another parent, all that is below it moves with it.

    Raises:
        NotFound: it is gone.
        Invalid, Conflict: as `cohort_create`; a parent that is below it.
    """
    locked = pool_locked(cohort.pool_id)
    current: Cohort | None = Cohort.objects.select_related("parent", "team", "pool").filter(pk=cohort.pk).first()
    if current is None:
        raise NotFound("This cohort is gone.")
    if "name" in changes:
        changes["name"] = changes["name"].strip()
    was = changed(current, changes)
    _check(current)
    if change_save(current, was, action="cohort.changed", actor=actor):
        _tell(locked)
    return current


def cohort_move(*, cohort: Cohort, parent: Cohort | None, actor: Actor) -> Cohort:
    """Put a cohort, with all that is below it, under another one or directly below the pool; as `cohort_change`."""
    return cohort_change(cohort=cohort, actor=actor, parent=parent)


@transaction.atomic
def cohort_delete(*, cohort: Cohort, actor: Actor) -> None:
    """Remove a cohort with its quotas.

    Raises:
        Conflict: there is something below it, whose guarantees would change.
    """
    locked = pool_locked(cohort.pool_id)
    below = [
        f"{count} {noun}{'' if count == 1 else 's'}"
        for noun, count in (("cohort", cohort.children.count()), ("queue", cohort.queues.count()))
        if count
    ]
    if below:
        raise Conflict(f"{cohort.name} has {' and '.join(below)} below it: move them first.")
    quotas = [
        {
            "resource": one.resource,
            "flavor": one.flavor,
            "nominal": one.nominal,
            "borrowing_limit": one.borrowing_limit,
            "lending_limit": one.lending_limit,
            "weight": one.weight,
        }
        for one in cohort.quotas.order_by("resource", "flavor")
    ]
    about = {"name": cohort.name, "parent": plain(cohort.parent), "team": plain(cohort.team), "weight": cohort.weight}
    record(actor, "cohort.deleted", cohort, detail={"before": {**about, "quotas": quotas}})
    cohort.delete()
    _tell(locked)


def _check(cohort: Cohort) -> None:
    if not 1 <= len(cohort.name) <= 60 or not cohort.name.isprintable():
        refuse("name", "between 1 and 60 characters that can be printed")
    weight_check(cohort.weight)
    if cohort.parent is not None:
        _check_parent(cohort, cohort.parent)
    if Cohort.objects.filter(pool=cohort.pool_id, name=cohort.name).exclude(pk=cohort.pk).exists():
        raise Conflict(f"{cohort.pool.name} has a cohort named {cohort.name} already.")


def _check_parent(cohort: Cohort, parent: Cohort) -> None:
    """The tree stays a tree, of one pool. The pool is locked, so nobody else moves anything meanwhile."""
    if parent.pool_id != cohort.pool_id:
        refuse("parent", f"{parent.name} is a cohort of {parent.pool.name}, not of {cohort.pool.name}")
    above = dict(Cohort.objects.filter(pool=cohort.pool_id).values_list("pk", "parent"))
    if parent.pk not in above:
        raise NotFound(f"parent: {parent.name} is gone")
    path = [parent.pk]
    while (higher := above[path[-1]]) is not None and cohort.pk not in path:
        path.append(higher)
    if path[0] == cohort.pk:
        refuse("parent", f"{cohort.name} cannot be below itself")
    if cohort.pk in path:
        refuse("parent", f"{parent.name} is below {cohort.name}, so it cannot be above it")
    if len(path) + _depth_below(cohort, above) > DEEPEST:
        refuse("parent", f"more than {DEEPEST} cohorts above each other")


def _depth_below(cohort: Cohort, above: Mapping[UUID, UUID | None]) -> int:
    """How many levels the cohort and what is below it are."""
    level: set[UUID | None] = {cohort.pk}
    depth = 0
    while level:
        depth += 1
        level = {pk for pk, parent in above.items() if parent in level}
    return depth


def _tell(pool: ResourcePool) -> None:
    pool_shared_anew(pool)
