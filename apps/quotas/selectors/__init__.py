"""Reads of the quotas app that span tables; output of jobs is in `logs`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.access.models import Project
from apps.common.models import Transition
from apps.quotas.models import Queue, Workload
from apps.quotas.states import OCCUPYING, WorkloadState


def story_of(workload: Workload) -> QuerySet[Transition]:
    """Every step of a workload, oldest first."""
    return workload.story()


def projects_without_queue(user: Any) -> QuerySet[Project]:
    """The user's projects that have no place in any pool yet."""
    return Project.objects.visible_to(user).exclude(pk__in=Queue.objects.values("project"))


def pools_with_work() -> list[UUID]:
    """Pools in which something waits, or runs with fewer members than it wants. For admission, so of everybody."""
    waits = Q(state=WorkloadState.PENDING) | Q(state__in=OCCUPYING, count_granted__lt=F("count_max"))
    return list(Workload.objects.filter(waits).order_by("pool").values_list("pool", flat=True).distinct())
