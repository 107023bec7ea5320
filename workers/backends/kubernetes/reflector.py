"""Being told that something changed: which workloads to look at now, instead of at the next tick.

Nothing depends on it. It says ids, never states; who is told looks for itself, and the tick looks at everything anyway.
Per kind of objects it lists once, watches from there on, and lists again when the server no longer knows the version
that it had come to. What it missed in between it finds by comparing versions.

It distrusts watches. A server that was restored from a backup opens a watch from a version that lies ahead of it, and
says nothing; so does a connection of which one end is gone. Whatever says nothing for longer than bookmarks are apart
is given up, and listed anew. So is, now and then, a watch that seems well.

The official client has an informer since version 36, which is not used. It lists without pages into models of all
fields (measured: 50 KB and 0.7 ms a pod), gives a watch no time-out, so that a silent one is waited for for ever, and
asks again without a pause after any error but 410 (measured: 900 times a second).
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from workers.backends.base import BackendError, BackendUnavailable
from workers.backends.kubernetes import names
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.connection import ClusterConnection
from workers.backends.kubernetes.pace import pause_seconds
from workers.backends.kubernetes.refusal import Refusal, Unreachable
from workers.backends.kubernetes.resources import DEPLOYMENTS, JOBS, PODS, Resource
from workers.backends.kubernetes.seen_objects import Meta, Part
from workers.backends.kubernetes.transport import SILENCE_SECONDS, Lines

log = logging.getLogger(__name__)

WATCHED: Final = (JOBS, DEPLOYMENTS, PODS)
COALESCE_SECONDS: Final = 0.2
WATCH_SECONDS: Final = 300
"""A watch is ended by the server after about so long, and begun again where it was."""
ANEW_SECONDS: Final = 1800.0
"""After so long everything is listed again, however well the watch seems."""
FORBIDDEN_SECONDS: Final = 60.0
"""Between two tries of an account that may not watch the whole cluster: its jobs are seen by the ticks alone."""
LEAVE_SECONDS: Final = 5.0

Hint = Callable[[str], None]


class _Object(Part, frozen=True):
    metadata: Meta = Meta()


class _Event(Part, frozen=True):
    type: str = ""
    object: msgspec.Raw = msgspec.Raw(b"{}")


class _Status(Part, frozen=True):
    code: int = 0
    reason: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take; tests give less."""

    silence: float = SILENCE_SECONDS
    anew: float = ANEW_SECONDS
    coalesce: float = COALESCE_SECONDS
    watch: int = WATCH_SECONDS
    forbidden: float = FORBIDDEN_SECONDS


class Reflector:
    """Hints about all workloads of an installation on one cluster.

    Args:
        installation: as `ClusterSite.installation`.
        on_hint: called with a workload id, from one thread; of many changes within 0.2 s once. What it raises is
            logged.
    """

    def __init__(
        self,
        connection: ClusterConnection,
        installation: str,
        on_hint: Hint,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._api = Api.of(connection)
        self._labels = f"{names.MANAGED_BY}={names.MANAGER},{names.INSTALLATION}={names.label_value(installation)}"
        self._on_hint = on_hint
        self._patience = patience or Patience()
        self._due: set[str] = set()
        self._news = threading.Condition()

    def run(self, stop: threading.Event) -> None:
        """Watch until told to stop, whatever the server does. Returns within seconds after."""
        watchers = [
            _Watcher(resource, self._api, self._labels, self._note, self._patience, stop) for resource in WATCHED
        ]
        for watcher in watchers:
            watcher.start()
        try:
            while not stop.wait(self._patience.coalesce):
                self._tell()
        finally:
            stop.set()
            for watcher in watchers:
                watcher.end()
            for watcher in watchers:
                watcher.join(LEAVE_SECONDS)
            self._api.transport.close()
            self._tell()

    def _note(self, workload_id: str) -> None:
        with self._news:
            self._due.add(workload_id)

    def _tell(self) -> None:
        with self._news:
            due, self._due = self._due, set()
        for workload_id in sorted(due):
            try:
                self._on_hint(workload_id)
            except Exception:
                log.exception("a hint about workload %s was not taken", workload_id)


class _Watcher(threading.Thread):
    """One kind of objects."""

    def __init__(
        self, resource: Resource, api: Api, labels: str, note: Hint, patience: Patience, stop: threading.Event
    ) -> None:
        super().__init__(name=f"watch-{resource.name}", daemon=True)
        self._resource, self._api, self._labels = resource, api, labels
        self._note, self._patience, self._stop_event = note, patience, stop
        self._known: dict[str, tuple[str, str]] = {}
        """uid → version, workload."""
        self._version = ""
        self._listed_at = 0.0
        self._lines: Lines | None = None

    def run(self) -> None:
        tries = 0
        while not self._stop_event.is_set():
            try:
                self._list_if_due()
                self._watch()
                tries = 0
            except (BackendError, msgspec.DecodeError) as error:
                tries += 1
                self._recover(error, tries)

    def end(self) -> None:
        """Wake it, if it waits for the server."""
        lines = self._lines
        if lines is not None:
            lines.end()

    def _recover(self, error: Exception, tries: int) -> None:
        """Begin anew, after a pause unless it was only that the version is too old."""
        self._version = ""
        if isinstance(error, Refusal) and error.gone and tries == 1:
            return
        log.warning("watching %s: %s", self._resource.name, error)
        if isinstance(error, Refusal) and error.forbidden:
            self._stop_event.wait(self._patience.forbidden)
            return
        after = error.retry_after if isinstance(error, Unreachable) else ""
        self._stop_event.wait(pause_seconds(tries, after))

    def _list_if_due(self) -> None:
        """Where to watch from; what changed since the last list, or the last event, is told. The first list tells
        nothing: the tick has just looked, or is about to."""
        if self._version and time.monotonic() - self._listed_at < self._patience.anew:
            return
        items, version = self._api.items(self._resource, _Object, labels=self._labels)
        before, self._known = self._known, {item.metadata.uid: _known(item.metadata) for item in items}
        if self._listed_at:
            for uid in {*before, *self._known}:
                if before.get(uid) != self._known.get(uid):
                    self._note((self._known.get(uid) or before[uid])[1])
        self._version, self._listed_at = version, time.monotonic()

    def _watch(self) -> None:
        seconds = max(1, int(self._patience.watch * random.uniform(0.8, 1.2)))  # noqa: S311 - so that not all end at once
        self._lines = self._api.watch(
            self._resource,
            self._version,
            labels=self._labels,
            timeout_seconds=seconds,
            silence_seconds=self._patience.silence,
        )
        if self._stop_event.is_set():
            self._lines.end()
        began, heard = time.monotonic(), False
        for line in self._lines:
            heard = True
            self._take(msgspec.json.decode(line, type=_Event))
            if time.monotonic() - self._listed_at > self._patience.anew:
                return
        if not heard and time.monotonic() - began < 1.0 and not self._stop_event.is_set():
            raise BackendUnavailable("The API server ended a watch as soon as it had begun.")

    def _take(self, event: _Event) -> None:
        if event.type == "ERROR":
            status = msgspec.json.decode(event.object, type=_Status)
            raise Refusal(status.code, {"reason": status.reason, "message": status.message})
        meta = msgspec.json.decode(event.object, type=_Object).metadata
        self._version = meta.resource_version or self._version
        if event.type == "BOOKMARK":
            return
        known = _known(meta)
        if event.type == "DELETED":
            changed = self._known.pop(meta.uid, None) is not None
        else:
            changed = self._known.get(meta.uid) != known
            self._known[meta.uid] = known
        if changed:
            self._note(known[1])


def _known(meta: Meta) -> tuple[str, str]:
    return meta.resource_version, meta.label(names.WORKLOAD)
