"""What a revision runs: plain values → ServingSpec. Pure."""

from __future__ import annotations

from uuid import UUID

from apps.common.storage import uri_of
from workers.contracts.specs import DataRef, Resources, ServingSpec

MODULE = "workers.runtime.serving"
MODEL, PREPROCESSOR = "model", "preprocessor"
RESOURCES = Resources(cpu_millis=250, memory_bytes=512 << 20)
"""Of each replica: ONNX Runtime with one thread, and a small model."""
THRESHOLD = 0.5


def revision_spec(*, model_path: str, preprocessor_path: str, model_version_id: UUID) -> ServingSpec:
    """Replicas that load the model and the preprocessor at these paths of the store."""
    return ServingSpec(
        command=("python", "-m", MODULE),
        resources=RESOURCES,
        inputs=(DataRef(MODEL, uri_of(model_path)), DataRef(PREPROCESSOR, uri_of(preprocessor_path))),
        parameters={"threshold": THRESHOLD, "model_version": str(model_version_id)},
    )
