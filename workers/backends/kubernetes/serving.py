"""A served revision: a Deployment of as many replicas as were granted, and what goes with it. Pure.

No autoscaler of the cluster: every replica is admitted first, and then asked for by `orders.resized`.
"""

from __future__ import annotations

from typing import Any, Final

from workers.backends.kubernetes import names, pod
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import ServingSpec

PULL_SECONDS: Final = 600
"""For an image to come, before a revision counts as one that makes no progress."""


def deployment(spec: ServingSpec, launch: LaunchContext, site: ClusterSite, metadata: dict[str, Any]) -> dict[str, Any]:
    """Its pods never change: another revision is another Deployment. So none is ever made beyond those granted."""
    template = pod.template(spec, launch, site)
    template["spec"]["restartPolicy"] = "Always"
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": launch.count,
            "revisionHistoryLimit": 0,
            "progressDeadlineSeconds": spec.start_timeout_seconds + PULL_SECONDS,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "selector": {"matchLabels": {names.ATTEMPT: launch.attempt_id}},
            "template": template,
        },
    }


def surroundings(launch: LaunchContext, site: ClusterSite, metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """A name for the replicas that are ready, and word to the cluster to take away one at a time only."""
    replicas = {names.ATTEMPT: launch.attempt_id}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "clusterIP": "None",  # gateways balance by themselves, over the addresses of the replicas
            "selector": replicas,
            "ports": [{"name": "http", "port": site.serve_port, "targetPort": "http", "protocol": "TCP"}],
        },
    }
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": replicas},
        },
    }
    return [service, budget]
