"""The output of members, as the cluster has it: read on by bytes, although it knows times only.

The kubelet gives a log from a whole second on. So it is remembered per pod how many bytes there were, and how many
lines since the second of the last one: those come again, and are dropped. A process that begins anew reads the log from
its start, as the kubelet still has it. What was read last stays when the pod is gone.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from workers.backends.base import BackendError, LogSlice
from workers.backends.kubernetes import names
from workers.backends.kubernetes.place import Place, Where
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import PODS
from workers.backends.kubernetes.seen_objects import Pod
from workers.backends.kubernetes.seen_pods import main_container, member_of
from workers.backends.kubernetes.seen_serving import in_order

log = logging.getLogger(__name__)

LAST_WORDS_SECONDS: Final = 3.0
KEPT_BYTES: Final = 2 * 1024 * 1024
"""Of one pod, its last ones."""
KEPT_PODS: Final = 256
PIECE_BYTES: Final = 4 * 1024 * 1024
LARGEST_PIECE_BYTES: Final = 64 * 1024 * 1024
_LOST: Final = b"unable to retrieve container logs for "
"""The whole of a log, with the status 200, of a container that is no longer on its node."""


@dataclass(slots=True)
class _Kept:
    """What was read of one pod."""

    begin: int = 0
    data: bytearray = field(default_factory=bytearray)
    second: bytes = b""
    """Of the last line that was read, in UTC: `2026-11-23T15:41:07`."""
    lines: int = 0
    """How many were read since the first one of that second."""
    restarts: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def end(self) -> int:
        return self.begin + len(self.data)

    def add(self, second: bytes, text: bytes) -> None:
        if second > self.second:
            self.second, self.lines = second, 0
        self.lines += 1
        self.data += text
        if len(self.data) > 2 * KEPT_BYTES:
            self.begin += len(self.data) - KEPT_BYTES
            del self.data[:-KEPT_BYTES]

    def anew(self) -> None:
        """Another container follows in the same pod; the bytes go on."""
        self.second, self.lines = b"", 0


class Output:
    """The output of pods that this process was asked for. Shared by threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, place: Place, where: Where, member: int, after: int, limit_bytes: int) -> LogSlice:
        """See `Backend.logs`."""
        pod, there = self._pod(place, where, member)
        if pod is None:
            return LogSlice(b"", after)
        kept = self._of(pod)
        with kept.lock:
            if there:
                if after < kept.begin:
                    return self._from_start(place, pod, after, limit_bytes)
                self._catch_up(place, pod, kept, after + limit_bytes)
            begin = max(after - kept.begin, 0)
            data = bytes(kept.data[begin : begin + limit_bytes]) if after >= kept.begin else b""
        return LogSlice(data, after + len(data))

    def keep(self, place: Place, pod: Pod) -> bool:
        """Read to its end what may be gone soon. False: it cannot be read now, as of a node that does not answer; what
        was read before stays. Takes some seconds at most."""
        kept = self._of(pod)
        try:
            with kept.lock:
                self._catch_up(place.within(LAST_WORDS_SECONDS), pod, kept, 1 << 62)
        except BackendError as error:
            log.warning("the last output of pod %s cannot be read: %s", pod.metadata.name, error)
            return False
        return True

    def _of(self, pod: Pod) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(pod.metadata.uid, _Kept())
            self._kept.move_to_end(pod.metadata.uid)
            while len(self._kept) > KEPT_PODS:
                self._kept.popitem(last=False)
            return kept

    def _pod(self, place: Place, where: Where, member: int) -> tuple[Pod | None, bool]:
        """The pod of a member that counts, and whether it is there still."""
        now = place.pods(where)
        here = {pod.metadata.uid for pod in now}
        for pods in (now, place.memory.pods(where.attempt_id)):
            found = _ranked(where, pods).get(member)
            if found is not None:
                return found, found.metadata.uid in here
        return None, False

    def _catch_up(self, place: Place, pod: Pod, kept: _Kept, until: int) -> None:
        """Read on until there are so many bytes, or no more."""
        main = main_container(pod)
        restarts = main.restart_count if main is not None else 0
        if restarts > kept.restarts:  # the end of the one before, which this is the last chance to read
            self._extend(place, pod, kept, until, previous=True)
            kept.restarts = restarts
            kept.anew()
        self._extend(place, pod, kept, until, previous=False)

    def _extend(self, place: Place, pod: Pod, kept: _Kept, until: int, *, previous: bool) -> None:
        piece = PIECE_BYTES
        while kept.end < until:
            query = {"timestamps": "true", "limitBytes": str(piece)}
            if kept.second:
                query["sinceTime"] = f"{kept.second.decode()}Z"
            body = _fetch(place, pod, {**query, **({"previous": "true"} if previous else {})})
            cut = len(body) >= piece
            before = kept.end
            self._take(kept, body, cut=cut)
            if not cut:
                return
            if kept.end == before:  # all of it had been read: one second has more than a piece
                piece *= 2
            if piece > LARGEST_PIECE_BYTES:
                return

    def _take(self, kept: _Kept, body: bytes, *, cut: bool) -> None:
        lines = _lines(body)
        if cut and lines:
            lines.pop()  # its end comes with the next piece
        known = kept.lines
        for number, line in enumerate(lines):
            stamp, _, text = line.partition(b" ")
            if number >= known:
                kept.add(_in_utc(stamp[:19], stamp[-6:]), text)

    def _from_start(self, place: Place, pod: Pod, after: int, limit_bytes: int) -> LogSlice:
        """What is no longer kept here, as far as the node has it."""
        body = _fetch(place, pod, {"limitBytes": str(after + limit_bytes)})
        data = body[after : after + limit_bytes]
        return LogSlice(data, after + len(data))


@lru_cache(maxsize=256)
def _in_utc(second: bytes, zone: bytes) -> bytes:
    """The second of a line's time. Nodes write it in their own zone, such as `+02:00`, which changes twice a year."""
    if zone.endswith(b"Z"):
        return second
    try:
        at = datetime.fromisoformat((second + zone).decode("ascii"))
    except ValueError:  # no time at all
        return second
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


def _lines(body: bytes) -> list[bytes]:
    """By line feeds alone: a progress bar's carriage returns are part of a line."""
    parts = [part + b"\n" for part in body.split(b"\n")]
    parts[-1] = parts[-1][:-1]
    return [part for part in parts if part]


def _fetch(place: Place, pod: Pod, query: dict[str, str]) -> bytes:
    """A piece of a log; nothing of a container that has not started, or whose pod is gone."""
    path = PODS.path(pod.metadata.namespace, pod.metadata.name, "log")
    try:
        body = place.api.get(path, {"container": names.MAIN, **query})
    except Refusal as refusal:
        if refusal.status in (400, 404):
            return b""
        raise
    return b"" if body.startswith(_LOST) else body


def _ranked(where: Where, pods: Iterable[Pod]) -> dict[int, Pod]:
    """The youngest pod of each rank; of a server, its pods as its replicas are numbered."""
    if where.kind == "serving":
        return dict(enumerate(in_order(pods)))
    ordered = sorted(pods, key=lambda pod: (pod.metadata.creation_timestamp or "", pod.metadata.name))
    return {member_of(pod).index: pod for pod in ordered}
