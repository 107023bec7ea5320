"""One cluster, one project, and specs of each kind, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from workers.backends.kubernetes.site import ClusterSite, FlavorSite, Tenant, Toleration
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec, Resources, ServingSpec

INSTALLATION = "0193f000-0000-7000-8000-000000000001"
WORKLOAD = "0193f000-1111-7000-8000-000000000001"
ATTEMPT = "0193f000-2222-7000-8000-000000000001"
NAME = "bp-0193f000222270008000000000000001"
NAMESPACE = "bedplate-acme-credit-risk"
TENANT = Tenant("acme", "risk", "credit-risk")
RUNTIME = "registry.example.com/bedplate-runtime:1.0"

SITE = ClusterSite(
    installation=INSTALLATION,
    cluster="lab",
    runtime_image=RUNTIME,
    flavors={
        "H200": FlavorSite(
            tolerations=(Toleration(key="team", operator="Equal", value="risk", effect="NoExecute", seconds=60),),
            node_labels={"nvidia.com/gpu.product": "NVIDIA-H200"},
            runtime_class="nvidia",
        ),
        "serverless": FlavorSite(fargate=True, pod_labels={"compute": "fargate"}),
    },
)


def launch(**changes: Any) -> LaunchContext:
    """The launch of one attempt on one node."""
    values: dict[str, Any] = {
        "workload_id": WORKLOAD,
        "attempt_id": ATTEMPT,
        "attempt_number": 3,
        "count": 1,
        "api_url": "http://bedplate.example.com:8000",
        "token": "t0ken",
        "nodes": ("n1",),
        "labels": {"organisation": TENANT.organisation, "team": TENANT.team, "project": TENANT.project},
    }
    return LaunchContext(**{**values, **changes})


def job(**changes: Any) -> JobSpec:
    """A command on two cores."""
    return JobSpec(**{"command": ("python", "train.py"), "resources": Resources(2000, 4 << 30), **changes})


def server(**changes: Any) -> ServingSpec:
    """A server of one core."""
    return ServingSpec(**{"command": ("python", "-m", "serve"), "resources": Resources(1000, 1 << 30), **changes})


def labels(kind: str) -> dict[str, str]:
    """What everything of the attempt is labelled with."""
    return {
        "app.kubernetes.io/managed-by": "bedplate",
        "bedplate.io/installation": "0193f000-0000-7000-8000-000000000001",
        "bedplate.io/organisation": "acme",
        "bedplate.io/team": "risk",
        "bedplate.io/project": "credit-risk",
        "bedplate.io/attempt": "0193f000-2222-7000-8000-000000000001",
        "bedplate.io/workload": "0193f000-1111-7000-8000-000000000001",
        "bedplate.io/kind": kind,
    }


def metadata(kind: str) -> dict[str, Any]:
    """Of everything of the attempt."""
    return {"name": NAME, "namespace": NAMESPACE, "labels": labels(kind)}


CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""The security context of every container."""
