"""Kubernetes clusters: added with a pool of their own, changed, checked, removed.

Nothing here asks a cluster: a check is asked for by name, done by `workers.dispatch.clusters`, and applied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.common import clock, queues
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.events import emit
from apps.quotas.models import Cluster, Node, NodeIncident, Queue, ResourcePool, Workload
from apps.quotas.models.cluster import REQUESTS_MOST
from apps.quotas.models.pool import REMOVED
from apps.quotas.services.changes import between_check, change_save, changed, refuse
from apps.quotas.services.cluster_credentials import Credentials, credentials_set
from apps.quotas.services.locks import pool_locked
from apps.quotas.states import WORKLOAD
from workers.contracts.cluster_options import OptionsRefused, options_checked

SHOWN: Final = ("kind", "server", "ca_pem")
"""What of the credentials is no secret."""
PROBLEMS_MOST: Final = 100
_PREFIX: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
UNSEEN: Final[dict[str, Any]] = {"checked_at": None, "healthy": False, "problems": []}
"""Of a cluster that was changed: nobody has looked since."""


class ClusterSettings(TypedDict, total=False):
    """What may be said of a cluster beside how to connect."""

    namespace_prefix: str
    makes_namespaces: bool
    job_api_url: str
    runtime_image: str
    requests_per_second: int
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of a cluster found."""

    healthy: bool
    version: str = ""
    problems: Sequence[Mapping[str, Any]] = ()
    """`{"code", "detail", "params"}` each; with `blocking` false where jobs can run all the same."""


@transaction.atomic
def cluster_create(*, name: str, credentials: Credentials, actor: Actor, **wanted: Unpack[ClusterSettings]) -> Cluster:
    """Add a cluster and its pool, which has its name, and ask for a check. A pool that an earlier cluster of that name
    left is taken over with its history.

    Raises:
        Invalid: a name that no object on a cluster can have; credentials that cannot be used; settings that make no
            sense.
        Conflict: there is a cluster or another pool of that name.
        KeyUnusable: the installation has no key to encrypt with.
    """
    cluster = Cluster(name=name, **wanted)
    _settings_check(cluster)
    if Cluster.objects.filter(name=name).exists():
        raise Conflict(f"There is a cluster {name} already.")
    credentials_set(cluster, credentials)
    cluster.save(force_insert=True)
    pool = ResourcePool.objects.select_for_update(no_key=True).filter(name=name).first()
    if pool is not None and pool.backend != REMOVED:
        raise Conflict(f"There is a pool {name} already, run by the backend {pool.backend}: choose another name.")
    pool = pool or ResourcePool(name=name)
    pool.backend, pool.cluster = cluster.backend, cluster
    pool.save()
    record(actor, "cluster.created", cluster, detail={"after": {"name": name, **_told(cluster)}})
    emit("cluster.created", cluster)
    emit("pool.changed", pool, noun="pool")
    queues.send(queues.CLUSTER_CHECK, cluster.pk)
    return cluster


@transaction.atomic
def cluster_change(
    *, cluster: Cluster, actor: Actor, credentials: Credentials | None = None, **wanted: Unpack[ClusterSettings]
) -> Cluster:
    """Change these of its settings, and how to connect if that is given, as a whole: what is stored already is never
    sent to another address. Asks for a check.

    Raises:
        NotFound: it is gone.
        Invalid, KeyUnusable: as `cluster_create`.
    """
    current = _locked(cluster.pk)
    was = changed(current, wanted)
    _settings_check(current)
    if credentials is not None:
        before = {name: getattr(current, name) for name in SHOWN}
        credentials_set(current, credentials)
        was |= {name: value for name, value in before.items() if getattr(current, name) != value}
    if not was and credentials is None:
        return current
    current.revision += 1
    for name, value in UNSEEN.items():
        setattr(current, name, value)
    if was:
        change_save(current, was, action="cluster.changed", actor=actor)
    if credentials is not None:
        record(actor, "cluster.credentials_replaced", current, detail={"kind": current.kind})
    current.save()
    _news(current, "cluster.changed")
    queues.send(queues.CLUSTER_CHECK, current.pk)
    return current


@transaction.atomic
def cluster_delete(*, cluster: Cluster, actor: Actor) -> None:
    """Forget a cluster, its credentials and its machines. Its pool stays, without machines, as long as it has a past.

    What ended jobs left on the cluster goes by itself after a week.

    Raises:
        NotFound: it is gone already.
        Conflict: something in its pool runs or waits.
    """
    pools = list(ResourcePool.objects.filter(cluster=cluster.pk).values_list("pk", flat=True))
    locked = [pool_locked(pk) for pk in pools]
    current = _locked(cluster.pk)
    left = Workload.objects.filter(pool__in=pools).exclude(state__in=sorted(WORKLOAD.terminal)).count()
    if left:
        raise Conflict(
            f"{left} workloads run or wait on {current.name}: stop them, or let them end, before it is removed."
        )
    record(actor, "cluster.deleted", current, detail={"before": _told(current)})
    emit("cluster.deleted", current)
    for pool in locked:
        NodeIncident.objects.filter(node__pool=pool).delete()
        Node.objects.filter(pool=pool).delete()
        pool.backend, pool.cluster = REMOVED, None
        pool.save(update_fields=["backend", "cluster"])
        emit("pool.changed", pool, noun="pool")
        if not Queue.objects.filter(pool=pool).exists() and not pool.flavors.exists() and not pool.cohorts.exists():
            pool.delete()
    current.delete()


@transaction.atomic
def cluster_checked(cluster_id: UUID, found: Checked, *, revision: int) -> bool:
    """Note what a check found; false when the cluster was changed, or removed, since the check began.

    Args:
        revision: of the cluster, when the check began.
    """
    current = Cluster.objects.select_for_update(no_key=True).filter(pk=cluster_id, revision=revision).first()
    if current is None:
        return False
    at = clock.db_now()
    current.checked_at, current.healthy = at, found.healthy
    current.healthy_at = at if found.healthy else current.healthy_at
    current.version = (found.version or current.version)[:60]
    current.problems = [{"blocking": True, **problem} for problem in found.problems[:PROBLEMS_MOST]]
    current.save(update_fields=["checked_at", "healthy", "healthy_at", "version", "problems"])
    _news(current, "cluster.checked")
    return True


def cluster_check_request(cluster: Cluster) -> None:
    """Ask for a check of its health and of what it allows, soon."""
    with transaction.atomic():
        queues.send(queues.CLUSTER_CHECK, cluster.pk)


def _locked(cluster_id: UUID) -> Cluster:
    current = Cluster.objects.select_for_update(no_key=True).filter(pk=cluster_id).first()
    if current is None:
        raise NotFound("This cluster is gone.")
    return current


def _news(cluster: Cluster, kind: str) -> None:
    emit(kind, cluster, payload={"healthy": cluster.healthy, "checked_at": cluster.checked_at})
    for pool in ResourcePool.objects.filter(cluster=cluster):
        emit("pool.changed", pool, noun="pool")


def _told(cluster: Cluster) -> dict[str, Any]:
    """All of it that is no secret, for the audit trail."""
    return {name: getattr(cluster, name) for name in (*SHOWN, *ClusterSettings.__annotations__)}


def _settings_check(cluster: Cluster) -> None:
    between_check("requests_per_second", cluster.requests_per_second, 1, REQUESTS_MOST)
    try:
        cluster.options = options_checked(cluster.options)
    except OptionsRefused as error:
        field = f"options.{error.path}".removesuffix(".")
        raise Invalid(f"{field}: {error}", fields={field: [str(error)]}) from error
    _url_check("job_api_url", cluster.job_api_url)
    if not _PREFIX.fullmatch(cluster.namespace_prefix):
        refuse(
            "namespace_prefix", f"{cluster.namespace_prefix!r} cannot begin a name: small letters, digits and dashes"
        )
    if cluster.runtime_image and not _is_image(cluster.runtime_image):
        refuse("runtime_image", f"{cluster.runtime_image!r} is not the name of an image")
    unchecked = {*SHOWN, "nonce", "ciphertext", "key_id"}
    try:
        cluster.clean_fields(exclude=unchecked)
    except ValidationError as error:
        fields = {name: list(texts) for name, texts in error.message_dict.items()}
        sentences = "; ".join(f"{name}: {text}" for name, texts in fields.items() for text in texts)
        raise Invalid(sentences, fields=fields) from error


def _url_check(name: str, url: str) -> None:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        refuse(name, f"{url!r} is not an address like http://bedplate-web.bedplate.svc:8000")


def _is_image(name: str) -> bool:
    return name.isascii() and name.isprintable() and not any(sign in name for sign in " \t'\"\\`$;|&<>")
