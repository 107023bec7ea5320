"""Figures taken in: once each, placed by the database's clock, told to whoever follows."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock
from apps.common.errors import Forbidden, Invalid
from apps.common.models import Event
from apps.deployments.models import EndpointPulse, EndpointSecond, Revision
from apps.deployments.services.figures import (
    AGE_MOST_SECONDS,
    Counted,
    figures_tell_silence,
    gateway_figures_store,
    replica_figures_store,
)
from apps.quotas.models import Attempt
from tests.support.factories.deployments import RevisionFactory
from tests.support.factories.quotas import WorkloadFactory, serving_spec
from tests.support.figures import SOURCE, counted, packed
from workers.contracts.latencies import bucket_of, seconds_of

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, 30, 0, 100_000, tzinfo=UTC)
S = int(NOW.timestamp()) - 1
"""The second that has just ended."""


@pytest.fixture(autouse=True)
def now() -> Any:
    with clock.fixed_at(NOW):
        yield


@pytest.fixture
def revision() -> Revision:
    made: Revision = RevisionFactory.create(state="ready", weight=100)
    return made


def store(*of: Counted, source: UUID = SOURCE, sent_at: float = S + 1.1) -> int:
    return gateway_figures_store(source=source, sent_at=sent_at, counted=of)


def stored() -> list[tuple[int, int, int, int, bytes]]:
    rows = EndpointSecond.objects.order_by("at", "server_errors", "id")
    return [
        (int(row.at.timestamp()), row.requests, row.caller_errors, row.server_errors, bytes(row.latencies))
        for row in rows
    ]


class TestKeeping:
    def test_a_second_is_kept_once_however_often_it_is_sent(self, revision: Revision) -> None:
        batch = [
            counted(revision, S, 0.01, 0.02, caller=1),
            counted(revision, S, 5.0, server=1, revision_id=None),
            counted(revision, S - 1, 0.01),
        ]
        assert store(*batch) == 3
        assert store(*batch, sent_at=S + 9.7) == 0
        assert store(*batch, counted(revision, S + 1, 0.03), sent_at=S + 2.1) == 1
        assert stored() == [
            (S - 1, 1, 0, 0, packed(0.01)),
            (S, 2, 1, 0, packed(0.01, 0.02)),
            (S, 1, 0, 1, packed(5.0)),
            (S + 1, 1, 0, 0, packed(0.03)),
        ]

    def test_two_gateways_have_numbers_of_their_own(self, revision: Revision) -> None:
        assert store(counted(revision, S, 0.01)) == 1
        assert store(counted(revision, S, 0.01), source=uuid4()) == 1
        assert [row[0] for row in stored()] == [S, S]

    def test_what_it_names_and_we_do_not_know_is_left_out(self, revision: Revision) -> None:
        other: Revision = RevisionFactory.create()
        made = store(
            counted(revision, S, 0.01, endpoint_id=uuid4()),
            counted(revision, S, 0.01, revision_id=uuid4()),
            counted(revision, S, 0.01, revision_id=other.pk),
            counted(revision, S, 0.02),
        )
        assert (made, stored()) == (1, [(S, 1, 0, 0, packed(0.02))])

    def test_however_many_it_takes_one_statement_to_write(self, revision: Revision) -> None:
        counts = []
        for source, many in ((uuid4(), 1), (uuid4(), 200)):
            batch = [counted(revision, S - 100 - number, 0.01) for number in range(many)]
            with CaptureQueriesContext(connection) as queries:
                assert store(*batch, source=source) == many
            counts.append(len([one for one in queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))]))
        assert counts == [1, 1]


class TestPlacing:
    @pytest.mark.parametrize(
        "behind, at", [(0, S), (1.9, S - 2), (-1.9, S + 2), (2.6, S), (-2.6, S - 1), (3600, S), (-3600, S), (1e9, S)]
    )
    def test_a_clock_that_is_off_moves_nothing(self, revision: Revision, behind: float, at: int) -> None:
        """A small difference is believed, any other is corrected."""
        sent_at = S + 1.1 - behind
        store(counted(revision, math.floor(sent_at) - 1, 0.01), sent_at=sent_at)
        assert stored()[0][0] == at

    def test_a_batch_after_an_outage_is_placed_where_it_belongs(self, revision: Revision) -> None:
        store(*(counted(revision, S - 7200 - age, 0.01) for age in range(3600)), sent_at=S + 1.1 - 7200)
        assert [row[0] for row in stored()] == list(range(S - 3599, S + 1))

    @pytest.mark.parametrize(
        "number, says",
        [
            (S + 2, "the second is not over yet"),
            (S - AGE_MOST_SECONDS - 1, "the second is 3661 s old; at most 3660 s are taken"),
        ],
    )
    def test_a_second_that_cannot_be_is_refused_by_place(self, revision: Revision, number: int, says: str) -> None:
        wrong = counted(revision, number, 0.01, place="seconds[1].figures[0]")
        with pytest.raises(Invalid) as error:
            store(counted(revision, S, 0.01), wrong)
        assert error.value.fields == {"seconds[1].figures[0]": [says]}
        assert stored() == []

    @pytest.mark.parametrize(
        "changes",
        [{"requests": 3}, {"caller_errors": 2}, {"server_errors": 1, "caller_errors": 1}, {"latencies": b"\x01"}],
    )
    def test_counts_that_contradict_each_other_are_refused(self, revision: Revision, changes: dict[str, Any]) -> None:
        with pytest.raises(Invalid, match=r"seconds\[0\]\.figures\[0\]"):
            store(counted(revision, S, 0.01, **changes))
        assert stored() == []


class TestReplicas:
    def test_the_revision_is_that_of_the_attempt(self, revision: Revision) -> None:
        attempt = serving(revision)
        made = send(attempt, counted(revision, S, 0.002, endpoint_id=UUID(int=0), revision_id=None))
        (row,) = EndpointSecond.objects.all()
        assert (made, row.endpoint_id, row.revision_id, row.seen_by) == (
            1,
            revision.endpoint_id,
            revision.pk,
            "replicas",
        )

    def test_a_member_repeats_itself_and_takes_no_others_numbers(self, revision: Revision) -> None:
        attempt = serving(revision)
        assert [send(attempt, counted(revision, S, 0.002), rank=rank) for rank in (0, 0, 1)] == [1, 0, 1]
        assert store(counted(revision, S, 0.002)) == 1
        assert len(stored()) == 3

    def test_other_jobs_and_other_members_have_none(self, revision: Revision) -> None:
        attempt = serving(revision)
        with pytest.raises(Invalid):
            send(attempt, counted(revision, S, 0.002), rank=2)
        Revision.objects.update(workload=None)
        with pytest.raises(Forbidden):
            send(attempt, counted(revision, S, 0.002))
        assert stored() == []

    def test_nobody_is_told_of_them(self, revision: Revision) -> None:
        send(serving(revision), *(counted(revision, S - age, 0.002) for age in range(3)))
        assert not Event.objects.filter(kind="endpoint.figures").exists()


def serving(revision: Revision) -> Attempt:
    """The open attempt of a revision with two members."""
    revision.workload = WorkloadFactory.create(
        project=revision.project, spec_object=serving_spec(), state="running", count_max=2
    )
    revision.save()
    found: Attempt = revision.workload.attempts.get()
    return found


def send(attempt: Attempt, *of: Counted, rank: int = 0) -> int:
    return replica_figures_store(attempt, rank=rank, source=SOURCE, sent_at=S + 1.1, counted=of)


def told() -> list[tuple[int, float]]:
    news = Event.objects.filter(kind="endpoint.figures").order_by("id")
    return [(one.payload["at"] - S, one.payload["requests_per_second"]) for one in news]


class TestTelling:
    def tick(self, revision: Revision, number: int, *seconds: float, source: UUID = SOURCE) -> None:
        """A gateway sends its second `S + number` when it is over."""
        with clock.fixed_at(NOW + timedelta(seconds=number)):
            store(counted(revision, S + number, *seconds), source=source, sent_at=S + 1.1 + number)

    def test_the_second_before_is_told_merged_over_all_gateways(self, revision: Revision) -> None:
        other = uuid4()
        for number in range(3):
            self.tick(revision, number, 0.01, 0.01)
            self.tick(revision, number, 0.01, 0.2, 0.2, source=other)
        assert told() == [(0, 5.0), (1, 5.0)]
        event = Event.objects.filter(kind="endpoint.figures").order_by("id").first()
        assert event is not None
        figures = {
            "requests_per_second": 5.0,
            "errors_per_second": {"caller": 0.0, "server": 0.0},
            "p50_ms": round(seconds_of(bucket_of(0.01)) * 1000, 3),
            "p95_ms": round(seconds_of(bucket_of(0.2)) * 1000, 3),
            "p99_ms": round(seconds_of(bucket_of(0.2)) * 1000, 3),
        }
        assert event.payload == {
            "at": S,
            **figures,
            "revisions": [{"revision": str(revision.pk), "number": 1, **figures}],
        }
        assert (event.subject, event.project_id) == (f"endpoint.{revision.endpoint_id}", revision.project_id)

    def test_that_traffic_stopped_is_told_once(self, revision: Revision) -> None:
        self.tick(revision, 0, 0.01)
        for number in (1, 2, 3, 4):
            self.tick(revision, number)
        assert told() == [(0, 1.0), (1, 0.0)]
        self.tick(revision, 5, 0.01)
        self.tick(revision, 6)
        assert told() == [(0, 1.0), (1, 0.0), (5, 1.0)]

    def test_one_second_is_told_once(self, revision: Revision) -> None:
        for number in (0, 1, 1, 1):
            self.tick(revision, number, 0.01, source=uuid4())
        assert told() == [(0, 1.0)]

    def test_old_seconds_are_no_news(self, revision: Revision) -> None:
        store(*(counted(revision, S - age, 0.01) for age in range(20, 60)))
        assert (told(), len(stored())) == ([], 40)

    def test_each_endpoint_is_told_of_alone_in_as_many_queries(self, revision: Revision) -> None:
        several = [RevisionFactory.create() for _ in range(20)]
        counts = []
        for number, made in ((0, [revision]), (1, [revision]), (10, several), (11, several)):
            with clock.fixed_at(NOW + timedelta(seconds=number)), CaptureQueriesContext(connection) as queries:
                store(*(counted(one, S + number, 0.01) for one in made), sent_at=S + 1.1 + number)
            counts.append(len(queries))
        assert counts[1] == counts[3]
        assert len(told()) == 21

    def test_a_gateway_that_dies_leaves_no_endpoint_busy(self, revision: Revision) -> None:
        self.tick(revision, 0, 0.01)
        self.tick(revision, 1, 0.01)
        with clock.fixed_at(NOW + timedelta(seconds=8)):
            assert figures_tell_silence() == 0
        with clock.fixed_at(NOW + timedelta(seconds=12)):
            assert (figures_tell_silence(), figures_tell_silence()) == (1, 0)
        assert told() == [(0, 1.0), (3, 0.0)]
        assert EndpointPulse.objects.get().requests == 0
