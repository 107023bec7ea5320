"""The interface behind which jobs run, and what all implementations promise.

- Every verb is prompt: it never waits for a job. Every verb may be repeated, late or at once, by any process.
- The key of a job is its attempt id. One attempt runs at most once: not again after it ended, not after a
  `stop`, whatever is submitted how often.
- A handle is a pure function of the attempt id; nothing has to be remembered between two calls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import Observation
from workers.contracts.specs import Spec

LOG_SLICE_BYTES = 1024 * 1024
SWEEP_AGE_SECONDS = 60.0


class BackendError(Exception):
    """Something a backend could not do. `str()` is a sentence for people.

    BackendError
    ├── BackendUnavailable   try again later, the job is not to blame
    ├── LaunchRefused        never try this launch again: the workload fails with `reason`
    └── Unsupported          never ask this of that job, or of this backend
    """

    code: ClassVar[str] = "backend_error"


class BackendUnavailable(BackendError):
    """The backend is away, full or slow; nothing is known about what it did. Retry."""

    code = "backend_unavailable"


class LaunchRefused(BackendError):
    """This spec can never be launched here. `reason` is a value of the control plane's closed list."""

    code = "launch_refused"
    reason: ClassVar[str] = "launch_error"


class Unsupported(BackendError):
    """Not something that this job or backend can do; repeating it does not help."""

    code = "unsupported"


@dataclass(frozen=True, slots=True)
class LogSlice:
    """Some of the output of one member."""

    data: bytes
    offset: int
    """Where to go on: the next `after`."""


class Backend(ABC):
    """Runs jobs somewhere. Instances may be shared by threads; a job outlives the instance that submitted it."""

    name: str
    """By which handles and pools call it; of a cluster each instance has its own."""

    @abstractmethod
    def handle_for(self, spec: Spec, launch: LaunchContext) -> JobHandle:
        """Where the job of this attempt is, or will be. Pure: no I/O, the same for the same attempt id.

        Raises:
            LaunchRefused: the attempt id cannot name a job here.
        """

    @abstractmethod
    def submit(self, spec: Spec, launch: LaunchContext) -> JobHandle:
        """Start the job of this attempt unless it was started, or stopped, before.

        A caller that died half-way, or got `BackendUnavailable`, calls it again with the same attempt id.

        Raises:
            BackendUnavailable: it may or may not have been started; call again.
            LaunchRefused: it was not started and never can be.
        """

    @abstractmethod
    def observe(self, handles: Sequence[JobHandle]) -> list[Observation]:
        """What can be seen of each job now, in the order of the handles.

        A job that nobody submitted, or that was stopped before it started, is NOT_FOUND. Every phase in
        `observation.ENDED` is a promise that no process of it is alive.

        Raises:
            BackendUnavailable: nothing was seen; draw no conclusion.
        """

    @abstractmethod
    def resize(self, handle: JobHandle, count: int) -> None:
        """Let a serving job have `count` replicas, from 0; the highest indices leave first. No effect on a job
        that has ended or was never submitted.

        Raises:
            Unsupported: the job is not of the kind that changes its size.
            BackendUnavailable: call again.
        """

    @abstractmethod
    def stop(self, handle: JobHandle, grace_seconds: float) -> None:
        """Ask every member to leave (SIGTERM) and kill what is left after the grace. Returns at once.

        A later call with a shorter grace shortens it. An attempt that was never submitted is marked, so that a
        submit which comes later starts nothing. No effect on a job that has ended.

        Raises:
            BackendUnavailable: call again.
        """

    @abstractmethod
    def logs(
        self, handle: JobHandle, after: int = 0, *, member: int = 0, limit_bytes: int = LOG_SLICE_BYTES
    ) -> LogSlice:
        """Output of one member from byte `after` on; empty when there is nothing (yet), or no such job.

        The last resort: the wrapper ships logs while the job runs.

        Raises:
            BackendUnavailable: call again.
        """

    @abstractmethod
    def sweep(self, known_attempt_ids: Collection[str], *, older_than_seconds: float = SWEEP_AGE_SECONDS) -> list[str]:
        """Stop and remove jobs that the caller disowns; returns the attempt ids of those that are now gone.

        What takes time to stop is returned by a later sweep. Jobs younger than `older_than_seconds` are left
        alone: the caller may have read its list before they were made.

        Raises:
            BackendUnavailable: some may be left; call again.
        """


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """One GPU of a node."""

    index: int
    """What `LaunchContext.devices` calls it."""
    model: str
    uuid: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What one node has, whoever uses it."""

    name: str
    cpu_millis: int
    memory_bytes: int
    gpus: tuple[GpuFacts, ...] = ()
    simulated: bool = False
    """True for a node that exists for tests and demonstrations only."""
    ready: bool = True
    """False for one that is there and takes no jobs now, as its own watchers say."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What its backend says of it, by name: a rack, a zone, a kind of machine."""
    taints: tuple[str, ...] = ()
    """`key=value:Effect`: what keeps jobs off it that do not say that they bear with it."""
    taken_cpu_millis: int = 0
    """What others than this installation use of it; it is no part of what is said above, as are the two below."""
    taken_memory_bytes: int = 0
    taken_gpus: int = 0


class DiscoversNodes(ABC):
    """Ability: knows the nodes on which it runs jobs."""

    @abstractmethod
    def discover(self) -> list[NodeFacts]:
        """The nodes as they are now. May take a second.

        Raises:
            BackendUnavailable: nothing was seen; draw no conclusion.
        """


XID: Final = "xid"
"""The driver said that the device failed; `codes` are the numbers that it gave."""
ECC: Final = "ecc"
"""Errors in its memory that could not be corrected, since the driver was loaded; `mark` is their number."""
ROWS: Final = "rows"
"""Rows of its memory are to be replaced, which takes a reset (`mark` 1), or could not be (2)."""
RESET: Final = "reset"
"""The driver says that it must be reset; `mark` is the action that it asks for."""
GONE: Final = "gone"
"""It does not answer the driver any more."""
UNSEEN: Final = "unseen"
"""No fault: nobody said how the devices of the node are, so that what was known of them stays; `device` is 0."""


@dataclass(frozen=True, slots=True)
class DeviceFault:
    """What is wrong with a device, for which no program on it is to blame."""

    node: str
    device: int
    """Its index on the node."""
    kind: str
    """One of those above."""
    mark: float = 1.0
    """Grows when it gets worse; of an XID it is when it was seen last, in seconds since the epoch."""
    codes: tuple[int, ...] = ()


class ReportsFaults(ABC):
    """Ability: knows which devices of its nodes have failed."""

    @abstractmethod
    def faults(self) -> list[DeviceFault]:
        """What is wrong now, and the XIDs that this process has seen; the same again until it is mended.

        Raises:
            BackendUnavailable: nothing was seen; draw no conclusion.
        """


@dataclass(frozen=True, slots=True)
class GpuUse:
    """How one GPU was used lately. None: not measured."""

    utilisation_ratio: float | None
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class MemberUse:
    """What one member of an attempt does with its GPUs, in the order in which the node counts them."""

    attempt_id: str
    rank: int
    gpus: tuple[GpuUse, ...]


class MeasuresUse(ABC):
    """Ability: sees from outside how jobs use their GPUs, where what runs in them cannot tell."""

    @abstractmethod
    def use(self) -> list[MemberUse]:
        """Of all members of which it is known now. May take some seconds.

        Raises:
            BackendUnavailable: nothing was seen; draw no conclusion.
            Unsupported: it was not told where to look.
        """


class StopsEverything(ABC):
    """Ability: can end all that it ever started, for an installation that leaves nothing behind."""

    @abstractmethod
    def stop_everything(self, grace_seconds: float) -> None:
        """Stop every job and return when no process of any is left. Blocks for the grace and a few seconds.

        Raises:
            BackendUnavailable: something could not be killed; the text says what.
        """
