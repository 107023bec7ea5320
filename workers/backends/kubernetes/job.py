"""A job that runs to an end, on all members at once: an Indexed Job, and what a gang needs to meet. Pure."""

from __future__ import annotations

from typing import Any, Final

from workers.backends.kubernetes import names, pod
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec

DEADLINE_MARGIN_SECONDS: Final = 3600
"""Beyond the time limit, which the wrapper keeps and which begins when the command starts: for images to come."""
LONGEST_SECONDS: Final = 2**31 - 1
KEPT_SECONDS: Final = 7 * 24 * 3600
"""How long the cluster keeps a Job that has ended, and that nobody swept."""


def job(spec: JobSpec, launch: LaunchContext, site: ClusterSite, metadata: dict[str, Any]) -> dict[str, Any]:
    """All ranks or none: no rank is tried again here, and one that fails ends the Job. A pod that the cluster took
    away is made again, and leaves at once when its rank has begun before."""
    template = pod.template(spec, launch, site)
    template["spec"] |= {"restartPolicy": "Never", **({"subdomain": metadata["name"]} if launch.count > 1 else {})}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "completionMode": "Indexed",
            "completions": launch.count,
            "parallelism": launch.count,
            "backoffLimit": 0,
            "podFailurePolicy": {
                "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
            },
            "podReplacementPolicy": "Failed",
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            **_deadline(spec),
            "template": template,
        },
    }


def _deadline(spec: JobSpec) -> dict[str, int]:
    limit = spec.time_limit_seconds
    return {"activeDeadlineSeconds": min(limit + DEADLINE_MARGIN_SECONDS, LONGEST_SECONDS)} if limit else {}


def meeting_place(launch: LaunchContext, site: ClusterSite, metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """For a gang: a name for each member before it is ready, and leave to connect to each other and nobody else's."""
    if launch.count < 2:
        return []
    members = {names.ATTEMPT: launch.attempt_id}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": members,
            "ports": [{"name": "rendezvous", "port": site.rendezvous_port, "protocol": "TCP"}],
        },
    }
    among = [{"podSelector": {"matchLabels": members}}]
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {
            "podSelector": {"matchLabels": members},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": among}],
            "egress": [{"to": among}],
        },
    }
    return [service, policy]
