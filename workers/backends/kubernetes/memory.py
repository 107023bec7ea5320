"""What this process has seen of jobs on a cluster that may not be there any more: pods, and how jobs ended.

It makes answers better, never right or wrong: exit codes of pods that the cluster removed, and that a job which is gone
was there. Another process, or this one after a restart, does without. Bounded: the oldest is forgotten first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from workers.backends.kubernetes.seen_objects import Pod
from workers.contracts.observation import Observation

ATTEMPTS_MOST: Final = 50_000
PODS_MOST: Final = 4096
"""Of one attempt."""


@dataclass(slots=True)
class _Known:
    uid: str = ""
    pods: dict[str, Pod] = field(default_factory=dict)
    images: dict[int, str] | None = None
    ended: Observation | None = None
    namespace: str = ""
    kind: str = ""
    cleared: bool = False


class Memory:
    """By attempt id. Shared by threads."""

    def __init__(self, attempts_most: int = ATTEMPTS_MOST) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._unseen: OrderedDict[str, None] = OrderedDict()
        self._most = attempts_most
        self._lock = threading.Lock()

    def note(self, attempt_id: str, uid: str, namespace: str, kind: str) -> None:
        """A Job or Deployment of that uid is there."""
        with self._lock:
            known = self._of(attempt_id, uid)
            known.namespace, known.kind = namespace, kind

    def missing(self, there: Collection[str], among: Collection[str]) -> list[tuple[str, str, str]]:
        """Id, namespace and kind of those among some of which an object was seen that is not there any more, and of
        which nobody has cleared away what was left."""
        with self._lock:
            return [
                (key, known.namespace, known.kind)
                for key, known in self._known.items()
                if known.kind and not known.cleared and key in among and key not in there
            ]

    def cleared(self, attempt_id: str) -> bool:
        """Whether what was left of it was cleared away."""
        with self._lock:
            return attempt_id in self._known and self._known[attempt_id].cleared

    def note_cleared(self, attempt_id: str) -> None:
        """What was left of it was cleared away. Nothing is remembered of one that was never seen."""
        with self._lock:
            if attempt_id in self._known:
                self._known[attempt_id].cleared = True

    def is_news(self, attempt_id: str) -> bool:
        """Whether it is noted for the first time that there is nothing of one that was never seen."""
        with self._lock:
            if attempt_id in self._unseen:
                return False
            self._unseen[attempt_id] = None
            while len(self._unseen) > self._most:
                self._unseen.popitem(last=False)
            return True

    def note_pods(self, attempt_id: str, uid: str, pods: Iterable[Pod]) -> list[Pod]:
        """Keep what pods look like now; returns those that were seen before and are not among them."""
        found = {pod.metadata.uid: pod for pod in pods}
        with self._lock:
            known = self._of(attempt_id, uid)
            gone = [pod for key, pod in known.pods.items() if key not in found]
            known.pods.update(found)
            for key in list(known.pods)[: max(0, len(known.pods) - PODS_MOST)]:
                del known.pods[key]
            return gone

    def note_images(self, attempt_id: str, uid: str, images: dict[int, str]) -> None:
        """Its members run, of these images; an empty one: nobody says which."""
        with self._lock:
            self._of(attempt_id, uid).images = images

    def images(self, attempt_id: str, uid: str) -> dict[int, str] | None:
        """Of which images its members run; None: they were not seen to."""
        with self._lock:
            known = self._known.get(attempt_id)
            return known.images if known is not None and known.uid == uid else None

    def knows(self, attempt_id: str) -> bool:
        """Whether it was ever seen on the cluster."""
        with self._lock:
            return attempt_id in self._known

    def end(self, attempt_id: str, uid: str, observation: Observation) -> None:
        """It was seen to have ended, which does not change any more."""
        with self._lock:
            self._of(attempt_id, uid).ended = observation

    def ended(self, attempt_id: str, uid: str = "") -> Observation | None:
        """How the object of that uid ended, as it was seen; without a uid the last one."""
        with self._lock:
            known = self._known.get(attempt_id)
            return known.ended if known is not None and uid in ("", known.uid) else None

    def pods(self, attempt_id: str) -> list[Pod]:
        """All that were ever seen of it."""
        with self._lock:
            known = self._known.get(attempt_id)
            return list(known.pods.values()) if known is not None else []

    def forget(self, attempt_id: str) -> None:
        """We removed it ourselves."""
        with self._lock:
            self._known.pop(attempt_id, None)

    def _of(self, attempt_id: str, uid: str) -> _Known:
        known = self._known.get(attempt_id)
        if known is None or (uid and known.uid != uid):
            known = self._known[attempt_id] = _Known(uid)
        self._known.move_to_end(attempt_id)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return known
