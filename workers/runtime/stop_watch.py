"""Whether a job should leave: SIGTERM, or the control plane's word, asked for in the background."""

from __future__ import annotations

import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from workers.runtime.client import AttemptSuperseded, JobApiError, StopOrder

POLL_SECONDS = 5.0
CLOSE_SECONDS = 1.0
SIGNAL = "signal"


class StopWatch:
    """Starts at the first look, so that a script which never looks still ends by SIGTERM as any process does.

    A signal says only that the job must leave: the control plane is then asked at once why, and until when.
    """

    def __init__(self, ask: Callable[[], StopOrder], *, poll_seconds: float = POLL_SECONDS) -> None:
        self._ask = ask
        self._poll_seconds = poll_seconds
        self._started = self._took_over = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._closed = False
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()  # the one of its kind that a signal handler may fill
        self._silent = False
        self.told_at: float | None = None
        """When it was told, by the monotonic clock."""
        self.kill_at: float | None = None
        """When it is killed, by the monotonic clock; None: not known."""
        self._said = ""
        self._signalled = False
        self.superseded: AttemptSuperseded | None = None

    @property
    def should_stop(self) -> bool:
        """Cheap enough for every step of a loop.

        Raises:
            AttemptSuperseded: this attempt no longer counts.
        """
        if not self._started:
            self._start()
        if self.superseded is not None:
            raise self.superseded
        return self._stop.is_set()

    @property
    def reason(self) -> str:
        """What the control plane said, or `signal`; empty while the job may stay."""
        return self._said or (SIGNAL if self._signalled else "")

    @property
    def seconds_left(self) -> float | None:
        """Until it is killed; None while nobody has said when."""
        return None if self.kill_at is None else max(self.kill_at - time.monotonic(), 0.0)

    def close(self) -> None:
        """Stop asking. Blocks at most a second, for a question that is on its way."""
        self._closed = True
        self._wake.put(None)
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)

    def leave(self) -> None:
        """All is said, the process ends. What was told to leave by the control plane may have ended before its signal
        comes; Python gives signals back to the system before it is gone, which would take the process for killed."""
        if self._took_over:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _start(self) -> None:
        with self._lock:
            if self._started:
                return
            self._started = True
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, self._on_signal)
                self._took_over = True
            self._thread = threading.Thread(target=self._watch, name="bedplate-stop", daemon=True)
            self._thread.start()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signalled = True
        self._told()
        self._wake.put(None)

    def _told(self) -> None:
        if self.told_at is None:
            self.told_at = time.monotonic()
        self._stop.set()

    def _watch(self) -> None:
        """Ask until it is known why the job must leave."""
        while not self._closed:
            try:
                order = self._ask()
            except JobApiError as error:
                # Nothing is lost: the wrapper's signal tells the same, and the question is asked again.
                if not self._silent:
                    print(f"bedplate: should-stop is not known: {error}", file=sys.stderr, flush=True)
                self._silent, order = True, StopOrder()
            except AttemptSuperseded as stop:
                self.superseded = stop
                return
            else:
                self._silent = False
            if order.reason:
                if order.grace_seconds is not None:
                    self.kill_at = time.monotonic() + order.grace_seconds
                self._said = order.reason
                self._told()
                return
            with suppress(queue.Empty):  # nobody woke it
                self._wake.get(timeout=self._poll_seconds)
