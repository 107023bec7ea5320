"""Whether a job should leave: SIGTERM, or the control plane's word, asked for in the background."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from workers.runtime.client import AttemptSuperseded, JobApiError

POLL_SECONDS = 5.0
CLOSE_SECONDS = 1.0


class StopWatch:
    """Starts at the first look, so that a script which never looks still ends by SIGTERM as any process does."""

    def __init__(self, ask: Callable[[], str], *, poll_seconds: float = POLL_SECONDS) -> None:
        self._ask = ask
        self._poll_seconds = poll_seconds
        self._started = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._closed = threading.Event()
        self._silent = False
        self.told_at: float | None = None
        """When it was told, by the monotonic clock."""
        self.reason = ""
        """What the control plane said, or `signal`; empty while the job may stay."""
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

    def close(self) -> None:
        """Stop asking. Blocks at most a second, for a question that is on its way."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)

    def _start(self) -> None:
        with self._lock:
            if self._started:
                return
            self._started = True
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, self._on_signal)
            self._thread = threading.Thread(target=self._watch, name="bedplate-stop", daemon=True)
            self._thread.start()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._told("signal")

    def _told(self, reason: str) -> None:
        if reason != "signal" or not self.reason:
            self.reason = reason
        if self.told_at is None:
            self.told_at = time.monotonic()
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.is_set() and not self._closed.is_set():
            try:
                reason = self._ask()
            except JobApiError as error:
                # Nothing is lost: the wrapper's signal tells the same, and the question is asked again.
                if not self._silent:
                    print(f"bedplate: should-stop is not known: {error}", file=sys.stderr, flush=True)
                self._silent, reason = True, ""
            except AttemptSuperseded as stop:
                self.superseded = stop
                return
            else:
                self._silent = False
            if reason:
                self._told(reason)
            self._closed.wait(self._poll_seconds)
