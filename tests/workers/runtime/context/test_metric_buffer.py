"""Metric points on their way out of a job."""

from __future__ import annotations

import math
import os
import sys
import threading
import tracemalloc
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support.disks import files_of_at_most
from tests.support.waiting import until
from workers.runtime.client import AttemptSuperseded, JobApiError
from workers.runtime.metric_batch import unpack
from workers.runtime.metric_buffer import BATCH_POINTS, READY_POINTS, MetricBuffer

LONG = 3600.0
GONE = JobApiError("control_plane_unreachable", "", 0)


class Sink:
    """A receiver that misbehaves as told: each failure is raised once, after what came was kept."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.away = False
        self.batches: list[bytes] = []
        self.arrived = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, batch: bytes) -> None:
        self.gate.wait()
        self.batches.append(batch)
        self.arrived.set()
        if self.failures:
            raise self.failures.pop(0)
        if self.away:
            raise GONE

    @property
    def sent(self) -> list[tuple[int, list[dict[str, Any]]]]:
        found = [unpack(batch) for batch in self.batches]
        return [(batch["sequence"], batch["points"]) for batch in found]

    def stored(self) -> list[tuple[int, list[dict[str, Any]]]]:
        """Each batch once, as the control plane keeps it. Fails when a number came with two contents."""
        kept: dict[int, list[dict[str, Any]]] = {}
        for sequence, points in self.sent:
            assert kept.setdefault(sequence, points) == points
        assert sorted(kept) == list(range(len(kept)))
        return sorted(kept.items())


Make = Callable[..., MetricBuffer]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda sink, **options: MetricBuffer(sink, folder=tmp_path, **options)


def values(points: list[dict[str, Any]]) -> list[tuple[str, int, float]]:
    return [
        (each["key"], step, value) for each in points for step, value in zip(each["steps"], each["values"], strict=True)
    ]


def steps(sink: Sink) -> list[int]:
    return [step for _, points in sink.stored() for _, step, _ in values(points)]


def test_points_are_grouped_by_key_and_sent_at_the_end(make: Make) -> None:
    sink = Sink()
    buffer = make(sink, flush_seconds=LONG)
    buffer.add({"train/loss": 0.5, "train/auc": 0.7}, 1)
    buffer.add({"train/loss": 0.25}, 2)
    buffer.close()

    [(sequence, points)] = sink.sent
    assert sequence == 0
    assert [(each["key"], each["steps"], each["values"]) for each in points] == [
        ("train/loss", [1, 2], [0.5, 0.25]),
        ("train/auc", [1], [0.7]),
    ]
    assert all(len(each["times"]) == len(each["steps"]) for each in points)


def test_points_of_a_key_keep_their_order_whatever_came_with_it(make: Make) -> None:
    sink = Sink()
    buffer = make(sink, flush_seconds=LONG)
    buffer.add({"loss": 0.5}, 3)
    buffer.add({"loss": 0.4, "auc": 0.7}, 2)
    buffer.add({"auc": 0.8, "loss": 0.3}, 1)
    buffer.add({}, 7)
    buffer.add({"loss": 0.2}, 0)
    buffer.close()

    [(_, points)] = sink.sent
    assert [(each["key"], each["steps"], each["values"]) for each in points] == [
        ("loss", [3, 2, 1, 0], [0.5, 0.4, 0.3, 0.2]),
        ("auc", [2, 1], [0.7, 0.8]),
    ]


def test_a_value_is_what_it_was_when_it_was_added(make: Make) -> None:
    sink = Sink()
    buffer = make(sink, flush_seconds=LONG)
    cell, given = np.array(0.5, dtype=np.float32), {"loss": 0.25}
    buffer.add({"loss": cell, "count": 3, "done": True, "text": "1.5"}, np.int64(1))  # type: ignore[dict-item, arg-type]
    buffer.add(given, 2)
    cell[()], given["loss"] = 9.0, 9.0
    for nothing, error in (("many", ValueError), (None, TypeError)):
        with pytest.raises(error):
            buffer.add({"auc": 0.5, "loss": nothing}, 3)  # type: ignore[dict-item]
    buffer.close()

    assert values(sink.sent[0][1]) == [
        ("loss", 1, 0.5),
        ("loss", 2, 0.25),
        ("count", 1, 3.0),
        ("done", 1, 1.0),
        ("text", 1, 1.5),
    ]


def test_points_leave_after_the_flush_time(make: Make) -> None:
    sink = Sink()
    buffer = make(sink, flush_seconds=0.01)
    buffer.add({"loss": 1.0}, 1)

    assert sink.arrived.wait(10)
    buffer.close()
    assert len(sink.sent) == 1


def test_many_points_leave_at_once_and_batches_are_numbered(make: Make) -> None:
    sink = Sink()
    buffer = make(sink, flush_seconds=LONG)
    for step in range(READY_POINTS + 5):
        buffer.add({"loss": float(step)}, step)

    assert sink.arrived.wait(10)
    buffer.close()
    assert steps(sink) == list(range(READY_POINTS + 5))
    assert len(sink.sent) <= 2


def test_batches_grow_when_it_is_behind(make: Make) -> None:
    sink = Sink()
    sink.gate.clear()
    buffer = make(sink, flush_seconds=0.001)
    for step in range(3 * BATCH_POINTS):
        buffer.add({"loss": 1.0}, step)
    sink.gate.set()
    buffer.close()
    assert steps(sink) == list(range(3 * BATCH_POINTS))
    assert max(len(values(points)) for _, points in sink.sent) == BATCH_POINTS
    assert len(sink.sent) <= 5


def test_a_batch_that_may_have_arrived_is_sent_again_as_it_was(make: Make) -> None:
    sink = Sink(GONE, JobApiError("http_503", "", 503))
    buffer = make(sink, flush_seconds=0.001)
    buffer.add({"loss": 1.0}, 1)
    assert sink.arrived.wait(10)
    buffer.add({"loss": 2.0}, 2)
    buffer.close()

    assert [sequence for sequence, _ in sink.sent][:3] == [0, 0, 0]
    assert sink.batches[0] == sink.batches[1] == sink.batches[2]
    assert steps(sink) == [1, 2]


@pytest.mark.parametrize("status", [401, 408, 429, 503])
def test_what_passes_costs_nothing(make: Make, status: int) -> None:
    sink = Sink(*[JobApiError("busy", "", status)] * 3)
    buffer = make(sink, flush_seconds=0.001)
    buffer.add({"loss": 1.0}, 1)
    buffer.close()

    assert steps(sink) == [1]
    assert buffer.dropped_points == 0


def test_every_second_answer_is_lost_after_the_batch_was_kept(make: Make) -> None:
    sink = Sink(*[GONE, JobApiError("http_404", "a proxy", 404)] * 5)
    buffer = make(sink, flush_seconds=0.001)
    for step in range(5 * BATCH_POINTS):
        buffer.add({"loss": 1.0}, step)
    buffer.close(60)

    assert steps(sink) == list(range(5 * BATCH_POINTS))
    assert len(sink.sent) > len(sink.stored())


def test_an_outage_is_said_once_and_so_is_its_end(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink(GONE, GONE, GONE)
    buffer = make(sink, flush_seconds=0.001)
    buffer.add({"loss": 1.0}, 1)
    buffer.close()

    said = capsys.readouterr().err
    assert said == "bedplate: metrics are waiting: control_plane_unreachable\nbedplate: metrics arrive again\n"


def test_a_refused_batch_is_left_out_and_counted(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink(JobApiError("invalid", "bad key", 400))
    buffer = make(sink, flush_seconds=0.001)
    buffer.add({"loss": 1.0}, 1)
    assert sink.arrived.wait(10)
    buffer.close()

    assert buffer.dropped_points == 1
    assert "1 metric points were refused: invalid: bad key" in capsys.readouterr().err


def test_an_outage_of_a_million_points_waits_on_the_disk_in_little_memory(make: Make, tmp_path: Path) -> None:
    sink = Sink()
    sink.away = True
    buffer, row = make(sink, flush_seconds=0.001), {f"metric/{number}": 0.5 for number in range(100)}
    buffer.add(row, 0)
    until(lambda: sink.batches)
    tracemalloc.start()
    for step in range(1, 10_000):
        buffer.add(row, step)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12_000_000  # a million points are 24 MB
    [folder] = tmp_path.iterdir()
    assert sum(file.stat().st_size for file in folder.iterdir()) > 17_000_000
    sink.away = False
    buffer.close(60)

    by_key: dict[str, list[int]] = {}
    for _, points in sink.stored():
        for each in points:
            by_key.setdefault(each["key"], []).extend(each["steps"])
    assert by_key.keys() == row.keys()
    assert all(found == list(range(10_000)) for found in by_key.values())
    assert list(tmp_path.iterdir()) == []
    assert buffer.dropped_points == 0


def test_beyond_all_bounds_new_points_go_and_that_is_said_once(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    sink.away = True
    buffer = make(sink, flush_seconds=0.001, memory_bytes=100_000, disk_bytes=500_000)
    for step in range(10 * BATCH_POINTS):
        buffer.add({"loss": 1.0}, step)
    assert buffer.dropped_points > 0
    sink.away = False
    buffer.close(60)

    kept = steps(sink)
    assert len(kept) == 10 * BATCH_POINTS - buffer.dropped_points
    assert kept == sorted(set(kept))
    said = capsys.readouterr().err
    assert said.count("new ones are dropped") == 1
    assert f"{buffer.dropped_points} metric points could not be sent" in said


@files_of_at_most(1000)
def test_a_full_disk_costs_points_and_never_the_job(make: Make, tmp_path: Path) -> None:
    sink = Sink()
    sink.away = True
    buffer = make(sink, flush_seconds=0.001, memory_bytes=300_000)
    for step in range(5 * BATCH_POINTS):
        buffer.add({"loss": 1.0}, step)
    sink.away = False
    buffer.add({"loss": 1.0}, 5 * BATCH_POINTS)
    buffer.close(60)

    kept = steps(sink)
    assert 0 < buffer.dropped_points == 5 * BATCH_POINTS + 1 - len(kept)
    assert kept[0] == 0
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_finite_number_is_sent_too_and_is_text_in_json(make: Make) -> None:
    sink = Sink()
    buffer = make(sink, flush_seconds=LONG)
    for step, value in enumerate([math.nan, math.inf, -math.inf, 0.5]):
        buffer.add({"loss": value}, step)
    buffer.close()

    packed = msgspec.msgpack.decode(sink.batches[0])["points"][0]["values"]
    assert [repr(value) for value in array("d", packed)] == ["nan", "inf", "-inf", "0.5"]
    assert sink.sent[0][1][0]["values"] == ["NaN", "Infinity", "-Infinity", 0.5]


@pytest.mark.parametrize("name", ["", "x" * 201, "a\0b", "a\nb", "\ud800"])
def test_a_name_that_would_be_refused_takes_no_other_point_with_it(
    make: Make, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = Sink()
    buffer = make(sink, flush_seconds=LONG)
    buffer.add({name: 1.0, "auc": 0.5}, 1)
    buffer.add({name: 1.0, "auc": 0.6}, 2)
    buffer.close()

    assert values(sink.sent[0][1]) == [("auc", 1, 0.5), ("auc", 2, 0.6)]
    assert capsys.readouterr().err.count("cannot name a metric") == 1


@pytest.mark.parametrize("step", [2**53 + 1, -(2**70)])
def test_a_step_out_of_range_is_the_callers_error(make: Make, step: int) -> None:
    buffer = make(Sink())
    with pytest.raises(ValueError, match="out of range"):
        buffer.add({"loss": 1.0}, step)
    buffer.close()


def test_threads_may_add_at_once(make: Make) -> None:
    sink = Sink()
    buffer = make(sink, flush_seconds=0.001)

    def work(name: str) -> None:
        for step in range(20_000):
            buffer.add({name: 1.0}, step)

    threads = [threading.Thread(target=work, args=(f"thread/{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    buffer.close(60)
    found: dict[str, list[int]] = {}
    for _, points in sink.stored():
        for each in points:
            found.setdefault(each["key"], []).extend(each["steps"])
    assert found == {f"thread/{number}": list(range(20_000)) for number in range(4)}


def test_a_forked_process_sends_nothing_of_its_parents_and_says_that_its_own_is_dropped(
    make: Make, tmp_path: Path
) -> None:
    sink = Sink()
    buffer = make(sink, flush_seconds=LONG)
    buffer.add({"loss": 1.0}, 1)
    said, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        sys.stderr = os.fdopen(theirs, "w")
        buffer._send = lambda batch: os._exit(3)
        buffer.add({"loss": 2.0}, 2)
        buffer.add({"loss": 3.0}, 3)
        buffer.close()
        os._exit(0)
    os.close(theirs)
    with os.fdopen(said) as lines:
        text = lines.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    buffer.add({"loss": 4.0}, 4)
    buffer.close()
    assert steps(sink) == [1, 4]
    assert text.count("this process was forked") == 1


def test_a_superseded_attempt_stops_at_its_next_point(make: Make) -> None:
    sink = Sink(AttemptSuperseded("gone"))
    buffer = make(sink, flush_seconds=0.001)
    buffer.add({"loss": 1.0}, 1)
    assert sink.arrived.wait(10)
    buffer.close()

    with pytest.raises(AttemptSuperseded):
        buffer.add({"loss": 1.0}, 2)


def test_closing_does_not_wait_for_a_receiver_that_never_answers(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = Sink()
    sink.gate.clear()
    buffer = make(sink, flush_seconds=0.001)
    buffer.add({"loss": 1.0}, 1)
    buffer.close(timeout_seconds=0.01)

    assert "1 metric points could not be sent" in capsys.readouterr().err
    sink.gate.set()
