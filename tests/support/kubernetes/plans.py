"""What containers do under the scripted kubelet: a test's plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.support.kubernetes.store import Object

IMAGE_ERRORS = ("ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError")


@dataclass(frozen=True)
class Plan:
    """One container's life; seconds are of the cluster's clock."""

    seconds: float | None = None
    """How long it runs; None: until it is stopped, or `exit` is called."""
    exit_code: int = 0
    reason: str = ""
    """Of the terminated container; empty: `Completed` or `Error`. `OOMKilled` goes with any exit code."""
    message: str = ""
    """What the container leaves at its terminationMessagePath."""
    log: str = ""
    """What it prints when it starts."""
    log_pace: float = 0
    """Seconds between its lines; 0: all at once."""
    present: bool = True
    """Whether the node has the image already."""
    pull_seconds: float = 0
    image_id: str = ""
    """What the node says that it runs; empty: an image that was put on the node by hand, as in the recordings."""
    image_error: str = ""
    """One of IMAGE_ERRORS: the container never starts."""
    start_error: str = ""
    """What the runtime says: the container ends at once with `StartError` and 128."""
    ready: bool = True
    ready_after: float = 0
    term_exit: int | None = 143
    """Exit code after SIGTERM; None: it ignores SIGTERM, and is killed after the grace period."""
    term_seconds: float = 0
    """How long it takes to end after SIGTERM."""
    term_log: str = ""
    evict_seconds: float | None = None
    """After so long the kubelet evicts the pod for what it wrote; `evict_message` says of which volume."""
    evict_message: str = 'Usage of EmptyDir volume "work" exceeds the limit "10Mi". '


RUNS = Plan()
DONE = Plan(seconds=0)
"""What init containers do that no plan names."""


@dataclass(frozen=True)
class Choice:
    """For which containers a plan is meant."""

    plan: Plan
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that the pod has."""
    name: str = ""
    """How the pod's name begins."""
    container: str = ""
    """Empty: every container that is no init container."""
    attempt: int | None = None
    """Only the n-th pod (from 0) of its owner with the same completion index."""
    restart: int | None = None
    when: Callable[[Object], bool] = lambda pod: True

    def means(self, pod: Object, container: str, *, init: bool, attempt: int, restart: int) -> bool:
        metadata = pod["metadata"]
        labels = metadata.get("labels") or {}
        return (
            (container == self.container or (not self.container and not init))
            and all(labels.get(key) == value for key, value in self.labels.items())
            and metadata["name"].startswith(self.name)
            and self.attempt in {None, attempt}
            and self.restart in {None, restart}
            and self.when(pod)
        )
