"""The tree that exists: pool → the projects' queues in it, each with its quotas and what it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.quotas.models import Node, Queue, ResourceFlavor, ResourcePool
from apps.quotas.selectors.usage import QueueUsage, queue_usages


@dataclass(frozen=True, slots=True)
class PoolTree:
    """A pool with what is in it, as far as the reader sees it."""

    pool: ResourcePool
    nodes: list[Node]
    flavors: list[ResourceFlavor]
    queues: list[QueueUsage]


def pool_trees(user: Any, pools: Iterable[ResourcePool]) -> list[PoolTree]:
    """The trees of these pools, which the user may see. Six queries, however many there are."""
    pools = list(pools)
    ids = [pool.pk for pool in pools]
    visible = Queue.objects.visible_to(user).filter(pool__in=ids)
    queues = visible.select_related("project__team", "pool").prefetch_related("quotas").order_by("project__name")
    usages = queue_usages(queues)
    nodes = list(Node.objects.filter(pool__in=ids).order_by("name"))
    flavors = list(ResourceFlavor.objects.filter(pool__in=ids).order_by("name"))
    return [
        PoolTree(
            pool,
            [node for node in nodes if node.pool_id == pool.pk],
            [flavor for flavor in flavors if flavor.pool_id == pool.pk],
            [usage for usage in usages if usage.queue.pool_id == pool.pk],
        )
        for pool in pools
    ]
