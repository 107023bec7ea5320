"""Priority classes: named priorities that people ask for."""

from __future__ import annotations

from django.db import transaction

from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid
from apps.quotas.models import PriorityClass
from apps.quotas.services.requests import PRIORITY_MOST


@transaction.atomic
def priority_class_create(*, name: str, value: int, actor: Actor) -> PriorityClass:
    """Name a priority.

    Raises:
        Invalid: a value that no workload may have.
        Conflict: the name is taken.
    """
    _check(value)
    if PriorityClass.objects.filter(name=name).exists():
        raise Conflict(f"A priority class named {name} exists already.")
    made = PriorityClass(name=name, value=value)
    made.clean_fields()
    made.save()
    record(actor, "priority_class.created", made, detail={"name": name, "value": value})
    return made


@transaction.atomic
def priority_class_change(*, priority_class: PriorityClass, name: str, value: int, actor: Actor) -> PriorityClass:
    """Give it another name or value. Workloads keep the priority with which they were submitted.

    Raises:
        Invalid, Conflict: as `priority_class_create`.
    """
    _check(value)
    current = PriorityClass.objects.select_for_update().get(pk=priority_class.pk)
    if PriorityClass.objects.filter(name=name).exclude(pk=current.pk).exists():
        raise Conflict(f"A priority class named {name} exists already.")
    was = {"name": current.name, "value": current.value}
    current.name, current.value = name, value
    current.clean_fields()
    current.save(update_fields=["name", "value"])
    record(actor, "priority_class.changed", current, detail={"name": name, "value": value, "was": was})
    return current


def _check(value: int) -> None:
    if not -PRIORITY_MOST <= value <= PRIORITY_MOST:
        text = f"{value} is not between {-PRIORITY_MOST} and {PRIORITY_MOST}"
        raise Invalid(f"value: {text}", fields={"value": [text]})
