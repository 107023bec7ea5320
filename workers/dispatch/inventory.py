"""Asking backends again and again what they run jobs on, and what of it is broken."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from apps.quotas.models import ResourcePool
from apps.quotas.services.faults import faults_take
from apps.quotas.services.nodes import drains_enforce
from apps.quotas.services.pools import pool_discover
from workers.backends.base import Backend, BackendUnavailable, DiscoversNodes, NodeFacts, ReportsFaults, Unsupported
from workers.contracts.cluster_options import FARGATE_PODS, FARGATE_PODS_DEFAULT
from workers.dispatch.registry import asking, backends_here

log = logging.getLogger(__name__)

FARGATE_POD: Final = (16_000, 120 << 30)
"""Cores in thousandths and memory of the largest pod that Fargate runs."""


def inventory_refresh() -> None:
    """Bring the pools of the installation's backend and of all clusters up to date, and take off what must not stay
    where it is.

    Each backend is asked once, whatever becomes of the answer; one that does not answer changes nothing.
    """
    for name in backends_here():
        inventory_of(name)
    drains_enforce()


def inventory_of(name: str) -> None:
    """Bring the pools of one backend up to date; nothing changes where it does not answer."""
    for act in (_discover, _look_for_faults):
        _asked(name, act)


def _asked(name: str, act: Callable[[Backend, list[ResourcePool]], None]) -> None:
    pools = list(ResourcePool.objects.filter(backend=name).select_related("cluster").order_by("name"))
    try:
        if pools:
            with asking(name) as backend:
                act(backend, pools)
    except BackendUnavailable as error:
        log.warning("the backend %s does not say what it has: %s", name, error)
    except Unsupported as error:
        log.debug("%s", error)
    except Exception:  # whatever is wrong with one, the others are asked
        log.exception("the backend %s does not say what it has", name)


def _discover(backend: Backend, pools: list[ResourcePool]) -> None:
    if isinstance(backend, DiscoversNodes):
        nodes = backend.discover()
        for pool in pools:
            pool_discover(pool.name, backend.name, [*nodes, *_of_fargate(pool)])


def _of_fargate(pool: ResourcePool) -> list[NodeFacts]:
    """In place of machines that come with their pods: as many as there may be at once, each the largest there is."""
    options = pool.cluster.options if pool.cluster is not None else {}
    if not options.get("flavors", {}).get("", {}).get("fargate"):
        return []
    labels = {"eks.amazonaws.com/compute-type": "fargate"}
    count = options.get(FARGATE_PODS, FARGATE_PODS_DEFAULT)
    return [NodeFacts(f"fargate-{number}", *FARGATE_POD, labels=labels) for number in range(1, count + 1)]


def _look_for_faults(backend: Backend, pools: list[ResourcePool]) -> None:
    if isinstance(backend, ReportsFaults):
        faults = backend.faults()
        for pool in pools:
            faults_take(pool.pk, faults)
