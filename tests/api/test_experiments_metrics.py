"""Curves over REST: parts of them, the raw points after a cursor, and cursors from which nothing is missed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import Project, User
from apps.common.cursors import Cursor, cursor_of, cursor_text, visible_up_to
from apps.experiments.models import MetricBatch, Run
from apps.experiments.selectors import metrics as reading
from apps.experiments.services.compaction import rows_merge
from apps.quotas.models import Attempt
from tests.support.concurrency import Thread
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.experiments import MetricBatchFactory, next_attempt, run_of, started

API = "/api/v1"


@pytest.fixture
def project() -> Project:
    made: Project = ProjectFactory.create()
    return made


@pytest.fixture
def user(project: Project) -> User:
    return member(project)


@pytest.fixture
def attempt(project: Project) -> Attempt:
    return started(project=project)


def ask(user: User, attempt: Attempt, status: int = 200, **query: Any) -> Any:
    client = APIClient()
    client.force_authenticate(user)
    answer = client.get(f"{API}/runs/{run_of(attempt).pk}/metrics", query)
    assert answer.status_code == status, answer.content
    return answer.json()


def points(answer: Any, key: str = "loss") -> list[tuple[int, float]]:
    series = answer["series"].get(key, {"steps": [], "values": []})
    return list(zip(series["steps"], series["values"], strict=True))


def keep(attempt: Attempt, *steps: int, key: str = "loss") -> MetricBatch:
    """One batch, value = step; returns it as stored."""
    made = MetricBatchFactory.create(attempt=attempt, key=key, points=[(step, float(step)) for step in steps])
    found: MetricBatch = MetricBatch.objects.get(pk=made.pk)
    return found


def place(row: MetricBatch) -> Cursor:
    return row.transaction_id, row.pk


def expected(*steps: int) -> list[tuple[int, float]]:
    return [(step, float(step)) for step in steps]


@pytest.mark.django_db
class TestParts:
    def test_a_range_of_steps(self, user: User, attempt: Attempt) -> None:
        for first in range(0, 50, 10):
            keep(attempt, *range(first, first + 10))
        assert points(ask(user, attempt, keys="loss", from_step=7, to_step=31)) == expected(*range(7, 32))
        assert points(ask(user, attempt, keys="loss", from_step=48)) == expected(48, 49)
        assert points(ask(user, attempt, keys="loss", to_step=0)) == expected(0)
        assert points(ask(user, attempt, keys="loss", from_step=50)) == []
        assert points(ask(user, attempt, keys="loss", from_step=9, to_step=3)) == []

    def test_a_run_with_many_metrics_shows_the_first_hundred(self, user: User, attempt: Attempt) -> None:
        names = [f"k{number:03d}" for number in range(101)]
        for name in names:
            keep(attempt, 1, key=name)
        Run.objects.update(summary={name: {} for name in names})
        assert sorted(ask(user, attempt)["series"]) == names[:100]
        assert sorted(ask(user, attempt, after="0-0")["series"]) == names[:100]
        assert sorted(ask(user, attempt, keys="k100,k7")["series"]) == ["k100", "k7"]

    def test_a_range_of_times(self, user: User, attempt: Attempt) -> None:
        keep(attempt, *range(10))
        keep(attempt, *range(10, 20))
        answer = ask(user, attempt, keys="loss", from_time=1007.5, to_time=1012)
        assert points(answer) == expected(8, 9, 10, 11, 12)
        assert answer["series"]["loss"]["times"] == [1008.0, 1009.0, 1010.0, 1011.0, 1012.0]
        assert points(ask(user, attempt, keys="loss", from_time=1005, to_step=6)) == expected(5, 6)

    def test_a_part_is_thinned_as_a_whole_and_keeps_its_peaks(self, user: User, attempt: Attempt) -> None:
        values = [(step, 50.0 if step == 777 else -50.0 if step == 500 else 0.0) for step in range(2000)]
        MetricBatchFactory.create(attempt=attempt, points=values)
        answer = ask(user, attempt, keys="loss", from_step=400, to_step=1399, points=10)
        found = points(answer)
        assert len(found) <= 10
        assert {(777, 50.0), (500, -50.0), (400, 0.0), (1399, 0.0)} <= set(found)

    def test_rows_out_of_the_range_are_not_read(self, user: User, attempt: Attempt) -> None:
        keep(attempt, 1, 2)
        broken = keep(attempt, 100, 101)
        MetricBatch.objects.filter(pk=broken.pk).update(steps=b"damaged")
        assert points(ask(user, attempt, keys="loss", to_step=50)) == expected(1, 2)

    @pytest.mark.parametrize(
        "query",
        [
            {"from_step": "x"}, {"from_step": 2**53 + 1}, {"from_time": "nan"}, {"to_time": "inf"}, {"after": "x"},
            {"after": "1"}, {"after": "-1-2"}, {"after": "1-99999999999999999999"}, {"after": "1-9223372036854775808"},
            {"after": "1-2", "from_step": 3},
        ],
    )  # fmt: skip
    def test_a_wrong_question_is_refused(self, user: User, attempt: Attempt, query: dict[str, Any]) -> None:
        assert ask(user, attempt, 400, **query)["code"] == "invalid"


@pytest.mark.django_db(transaction=True)
class TestAfter:
    """Each batch in a transaction of its own, as the ingest stores them."""

    def test_a_reader_goes_on_from_where_an_answer_ended(self, user: User, attempt: Attempt) -> None:
        keep(attempt, 1, 2)
        whole = ask(user, attempt, keys="loss")
        assert (points(whole), whole["reset"], whole["more"]) == (expected(1, 2), True, False)
        keep(attempt, 3)
        keep(attempt, 3, key="auc")
        more = ask(user, attempt, after=whole["next_after"])
        assert (points(more), points(more, "auc")) == (expected(3), expected(3))
        assert (more["reset"], more["more"]) == (False, False)
        assert more["series"]["loss"]["times"] == [1003.0]
        again = ask(user, attempt, after=more["next_after"])
        assert (again["series"], again["reset"]) == ({}, False)
        keep(attempt, 5, 4)
        assert points(ask(user, attempt, keys="loss,auc", after=again["next_after"])) == expected(5, 4), "as they came"

    def test_pages_are_bounded_and_join_without_a_seam(
        self, user: User, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "POINTS_AT_ONCE", 5)
        batches = [range(0, 3), range(3, 4), range(4, 14), range(14, 16), range(16, 18), range(18, 19)]
        for steps in batches:
            keep(attempt, *steps)
        found, after, sizes = [], "0-0", []
        while True:
            page = ask(user, attempt, after=after)
            found += points(page)
            sizes.append(len(points(page)))
            after = page["next_after"]
            if not page["more"]:
                break
        assert found == expected(*range(19))
        assert sizes == [4, 10, 5]

    def test_rows_of_a_page_are_bounded_too(
        self, user: User, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "ROWS_AT_ONCE", 3)
        for step in range(7):
            keep(attempt, step)
        found, after, more, pages = [], "0-0", True, 0
        while more:
            page = ask(user, attempt, after=after)
            found += points(page)
            after, more, pages = page["next_after"], page["more"], pages + 1
        assert (found, pages) == (expected(*range(7)), 3)

    def test_a_cursor_inside_what_was_merged_gets_everything_anew(self, user: User, attempt: Attempt) -> None:
        rows = [keep(attempt, step) for step in range(6)]
        first, inside, last = (cursor_text(place(rows[at])) for at in (0, 2, 4))
        rows_merge([row.pk for row in rows[:5]])
        answer = ask(user, attempt, after=inside)
        assert (points(answer), answer["reset"]) == (expected(*range(6)), True)
        assert ask(user, attempt, after=answer["next_after"])["series"] == {}
        assert ask(user, attempt, after=first)["reset"] is True
        behind = ask(user, attempt, after=last)
        assert (points(behind), behind["reset"]) == (expected(5), False)
        before = ask(user, attempt, after="0-0")
        assert (points(before), before["reset"]) == (expected(*range(6)), False)

    def test_a_later_attempt_that_takes_the_place_of_points_resets(self, user: User, attempt: Attempt) -> None:
        keep(attempt, 1, 2, 3)
        Run.objects.update(attempt_starts={"1": None})
        known = ask(user, attempt, keys="loss")["next_after"]
        second = next_attempt(attempt)
        Run.objects.update(attempt_starts={"1": None, "2": 2})
        keep(second, 3, 4)
        answer = ask(user, attempt, keys="loss", after=known)
        assert (points(answer), answer["reset"]) == (expected(1, 2, 3, 4), True)
        keep(second, 5)
        more = ask(user, attempt, keys="loss", after=answer["next_after"])
        assert (points(more), more["reset"]) == (expected(5), False)

    def test_superseded_points_are_left_out_of_raw_points(self, user: User, attempt: Attempt) -> None:
        keep(attempt, 1, 2, 3)
        second = next_attempt(attempt)
        Run.objects.update(attempt_starts={"1": None, "2": 1})
        keep(second, 2)
        assert points(ask(user, attempt, after="0-0")) == expected(1, 2)

    def test_reading_takes_few_queries(self, user: User, attempt: Attempt) -> None:
        for step in range(5):
            keep(attempt, step)
        for query in ({"keys": "loss"}, {"after": "0-0"}, {"after": cursor_text(visible_up_to())}):
            with CaptureQueriesContext(connection) as few:
                ask(user, attempt, **query)
            assert len(few) <= 5


@pytest.mark.django_db(transaction=True)
class TestCursor:
    def test_it_does_not_pass_a_transaction_that_still_runs(
        self, user: User, attempt: Attempt, project: Project
    ) -> None:
        """What another run's transaction holds back is not claimed, and what is read already is said."""
        other, holding, release = started(project=project), threading.Event(), threading.Event()

        def slow() -> Cursor:
            with transaction.atomic():
                row = keep(other, 1)
                holding.set()
                release.wait(10)
            return place(row)

        thread = Thread(slow)
        holding.wait(10)
        seen = place(keep(attempt, 1))
        answer = ask(user, attempt, keys="loss")
        assert points(answer) == expected(1), "what is committed is read"
        release.set()
        held = thread.join()
        assert held[0] < seen[0]
        assert cursor_of(answer["cursor"]) < held < cursor_of(answer["next_after"]) == seen
        assert points(ask(user, other, after=answer["cursor"])) == expected(1), "who subscribes from there gets it"
        assert ask(user, attempt, after=answer["next_after"])["series"] == {}

    def test_who_reads_and_then_follows_has_every_point_once(self, user: User, attempt: Attempt) -> None:
        over = threading.Event()

        def write() -> int:
            step = 0
            while not over.is_set():
                with transaction.atomic():
                    Run.objects.select_for_update().get(workload=attempt.workload_id)  # as the ingest does
                    keep(attempt, step)
                step += 1
            return step

        writers = [Thread(write)]
        answer = ask(user, attempt, keys="loss", points=10_000)
        found = points(answer)
        for _ in range(15):
            answer = ask(user, attempt, keys="loss", after=answer["next_after"])
            assert answer["reset"] is False
            found += points(answer)
        over.set()
        count = writers[0].join()
        found += points(ask(user, attempt, keys="loss", after=answer["next_after"]))
        assert count > 5
        assert found == expected(*range(count))


@pytest.mark.django_db
def test_what_a_jobs_wrapper_measures_is_read_by_name_and_by_member(user: User, attempt: Attempt) -> None:
    key = "system/cpu_cores"
    keep(attempt, 1, 2)
    for rank in (0, 1):
        at = [(100 + 10 * turn, float(rank)) for turn in range(2)]
        MetricBatchFactory.create(attempt=attempt, key=key, rank=rank, sequence=1 << 52, points=at)
    assert set(ask(user, attempt)["series"]) == {"loss"}
    both = points(ask(user, attempt, keys=key), key)
    assert sorted(both) == [(100, 0.0), (100, 1.0), (110, 0.0), (110, 1.0)]
    assert points(ask(user, attempt, keys=key, member=1), key) == [(100, 1.0), (110, 1.0)]
    assert points(ask(user, attempt, keys=key, member=2), key) == []
    ask(user, attempt, 400, keys=key, member=-1)
    later = next_attempt(attempt)
    keep(later, 1)
    assert points(ask(user, later, keys=key, member=0), key) == [(100, 0.0), (110, 0.0)], "an attempt takes none away"
