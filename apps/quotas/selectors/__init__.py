"""Reads of the quotas app that span tables; output of jobs is in `logs`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.access.models import Project
from apps.common.errors import NotFound
from apps.common.models import Transition
from apps.quotas.models import Queue, ResourcePool, Workload
from apps.quotas.states import OCCUPYING, WorkloadState

ANSWERING = frozenset({WorkloadState.LAUNCHING, WorkloadState.RUNNING})
"""States of a workload in which members may be ready."""


def story_of(workload: Workload) -> QuerySet[Transition]:
    """Every step of a workload, oldest first."""
    return workload.story()


def projects_without_queue(user: Any) -> QuerySet[Project]:
    """The user's projects that have no place in any pool yet."""
    return Project.objects.visible_to(user).exclude(pk__in=Queue.objects.values("project"))


def pool_named(user: Any, name: str) -> ResourcePool:
    """A pool that the user sees, by its name; raises NotFound."""
    found = ResourcePool.objects.visible_to(user).filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no pool {name}.")
    return found


def pools_with_work() -> list[UUID]:
    """Pools in which something waits, or runs with fewer members than it wants. For admission, so of everybody."""
    waits = Q(state=WorkloadState.PENDING, is_held=False) | Q(state__in=OCCUPYING, count_granted__lt=F("count_max"))
    return list(Workload.objects.filter(waits).order_by("pool").values_list("pool", flat=True).distinct())


def members_of(workload: Workload) -> list[dict[str, Any]]:
    """What was last seen of the members of its open attempt. One query, none where no member can be ready."""
    attempt = workload.current_attempt() if workload.state in ANSWERING else None
    return [] if attempt is None or attempt.ended_at is not None else list(attempt.members)


def addresses_in(members: Iterable[dict[str, Any]]) -> list[str]:
    """`host:port` of the members that can be asked, by rank."""
    ready = [member for member in members if member.get("ready") and member.get("address")]
    return [str(member["address"]) for member in sorted(ready, key=lambda member: int(member["index"]))]
