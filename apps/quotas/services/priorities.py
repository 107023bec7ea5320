"""Priority classes: named priorities that people ask for."""

from __future__ import annotations

from typing import TypedDict, Unpack

from django.db import transaction

from apps.access.states import Role
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, NotFound
from apps.quotas.models import PriorityClass
from apps.quotas.services.changes import between_check, change_save, changed, refuse
from apps.quotas.services.requests import PRIORITY_MOST
from apps.quotas.states import Preemption


class PriorityChanges(TypedDict, total=False):
    """What of a priority class may be changed."""

    name: str
    value: int
    preemption: str


def priority_class_role(priority_class: PriorityClass | None) -> Role:
    """The least role in its project of who may submit something with it: what goes before the work of others, or takes
    its place, is for those who answer for the project."""
    raised = priority_class is not None and (priority_class.value > 0 or priority_class.preemption != Preemption.NEVER)
    return Role.ADMIN if raised else Role.EDITOR


@transaction.atomic
def priority_class_create(*, name: str, value: int, preemption: str = Preemption.NEVER, actor: Actor) -> PriorityClass:
    """Name a priority.

    Raises:
        Invalid: a value that no workload may have, or no policy.
        Conflict: the name is taken.
    """
    made = PriorityClass(name=name, value=value, preemption=preemption)
    _check(made)
    made.save()
    after = {"name": name, "value": value, "preemption": str(preemption)}
    record(actor, "priority_class.created", made, detail={"after": after})
    return made


@transaction.atomic
def priority_class_change(
    *, priority_class: PriorityClass, actor: Actor, **changes: Unpack[PriorityChanges]
) -> PriorityClass:
    """Change these of its columns. Workloads keep the priority and the policy with which they were submitted.

    Raises:
        NotFound: it is gone.
        Invalid, Conflict: as `priority_class_create`.
    """
    current = PriorityClass.objects.select_for_update().filter(pk=priority_class.pk).first()
    if current is None:
        raise NotFound("This priority class is gone.")
    was = changed(current, changes)
    _check(current)
    change_save(current, was, action="priority_class.changed", actor=actor)
    return current


def _check(priority_class: PriorityClass) -> None:
    between_check("value", priority_class.value, -PRIORITY_MOST, PRIORITY_MOST)
    if priority_class.preemption not in Preemption.values:
        refuse("preemption", f"{priority_class.preemption!r} is not one of {', '.join(Preemption.values)}")
    priority_class.clean_fields()
    if PriorityClass.objects.filter(name=priority_class.name).exclude(pk=priority_class.pk).exists():
        raise Conflict(f"A priority class named {priority_class.name} exists already.")
