"""One container of one pod as the kubelet keeps it: its state, its log, and what runs it."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.kubernetes.store import Object

MESSAGE_BYTES = 4096


@dataclass
class Log:
    """Lines with their timestamps; the last may have no newline yet."""

    lines: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Time, stream, text with its newline."""
    ended: bool = False

    def add(self, stamp: str, stream: str, data: bytes) -> None:
        for line in data.splitlines(keepends=True):
            if self.lines and not self.lines[-1][2].endswith(b"\n") and self.lines[-1][1] == stream:
                before = self.lines.pop()
                self.lines.append((before[0], stream, before[2] + line))
            else:
                self.lines.append((stamp, stream, line))


@dataclass(eq=False)
class Container:
    """What the kubelet knows of it."""

    spec: dict[str, Any]
    init: bool
    state: dict[str, Any] = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: dict[str, Any] = field(default_factory=dict)
    restarts: int = 0
    pulls: int = 0
    """Tries to pull its image that failed."""
    ready: bool = False
    started: bool | None = False
    image_id: str = ""
    id: str = ""
    log: Log | None = None
    previous: Log | None = None
    running: object = None
    """What the runtime keeps of it."""

    @property
    def name(self) -> str:
        found: str = self.spec["name"]
        return found

    @property
    def exit_code(self) -> int | None:
        ended = self.state.get("terminated")
        return None if ended is None else int(ended["exitCode"])

    def status(self) -> dict[str, Any]:
        """As containerStatuses shows it."""
        image = self.spec["image"]
        if self.image_id and "/" in image and "." not in image.split("/")[0]:
            image = f"docker.io/{image}"
        status: dict[str, Any] = {
            "name": self.name, "state": self.state, "lastState": self.last, "ready": self.ready,
            "restartCount": self.restarts, "image": image, "imageID": self.image_id,
        }  # fmt: skip
        if self.id:
            status["containerID"] = self.id
        status["started"] = bool(self.started)
        resources = self.spec.get("resources") or {}
        if self.id and resources:
            status["allocatedResources"] = resources.get("requests") or {}
            status["resources"] = resources
        if mounts := self.spec.get("volumeMounts"):
            status["volumeMounts"] = [_mounted(each) for each in mounts]
        return status


def _mounted(mount: dict[str, Any]) -> dict[str, Any]:
    shown = {"name": mount["name"], "mountPath": mount["mountPath"]}
    return {**shown, "readOnly": True, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else shown


Ended = Callable[[int, str, str], None]
"""Exit code, reason (empty: by the code), termination message. Called in the loop's thread."""


@dataclass(frozen=True)
class Problem:
    """Why a container cannot start now."""

    reason: str
    message: str
    event: str = "Failed"
    ends: bool = False
    """It counts as ended, with exit code 128."""
    waits: str = ""
    """The reason that it shows between two tries (`ImagePullBackOff`)."""


class Runtime(ABC):
    """What really happens when a container runs."""

    def address(self, pod: Object, number: int) -> str:
        """The pod's address; `number` counts the pods."""
        return f"10.244.{number // 250 % 256}.{number % 250 + 2}"

    @abstractmethod
    def prepare(self, pod: Object) -> None:
        """Its volumes are wanted; every Secret of them is there."""

    @abstractmethod
    def pull(self, pod: Object, container: Container) -> tuple[float, bool]:
        """Seconds that pulling the image takes, and whether the node has it already."""

    def image_id(self, pod: Object, container: Container) -> str:
        """What the node says that it runs; unless told otherwise, an image that was put on the node by hand."""
        return f"sha256:{hashlib.sha256(container.spec['image'].encode()).hexdigest()}"

    @abstractmethod
    def problem(self, pod: Object, container: Container) -> Problem | None:
        """What keeps it from starting."""

    @abstractmethod
    def start(self, pod: Object, container: Container, ended: Ended) -> None:
        """Run it; `container.log` is there."""

    @abstractmethod
    def terminate(self, pod: Object, container: Container) -> None:
        """SIGTERM."""

    @abstractmethod
    def kill(self, pod: Object, container: Container) -> None:
        """SIGKILL; `ended` is called."""

    @abstractmethod
    def ready(self, pod: Object, container: Container) -> float | None:
        """Seconds from its start until it is ready; None: the runtime says so itself, by `Kubelet.set_ready`."""

    def evicted(self, pod: Object, container: Container) -> tuple[float, str] | None:
        """Seconds until the kubelet evicts the pod for its storage, and its message."""
        return None

    @abstractmethod
    def forget(self, pod: Object) -> None:
        """The pod is gone from its node."""
