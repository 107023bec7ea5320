"""What the API says and takes about Kubernetes clusters. Credentials are taken and never said."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from apps.quotas.models import Cluster
from apps.quotas.models.cluster import NAME_MOST, PREFIX_MOST, REQUESTS_MOST
from apps.quotas.services.cluster_credentials import Credentials
from apps.quotas.states import ConnectionKind
from workers.contracts.kubeconfig import TEXT_MOST_BYTES

CREDENTIALS = ("kubeconfig", "server", "ca_pem", "token")
CLUSTER = {
    "id": "01936f2e-0000-7000-8000-000000000201",
    "name": "gpu",
    "kind": "token",
    "server": "https://10.1.2.3:6443",
    "ca_pem": "-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n",
    "credentials_at": "2026-03-02T09:30:00Z",
    "namespace_prefix": "bedplate",
    "makes_namespaces": True,
    "job_api_url": "https://bedplate.example",
    "runtime_image": "",
    "requests_per_second": 50,
    "options": {"image_policy": ["ghcr.io/acme"], "flavors": {"": {"fargate": True}}},
    "checked_at": "2026-03-02T09:30:04Z",
    "healthy": False,
    "healthy_at": None,
    "version": "v1.36.2",
    "problems": [
        {
            "code": "missing_permission",
            "detail": "It may not create jobs.batch: needed to start jobs.",
            "params": {"verb": "create", "group": "batch", "resource": "jobs"},
            "blocking": True,
        }
    ],
    "pool": "01936f2e-0000-7000-8000-000000000202",
    "backend": "kubernetes/gpu",
    "created_at": "2026-03-02T09:30:00Z",
}
WANTED = {
    "name": "gpu",
    "kind": "token",
    "server": "https://10.1.2.3:6443",
    "ca_pem": CLUSTER["ca_pem"],
    "token": "eyJhbGciOi…",
    "job_api_url": "https://bedplate.example",
    "options": CLUSTER["options"],
}


class ClusterProblemSerializer(serializers.Serializer[Any]):
    """Something that was wrong when the cluster was checked; each missing permission is one."""

    code = serializers.CharField()
    detail = serializers.CharField(help_text="For people.")
    params = serializers.DictField(child=serializers.CharField(allow_blank=True), help_text="The same in parts.")
    blocking = serializers.BooleanField(help_text="Does it keep jobs from running there?")


class ClusterHealthSerializer(serializers.Serializer[Any]):
    """How the cluster behind a pool was when it was asked last."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    healthy = serializers.BooleanField()
    checked_at = serializers.DateTimeField(allow_null=True, help_text="Null: not since it was added or changed.")
    healthy_at = serializers.DateTimeField(allow_null=True, help_text="When it was well last.")
    problems = ClusterProblemSerializer(many=True)


@extend_schema_serializer(
    examples=[OpenApiExample("A cluster that does not allow all that is needed", value=CLUSTER, response_only=True)]
)
class ClusterSerializer(serializers.ModelSerializer[Cluster]):
    """How to connect to a cluster, what manifests there need, and how it was when asked last."""

    problems = ClusterProblemSerializer(many=True, read_only=True)
    pool = serializers.SerializerMethodField(help_text="The pool of its machines.")
    options = serializers.DictField(read_only=True)

    class Meta:
        model = Cluster
        fields = [
            "id",
            "name",
            "kind",
            "server",
            "ca_pem",
            "credentials_at",
            "namespace_prefix",
            "makes_namespaces",
            "job_api_url",
            "runtime_image",
            "requests_per_second",
            "options",
            "checked_at",
            "healthy",
            "healthy_at",
            "version",
            "problems",
            "pool",
            "backend",
            "created_at",
        ]
        extra_kwargs = {
            "credentials_at": {"help_text": "When they were given last; null: they are those of the pod."},
            "healthy": {"help_text": "It answered when it was checked, and allowed all that is needed."},
        }

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_pool(self, cluster: Cluster) -> Any:
        pool = getattr(cluster, "pool", None)
        return pool.pk if pool is not None else None


def _secret(help_text: str) -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_blank=True, max_length=TEXT_MOST_BYTES, write_only=True, help_text=help_text
    )


class ClusterChangeSerializer(serializers.Serializer[Any]):
    """How to connect is given as a whole or not at all: with `kind`, all that this kind takes."""

    kind = serializers.ChoiceField(ConnectionKind.choices, required=False)
    kubeconfig = _secret("With `kubeconfig`: its current context is used; no exec plugins, no names of files.")
    server = serializers.CharField(required=False, allow_blank=True, max_length=500, help_text="With `token`.")
    ca_pem = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=TEXT_MOST_BYTES,
        trim_whitespace=False,
        help_text="With `token`: who may have signed the server's certificate; empty: whom the machine trusts.",
    )
    token = _secret("With `token`: of a service account.")
    namespace_prefix = serializers.CharField(
        required=False, max_length=PREFIX_MOST, help_text="Namespaces of projects begin with it."
    )
    makes_namespaces = serializers.BooleanField(
        required=False, help_text="Are namespaces of projects made for you? Else an administrator of the cluster does."
    )
    job_api_url = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="The API as pods reach it; empty: as is set."
    )
    runtime_image = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="For jobs without an image of their own."
    )
    requests_per_second = serializers.IntegerField(
        required=False, min_value=1, max_value=REQUESTS_MOST, help_text="Most that one process asks the API server."
    )
    options = serializers.DictField(
        required=False, help_text="What else manifests need: see the guide, under Kubernetes clusters."
    )

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        """With `credentials` in place of their parts, if any of these is there."""
        parts = {name: asked.pop(name) for name in ("kind", *CREDENTIALS) if name in asked}
        if parts and "kind" not in parts:
            raise serializers.ValidationError({"kind": ["is needed to say anew how to connect"]})
        return {**asked, "credentials": Credentials(**parts)} if parts else asked


@extend_schema_serializer(examples=[OpenApiExample("By a token", value=WANTED, request_only=True)])
class ClusterCreateSerializer(ClusterChangeSerializer):
    name = serializers.CharField(max_length=NAME_MOST, help_text="Small letters, digits and dashes; for good.")
    kind = serializers.ChoiceField(ConnectionKind.choices)
