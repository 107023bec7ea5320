"""TrainJob of Kubeflow's Trainer (`trainer.kubeflow.org/v1alpha1`): a gang that torchrun's variables are set for. Pure.

A TrainJob says little of its pods: what they are is in a TrainingRuntime. Each attempt has one of its own, because its
pods read the attempt's files.
"""

from __future__ import annotations

from typing import ClassVar, Final

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes.job import DEADLINE_MARGIN_SECONDS, LONGEST_SECONDS, meeting_place
from workers.backends.kubernetes.operators.base import Made, Manifest, Operated, Operator, Verdict, template
from workers.backends.kubernetes.operators.crds import TRAIN_JOBS, TRAINING_RUNTIMES
from workers.backends.kubernetes.resources import Resource
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec, Spec

NODE: Final = "node"
"""What the trainer's job, and its container, must be called."""
STEP: Final = {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}


class Train(Operator):
    """A gang of the torch runtime."""

    kind: ClassVar[str] = "train"
    resource: ClassVar[Resource] = TRAIN_JOBS
    needs: ClassVar[tuple[Resource, ...]] = (TRAINING_RUNTIMES,)

    def made(self, spec: Spec, launch: LaunchContext, site: ClusterSite, metadata: Manifest) -> Made:
        if not isinstance(spec, JobSpec):
            raise LaunchRefused("A TrainJob runs to an end: it serves nothing.")
        pods = template(self.kind, spec, launch, site, container=NODE)
        pods["spec"]["restartPolicy"] = "Never"
        job = {
            "metadata": {"labels": {**metadata["labels"], **STEP}},
            "spec": {
                "completionMode": "Indexed",
                "completions": launch.count,
                "parallelism": launch.count,
                "backoffLimit": 0,
                "template": pods,
            },
        }
        devices = spec.resources.gpus
        jobs = {
            "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
            "failurePolicy": {"maxRestarts": 0},
            "replicatedJobs": [{"name": NODE, "replicas": 1, "template": job}],
        }
        runtime = {
            "apiVersion": f"{TRAINING_RUNTIMES.group}/{TRAINING_RUNTIMES.version}",
            "kind": TRAINING_RUNTIMES.kind,
            "metadata": metadata,
            "spec": {
                "mlPolicy": {"numNodes": launch.count, "torch": {"numProcPerNode": devices or 1}},
                "template": {"metadata": {"labels": metadata["labels"]}, "spec": jobs},
            },
        }
        limit = spec.time_limit_seconds
        deadline = {"activeDeadlineSeconds": min(limit + DEADLINE_MARGIN_SECONDS, LONGEST_SECONDS)} if limit else {}
        reference = {"apiGroup": TRAINING_RUNTIMES.group, "kind": TRAINING_RUNTIMES.kind, "name": metadata["name"]}
        body = {"runtimeRef": reference, "trainer": {"numNodes": launch.count}, "suspend": False, **deadline}
        allowed = meeting_place(launch, site, metadata)[1:]  # a Service the operator makes itself
        return Made(self.object(metadata, body), first=(runtime,), rest=tuple(allowed))

    def verdict(self, found: Operated) -> Verdict | None:
        if found.condition("Complete"):
            return Verdict(True, "completed")
        failed = found.condition("Failed")
        if failed is None:
            return None
        reasons = {"DeadlineExceeded": "time_limit", "TrainingRuntimeNotSupported": "launch_error"}
        reason = reasons.get(str(failed.get("reason")), "exit_nonzero")
        return Verdict(False, reason, str(failed.get("message") or ""))

    def stopped(self) -> Manifest:
        return {"spec": {"suspend": True}}

    def is_held(self, found: Operated) -> bool:
        return self.is_told(found) and found.condition("Suspended") is not None

    def expected(self, found: Operated) -> int:
        count = (found.spec.get("trainer") or {}).get("numNodes")
        return count if isinstance(count, int) else 1
