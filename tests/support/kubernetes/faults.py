"""What a test lets go wrong between a client and the server, and how many requests there were."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from tests.support.kubernetes import answers
from tests.support.kubernetes.http import Dropped, Response, as_json
from tests.support.kubernetes.routing import Asked


@dataclass
class Fault:
    """What happens to the requests that it names; the newest fault that names one counts."""

    verb: str = ""
    """get, list, watch, create, update, patch, delete, deletecollection; empty: any."""
    resource: str = ""
    """`pods`, `pods/log`, `jobs`; empty: any."""
    times: int | None = 1
    """How many requests; None: until it is taken back."""
    latency_seconds: float = 0
    """Waits so long (of real time) before anything else."""
    status: int = 0
    """Answers with this code instead of acting: 429, 500, 503 …"""
    retry_after: int | None = None
    """With `status`: the Retry-After header, seconds."""
    drop: str = ""
    """`before`: the connection is closed and nothing was done; `after`: done, then closed without an answer;
    `half`: done, and half of the answer's body sent."""
    hang_seconds: float = 0
    """Acts, then keeps the answer back for so long and closes: what a client sees as a time-out after acting."""

    def names(self, target: Asked) -> bool:
        return self.verb in {"", target.verb} and self.resource in {"", target.resource}


@dataclass(eq=False)
class WatchFault:
    """The state of one open watch."""

    resource: str
    silent: bool = False
    duplicates: bool = False
    closed: bool = False
    expired: bool = False


@dataclass(frozen=True)
class Counted:
    """One request as it was counted."""

    verb: str
    resource: str
    namespace: str
    name: str
    user: str
    status: int


@dataclass
class Faults:
    """All faults of one server; safe from any thread."""

    changed: threading.Condition
    """Wakes the open watches."""
    rules: list[Fault] = field(default_factory=list)
    watches: list[WatchFault] = field(default_factory=list)
    requests: list[Counted] = field(default_factory=list)
    """Every request that named a resource, in the order of its end."""
    silent_resources: set[str] = field(default_factory=set)
    duplicated_resources: set[str] = field(default_factory=set)
    closing: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self.rules.append(fault)
        return fault

    def clear(self) -> None:
        """Everything goes right again."""
        with self._lock:
            self.rules.clear()
        self.silent_resources.clear()
        self.duplicated_resources.clear()
        for watch in self.watches:
            watch.silent = watch.duplicates = False

    def take(self, target: Asked) -> Fault | None:
        """The fault of this request, which is used up by it."""
        with self._lock:
            for fault in reversed(self.rules):
                if fault.names(target) and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def before(self, fault: Fault) -> Response | None:
        """What comes before acting: waiting, a refusal, a closed connection."""
        if fault.latency_seconds:
            self.closing.wait(fault.latency_seconds)
        if fault.drop == "before":
            raise Dropped
        return refused(fault.status, fault.retry_after) if fault.status else None

    def after(self, fault: Fault, response: Response) -> Response:
        if fault.hang_seconds:
            self.closing.wait(fault.hang_seconds)
            raise Dropped
        if fault.drop == "after":
            raise Dropped
        response.half = fault.drop == "half"
        return response

    def opened(self, resource: str) -> WatchFault:
        watch = WatchFault(resource, resource in self.silent_resources, resource in self.duplicated_resources)
        with self._lock:
            self.watches.append(watch)
        return watch

    def ended(self, watch: WatchFault) -> None:
        with self._lock:
            self.watches.remove(watch)

    def silence_watches(self, resource: str) -> None:
        """Open and new watches of a resource stay open and say nothing more, not even bookmarks."""
        self.silent_resources.add(resource)
        self._each(resource, "silent")

    def duplicate_watch_events(self, resource: str) -> None:
        """Every event of a resource comes twice."""
        self.duplicated_resources.add(resource)
        self._each(resource, "duplicates")

    def close_watches(self, resource: str = "") -> None:
        """End the open watches, as a server does at its time-out."""
        self._each(resource, "closed")

    def expire_watches(self, resource: str = "") -> None:
        """Tell the open watches, by an ERROR event of code 410, that their version is too old."""
        self._each(resource, "expired")

    def counts(self) -> Counter[tuple[str, str]]:
        """(verb, resource) → requests so far."""
        with self._lock:
            return Counter((each.verb, each.resource) for each in self.requests)

    def count(self, target: Asked, user: str, status: int) -> None:
        with self._lock:
            self.requests.append(Counted(target.verb, target.resource, target.namespace, target.name, user, status))

    def forget_requests(self) -> None:
        """Count from zero again."""
        with self._lock:
            self.requests.clear()

    def _each(self, resource: str, what: str) -> None:
        with self.changed:
            for watch in self.watches:
                if resource in {"", watch.resource}:
                    setattr(watch, what, True)
            self.changed.notify_all()


def refused(status: int, retry_after: int | None) -> Response:
    """An answer of the server itself, not of the API's rules."""
    if status == 429:
        refusal = answers.too_many(1 if retry_after is None else retry_after)
    elif status == 503:
        refusal = answers.Refusal(503, "apiserver is shutting down", "ServiceUnavailable")
    elif status == 504:
        refusal = answers.Refusal(504, "Timeout: request did not complete within the allotted timeout", "Timeout", {})
    else:
        refusal = answers.Refusal(status, "Internal error occurred: etcdserver: request timed out", "InternalError", {})
    if retry_after is not None and status != 429:
        refusal.headers.append(("Retry-After", str(retry_after)))
    return as_json(refusal.code, refusal.body(), refusal.headers)
