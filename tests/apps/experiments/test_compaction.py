"""Compaction of metric rows: every point is read once before, during and after, and nothing else notices."""

from __future__ import annotations

import threading
from array import array
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.common import clock
from apps.common.storage import store
from apps.experiments.api.ingest import NATIVE, IngestApp
from apps.experiments.models import MetricBatch, MetricSender
from apps.experiments.models.packing import COMPACT, PLAIN, preview_unpack
from apps.experiments.selectors import curve_rows
from apps.experiments.selectors.metrics import run_curves
from apps.experiments.selectors.series import Span
from apps.experiments.services import compaction, segments
from apps.experiments.services.compaction import (
    LOOSE_BATCHES,
    SETTLED_SECONDS,
    Piece,
    merges,
    metrics_compact,
)
from apps.experiments.services.files import checkpoint_register, checkpoint_resume
from apps.experiments.services.segments import SEGMENT_POINTS, row_pack, rows_merge
from apps.experiments.services.summaries import summary_rebuild
from apps.quotas.models import Attempt
from tests.support.asgi_calls import post, token_of
from tests.support.concurrency import Thread
from tests.support.factories.experiments import MetricBatchFactory, next_attempt, run_of, started

MSGPACK = {"content-type": NATIVE}


def send(attempt: Attempt, *points: tuple[str, int, float], sequence: int, rank: int = 0) -> int:
    """One batch through the app; returns the status."""
    series: dict[str, Any] = {}
    for key, step, value in points:
        columns = series.setdefault(key, (array("q"), array("d"), array("d")))
        for column, number in zip(columns, (step, value, 1000.0 + step), strict=True):
            column.append(number)
    made = [
        {"key": key, "steps": steps.tobytes(), "values": values.tobytes(), "times": times.tobytes()}
        for key, (steps, values, times) in series.items()
    ]
    body = msgspec.msgpack.encode({"rank": rank, "sequence": sequence, "points": made})

    async def through_an_app() -> int:
        app = IngestApp()
        status, _, _ = await post(app, token_of(attempt), body, headers=MSGPACK)
        await app.close()
        return status

    return async_to_sync(through_an_app)()


def age() -> None:
    """Let all that is stored be old enough."""
    long_ago = clock.db_now() - timedelta(seconds=SETTLED_SECONDS + 1)
    MetricBatch.objects.update(created_at=long_ago)
    Attempt.objects.exclude(ended_at=None).update(ended_at=long_ago)


def curve(attempt: Attempt, key: str = "loss") -> list[tuple[int, float]]:
    found = run_curves(run_of(attempt), [key], 10_000).series[key]
    return [(int(step), value) for step, value in zip(found["steps"], found["values"], strict=True)]


def rows(attempt: Attempt, key: str = "loss") -> list[tuple[int, list[int]]]:
    """(rank, steps) of each row."""
    found = MetricBatch.objects.filter(attempt=attempt, key=key).order_by("id")
    return [(row.rank, row.columns[0].tolist()) for row in found]


@pytest.mark.django_db
class TestMerging:
    def test_many_rows_become_one_that_holds_them_all(self) -> None:
        attempt = started()
        made = [MetricBatchFactory.create(attempt=attempt, points=[(n, n / 10), (n + 100, -n)]) for n in range(5)]
        others = MetricBatchFactory.create(attempt=attempt, rank=1, points=[(9, 9.0)])
        before = curve(attempt)
        ids = [row.pk for row in made]
        last = MetricBatch.objects.get(pk=ids[-1])
        assert rows_merge(ids) == 4
        row = MetricBatch.objects.get(rank=0)
        assert (row.pk, row.transaction_id, row.sequence) == (last.pk, last.transaction_id, last.sequence)
        assert (row.first_step, row.last_step, row.count) == (0, 104, 10)
        assert row.merged_id == ids[0]
        steps, values, times = row.columns
        assert steps.tolist() == [0, 100, 1, 101, 2, 102, 3, 103, 4, 104]
        assert values.tolist() == [0.0, 0.0, 0.1, -1.0, 0.2, -2.0, 0.3, -3.0, 0.4, -4.0]
        assert times.tolist() == [1000.0 + step for step in steps.tolist()]
        assert (row.first_time, row.last_time) == (1000.0, 1104.0)
        assert curve(attempt) == before
        assert MetricBatch.objects.filter(pk=others.pk).exists()

    def test_what_was_merged_is_merged_again_and_knows_its_beginning(self) -> None:
        attempt = started()
        ids = [MetricBatchFactory.create(attempt=attempt, points=[(n, float(n))]).pk for n in range(6)]
        rows_merge(ids[:3])
        rows_merge([ids[2], *ids[3:]])
        row = MetricBatch.objects.get()
        assert (row.pk, row.merged_id, row.count) == (ids[5], ids[0], 6)
        assert row.columns[0].tolist() == list(range(6))

    def test_rows_of_which_one_is_gone_stay_as_they_are(self) -> None:
        attempt = started()
        ids = [MetricBatchFactory.create(attempt=attempt).pk for _ in range(4)]
        MetricBatch.objects.filter(pk=ids[1]).delete()
        assert rows_merge(ids) == 0
        assert sorted(MetricBatch.objects.values_list("pk", flat=True)) == [ids[0], ids[2], ids[3]]
        MetricBatch.objects.filter(pk=ids[3]).delete()
        assert rows_merge([ids[0], ids[3]]) == 0
        assert MetricBatch.objects.count() == 2

    def test_a_failure_in_the_middle_changes_nothing(self) -> None:
        attempt = started()
        ids = [MetricBatchFactory.create(attempt=attempt, count=3).pk for _ in range(2)]
        with pytest.raises(ValueError, match="does not have the 3 that it says"), transaction.atomic():
            rows_merge(ids)
        assert MetricBatch.objects.count() == 2


@pytest.mark.django_db(transaction=True)
class TestTheTick:
    def test_it_merges_what_is_old_and_leaves_the_young(self) -> None:
        attempt = started()
        for n in range(LOOSE_BATCHES):
            assert send(attempt, ("loss", n, float(n)), ("auc", n, 1.0), sequence=n) == 200
        assert metrics_compact() == 0, "all of it is young"
        age()
        assert send(attempt, ("loss", 500, 0.0), sequence=500) == 200
        expected = curve(attempt)
        assert metrics_compact() == 2 * (LOOSE_BATCHES - 1)
        assert rows(attempt) == [(0, list(range(LOOSE_BATCHES))), (0, [500])]
        assert curve(attempt) == expected
        assert MetricSender.objects.get().loose_batches == 1
        assert metrics_compact() == 0

    def test_few_batches_wait_until_the_attempt_has_ended(self) -> None:
        attempt = started()
        for n in range(3):
            send(attempt, ("loss", n, float(n)), sequence=n)
        age()
        assert metrics_compact() == 0
        next_attempt(attempt)
        assert metrics_compact() == 0, "it has just ended"
        age()
        assert metrics_compact() == 2
        assert rows(attempt) == [(0, [0, 1, 2])]
        assert MetricSender.objects.get().loose_batches == 0

    def test_a_batch_that_is_sent_again_after_its_row_went_changes_nothing(self) -> None:
        attempt = started()
        for n in range(LOOSE_BATCHES):
            send(attempt, ("loss", n, float(n)), sequence=n)
        age()
        metrics_compact()
        summary = run_of(attempt).summary
        for n in range(LOOSE_BATCHES):
            assert send(attempt, ("loss", n, float(n)), ("new", n, 1.0), sequence=n) == 200
        assert curve(attempt) == [(n, float(n)) for n in range(LOOSE_BATCHES)]
        assert run_of(attempt).summary == summary
        assert summary["loss"]["count"] == LOOSE_BATCHES

    def test_members_stay_apart_and_points_in_order(self) -> None:
        attempt = started()
        for n in range(LOOSE_BATCHES):
            for rank in (0, 1):
                send(attempt, ("loss", 7, float(n)), rank=rank, sequence=n)
        age()
        last = run_of(attempt).summary["loss"]["last"]
        assert metrics_compact() == 2 * (LOOSE_BATCHES - 1)
        assert [rank for rank, _ in rows(attempt)] == [0, 1]
        assert [value for _, value in curve(attempt)] == [float(n) for n in range(LOOSE_BATCHES)] * 2
        assert summary_rebuild(run_of(attempt))["loss"]["last"] == last == LOOSE_BATCHES - 1

    def test_superseding_works_across_it(self) -> None:
        first = started()
        for n in range(LOOSE_BATCHES):
            send(first, ("loss", n, 1.0), sequence=n)
        age()
        metrics_compact()
        _checkpoint(first, 9)
        second = next_attempt(first)
        checkpoint_resume(attempt=second)
        assert curve(first) == [(n, 1.0) for n in range(10)]
        assert run_of(first).summary["loss"]["count"] == 10
        for n in range(10, 10 + LOOSE_BATCHES):
            send(second, ("loss", n, 2.0), sequence=n)
        age()
        assert metrics_compact() == LOOSE_BATCHES - 1
        assert curve(first) == [(n, 1.0 if n < 10 else 2.0) for n in range(10 + LOOSE_BATCHES)]
        assert run_of(first).summary == summary_rebuild(run_of(first))
        assert send(first, ("loss", 99, 9.0), sequence=99) == 401

    def test_two_at_once_and_a_job_that_sends_on_lose_and_double_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compaction, "SETTLED_SECONDS", -3600)  # everything is old
        attempt = started()
        over = threading.Event()
        seen: list[str] = []

        def read() -> None:
            while not over.is_set():
                steps = [step for step, _ in curve(attempt)]
                if steps != sorted(set(steps)) or steps != list(range(len(steps))):
                    seen.append(f"read {steps}")

        def compact() -> int:
            gone = 0
            while not over.is_set():
                gone += metrics_compact()
            return gone

        readers, compactors = [Thread(read)], [Thread(compact), Thread(compact)]
        sent = 90
        for n in range(sent):
            assert send(attempt, ("loss", n, float(n)), sequence=n) == 200
        over.set()
        outcomes = [thread.join() for thread in (*readers, *compactors)]
        assert seen == []
        assert outcomes[0] is None
        assert curve(attempt) == [(n, float(n)) for n in range(sent)]
        stored = sum(len(steps) for _, steps in rows(attempt))
        assert (stored, run_of(attempt).summary["loss"]["count"]) == (sent, sent)
        assert all(isinstance(gone, int) for gone in outcomes[1:]), outcomes
        assert len(rows(attempt)) < sent


@pytest.mark.django_db(transaction=True)
class TestPreviews:
    """Rows of 32 points and more are full here, and have 16 of them in their preview, 8 in their overview."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(segments, "SEGMENT_POINTS", 64)
        for module in (segments, curve_rows):
            monkeypatch.setattr(module, "PREVIEW_POINTS", 16)
            monkeypatch.setattr(module, "OVERVIEW_POINTS", 8)

    def full(self, attempt: Attempt, first: int, spike: int, value: float = 50.0) -> MetricBatch:
        """Forty points of 1.0 but for one."""
        points = [(step, value if step == spike else 1.0) for step in range(first, first + 40)]
        made: MetricBatch = MetricBatchFactory.create(attempt=attempt, points=points)
        MetricSender.objects.update_or_create(attempt=attempt, rank=0, defaults={"loose_batches": LOOSE_BATCHES})
        return made

    def test_a_chart_reads_the_few_points_that_look_like_all(self) -> None:
        attempt = started()
        self.full(attempt, 0, spike=17)
        self.full(attempt, 40, spike=55, value=-50.0)
        age()
        assert metrics_compact() == 0
        MetricBatchFactory.create(attempt=attempt, points=[(80, 7.0)])
        assert MetricBatch.objects.exclude(preview=None).update(steps=b"never looked at") == 2
        for points, most in ((8, 17), (16, 33)):
            found = run_curves(run_of(attempt), ["loss"], points).series["loss"]
            shown = dict(zip(found["steps"], found["values"], strict=True))
            assert len(shown) <= min(points, most)
            assert {0: 1.0, 17: 50.0, 55: -50.0, 80: 7.0}.items() <= shown.items()
            assert found["times"] == [1000.0 + step for step in found["steps"]]
            MetricBatch.objects.exclude(overview=None).update(overview=b"eight numbers, not whole ones"[:24])

    def test_every_point_is_read_where_that_was_asked_for(self) -> None:
        attempt = started()
        self.full(attempt, 0, spike=17)
        age()
        metrics_compact()
        assert MetricBatch.objects.get().preview is not None
        assert [step for step, _ in curve(attempt)] == list(range(40))
        part = run_curves(run_of(attempt), ["loss"], 100, Span(from_step=10, to_step=20)).series["loss"]
        assert part["steps"] == list(range(10, 21))

    def test_points_that_are_superseded_are_not_in_it(self) -> None:
        first = started()
        self.full(first, 0, spike=17)
        self.full(first, 40, spike=55)
        age()
        metrics_compact()
        run, second = run_of(first), next_attempt(first)
        run.attempt_starts = {"1": None, "2": 47}
        found = run_curves(run, ["loss"], 100).series["loss"]
        assert (max(found["steps"]), max(found["values"])) == (47, 50.0)
        assert set(range(40, 48)) <= set(found["steps"]), "of a row that counts in part every point is looked at"
        run.attempt_starts = {"1": None, str(second.number): None}
        assert run_curves(run, ["loss"], 100).series["loss"]["steps"] == []

    def test_a_row_that_is_merged_gets_one_of_all_its_points(self) -> None:
        attempt = started()
        ids = [self.full(attempt, first, spike=first + 3, value=first - 5.0).pk for first in (0, 40)]
        MetricBatch.objects.update(preview=b"old", overview=b"old")
        rows_merge(ids)
        row = MetricBatch.objects.get()
        assert row.overview is not None
        _, values, _ = preview_unpack(PLAIN, row.overview)
        assert (values.min(), values.max(), 4 < len(values) <= 8) == (-5.0, 35.0, True)

    def test_a_part_by_time_reads_only_the_rows_that_reach_into_it(self) -> None:
        attempt = started()
        rows = [self.full(attempt, first, spike=first + 17) for first in (0, 40, 80)]
        age()
        metrics_compact()
        MetricBatch.objects.filter(pk=rows[0].pk).update(steps=b"x", values=b"x", overview=b"x")
        MetricBatch.objects.filter(pk=rows[1].pk).update(steps=b"x")
        span = Span(from_time=1040.0, to_time=1081.0)
        found = run_curves(run_of(attempt), ["loss"], 4, span).series["loss"]
        assert (found["steps"][0], found["steps"][-1], max(found["values"])) == (40, 81, 50.0)

    def test_one_that_came_full_is_packed_alone_and_read_as_before(self) -> None:
        attempt = started()
        self.full(attempt, 0, spike=17)
        before = curve(attempt)
        MetricSender.objects.all().delete()
        age()
        assert metrics_compact() == 0
        row = MetricBatch.objects.get()
        assert (row.form, row.merged_id, row.count) == (COMPACT, None, 40)
        assert len(row.steps) < 8 * 40
        assert curve(attempt) == before
        assert not row_pack(row.pk), "once is enough"


def _checkpoint(attempt: Attempt, step: int) -> None:
    saved = store().put(f"attempts/{attempt.pk}/checkpoints/step-{step}.pt", [b"x"])
    checkpoint_register(
        attempt=attempt, step=step, uri=f"bedplate://{saved.path}", sha256=saved.sha256, size_bytes=saved.size_bytes,
        metadata={},
    )  # fmt: skip


def pieces(*counts: int) -> list[Piece]:
    return [Piece(number, count) for number, count in enumerate(counts)]


class TestPlan:
    """No database."""

    @pytest.mark.parametrize(
        "counts, over, expected",
        [
            ([10, 10, 10], False, [[0, 1, 2]]),
            ([], True, []),
            ([10], True, []),
            ([5000, 10, 10, 10], False, [[1, 2, 3]]),
            ([5000, 10, 10, 10], True, [[0, 1, 2, 3]]),
            ([40, 10, 10, 10, 10], False, [[0, 1, 2, 3, 4]]),
            ([SEGMENT_POINTS, 10, 10], False, [[1, 2]]),
            ([10, 10, SEGMENT_POINTS // 2, 10, 10], True, [[0, 1], [3, 4]]),
            ([SEGMENT_POINTS // 2 - 1] * 5, False, [[0, 1], [2, 3]]),
        ],
    )
    def test_what_is_merged(self, counts: list[int], over: bool, expected: list[list[int]]) -> None:
        assert list(merges(pieces(*counts), all_of_them=over)) == expected

    @given(st.lists(st.integers(1, SEGMENT_POINTS * 2), max_size=200), st.booleans())
    def test_segments_are_bounded_neighbours_and_disjoint(self, counts: list[int], over: bool) -> None:
        seen: list[int] = []
        for ids in merges(pieces(*counts), all_of_them=over):
            assert len(ids) > 1
            assert ids == list(range(ids[0], ids[-1] + 1))
            assert sum(counts[at] for at in ids) <= SEGMENT_POINTS
            seen += ids
        assert seen == sorted(set(seen))

    def test_a_point_is_rewritten_a_few_times_only(self) -> None:
        """A job that sends batches of ten points for hours: 200,000 points."""
        stored: list[Piece] = []
        written = 0
        for number in range(20_000):
            stored.append(Piece(number, 10))
            if number % LOOSE_BATCHES == LOOSE_BATCHES - 1:
                for ids in list(merges(stored, all_of_them=False)):
                    merged = [piece for piece in stored if piece.id in set(ids)]
                    total = sum(piece.count for piece in merged)
                    written += total
                    at = stored.index(merged[0])
                    stored[at : at + len(merged)] = [Piece(ids[-1], total)]
        assert written / 200_000 < 10
        assert len(stored) < 20
