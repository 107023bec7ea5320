"""What one launch needs that must not be stored in a spec, and how to find the job again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from workers.contracts import environment

RUN_OWNER: Final = "run"
"""Kind of the owner of a workload that executes a run."""
CLUSTER_PREFIX: Final = "kubernetes/"
"""How the names of backends begin that run jobs on a Kubernetes cluster; the name of the cluster follows."""


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """Everything of one attempt that is not in the spec. Never stored, never logged."""

    workload_id: str
    attempt_id: str
    """UUID; the key by which `Backend.submit` is idempotent."""
    attempt_number: int
    count: int
    """Members granted."""
    api_url: str
    token: str = field(repr=False)
    secrets: dict[str, bytes] = field(default_factory=dict, repr=False)
    nodes: tuple[str, ...] = ()
    """Node of each member, as the scheduler chose; empty means the backend's own choice."""
    devices: tuple[tuple[int, ...], ...] = ()
    """Per member the indices of its GPUs on its node (`CUDA_VISIBLE_DEVICES`)."""
    labels: dict[str, str] = field(default_factory=dict)
    """Owner labels: organisation, team, project."""
    grace_seconds: int = 30
    """How long its members are given to leave when somebody else than the control plane ends them."""
    run_id: str = ""
    """The run that it executes; empty for other work."""

    @property
    def variables(self) -> dict[str, str]:
        """What the job is told of the attempt wherever it runs, but for where the control plane is."""
        run = {environment.RUN_ID: self.run_id} if self.run_id else {}
        return {
            environment.WORKLOAD_ID: self.workload_id,
            environment.ATTEMPT_ID: self.attempt_id,
            environment.ATTEMPT_NUMBER: str(self.attempt_number),
            environment.WORLD_SIZE: str(self.count),
            **run,
        }


@dataclass(frozen=True, slots=True)
class JobHandle:
    """Where the job of one attempt is. Plain JSON, enough to find it after a restart of everything."""

    backend: str
    """Name of the backend that made it: `local`, `kubernetes`, `fake`."""
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"backend": self.backend, "data": self.data}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> JobHandle:
        return cls(backend=value["backend"], data=dict(value["data"]))
