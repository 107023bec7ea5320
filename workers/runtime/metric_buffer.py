"""Metric points leave a job in numbered batches, from a thread of their own, so that training never waits."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from workers.runtime.client import AttemptSuperseded, JobApiError

FLUSH_SECONDS = 0.5
BATCH_POINTS = 1000
LIMIT_POINTS = 200_000
CLOSE_SECONDS = 10.0

Send = Callable[[int, list[dict[str, Any]]], None]
"""Delivers one batch: its sequence, its points. Raises JobApiError when it could not."""

Point = tuple[str, int, float, float]
"""Key, step, value, unix time."""


class MetricBuffer:
    """Collects points and sends them every `flush_seconds`, or as soon as a batch is full.

    A batch keeps its sequence and its content until it is acknowledged, so that sending it twice stores it once.
    Memory is bounded: beyond `limit` waiting points new ones are dropped, and the count is said on stderr.
    """

    def __init__(self, send: Send, *, flush_seconds: float = FLUSH_SECONDS, limit: int = LIMIT_POINTS) -> None:
        self._send = send
        self._flush_seconds = flush_seconds
        self._limit = limit
        self._points: list[Point] = []
        self._changed = threading.Condition()
        self._closing = False
        self._sequence = 0
        self._not_finite: set[str] = set()
        self._thread: threading.Thread | None = None
        self.dropped_points = 0
        self.superseded: AttemptSuperseded | None = None

    def add(self, values: Mapping[str, float], step: int) -> None:
        """Add one value per key at `step`. Never blocks on the network.

        Raises:
            AttemptSuperseded: the control plane said that this attempt no longer counts.
        """
        if self.superseded is not None:
            raise self.superseded
        now = time.time()
        points = [(key, int(step), float(value), now) for key, value in values.items()]
        points = [point for point in points if math.isfinite(point[2]) or self._say_not_finite(point)]
        with self._changed:
            room = max(0, self._limit - len(self._points))
            if len(points) > room:
                self._say_dropping()
                self.dropped_points += len(points) - room
            self._points.extend(points[:room])
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="bedplate-metrics", daemon=True)
                self._thread.start()
            if len(self._points) >= BATCH_POINTS:
                self._changed.notify()

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Send what is left and stop. Blocks at most `timeout_seconds`; says how many points could not be sent."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout_seconds)
        with self._changed:
            lost = len(self._points) + self.dropped_points
        if lost and self.superseded is None:
            _say(f"{lost} metric points could not be sent")

    def _run(self) -> None:
        batch: list[Point] = []
        while self.superseded is None:
            with self._changed:
                if not batch:
                    if len(self._points) < BATCH_POINTS and not self._closing:
                        self._changed.wait(self._flush_seconds)
                    batch = self._points[:BATCH_POINTS]
                if not batch and self._closing:
                    return
            if batch and self._deliver(batch):
                batch = []  # only now: a batch that may have arrived must be sent again as it was

    def _deliver(self, batch: list[Point]) -> bool:
        """Send one batch; true when it is taken or refused for good. Until then its points stay in the buffer."""
        try:
            self._send(self._sequence, pack(batch))
        except AttemptSuperseded as stop:
            self.superseded = stop
            return False
        except JobApiError as error:
            if error.status == 0 or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                _say(f"metrics are waiting: {error}")
                with self._changed:
                    self._changed.wait(self._flush_seconds)
                return False
            self.dropped_points += len(batch)
            _say(f"{len(batch)} metric points were refused: {error}")
        with self._changed:
            del self._points[: len(batch)]
        self._sequence += 1
        return True

    def _say_dropping(self) -> None:
        if self.dropped_points == 0:
            _say(f"more than {self._limit} metric points wait to be sent: new ones are dropped")

    def _say_not_finite(self, point: Point) -> bool:
        key, step, value, _ = point
        if key not in self._not_finite:
            self._not_finite.add(key)
            _say(f"{key} is {value} at step {step}; values that are no finite number are not recorded")
        return False


def pack(points: list[Point]) -> list[dict[str, Any]]:
    """Points grouped per key, each group in the order of arrival."""
    groups: dict[str, dict[str, Any]] = {}
    for key, step, value, at in points:
        group = groups.setdefault(key, {"key": key, "steps": [], "values": [], "times": []})
        group["steps"].append(step)
        group["values"].append(value)
        group["times"].append(at)
    return list(groups.values())


def _say(text: str) -> None:
    print(f"bedplate: {text}", file=sys.stderr, flush=True)
