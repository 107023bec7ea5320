"""What wakes a supervisor before its time: a child that ends, a signal, a poke, an answer."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Mapping


class Alarm:
    """One per process: it takes over the wake-up descriptor of signals. Raises OSError when made."""

    def __init__(self, control: str) -> None:
        with contextlib.suppress(FileExistsError):  # made by a supervisor that died before it began
            os.mkfifo(control, 0o600)
        pokes = os.open(control, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        signals, signals_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(signals_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler it would not wake anybody
        self._own = (pokes, signals)
        self._poll = select.poll()
        for descriptor in self._own:
            self._poll.register(descriptor, select.POLLIN)

    def wait(self, seconds: float, watched: Mapping[int, int]) -> None:
        """Sleep until something happens, also on the watched descriptors, or the time is over."""
        for descriptor, events in watched.items():
            self._poll.register(descriptor, events)
        for descriptor, _ in self._poll.poll(max(seconds, 0.0) * 1000 + 1):
            if descriptor in self._own:
                with contextlib.suppress(BlockingIOError):  # nothing in it after all
                    os.read(descriptor, 4096)
        for descriptor in watched:
            self._poll.unregister(descriptor)
