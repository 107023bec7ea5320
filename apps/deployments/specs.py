"""What a revision runs: plain values → ServingSpec. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.common.storage import uri_of
from workers.contracts.specs import DataRef, Resources, ServingSpec

MODULE = "workers.runtime.serving"
MODEL, PREPROCESSOR = "model", "preprocessor"
RESOURCES = Resources(cpu_millis=250, memory_bytes=512 << 20)
"""Of each replica: ONNX Runtime with one thread, and a small model."""
THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a model: its path in the store, and what it must be when a replica loads it."""

    path: str
    sha256: str


def revision_spec(*, model: StoredFile, preprocessor: StoredFile, model_version_id: UUID) -> ServingSpec:
    """Replicas that load these files of the store."""
    files = {MODEL: model, PREPROCESSOR: preprocessor}
    return ServingSpec(
        command=("python", "-m", MODULE),
        resources=RESOURCES,
        inputs=tuple(DataRef(name, uri_of(file.path), sha256=file.sha256) for name, file in files.items()),
        parameters={"threshold": THRESHOLD, "model_version": str(model_version_id)},
    )
