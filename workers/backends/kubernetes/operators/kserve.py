"""InferenceService of KServe (`serving.kserve.io/v1beta1`): a served revision whose Deployment KServe makes. Pure.

In its standard mode and without an autoscaler: replicas are as many as were granted.
"""

from __future__ import annotations

from typing import ClassVar, Final

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes.operators.base import Made, Manifest, Operated, Operator, Verdict, template
from workers.backends.kubernetes.operators.crds import INFERENCE_SERVICES
from workers.backends.kubernetes.resources import Resource
from workers.backends.kubernetes.seen_objects import Pod
from workers.backends.kubernetes.serving import surroundings
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import ServingSpec, Spec

CONTAINER: Final = "kserve-container"
"""What KServe takes for the server."""
STOP: Final = "serving.kserve.io/stop"
MODE: Final = {"serving.kserve.io/deploymentMode": "RawDeployment", "serving.kserve.io/autoscalerClass": "none"}
"""The name of the standard mode that every version knows."""


class KServe(Operator):
    """A served revision."""

    kind: ClassVar[str] = "kserve"
    resource: ClassVar[Resource] = INFERENCE_SERVICES
    serves: ClassVar[bool] = True

    def made(self, spec: Spec, launch: LaunchContext, site: ClusterSite, metadata: Manifest) -> Made:
        if not isinstance(spec, ServingSpec):
            raise LaunchRefused("An InferenceService serves: it never ends by itself.")
        pods = template(self.kind, spec, launch, site, container=CONTAINER)
        predictor = {
            **self.resized(launch.count)["spec"]["predictor"],
            "labels": pods["metadata"]["labels"],
            "deploymentStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            **pods["spec"],
        }
        annotated = {**metadata, "annotations": dict(MODE)}
        _, budget = surroundings(launch, site, metadata)  # a Service KServe makes itself
        return Made(self.object(annotated, {"predictor": predictor}), rest=(budget,))

    def verdict(self, found: Operated) -> Verdict | None:
        return None

    def stopped(self) -> Manifest:
        return {"metadata": {"annotations": {STOP: "true"}}}

    def is_held(self, found: Operated) -> bool:
        return found.metadata.annotation(STOP) == "true"

    def expected(self, found: Operated) -> int:
        count = (found.spec.get("predictor") or {}).get("minReplicas")
        return count if isinstance(count, int) else 1

    def rank(self, pod: Pod) -> int | None:
        return 0

    def resized(self, count: int) -> Manifest:
        return {"spec": {"predictor": {"minReplicas": count, "maxReplicas": count}}}
