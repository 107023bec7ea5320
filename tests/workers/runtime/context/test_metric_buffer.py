"""Metric points on their way out of a job."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from workers.runtime.client import AttemptSuperseded, JobApiError
from workers.runtime.metric_buffer import BATCH_POINTS, MetricBuffer

LONG = 3600.0


class Sink:
    """A receiver that misbehaves as told: each failure is raised once, after `keep` has been decided."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.sent: list[tuple[int, list[dict[str, Any]]]] = []
        self.arrived = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, sequence: int, points: list[dict[str, Any]]) -> None:
        self.gate.wait()
        self.sent.append((sequence, points))
        self.arrived.set()
        if self.failures:
            raise self.failures.pop(0)


def values(points: list[dict[str, Any]]) -> list[tuple[str, int, float]]:
    return [
        (each["key"], step, value) for each in points for step, value in zip(each["steps"], each["values"], strict=True)
    ]


def test_points_are_grouped_by_key_and_sent_at_the_end() -> None:
    sink = Sink()
    buffer = MetricBuffer(sink, flush_seconds=LONG)
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


def test_points_leave_after_the_flush_time() -> None:
    sink = Sink()
    buffer = MetricBuffer(sink, flush_seconds=0.01)
    buffer.add({"loss": 1.0}, 1)

    assert sink.arrived.wait(10)
    buffer.close()
    assert len(sink.sent) == 1


def test_a_full_batch_leaves_at_once_and_batches_are_numbered() -> None:
    sink = Sink()
    buffer = MetricBuffer(sink, flush_seconds=LONG)
    for step in range(BATCH_POINTS + 5):
        buffer.add({"loss": float(step)}, step)

    assert sink.arrived.wait(10)
    buffer.close()
    assert [sequence for sequence, _ in sink.sent] == [0, 1]
    assert [len(points[0]["steps"]) for _, points in sink.sent] == [BATCH_POINTS, 5]


def test_a_batch_that_may_have_arrived_is_sent_again_as_it_was() -> None:
    sink = Sink(JobApiError("control_plane_unreachable", "", 0), JobApiError("http_503", "", 503))
    buffer = MetricBuffer(sink, flush_seconds=0.001)
    buffer.add({"loss": 1.0}, 1)
    assert sink.arrived.wait(10)
    buffer.add({"loss": 2.0}, 2)
    buffer.close()

    assert [(sequence, values(points)) for sequence, points in sink.sent] == [
        (0, [("loss", 1, 1.0)]),
        (0, [("loss", 1, 1.0)]),
        (0, [("loss", 1, 1.0)]),
        (1, [("loss", 2, 2.0)]),
    ]


def test_a_refused_batch_is_left_out_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink(JobApiError("invalid", "bad key", 400))
    buffer = MetricBuffer(sink, flush_seconds=0.001)
    buffer.add({"loss": 1.0}, 1)
    assert sink.arrived.wait(10)
    buffer.close()

    assert buffer.dropped_points == 1
    assert "1 metric points were refused: invalid: bad key" in capsys.readouterr().err


def test_memory_is_bounded_and_what_is_dropped_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    sink.gate.clear()
    buffer = MetricBuffer(sink, flush_seconds=0.001, limit=10)
    for step in range(15):
        buffer.add({"loss": 1.0}, step)

    assert buffer.dropped_points == 5
    sink.gate.set()
    buffer.close()
    assert [step for _, points in sink.sent for _, step, _ in values(points)] == list(range(10))
    assert "more than 10 metric points wait" in capsys.readouterr().err


def test_what_is_no_finite_number_is_said_once_and_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    buffer = MetricBuffer(sink, flush_seconds=LONG)
    buffer.add({"loss": float("nan"), "auc": 0.5}, 1)
    buffer.add({"loss": float("inf"), "auc": 0.6}, 2)
    buffer.close()

    assert values(sink.sent[0][1]) == [("auc", 1, 0.5), ("auc", 2, 0.6)]
    assert capsys.readouterr().err.count("loss is nan at step 1") == 1


def test_a_superseded_attempt_stops_at_its_next_point() -> None:
    sink = Sink(AttemptSuperseded("gone"))
    buffer = MetricBuffer(sink, flush_seconds=0.001)
    buffer.add({"loss": 1.0}, 1)
    assert sink.arrived.wait(10)
    buffer.close()

    with pytest.raises(AttemptSuperseded):
        buffer.add({"loss": 1.0}, 2)


def test_closing_does_not_wait_for_a_receiver_that_never_answers(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    sink.gate.clear()
    buffer = MetricBuffer(sink, flush_seconds=0.001)
    buffer.add({"loss": 1.0}, 1)
    buffer.close(timeout_seconds=0.01)

    assert "1 metric points could not be sent" in capsys.readouterr().err
    sink.gate.set()
