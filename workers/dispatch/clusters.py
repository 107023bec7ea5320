"""Looking after clusters: whether each answers, and allows what is needed."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import F, Q

from apps.common import clock
from apps.quotas.models import Cluster
from apps.quotas.services.clusters import Checked, cluster_checked
from workers.backends.base import BackendUnavailable
from workers.dispatch.batch import for_each
from workers.dispatch.cluster_settings import cluster_look
from workers.dispatch.inventory import inventory_of
from workers.dispatch.mirroring import quotas_mirror
from workers.dispatch.registry import answered, backend_named

log = logging.getLogger(__name__)

EVERY: Final = timedelta(minutes=5)
"""Between two checks of a cluster with which all is well. One with which it is not is checked at each tick."""


def clusters_check_due() -> int:
    """Check those that were not for long, were changed, or had something wrong; returns how many."""
    due = Q(healthy=False) | Q(checked_at__lt=clock.db_now() - EVERY)
    rows = Cluster.objects.filter(due).order_by(F("checked_at").asc(nulls_first=True), "pk")
    return for_each(list(rows.values_list("pk", flat=True)), cluster_check, what="cluster")


def cluster_check(cluster_id: UUID) -> None:
    """Ask a cluster how it is, and note it; with one that is well, also what machines it has. Takes some seconds where
    it does not answer. Nothing happens to one that is gone."""
    cluster = Cluster.objects.filter(pk=cluster_id).first()
    if cluster is None:
        return
    try:
        found = cluster_look(cluster)
    except BackendUnavailable as error:
        found = Checked(False, problems=[{"code": "credentials", "detail": str(error), "params": {}}])
    for problem in found.problems:
        log.warning("cluster %s: %s", cluster.name, problem["detail"])
    if cluster_checked(cluster.pk, found, revision=cluster.revision) and found.healthy:
        answered(cluster.backend)
        inventory_of(cluster.backend)
        quotas_mirror(cluster.pool, backend_named(cluster.backend))
