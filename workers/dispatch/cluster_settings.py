"""A row of a cluster → what its backend is made of."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings

from apps.common.errors import BedplateError
from apps.quotas.models import Cluster
from apps.quotas.services.cluster_credentials import credentials_open
from apps.quotas.services.clusters import Checked
from apps.quotas.states import ConnectionKind
from workers.backends.base import BackendUnavailable


def cluster_settings(cluster: Cluster, *, environment: Mapping[str, str]) -> Any:
    """How to connect to a cluster, and what manifests there need to know.

    Args:
        environment: variables for every job, unless the cluster's options say others.

    Raises:
        BackendUnavailable: its credentials cannot be opened, or cannot be used from here.
    """
    try:
        return _kubernetes("backend").ClusterSettings(connection=_connection(cluster), site=_site(cluster, environment))
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
    found = _kubernetes("check").check_cluster(made.connection, made.site)
    problems = [{"code": one.code, "detail": one.sentence, "params": dict(one.params)} for one in found.problems]
    return Checked(found.healthy, found.version, problems)


def _connection(cluster: Cluster) -> Any:
    secret = credentials_open(cluster)
    if cluster.kind == ConnectionKind.IN_CLUSTER:
        found = _kubernetes("connection").connection_in_cluster()
    elif cluster.kind == ConnectionKind.KUBECONFIG:
        found = _kubernetes("connection").connection_from_kubeconfig(secret)
    else:
        found = _kubernetes("connection").connection_with_token(cluster.server, cluster.ca_pem, secret)
    return replace(found, requests_per_second=float(cluster.requests_per_second))


def _site(cluster: Cluster, environment: Mapping[str, str]) -> Any:
    options = {**cluster.options, "environment": {**environment, **cluster.options.get("environment", {})}}
    return _kubernetes("options").site_from_options(
        options,
        installation=str(cluster.pk),
        cluster=cluster.name,
        runtime_image=cluster.runtime_image or settings.BEDPLATE_RUNTIME_IMAGE,
        namespace_prefix=cluster.namespace_prefix,
        makes_namespaces=cluster.makes_namespaces,
        api_url=cluster.job_api_url,
    )


def _kubernetes(module: str) -> Any:
    return importlib.import_module(f"workers.backends.kubernetes.{module}")
