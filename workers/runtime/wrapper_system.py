"""What a job uses, as metrics of its run: see `wrapper.py`, which loads this file late.

Every few seconds the processes below the wrapper are read and become points of metrics named `system/…`, one series
per member: cores that are busy, memory, bytes read and written, bytes on the network, and of each GPU how busy it is
and how much of its memory is taken. The step of a point is its time in whole seconds. What is no run's job is refused
once, and nothing more is said. While the control plane is away the newest points wait, `KEPT` of them at most.

Standard library only, and nothing from the rest of the project: it is copied into images that have neither.
"""
# Plain paths, as in `wrapper.py`.
# ruff: noqa: PTH123

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from workers.runtime.wrapper_reporting import Teller, Usage

PREFIX = "system/"
FIRST_SEQUENCE = 1 << 52
"""The job numbers its own batches from 0: both are one member's."""
FIRST_SECONDS, LEAST_SECONDS = 1.0, 0.1
KEPT = 4320
"""Samples: half a day at the usual pace, some 3 MB."""
BATCH_SAMPLES = 360
LOOPBACK = "lo"


class Totals(NamedTuple):
    """Of everything below the wrapper since it began; None: it may not be seen here."""

    cpu_seconds: float
    memory_bytes: int
    read_bytes: int | None
    written_bytes: int | None
    received_bytes: int | None
    sent_bytes: int | None


def read_totals(pids: list[int]) -> Totals:
    """Sum over these processes; those that end meanwhile are left out. Blocks on nothing but `/proc`."""
    ticks, private, shared, read, written, seen = 0, 0, 0, 0, 0, False
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):  # it may have ended
            with open(f"/proc/{pid}/stat", "rb") as file:
                ticks += sum(map(int, file.read().rpartition(b")")[2].split()[11:15]))  # with reaped children
            with open(f"/proc/{pid}/statm", "rb") as file:
                resident, common = map(int, file.read().split()[1:3])
            private, shared = private + resident - common, max(shared, common)
        with contextlib.suppress(OSError, ValueError):  # another user's, or a kernel that does not count
            with open(f"/proc/{pid}/io", "rb") as file:
                words = dict(line.split(b": ") for line in file.read().splitlines())
            read, written, seen = read + int(words[b"read_bytes"]), written + int(words[b"write_bytes"]), True
    received, sent = read_network()
    return Totals(
        ticks / os.sysconf("SC_CLK_TCK"),
        (private + shared) * os.sysconf("SC_PAGE_SIZE"),
        read if seen else None,
        written if seen else None,
        received,
        sent,
    )


def read_network() -> tuple[int | None, int | None]:
    """Bytes that came and went by the interfaces that this process sees, without the loop-back."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/net/dev", encoding="ascii") as file:
        rows = [line.split(":", 1) for line in file.read().splitlines()[2:]]
        figures = [words.split() for name, words in rows if name.strip() != LOOPBACK]
        return sum(int(each[0]) for each in figures), sum(int(each[8]) for each in figures)
    return None, None


def children_of(pid: int) -> list[int]:
    """Processes that it started and that are its own. Raises OSError: it has ended, or the kernel does not tell."""
    found: list[int] = []
    for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
        with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
            found.extend(map(int, file.read().split()))
    return found


def below(walk: Callable[[], list[int]]) -> list[int]:
    """Processes below this one, at a cost that does not grow with the machine's; by `walk` where the kernel is old."""
    try:
        found = children_of(os.getpid())
    except OSError:
        return walk()
    for pid in found:  # grows while it is walked
        with contextlib.suppress(OSError):  # it has ended
            found.extend(children_of(pid))
    return found


class Meter:
    """Figures between two looks."""

    def __init__(self, walk: Callable[[], list[int]], usage: Usage | None, *, is_alone: bool) -> None:
        self._walk, self._usage = walk, usage
        self._network = "network" if is_alone else "machine/network"
        self._before, self._at = read_totals(below(walk)), time.monotonic()

    def measure(self) -> dict[str, float]:
        """By metric, since the look before. On a machine that is not the job's alone the network is the machine's."""
        now, totals = time.monotonic(), read_totals(below(self._walk))
        seconds, before = max(now - self._at, 1e-3), self._before
        self._before, self._at = totals, now
        found = {"cpu_cores": totals.cpu_seconds - before.cpu_seconds}
        for name, new, old in (
            ("disk_read", totals.read_bytes, before.read_bytes),
            ("disk_written", totals.written_bytes, before.written_bytes),
            (f"{self._network}_received", totals.received_bytes, before.received_bytes),
            (f"{self._network}_sent", totals.sent_bytes, before.sent_bytes),
        ):
            if new is not None and old is not None:
                found[f"{name}_bytes_per_second"] = float(new - old)
        # What ended without being waited for takes its figures with it: not less than nothing was used.
        found = {name: round(max(value, 0.0) / seconds, 4) for name, value in found.items()}
        found["memory_bytes"] = float(totals.memory_bytes)
        for gpu in self._usage.gpus if self._usage is not None else ():
            found[f"gpu/{gpu['index']}/utilisation_ratio"] = gpu["utilisation_ratio"]
            found[f"gpu/{gpu['index']}/memory_bytes"] = float(gpu["memory_bytes"])
        return found


class System(threading.Thread):
    """Samples, keeps what cannot be sent yet, and sends it.

    Args:
        seconds: between two samples.
    """

    def __init__(self, meter: Meter, teller: Teller, seconds: float) -> None:
        super().__init__(daemon=True, name="system")
        self._meter, self._teller, self._seconds = meter, teller, seconds
        self._waiting: deque[tuple[float, dict[str, float]]] = deque(maxlen=KEPT)
        self._batch, self._sequence = b"", FIRST_SEQUENCE
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._unwanted = False

    def run(self) -> None:
        due = time.monotonic() + min(FIRST_SECONDS, self._seconds)
        while not self._ended.wait(max(due - time.monotonic(), 0.0)) and not self._unwanted:
            self._waiting.append((time.time(), self._meter.measure()))
            self.send()
            due = max(due + self._seconds, time.monotonic())

    def last(self) -> None:
        """The command has ended: send what waits, in one try."""
        self._ended.set()
        self.send()

    def send(self) -> None:
        """Send what waits until it is done or a try fails. Bytes that were sent once are sent again as they were."""
        with self._lock:
            while not self._unwanted and (self._batch or self._waiting):
                self._batch = self._batch or self._packed()
                if not self._teller.tell_points(self._batch):
                    return
                self._unwanted = self._teller.refused  # the job of no run
                self._batch, self._sequence = b"", self._sequence + 1

    def _packed(self) -> bytes:
        series: dict[str, dict[str, Any]] = {}
        for _ in range(min(len(self._waiting), BATCH_SAMPLES)):
            at, values = self._waiting.popleft()
            for name, value in values.items():
                key = PREFIX + name
                one = series.setdefault(key, {"key": key, "steps": [], "values": [], "times": []})
                one["steps"].append(int(at))
                one["values"].append(value)
                one["times"].append(at)
        batch = {"rank": self._teller.rank, "sequence": self._sequence, "points": list(series.values())}
        return json.dumps(batch).encode()


def maker(
    walk: Callable[[], list[int]], usage: Usage, options: dict[str, float], *, is_alone: bool
) -> Callable[[Teller], System] | None:
    """Makes a `System` for a teller; None where nobody wants it, and for replicas, whose figures are the revision's."""
    seconds = options["system_seconds"]
    if not seconds or options["replica"]:
        return None
    return lambda teller: System(Meter(walk, usage, is_alone=is_alone), teller, max(seconds, LEAST_SECONDS))
