"""One process that keeps others alive: starts them, restarts what dies, and leaves none behind.

It has one thread: the kernel's death signal of a child follows the thread that started it, and a fork from one
thread is safe. Children are in sessions of their own, so a Ctrl-C at the terminal reaches only the supervisor, which
then stops them in order.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from controlplane.embedded.collect import Collector, say
from controlplane.embedded.processes import Program, kill_group, spawn

SHORTEST_WAIT, LONGEST_WAIT = 0.5, 10.0
LONG_LIFE_SECONDS = 10.0
"""Who lived so long was well, and was ended from outside: it starts again at once. Only what dies young, and does so
again and again, waits longer each time."""
TICK_SECONDS = 0.2
HURRY_SECONDS = 1.0
"""What each signal is given once someone asked to stop for the second time."""
COLLECTED = -1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """Someone asked the supervisor to stop."""


class DidNotStart(Exception):
    """A child ended, or did not answer in time, before it was ready; the message has its last words."""


@dataclass
class Child:
    """One place in the table: what runs there now, and when it may be started again."""

    name: str
    program: Callable[[], Program]
    """Says how to start it; asked before every start, so that it can clear up what the last life left."""
    once: bool = False
    """It runs to an end and is not started again."""
    stdout: int | None = COLLECTED
    """COLLECTED, an open file's descriptor, or None for the supervisor's own."""
    stderr: int | None = COLLECTED
    process: subprocess.Popen[bytes] | None = None
    collector: Collector | None = None
    signals: Sequence[tuple[signal.Signals, float]] = ()
    started_at: float = 0.0
    wait_seconds: float = 0.0
    """How long the next start waits if this life is a short one, too."""
    due_at: float = 0.0
    starts: int = 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """The table of children and the loop over it. Call everything from the main thread."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.children: dict[str, Child] = {}
        self.quiet = False
        """Show no warnings of children at the terminal: while parts come and go, they miss each other."""
        self.stop_requested = False
        self.hurried = False
        self._selector = selectors.DefaultSelector()
        self._handlers: dict[signal.Signals, Any] = {}
        self._wakers: tuple[socket.socket, ...] = ()

    def listen_to_signals(self) -> None:
        """From here on, a signal that asks to stop makes `step` raise StopRequested; a second one hurries."""
        self._wakers = woken, waker = socket.socketpair()
        for end in self._wakers:
            end.setblocking(False)
        self._selector.register(woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            self._handlers[number] = signal.signal(number, self._on_signal)
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.hurried = self.stop_requested
        self.stop_requested = True

    def add(
        self,
        name: str,
        program: Callable[[], Program],
        *,
        stdout: int | None = COLLECTED,
        stderr: int | None = COLLECTED,
    ) -> None:
        """Put a child into the table and start it; from here on it is kept alive.

        Args:
            stdout, stderr: see `run`.
        """
        self.children[name] = child = Child(name, program, stdout=stdout, stderr=stderr)
        self._start(child)

    def run(
        self,
        name: str,
        program: Callable[[], Program],
        *,
        stdout: int | None = None,
        stderr: int | None = COLLECTED,
    ) -> int:
        """Run a child to its end, while the others are looked after, and return its exit status.

        Args:
            stdout, stderr: COLLECTED, a descriptor, or None for the supervisor's own.
        """
        self.children[name] = child = Child(name, program, once=True, stdout=stdout, stderr=stderr)
        self._start(child)
        while child.alive:
            self.step()
        status = child.process.wait() if child.process else 0
        self._bury(child)
        return status

    def step(self, seconds: float = TICK_SECONDS) -> None:
        """Wait for news for at most so long, collect what children said, restart what is due.

        Raises:
            StopRequested: a signal came.
        """
        self._collect(seconds)
        if self.stop_requested:
            raise StopRequested
        for child in self.children.values():
            self._look_after(child)

    def wait_for(self, what: str, answer: Callable[[], bool], seconds: float, *, child: str = "") -> None:
        """Step until `answer` is true.

        Raises:
            DidNotStart: it was not in time, or `child` ended meanwhile.
        """
        deadline = time.monotonic() + seconds
        watched = self.children.get(child)
        starts = watched.starts if watched else 0
        while not answer():
            self.step(0.02)
            if watched and (watched.process is None or watched.starts > starts):
                raise DidNotStart(f"{what} ended at once. Its last words:\n{self.last_words(child)}")
            if time.monotonic() > deadline:
                raise DidNotStart(f"{what} is not ready after {seconds:.0f} s.\n{self.last_words(child)}")

    def last_words(self, name: str) -> str:
        """What a child said last, and where the rest is."""
        child = self.children.get(name)
        if child is None or child.collector is None:
            return ""
        said = "\n".join(f"    {line}" for line in child.collector.tail)
        return f"{said}\n  All of it: {child.collector.path}"

    def stop(self, names: Sequence[str]) -> None:
        """Stop these together: each gets its signals and seconds, then SIGKILL. Returns when none of them is left."""
        going = [child for child in (self.children.get(name) for name in names) if child is not None and child.alive]
        steps = {child.name: [*child.signals, (signal.SIGKILL, 5.0)] for child in going}
        sent = dict.fromkeys(steps, (0.0, 0.0))
        while going:
            for child in going:
                at, seconds = sent[child.name]
                patience = min(seconds, HURRY_SECONDS) if self.hurried else seconds
                if steps[child.name] and time.monotonic() - at >= patience:
                    number, seconds = steps[child.name].pop(0)
                    sent[child.name] = (time.monotonic(), seconds)
                    child.process.send_signal(number)  # type: ignore[union-attr]
            self._collect(0.02)
            going = [child for child in going if child.alive]
        for name in names:
            if name in self.children:
                self._bury(self.children.pop(name))

    def close(self) -> None:
        """Stop everything that is left and give the signals back."""
        self.stop(list(self.children))
        if self._handlers:
            signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for end in self._wakers:
            end.close()
        self._selector.close()

    def _start(self, child: Child) -> None:
        program = child.program()
        reading, writing = os.pipe()
        try:
            ends = [writing if wanted == COLLECTED else wanted for wanted in (child.stdout, child.stderr)]
            child.process = spawn(program, *ends)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        before = child.collector.tail if child.collector else None
        child.collector = Collector(child.name, self.logs / f"{child.name}.log", reading, lambda: self.quiet)
        child.collector.tail.extend(before or ())  # the last words of an earlier life say why there is another
        self._selector.register(reading, selectors.EVENT_READ, child.collector)
        child.signals, child.started_at = program.stop_signals, time.monotonic()
        child.starts += 1

    def _look_after(self, child: Child) -> None:
        if child.once:
            return
        if child.process is not None and not child.alive:
            status, lived = child.process.returncode, time.monotonic() - child.started_at
            self._bury(child)
            self._put_off(child, describe(status), 0.0 if lived >= LONG_LIFE_SECONDS else child.wait_seconds)
        if child.process is None and time.monotonic() >= child.due_at:
            try:
                self._start(child)
            except Exception as error:  # a full disk, no more processes: the others are looked after all the same
                self._put_off(child, f"not started: {error}", max(child.wait_seconds, SHORTEST_WAIT))

    def _put_off(self, child: Child, what: str, wait: float) -> None:
        child.due_at = time.monotonic() + wait
        child.wait_seconds = min(max(wait * 2, SHORTEST_WAIT), LONGEST_WAIT)
        when = f"in {wait:g} s" if wait else "at once"
        say(f"  [{child.name}] ended ({what}); starting it again {when}")

    def _bury(self, child: Child) -> None:
        """Reap a child that ended, with whatever it left in its session, and keep its last words."""
        if child.process is not None:
            kill_group(child.process.pid)
            child.process.wait()
            child.process = None
        if child.collector is not None:
            self._close(child.collector)

    def _collect(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if not isinstance(key.data, Collector):
                self._wakers[0].recv(4096)
            elif not key.data.drain():
                self._close(key.data)

    def _close(self, collector: Collector) -> None:
        if not collector.closed:
            self._selector.unregister(collector.descriptor)
            collector.close()


def describe(status: int) -> str:
    """An exit status in words."""
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
