"""A row of a cluster → what its backend is made of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings

from apps.common.errors import BedplateError
from apps.quotas.models import Cluster, Queue
from apps.quotas.services.cluster_credentials import credentials_open
from apps.quotas.services.clusters import Checked
from apps.quotas.states import ConnectionKind
from workers.backends.base import BackendUnavailable
from workers.backends.kubernetes.backend import ClusterSettings
from workers.backends.kubernetes.check import check_cluster
from workers.backends.kubernetes.connection import (
    ClusterConnection,
    connection_from_kubeconfig,
    connection_in_cluster,
    connection_with_token,
)
from workers.backends.kubernetes.names import namespace_of
from workers.backends.kubernetes.options import site_from_options
from workers.backends.kubernetes.reflector import Reflector
from workers.backends.kubernetes.site import ClusterSite, Tenant
from workers.contracts.cluster_options import FARGATE_PODS

NAMESPACES_MOST = 20
"""Looked at in one check; each is a question per right."""


def cluster_settings(cluster: Cluster, *, environment: Mapping[str, str]) -> ClusterSettings:
    """How to connect to a cluster, and what manifests there need to know.

    Args:
        environment: variables for every job, unless the cluster's options say others.

    Raises:
        BackendUnavailable: its credentials cannot be opened, or cannot be used from here.
    """
    try:
        return ClusterSettings(connection=_connection(cluster), site=_site(cluster, environment))
    except BedplateError as error:
        raise BackendUnavailable(f"{cluster.name}: {error.detail}") from error
    except ValueError as error:  # refused by the backend, though it was accepted when it was stored
        raise BackendUnavailable(f"{cluster.name}: {error}") from error


def cluster_look(cluster: Cluster) -> Checked:
    """Ask a cluster whether it is one, and what it allows; takes at most some seconds.

    Raises:
        BackendUnavailable: its credentials cannot be opened, or cannot be used from here.
    """
    made = cluster_settings(cluster, environment={})
    found = check_cluster(made.connection, made.site, namespaces=_namespaces(cluster, made.site))
    problems = [
        {"code": one.code, "detail": one.sentence, "params": dict(one.params), "blocking": one.blocking}
        for one in found.problems
    ]
    return Checked(found.healthy, found.version, [*problems, *_beyond(cluster)])


def _beyond(cluster: Cluster) -> list[dict[str, Any]]:
    """What the cluster itself cannot know: jobs speak to a bucket themselves, which their network policies forbid
    unless the options open a way."""
    url: str = settings.BEDPLATE_STORAGE_URL
    if not url.startswith("s3://") or cluster.options.get("job_egress"):
        return []
    detail = (
        f"Files are kept in {url}, and the options let jobs connect to nothing but the API: say in job_egress where the"
        " object store is reached."
    )
    return [{"code": "no_store_egress", "detail": detail, "params": {"store": url}, "blocking": False}]


def _namespaces(cluster: Cluster, site: ClusterSite) -> list[str]:
    """Where rights are needed, when an administrator of the cluster makes namespaces: those of the projects that have
    a place in its pool, as far as that is worth asking. None: everywhere."""
    if cluster.makes_namespaces:
        return []
    rows = Queue.objects.filter(pool__cluster=cluster).order_by("pk")
    names = rows.values_list("project__organisation__name", "project__team__name", "project__name")
    return sorted({namespace_of(Tenant(*row), site) for row in names[:NAMESPACES_MOST]})


def cluster_watch(cluster: Cluster, on_hint: Callable[[str], None]) -> Callable[[threading.Event], None]:
    """How the jobs of this installation on a cluster are watched: a function that does until its event is set.

    Args:
        on_hint: called with the id of a workload of which something moved.

    Raises:
        BackendUnavailable: its credentials cannot be opened, or cannot be used from here.
    """
    made = cluster_settings(cluster, environment={})
    return Reflector(made.connection, made.site.installation, on_hint).run


def _connection(cluster: Cluster) -> ClusterConnection:
    secret = credentials_open(cluster)
    if cluster.kind == ConnectionKind.IN_CLUSTER:
        found = connection_in_cluster()
    elif cluster.kind == ConnectionKind.KUBECONFIG:
        found = connection_from_kubeconfig(secret)
    else:
        found = connection_with_token(cluster.server, cluster.ca_pem, secret)
    return replace(found, requests_per_second=float(cluster.requests_per_second))


def _site(cluster: Cluster, environment: Mapping[str, str]) -> ClusterSite:
    options = {**cluster.options, "environment": {**environment, **cluster.options.get("environment", {})}}
    options.pop(FARGATE_PODS, None)  # no matter of manifests
    return site_from_options(
        options,
        installation=str(cluster.pk),
        cluster=cluster.name,
        runtime_image=cluster.runtime_image or settings.BEDPLATE_RUNTIME_IMAGE,
        namespace_prefix=cluster.namespace_prefix,
        makes_namespaces=cluster.makes_namespaces,
        api_url=cluster.job_api_url,
    )
