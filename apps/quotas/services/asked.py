"""What a workload asks for, as the columns by which it is scheduled."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from apps.common.errors import Invalid
from apps.quotas.models import PriorityClass, ResourceFlavor
from apps.quotas.services.requests import shape_of, topology_check
from workers.contracts.specs import JobSpec, Resources, Spec

WHOLE = 1000


def priority_of(priority: int | PriorityClass) -> PriorityClass:
    """A mere number is a priority that never takes the place of others."""
    return priority if isinstance(priority, PriorityClass) else PriorityClass(value=priority)


def asked_columns(
    pool_id: UUID, spec: Spec, *, priority: PriorityClass, topology: str, count_min: int, count_max: int
) -> dict[str, Any]:
    """Columns of a new workload: where, what each member asks for, how many, before whom. At most one query.

    Args:
        priority: it also says whether it may take the place of lower ones.
        topology: what all members must have in common: nothing, their `node`, or the value of this label of nodes.

    Raises:
        Invalid: more of a shared GPU than its share; what is no name of a label.
    """
    topology_check(topology)
    shaped = {
        **asdict(spec.resources),
        **_device_asked(pool_id, spec.resources),
        "topology": topology,
        "count_min": count_min,
        "count_max": count_max,
    }
    return {
        **shaped,
        "pool_id": pool_id,
        "shape": shape_of(**shaped),
        "kind": spec.kind,
        "priority": priority.value,
        "preemption": priority.preemption,
        "time_limit_seconds": spec.time_limit_seconds if isinstance(spec, JobSpec) else 0,
    }


def _device_asked(pool_id: UUID, asked: Resources) -> dict[str, Any]:
    """The kind of GPU, and how much of each: the name of a share means a part of one device of another kind."""
    share = None
    if asked.flavor:
        shares = ResourceFlavor.objects.filter(pool=pool_id, name=asked.flavor, share_of__isnull=False)
        share = shares.select_related("share_of").first()
    if share is None:
        return {"flavor": asked.flavor, "gpu_millis": WHOLE}
    if asked.gpus != 1:
        text = f"{asked.flavor} is a share of one device: ask for 1 of it, not for {asked.gpus}"
        raise Invalid(f"gpus: {text}", fields={"gpus": [text]})
    return {"flavor": share.share_of.name, "gpu_millis": share.share_millis}
