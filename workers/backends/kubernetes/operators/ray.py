"""RayJob of KubeRay (`ray.io/v1`): a Ray cluster for one job on data, gone when it has ended. Pure.

The command runs on the head, member 0, under its wrapper; the other members are workers of the cluster. The image has
to bring Ray, of one version for all.
"""

from __future__ import annotations

import shlex
from typing import Any, ClassVar, Final

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes import names, pod
from workers.backends.kubernetes.job import DEADLINE_MARGIN_SECONDS, LONGEST_SECONDS
from workers.backends.kubernetes.operators.base import FIRST, Made, Manifest, Operated, Operator, Verdict, template
from workers.backends.kubernetes.operators.crds import RAY_JOBS
from workers.backends.kubernetes.resources import Resource
from workers.backends.kubernetes.seen_objects import Pod
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts import environment
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec, Spec

HEAD, WORKERS = "ray-head", "ray-worker"
GROUP: Final = "workers"
CLUSTER_PORT, DASHBOARD_PORT = 6379, 8265
ROLE: Final = "ray.io/node-type"
OPERATOR: Final = {"app.kubernetes.io/name": "kuberay-operator"}


class Ray(Operator):
    """A job whose engine is Ray."""

    kind: ClassVar[str] = "ray"
    resource: ClassVar[Resource] = RAY_JOBS

    def made(self, spec: Spec, launch: LaunchContext, site: ClusterSite, metadata: Manifest) -> Made:
        if not isinstance(spec, JobSpec):
            raise LaunchRefused("A RayJob runs to an end: it serves nothing.")
        limit = spec.time_limit_seconds
        deadline = {"activeDeadlineSeconds": min(limit + DEADLINE_MARGIN_SECONDS, LONGEST_SECONDS)} if limit else {}
        workers = [self._workers(spec, launch, site)] if launch.count > 1 else []
        body = {
            "entrypoint": shlex.join(pod.command(spec)),
            "submissionMode": "HTTPMode",  # no further pod that would submit it
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 0,
            "backoffLimit": 0,
            "suspend": False,
            **deadline,
            "rayClusterSpec": {"headGroupSpec": self._head(spec, launch, site), "workerGroupSpecs": workers},
        }
        return Made(self.object(metadata, body), rest=(_allowed(launch, metadata),))

    def _head(self, spec: JobSpec, launch: LaunchContext, site: ClusterSite) -> Manifest:
        address = f"127.0.0.1:{CLUSTER_PORT}"
        variables = {**FIRST, environment.DATA_RUNNER: "ray", environment.RAY_ADDRESS: address}
        made = template(self.kind, spec, launch, site, container=HEAD, variables=variables)
        _by_ray(made)
        return {"rayStartParams": {"dashboard-host": "0.0.0.0"}, "template": made}  # noqa: S104 - of the pod alone

    def _workers(self, spec: JobSpec, launch: LaunchContext, site: ClusterSite) -> Manifest:
        """They only lend their cores: nothing is claimed, and nothing told."""
        variables = {**FIRST, environment.API_URL: ""}
        made = template(self.kind, spec, launch, site, container=WORKERS, variables=variables)
        _by_ray(made)
        count = launch.count - 1
        return {
            "groupName": GROUP,
            "replicas": count,
            "minReplicas": count,
            "maxReplicas": count,
            "rayStartParams": {},
            "template": made,
        }

    def verdict(self, found: Operated) -> Verdict | None:
        status, said = found.status, str(found.status.get("message") or "")
        if status.get("jobDeploymentStatus") not in ("Complete", "Failed"):
            return None
        if status.get("jobStatus") == "SUCCEEDED" and status.get("jobDeploymentStatus") == "Complete":
            return Verdict(True, "completed")
        reasons = {"DeadlineExceeded": "time_limit", "SubmissionFailed": "launch_error"}
        return Verdict(False, reasons.get(str(status.get("reason")), "exit_nonzero"), said)

    def stopped(self) -> Manifest:
        return {"spec": {"suspend": True}}

    def is_held(self, found: Operated) -> bool:
        return self.is_told(found) and found.status.get("jobDeploymentStatus") == "Suspended"

    def expected(self, found: Operated) -> int:
        groups = (found.spec.get("rayClusterSpec") or {}).get("workerGroupSpecs") or ()
        return 1 + sum(int(each.get("replicas") or 0) for each in groups)

    def rank(self, pod: Pod) -> int | None:
        return 0 if pod.metadata.label(ROLE) == "head" else None


def _by_ray(made: Manifest) -> None:
    """What starts Ray in a container is KubeRay's own; where the command goes, the entry point says."""
    container = made["spec"]["containers"][0]
    for name in ("command", "terminationMessagePath", "terminationMessagePolicy"):
        container.pop(name)
    made["spec"].pop("topologySpreadConstraints", None)


def _allowed(launch: LaunchContext, metadata: Manifest) -> Manifest:
    """The members reach each other, and the operator asks the head how the job is."""
    members = {"podSelector": {"matchLabels": {names.ATTEMPT: launch.attempt_id}}}
    operator: dict[str, Any] = {"namespaceSelector": {}, "podSelector": {"matchLabels": OPERATOR}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {
            "podSelector": {"matchLabels": {names.ATTEMPT: launch.attempt_id}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [members]},
                {"from": [operator], "ports": [{"protocol": "TCP", "port": DASHBOARD_PORT}]},
            ],
            "egress": [{"to": [members]}],
        },
    }
