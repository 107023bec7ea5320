"""Seconds become minutes, once, whoever does it and however late they came; what is old goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common import clock
from apps.common.events import emit
from apps.common.models import Event
from apps.deployments.models import EndpointMinute, EndpointPulse, EndpointSecond, Revision
from apps.deployments.services import figure_minutes
from apps.deployments.services.figure_minutes import MARGIN_SECONDS, figures_keep_up
from apps.deployments.services.figures import AGE_MOST_SECONDS
from apps.deployments.states import SeenBy
from tests.support.bulk import clone_many
from tests.support.concurrency import Thread
from tests.support.factories.deployments import RevisionFactory
from tests.support.figures import second
from workers.contracts.latencies import bucket_of, unpacked

MINUTE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
RIPE = MINUTE + timedelta(seconds=60 + AGE_MOST_SECONDS + MARGIN_SECONDS)


def keep_up(at: datetime = RIPE) -> None:
    with clock.fixed_at(at):
        figures_keep_up()


def minutes() -> list[tuple[datetime, str, int, int, int, dict[int, int]]]:
    rows = EndpointMinute.objects.order_by("at", "seen_by", "id")
    return [
        (one.at, one.seen_by, one.requests, one.caller_errors, one.server_errors, unpacked(bytes(one.latencies)))
        for one in rows
    ]


def after(seconds: float) -> datetime:
    return MINUTE + timedelta(seconds=seconds)


@pytest.mark.django_db
class TestMerging:
    def test_a_minute_is_the_sum_of_its_seconds(self) -> None:
        revision = RevisionFactory.create()
        for at in (0, 30, 59, 59):  # two gateways in the last one
            second(revision, after(at), 0.01, 0.02, caller_errors=1)
        second(revision, after(60), 0.05)
        second(revision, after(10), 5.0, revision=None, server_errors=1)
        second(revision, after(10), 0.002, seen_by=SeenBy.REPLICAS)
        keep_up()
        assert sorted(minutes(), key=str) == sorted(
            [
                (MINUTE, "gateway", 8, 4, 0, {bucket_of(0.01): 4, bucket_of(0.02): 4}),
                (MINUTE, "gateway", 1, 0, 1, {bucket_of(5.0): 1}),
                (MINUTE, "replicas", 1, 0, 0, {bucket_of(0.002): 1}),
            ],
            key=str,
        )
        assert [row.at for row in EndpointSecond.objects.all()] == [after(60)]

    def test_what_may_still_come_again_is_left_alone(self) -> None:
        revision = RevisionFactory.create()
        second(revision, after(59), 0.01)
        keep_up(RIPE - timedelta(seconds=1))
        assert (minutes(), EndpointSecond.objects.count()) == ([], 1)
        keep_up(RIPE)
        assert ([row[2] for row in minutes()], EndpointSecond.objects.count()) == ([1], 0)

    def test_twice_changes_nothing_and_late_ones_are_added(self) -> None:
        revision = RevisionFactory.create()
        second(revision, after(1), 0.01)
        keep_up()
        keep_up()
        assert [row[2] for row in minutes()] == [1]
        second(revision, after(2), 0.01, 0.5, server_errors=1)
        second(revision, after(3), 0.5, revision=None)
        keep_up()
        assert [row[2:] for row in minutes()] == [
            (3, 0, 1, {bucket_of(0.01): 2, bucket_of(0.5): 1}),
            (1, 0, 0, {bucket_of(0.5): 1}),
        ]

    def test_many_rows_take_statements_of_a_bounded_size(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(figure_minutes, "ROWS_PER_STATEMENT", 10)
        monkeypatch.setattr(figure_minutes, "_TAKE", figure_minutes._TAKE.replace("LIMIT 10000", "LIMIT 10"))
        clone_many(second(RevisionFactory.create(), MINUTE, 0.01), 34)
        keep_up()
        assert ([row[2] for row in minutes()], EndpointSecond.objects.count()) == ([35], 0)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_count_every_second_once() -> None:
    revision = RevisionFactory.create()
    clone_many(second(revision, after(5), 0.01), 5)
    with transaction.atomic(), clock.fixed_at(RIPE):
        figures_keep_up()  # holds what it took until it commits
        twin = Thread(lambda: keep_up(RIPE))
        assert twin.join() is None
        clone_many(second(revision, after(6), 0.01), 2)
    keep_up()
    assert [row[2] for row in minutes()] == [9]


@pytest.mark.django_db
class TestForgetting:
    def test_minutes_go_after_a_month(self) -> None:
        revision: Revision = RevisionFactory.create()
        for at in (0, 60):
            EndpointMinute.objects.create(
                endpoint=revision.endpoint, revision=revision, seen_by=SeenBy.GATEWAY, at=after(at),
                requests=1, caller_errors=0, server_errors=0, latencies=b"",
            )  # fmt: skip
        keep_up(after(60) + timedelta(days=31))
        assert [row.at for row in EndpointMinute.objects.all()] == [after(60)]

    def test_old_news_of_figures_go_and_other_news_stay(self) -> None:
        revision = RevisionFactory.create()
        EndpointPulse.objects.create(endpoint=revision.endpoint, at=MINUTE, requests=0)
        for kind in ("endpoint.figures", "endpoint.figures", "endpoint.renamed"):
            emit(kind, revision.endpoint)
        first, *_, other = Event.objects.order_by("id")
        Event.objects.update(created_at=after(600))
        Event.objects.filter(pk__in=[first.pk, other.pk]).update(created_at=MINUTE)
        keep_up(after(601))
        assert [one.kind for one in Event.objects.order_by("id")] == ["endpoint.figures", "endpoint.renamed"]


@pytest.mark.django_db(transaction=True)
@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 179), st.integers(0, 3)), max_size=12), st.integers(0, 12))
def test_nothing_is_lost_or_doubled_whenever_it_is_merged(made: list[tuple[int, int]], cut: int) -> None:
    EndpointSecond.objects.all().delete()
    EndpointMinute.objects.all().delete()
    revision = RevisionFactory.create()
    for part in (made[:cut], made[cut:]):
        for at, requests in part:
            second(revision, after(at), *[0.01] * requests)
        keep_up(RIPE + timedelta(minutes=2))
    expected: dict[datetime, int] = {}
    for at, requests in made:
        expected[after(at - at % 60)] = expected.get(after(at - at % 60), 0) + requests
    assert {row[0]: row[2] for row in minutes()} == expected
