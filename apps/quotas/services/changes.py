"""What every change of a row by an administrator has in common: it is checked, saved, and audited with what was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.db import models

from apps.common import queues
from apps.common.audit import Actor, record
from apps.common.errors import Invalid
from apps.common.events import emit
from apps.quotas.models import ResourcePool
from apps.quotas.models.cohort import WEIGHT_MOST


def changed(row: models.Model, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Set these attributes of a row, unsaved; returns of those that are new to it what they were."""
    was = {name: getattr(row, name) for name, value in wanted.items() if getattr(row, name) != value}
    for name in was:
        setattr(row, name, wanted[name])
    return was


def change_save(
    row: models.Model, was: Mapping[str, Any], *, action: str, actor: Actor, **audit: Any
) -> dict[str, dict[str, Any]]:
    """Save what `changed` set, and write it to the audit trail before and after; nothing happens without a change."""
    if not was:
        return {}
    row.save(update_fields=list(was))
    now = {name: getattr(row, name) for name in was}
    detail = {"before": {name: plain(value) for name, value in was.items()}, "after": {}}
    detail["after"] = {name: plain(value) for name, value in now.items()}
    record(actor, action, row, detail=detail, **audit)
    return detail


def plain(value: Any) -> Any:
    """As the audit trail keeps it: a row of another table by its id and its name."""
    return {"id": str(value.pk), "name": str(value)} if isinstance(value, models.Model) else value


def weight_check(weight: float | None, field: str = "weight") -> None:
    """Raise Invalid for what is no weight."""
    if weight is not None and not (math.isfinite(weight) and 0 <= weight <= WEIGHT_MOST):
        refuse(field, f"{weight:g} is not between 0 and {WEIGHT_MOST:g}")


def between_check(field: str, value: int | None, least: int, most: int) -> None:
    """Raise Invalid for a number outside these bounds; None is none."""
    if value is not None and not least <= value <= most:
        refuse(field, f"{value} is not between {least} and {most}")


def refuse(field: str, sentence: str) -> None:
    """Raise Invalid about one field."""
    raise Invalid(f"{field}: {sentence}", fields={field: [sentence]})


def pool_shared_anew(pool: ResourcePool) -> None:
    """Tell of other quotas, weights or cohorts of a pool: who waits in it, who looks at it, and the cluster behind it,
    which is told at its check what projects may hold there."""
    emit("pool.changed", pool, noun="pool")
    queues.send(queues.ADMIT, pool.pk)
    if pool.cluster_id is not None:
        queues.send(queues.CLUSTER_CHECK, pool.cluster_id)
