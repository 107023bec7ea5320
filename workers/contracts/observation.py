"""What a backend saw of a job, in the words of the control plane."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """Phase of a whole job."""

    NOT_FOUND = "not_found"
    """No trace of it, and none of its processes can be alive: never submitted, or removed."""
    PENDING = "pending"
    """Known to the backend, no member runs yet."""
    PULLING = "pulling"
    """As pending, because an image is being fetched, which may take long. A member may be in it too."""
    RUNNING = "running"
    """Every member of a job runs; of a serving spec, its keeper runs."""
    STOPPING = "stopping"
    """Told to stop; at least one member may still be alive."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Ended, with a reason; nothing of it is alive."""
    LOST = "lost"
    """Ended for a reason that is not the user's: its keeper or node died. Nothing of it is alive."""


ENDED = frozenset({Phase.NOT_FOUND, Phase.SUCCEEDED, Phase.FAILED, Phase.LOST})
"""Phases in which the job is proven gone, so that its quota may be released."""


@dataclass(frozen=True, slots=True)
class MemberObservation:
    """One member of a job, or one replica."""

    index: int
    phase: Phase
    ready: bool = False
    address: str = ""
    """`host:port` of a replica, once known."""
    exit_code: int | None = None
    """128 + n for an end by signal n, as shells say it."""
    reason: str = ""
    restarts: int = 0
    detail: str = ""
    """For people: why a replica does not run, where its backend says so. Of a job the whole says it."""
    image: str = ""
    """Of a member of a job in a container: what its node says that it runs. See `images.exact_image`."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A job as seen once. `reason` is a value of the control plane's closed list (ARCHITECTURE §4) or empty."""

    phase: Phase
    reason: str = ""
    detail: str = ""
    """For people: one sentence."""
    members: tuple[MemberObservation, ...] = ()
    report: dict[str, Any] | None = None
    """What the wrapper of member 0 left at the end (`environment.REPORT_FILE`), where the backend can read it."""

    def members_to_json(self) -> list[dict[str, Any]]:
        """What few members have, an image, those without do not say."""
        found = [asdict(member) for member in self.members]
        return [{name: value for name, value in each.items() if name != "image" or value} for each in found]
