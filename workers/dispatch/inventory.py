"""Asking backends again and again what they run jobs on, and what of it is broken."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings

from apps.quotas.models import ResourcePool
from apps.quotas.services.faults import faults_take
from apps.quotas.services.nodes import drains_enforce
from apps.quotas.services.pools import pool_discover
from workers.backends.base import Backend, BackendUnavailable, DiscoversNodes, ReportsFaults, Unsupported
from workers.dispatch.registry import backend_named

log = logging.getLogger(__name__)


def inventory_refresh() -> None:
    """Bring the pools of the installation's backend up to date, and take off what must not stay where it is.

    Each backend is asked once, whatever becomes of the answer; one that does not answer changes nothing.
    """
    for act in (_discover, _look_for_faults):
        _asked(act)
    drains_enforce()


def _asked(act: Callable[[Backend, list[ResourcePool]], None]) -> None:
    name = settings.BEDPLATE_BACKEND
    pools = list(ResourcePool.objects.filter(backend=name).order_by("name"))
    try:
        if pools:
            act(backend_named(name), pools)
    except BackendUnavailable as error:
        log.warning("the backend %s does not say what it has: %s", name, error)
    except Unsupported as error:
        log.debug("%s", error)


def _discover(backend: Backend, pools: list[ResourcePool]) -> None:
    if isinstance(backend, DiscoversNodes):
        nodes = backend.discover()
        for pool in pools:
            pool_discover(pool.name, backend.name, nodes)


def _look_for_faults(backend: Backend, pools: list[ResourcePool]) -> None:
    if isinstance(backend, ReportsFaults):
        faults = backend.faults()
        for pool in pools:
            faults_take(pool.pk, faults)
