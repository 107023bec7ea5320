"""A Kubernetes cluster on which jobs run, and how to connect to it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.db import models

from apps.common.models import BaseModel
from apps.quotas.states import ConnectionKind
from workers.contracts.launch import CLUSTER_PREFIX

NAME_MOST = 40
PREFIX_MOST = 20
REQUESTS_MOST = 1000
_DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


class ClusterQuerySet(models.QuerySet["Cluster"]):
    def visible_to(self, user: Any) -> ClusterQuerySet:
        """People see the clusters behind the pools that they see; superusers all."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        shared = models.Q(pool__organisation=None) | models.Q(pool__organisation=user.organisation_id)
        return self.filter(shared, pool__isnull=False)


class Cluster(BaseModel):
    """How to connect to a Kubernetes cluster, what manifests there need to know, and how it was when asked last.

    Its pool has its name and is run by the backend `kubernetes/<name>`. Objects on the cluster carry its id as that
    of the installation, so that several installations can share one cluster.
    """

    name = models.CharField(
        max_length=NAME_MOST, unique=True, validators=[RegexValidator(_DNS_LABEL, "Small letters, digits and dashes.")]
    )
    """Never changed: pools, handles and attempts name it."""
    kind = models.CharField(max_length=12, choices=ConnectionKind.choices)
    server = models.CharField(max_length=500, blank=True, default="")
    """Address of the API server; of a kubeconfig, what its current context says. Empty: in the cluster."""
    ca_pem = models.TextField(blank=True, default="")
    """Whom to believe that it is the server: certificates. Empty: the authorities that the machine trusts."""
    key_id = models.CharField(max_length=40, blank=True, default="", editable=False)
    nonce = models.BinaryField(max_length=12, default=bytes)
    ciphertext = models.BinaryField(default=bytes)
    """The kubeconfig or the token, AES-256-GCM with a key of the installation; the associated data is
    `cluster/<id>`. Empty: in the cluster, where the credentials are those of the pod."""
    credentials_at = models.DateTimeField(null=True, editable=False)
    """When they were given last."""

    namespace_prefix = models.CharField(
        max_length=PREFIX_MOST, default="bedplate", validators=[RegexValidator(_DNS_LABEL)]
    )
    """Namespaces of projects begin with it."""
    makes_namespaces = models.BooleanField(default=True)
    """Whether namespaces of projects are made, with their quotas and network policies; else an administrator of the
    cluster does."""
    job_api_url = models.CharField(max_length=500, blank=True, default="")
    """The API as pods reach it; empty: `BEDPLATE_JOB_API_URL`."""
    runtime_image = models.CharField(max_length=500, blank=True, default="")
    """What jobs without an image of their own run in; empty: `BEDPLATE_RUNTIME_IMAGE`."""
    requests_per_second = models.PositiveSmallIntegerField(default=50)
    """Most that one process asks the API server."""
    options = models.JSONField(default=dict, blank=True)
    """What else manifests need: see `workers.contracts.cluster_options`."""

    revision = models.PositiveIntegerField(default=1, editable=False)
    """One more with each change of what is above: whoever holds a connection makes a new one."""
    checked_at = models.DateTimeField(null=True, editable=False)
    """When it was asked last whether all is well; empty: not since it was changed."""
    healthy = models.BooleanField(default=False, editable=False)
    """It answered then, and allowed what is needed."""
    healthy_at = models.DateTimeField(null=True, editable=False)
    """When it was so last."""
    version = models.CharField(max_length=60, blank=True, default="", editable=False)
    """As its API server says: `v1.36.2`."""
    problems = models.JSONField(default=list, blank=True, editable=False)
    """What was wrong then, a missing permission each: `[{"code", "detail", "params", "blocking"}]`."""

    objects = ClusterQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(kind__in=ConnectionKind.values), name="cluster_kind"),
            models.CheckConstraint(condition=models.Q(name__regex=_DNS_LABEL), name="cluster_named"),
            models.CheckConstraint(condition=models.Q(namespace_prefix__regex=_DNS_LABEL), name="cluster_prefix"),
            models.CheckConstraint(
                condition=models.Q(requests_per_second__range=(1, REQUESTS_MOST)), name="cluster_requests"
            ),
            models.CheckConstraint(
                condition=models.Q(kind=ConnectionKind.IN_CLUSTER, key_id="")
                | (~models.Q(kind=ConnectionKind.IN_CLUSTER) & ~models.Q(key_id="") & ~models.Q(server="")),
                name="cluster_credentials",
            ),
            models.CheckConstraint(
                condition=models.Q(healthy=False) | models.Q(checked_at__isnull=False, healthy_at__isnull=False),
                name="cluster_health_was_seen",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def backend(self) -> str:
        """Name of the backend that runs jobs on it."""
        return f"{CLUSTER_PREFIX}{self.name}"
