"""One thread in which all controllers and kubelets of the fake cluster take their steps, one at a time."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from tests.support.kubernetes.clock import Clock

Step = Callable[..., None]


class Timer:
    """Something to do later; `cancel` takes it back."""

    def __init__(self, due: float, step: Step, arguments: tuple[Any, ...]) -> None:
        self.due, self.step, self.arguments, self.cancelled = due, step, arguments, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Steps run under the lock of the store, in the order in which they were asked for.

    A step that fails is kept in `failures`; the server raises them when it closes.
    """

    def __init__(self, clock: Clock, changed: threading.Condition) -> None:
        self._clock, self._changed = clock, changed
        self._ready: OrderedDict[Hashable, tuple[Step, tuple[Any, ...]]] = OrderedDict()
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._wake = threading.Condition(changed._lock)  # type: ignore[attr-defined]
        self._closing = False
        self._busy = False
        self._held: set[str] = set()
        self.failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="kubernetes-controllers", daemon=True)
        clock.on_move.append(self._moved)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(10)

    def soon(self, step: Step, *arguments: Any) -> None:
        """Take a step; asked for twice before it is taken, it is taken once."""
        with self._wake:
            self._ready.setdefault((step, arguments), (step, arguments))
            self._wake.notify_all()

    def later(self, seconds: float, step: Step, *arguments: Any) -> Timer:
        """Take a step after so many seconds of the cluster's clock."""
        with self._wake:
            timer = Timer(self._clock.now() + seconds, step, arguments)
            heapq.heappush(self._timers, (timer.due, next(self._numbers), timer))
            self._wake.notify_all()
            return timer

    def hold(self, step_name: str) -> None:
        """Take no steps of this name (of a bound method: `Jobs.reconcile`) until `release`."""
        with self._wake:
            self._held.add(step_name)

    def release(self, step_name: str) -> None:
        with self._wake:
            self._held.discard(step_name)
            self._wake.notify_all()

    def settle(self, timeout_seconds: float = 30) -> None:
        """Wait until nothing is left to do now. Timers that are not due do not count."""
        with self._wake:
            if not self._wake.wait_for(self._idle, timeout_seconds):
                raise AssertionError(f"the cluster is still busy after {timeout_seconds} s")

    def next_due(self) -> float | None:
        """When the next timer is due."""
        with self._wake:
            while self._timers and self._timers[0][2].cancelled:
                heapq.heappop(self._timers)
            return self._timers[0][0] if self._timers else None

    def _idle(self) -> bool:
        return self._closing or (not self._busy and self._next_ready() is None and not self._due())

    def _due(self) -> bool:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return bool(self._timers) and self._timers[0][0] <= self._clock.now()

    def _moved(self) -> None:
        with self._wake:
            self._changed.notify_all()
            self._wake.notify_all()

    def _next_ready(self) -> Hashable | None:
        if not self._held:
            return next(iter(self._ready), None)
        return next((key for key, (step, _) in self._ready.items() if step.__qualname__ not in self._held), None)

    def _take(self) -> tuple[Step, tuple[Any, ...]] | None:
        key = self._next_ready()
        if key is not None:
            return self._ready.pop(key)
        if self._due():
            timer = heapq.heappop(self._timers)[2]
            return timer.step, timer.arguments
        return None

    def _run(self) -> None:
        while True:
            with self._wake:
                found = self._take()
                while found is None and not self._closing:
                    self._busy = False
                    self._wake.notify_all()
                    wait = self._timers[0][0] - self._clock.now() if self._timers else None
                    self._wake.wait(wait)
                    found = self._take()
                if self._closing or found is None:
                    return
                self._busy = True
                try:
                    found[0](*found[1])
                except Exception as error:
                    self.failures.append(error)
