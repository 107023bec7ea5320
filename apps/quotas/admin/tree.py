"""The tree that exists: pool → cohorts → the projects' queues, each with its quotas and what it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.quotas.models import Cohort, Node, Queue, ResourceFlavor, ResourcePool
from apps.quotas.selectors.usage import QueueUsage, queue_usages


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A node of the tree, below the one before it that is less deep."""

    branch: str
    """Of a tree in text."""
    cohort: Cohort | None = None
    usage: QueueUsage | None = None


@dataclass(frozen=True, slots=True)
class PoolTree:
    """A pool with what is in it, as far as the reader sees it."""

    pool: ResourcePool
    nodes: list[Node]
    flavors: list[ResourceFlavor]
    rows: list[TreeRow]


def pool_trees(user: Any, pools: Iterable[ResourcePool]) -> list[PoolTree]:
    """The trees of these pools, which the user may see. Eight queries, however many there are."""
    pools = list(pools)
    ids = [pool.pk for pool in pools]
    visible = Queue.objects.visible_to(user).filter(pool__in=ids)
    queues = visible.select_related("project__team", "pool").prefetch_related("quotas").order_by("project__name")
    usages = queue_usages(queues)
    cohorts = list(
        Cohort.objects.filter(pool__in=ids).select_related("team").prefetch_related("quotas").order_by("name")
    )
    nodes = list(Node.objects.filter(pool__in=ids).order_by("name"))
    flavors = list(ResourceFlavor.objects.filter(pool__in=ids).order_by("name"))
    return [
        PoolTree(
            pool,
            [node for node in nodes if node.pool_id == pool.pk],
            [flavor for flavor in flavors if flavor.pool_id == pool.pk],
            _rows(
                [cohort for cohort in cohorts if cohort.pool_id == pool.pk],
                [usage for usage in usages if usage.queue.pool_id == pool.pk],
            ),
        )
        for pool in pools
    ]


def _rows(cohorts: Sequence[Cohort], usages: Sequence[QueueUsage]) -> list[TreeRow]:
    below: defaultdict[UUID | None, list[Cohort | QueueUsage]] = defaultdict(list)
    for cohort in cohorts:
        below[cohort.parent_id].append(cohort)
    for usage in usages:
        below[usage.queue.cohort_id].append(usage)
    found: list[TreeRow] = []
    _grow(found, below, None, "")
    return found


def _grow(
    found: list[TreeRow], below: Mapping[UUID | None, Sequence[Cohort | QueueUsage]], node: UUID | None, before: str
) -> None:
    children = below.get(node, ())
    for place, child in enumerate(children, 1):
        last = place == len(children)
        branch = f"{before}{'└' if last else '├'} "
        if isinstance(child, QueueUsage):
            found.append(TreeRow(branch, usage=child))
        else:
            found.append(TreeRow(branch, cohort=child))
            _grow(found, below, child.pk, f"{before}{' ' if last else '│'}\u2002")
