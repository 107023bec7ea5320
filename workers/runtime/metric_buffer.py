"""Metric points leave a job in numbered batches, from a thread of their own, so that training never waits."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from workers.runtime.client import AttemptSuperseded, JobApiError
from workers.runtime.forks import after_fork_in_child
from workers.runtime.metric_batch import Row, Series, by_key, pack
from workers.runtime.wrapper_spool import Spool

FLUSH_SECONDS = 0.25
READY_POINTS = 1000
"""As soon as so many wait, they leave."""
BATCH_POINTS = 10_000
"""The most in one batch, reached when it is behind."""
MEMORY_BYTES = 5_000_000
"""Of batches in memory, some 200,000 points; beyond it they wait on the disk."""
DISK_BYTES = 1 << 30
LONGEST_PAUSE_SECONDS = 5.0
BEFORE_SECONDS = 2.0
CLOSE_SECONDS = 10.0
STEP_MOST = 2**53
NAME_LENGTH = 200
NAMES = f"1 to {NAME_LENGTH} printable characters do"

Send = Callable[[bytes], None]
"""Delivers one packed batch (`metric_batch.pack`). Raises JobApiError when it could not."""


class MetricBuffer:
    """Collects points and sends them every `flush_seconds`, or as soon as there are many.

    A batch gets its sequence and its bytes before it is first sent and keeps them until it is acknowledged, so that
    sending it twice stores it once. Memory is bounded: what does not fit waits in files below `folder`, and where those
    are full, or the disk is, new points are dropped, and the count is said on stderr.

    `add` is all that the loop of a job waits for: it appends one row to a list, which needs no lock, and looks at a
    count that may be a few points off. Whoever makes a batch takes rows from the front of that list, with the lock.

    A process that is forked from this one starts with nothing: the points are its parent's. What it adds itself is
    dropped and said once, because two processes cannot number the batches of one rank.
    """

    def __init__(
        self,
        send: Send,
        *,
        folder: Path,
        rank: int = 0,
        flush_seconds: float = FLUSH_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        disk_bytes: int = DISK_BYTES,
    ) -> None:
        self._send = send
        self._rank = rank
        self._flush_seconds = flush_seconds
        self._folder = folder / f".bedplate-metrics-{os.getpid()}-{id(self):x}"
        self._spool = Spool(str(self._folder), memory_bytes=memory_bytes, disk_bytes=disk_bytes)
        self._rows: list[Row] = []
        self._open = 0  # points in `_rows`, or nearly
        self._enough = 1  # with so many there is something to do; the first starts the sender
        self._sequence = self._done = 0  # number of the next batch; batches that need no more sending
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._idle = False  # the sender waits for points
        self._closing = self._closed = self._forked = self._away = False
        self._said: set[str] = set()
        self._thread: threading.Thread | None = None
        self.dropped_points = 0
        self.superseded: AttemptSuperseded | None = None
        after_fork_in_child(self, MetricBuffer._forget)

    def add(self, values: Mapping[str, float], step: int) -> None:
        """Add one value per key at `step`, NaN and infinities too. Never waits for the network.

        Raises:
            AttemptSuperseded: the control plane said that this attempt no longer counts.
            ValueError: the step is no whole number that JSON could carry (2^53), or a value is no number.
        """
        if self.superseded is not None:
            raise self.superseded
        if type(step) is not int or not -STEP_MOST <= step <= STEP_MOST:
            step = _whole(step)
        row = dict(values)  # the caller's may change; so may a tensor, which holds a graph besides
        for value in row.values():
            if type(value) is not float:
                row = {key: float(given) for key, given in row.items()}
                break
        if not row:
            return
        self._rows.append((step, time.time(), row))
        self._open += len(row)
        if self._open >= self._enough:
            self._many()

    @property
    def waiting_points(self) -> int:
        """Not yet acknowledged."""
        with self._changed:
            return _points(self._rows) + self._spool.weight

    def finish(self) -> None:
        """No more points come: what is left is sent now. Does not wait."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def join(self, timeout_seconds: float) -> bool:
        """After `finish`: wait; true when nothing is left to send, or nothing can be."""
        if self._thread is None or self._forked:
            return True
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Send what is left and stop. Blocks at most `timeout_seconds`; says how many points could not be sent."""
        if self._forked:
            return
        self.finish()
        self.join(timeout_seconds)
        lost = self.waiting_points + self.dropped_points
        with self._changed:
            self._closed = True
            self._spool.close(discard=True)
        if lost and self.superseded is None:
            _say(f"{lost} metric points could not be sent")

    def _many(self) -> None:
        """There is a batch, or the sender is needed."""
        with self._changed:
            if self._forked or self._closed:
                if self._forked and not self.dropped_points:
                    _say("this process was forked from the one that reports metrics: those that it logs are dropped")
                self.dropped_points, self._open = self.dropped_points + _points(_taken(self._rows)), 0
                return
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="bedplate-metrics", daemon=True)
                self._enough = BATCH_POINTS
                self._thread.start()
            if self._idle and self._open >= READY_POINTS:
                self._idle, self._enough = False, BATCH_POINTS
                self._changed.notify()
            elif self._open >= BATCH_POINTS:
                self._seal()

    # Below, with the lock held ----------------------------------------------------------------------------------

    def _seal(self) -> None:
        """Make a batch of what there is. A number is used up only by a batch that is kept."""
        self._open = 0
        series = _named(by_key(_taken(self._rows)), self._said)
        points = sum(len(one.steps) for one in series.values())
        if not points:
            return
        if self._spool.put(pack(self._rank, self._sequence, series), points):
            self._sequence += 1
        else:
            if not self.dropped_points:
                _say("too many metric points wait to be sent, or the disk is full: new ones are dropped")
            self.dropped_points += points

    def _forget(self) -> None:
        """In a forked child: nothing here is ours, and the lock may be another thread's for ever."""
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._forked, self._thread = True, None
        self._rows, self._open, self._enough, self.dropped_points = [], 0, 1, 0

    # The sender -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = self._flush_seconds
        while self.superseded is None:
            with self._changed:
                if self._closed:
                    return
                if not len(self._spool):
                    self._enough = READY_POINTS
                    if self._open < READY_POINTS and not self._closing:
                        self._idle = True
                        self._changed.wait(self._flush_seconds)
                        self._idle = False
                    self._enough = BATCH_POINTS
                    if self._rows:
                        self._seal()
                batch = self._spool.first()
                self.dropped_points += self._spool.damaged_weight
                self._spool.damaged_weight = 0
                if batch is None and not self._rows and self._closing:
                    return
            if batch is None or self._deliver(batch):
                pause = self._flush_seconds
                continue
            with self._changed:
                self._changed.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _deliver(self, batch: bytes) -> bool:
        """Send one batch; true when it is taken or refused for good. Until then it stays where it is."""
        try:
            self._send(batch)
        except AttemptSuperseded as stop:
            self.superseded = stop
            return False
        except JobApiError as error:
            if not error.final:
                if not self._away:
                    _say(f"metrics are waiting: {error}")
                self._away = True
                return False
            refused = self._done_with()
            self.dropped_points += refused
            _say(f"{refused} metric points were refused: {error}")
            return True
        self._done_with()
        if self._away:
            _say("metrics arrive again")
        self._away = False
        return True

    def _done_with(self) -> int:
        """The first batch needs no more sending; returns its points."""
        with self._changed:
            weight = self._spool.first_weight
            if not self._closed:  # else nobody waited for this answer
                self._spool.done()
                self._done += 1
                self._changed.notify_all()
            return weight


def send_before(buffer: MetricBuffer, call: Callable[[], None]) -> None:
    """Send what was added so far, then call: points arrive before the checkpoint that comes after them.

    Waits for them at most `BEFORE_SECONDS`: a checkpoint does not wait for a control plane that is away.
    """
    with buffer._changed:
        if buffer._thread is not None and not buffer._forked and not buffer._closing:
            if buffer._rows:
                buffer._seal()
            wanted = buffer._sequence
            buffer._changed.notify_all()
            buffer._changed.wait_for(lambda: buffer._done >= wanted or buffer._away or buffer._closed, BEFORE_SECONDS)
    call()


def _taken(rows: list[Row]) -> list[Row]:
    """All that are there, which are there no more. Others may come meanwhile, behind them."""
    taken = rows[:]
    del rows[: len(taken)]
    return taken


def _points(rows: list[Row]) -> int:
    return sum(len(values) for _, _, values in rows)


def _named(series: dict[str, Series], said: set[str]) -> dict[str, Series]:
    """Without those whose key cannot be a name, each said once."""
    for key in [key for key in series if not _is_name(key)]:
        if key not in said:
            said.add(key)
            _say(f"{str(key)[:NAME_LENGTH]!r} cannot name a metric: {NAMES}")
        del series[key]
    return series


def _whole(step: int) -> int:
    found = int(step)
    if not -STEP_MOST <= found <= STEP_MOST:
        raise ValueError(f"step {found} is out of range")
    return found


def _is_name(key: str) -> bool:
    """Whether the control plane takes it as the name of a metric: one it refuses would take its batch with it."""
    return isinstance(key, str) and 0 < len(key) <= NAME_LENGTH and key.isprintable()


def _say(text: str) -> None:
    print(f"bedplate: {text}", file=sys.stderr, flush=True)
