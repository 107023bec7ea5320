"""MPIJob of Kubeflow's MPI operator (`kubeflow.org/v2beta1`): the command runs in a launcher, which starts ranks on
workers by SSH. Pure.

The image has to bring MPI and an SSH server for the user `mpiuser`, as those of the operator's examples do. The
launcher is member 0 for the control plane: its wrapper tells logs and exit. Workers are a `sshd` each, as many as
members were admitted; the launcher is beside them, and the inventory takes what it asks for off its node.
"""

from __future__ import annotations

from typing import ClassVar, Final

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes.job import DEADLINE_MARGIN_SECONDS, KEPT_SECONDS, LONGEST_SECONDS, meeting_place
from workers.backends.kubernetes.operators.base import FIRST, Made, Manifest, Operated, Operator, Verdict, template
from workers.backends.kubernetes.operators.crds import MPI_JOBS
from workers.backends.kubernetes.resources import Resource
from workers.backends.kubernetes.seen_objects import Pod
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts import environment
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec, Spec

KEYS: Final = "/home/mpiuser/.ssh"
SSH_SERVER: Final = ["/usr/sbin/sshd", "-De", "-f", "/home/mpiuser/.sshd_config"]
LAUNCHER_CPU: Final = "500m"
ROLE: Final = "training.kubeflow.org/job-role"
LAUNCHER: Final = "launcher"
"""Value of `ROLE`."""
REPLICA: Final = "training.kubeflow.org/replica-index"


class Mpi(Operator):
    """A gang under `mpirun`."""

    kind: ClassVar[str] = "mpi"
    resource: ClassVar[Resource] = MPI_JOBS

    def made(self, spec: Spec, launch: LaunchContext, site: ClusterSite, metadata: Manifest) -> Made:
        if not isinstance(spec, JobSpec) or not spec.image:
            raise LaunchRefused("A job under MPI needs an image of its own, which has MPI and an SSH server.")
        deadline: Manifest = {}
        if spec.time_limit_seconds:
            limit = min(spec.time_limit_seconds + DEADLINE_MARGIN_SECONDS, LONGEST_SECONDS)
            deadline = {"activeDeadlineSeconds": limit}
        body = {
            "slotsPerWorker": max(1, spec.resources.gpus),
            "sshAuthMountPath": KEYS,
            "mpiImplementation": "OpenMPI",
            "launcherCreationPolicy": "WaitForWorkersReady",
            "runPolicy": {
                "cleanPodPolicy": "Running",
                "backoffLimit": 0,
                "ttlSecondsAfterFinished": KEPT_SECONDS,
                "suspend": False,
                **deadline,
            },
            "mpiReplicaSpecs": {
                "Launcher": {
                    "replicas": 1,
                    "restartPolicy": "Never",
                    "template": self._launcher(spec, launch, site),
                },
                "Worker": {
                    "replicas": launch.count,
                    "restartPolicy": "Never",
                    "template": self._worker(spec, launch, site),
                },
            },
        }
        allowed = meeting_place(launch, site, metadata)[1:]  # a Service the operator makes itself
        return Made(self.object(metadata, body), rest=tuple(allowed))

    def _launcher(self, spec: JobSpec, launch: LaunchContext, site: ClusterSite) -> Manifest:
        """It waits for the others: without devices, and where there is room."""
        made = template(self.kind, spec, launch, site, variables=FIRST)
        inside = made["spec"]
        for each in (*inside["initContainers"], *inside["containers"]):
            memory = each["resources"].get("limits", {}).get("memory")
            amounts = {"memory": memory} if memory else {}
            each["resources"] = {
                "requests": {"cpu": LAUNCHER_CPU, **amounts},
                **({"limits": amounts} if memory else {}),
            }
        inside.pop("topologySpreadConstraints", None)
        return made

    def _worker(self, spec: JobSpec, launch: LaunchContext, site: ClusterSite) -> Manifest:
        """Only serves: it says nothing to the control plane, so its files are placed and no start is claimed."""
        made = template(self.kind, spec, launch, site, variables={**FIRST, environment.API_URL: ""})
        made["spec"]["containers"][0] |= {"command": list(SSH_SERVER)}
        return made

    def verdict(self, found: Operated) -> Verdict | None:
        if found.condition("Succeeded"):
            return Verdict(True, "completed")
        failed = found.condition("Failed")
        if failed is None:
            return None
        late = "DeadlineExceeded" in f"{failed.get('reason')} {failed.get('message')}"
        return Verdict(False, "time_limit" if late else "exit_nonzero", str(failed.get("message") or ""))

    def stopped(self) -> Manifest:
        return {"spec": {"runPolicy": {"suspend": True}}}

    def is_told(self, found: Operated) -> bool:
        return bool((found.spec.get("runPolicy") or {}).get("suspend"))

    def is_held(self, found: Operated) -> bool:
        return self.is_told(found) and found.condition("Suspended") is not None

    def expected(self, found: Operated) -> int:
        """The launcher and its workers."""
        worker = (found.spec.get("mpiReplicaSpecs") or {}).get("Worker") or {}
        return 1 + int(worker.get("replicas") or 0)

    def rank(self, pod: Pod) -> int | None:
        index = pod.metadata.label(REPLICA)
        if pod.metadata.label(ROLE) == LAUNCHER:
            return 0
        return int(index) + 1 if index.isdecimal() else None
