"""Figures as a chart gets them: whole steps, rates, percentiles after merging."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock
from apps.common.errors import Invalid
from apps.deployments.analysis.figures import POINTS_MOST, Frame, frame_of
from apps.deployments.models import EndpointMinute, EndpointSecond, Revision
from apps.deployments.selectors.figures import endpoint_figures
from apps.deployments.states import SeenBy
from tests.support.factories.deployments import RevisionFactory
from tests.support.figures import packed, second
from tests.support.processor import busy
from workers.contracts.latencies import bucket_of, seconds_of

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, 30, 0, 100_000, tzinfo=UTC)
T = int(NOW.timestamp())
DAY = 86_400


@pytest.fixture(autouse=True)
def now() -> Any:
    with clock.fixed_at(NOW):
        yield


@pytest.fixture
def revision() -> Revision:
    made: Revision = RevisionFactory.create()
    return made


def at(seconds: float) -> datetime:
    return NOW.replace(microsecond=0) + timedelta(seconds=seconds)


def read(revision: Revision, since: float | None = None, until: float | None = None, step: int = 1) -> dict[str, Any]:
    return endpoint_figures(
        revision.endpoint,
        since=None if since is None else at(since),
        until=None if until is None else at(until),
        step=step,
    )


def ms(seconds: float) -> float:
    return round(seconds_of(bucket_of(seconds)) * 1000, 3)


def minute(revision: Revision, when: float, *seconds: float) -> None:
    EndpointMinute.objects.create(
        endpoint=revision.endpoint, revision=revision, seen_by=SeenBy.GATEWAY, at=at(when), requests=len(seconds),
        caller_errors=0, server_errors=0, latencies=packed(*seconds),
    )  # fmt: skip


FRAMES = {
    "as asked": ((100.0, 110.0, 1), Frame(100, 1, 10)),
    "whole steps only": ((100.5, 129.9, 10), Frame(110, 10, 1)),
    "nothing whole": ((101.0, 109.0, 10), Frame(110, 10, 0)),
    "an hour by the second is too many": ((7200.0, 10_800.0, 1), Frame(7200, 2, 1800)),
    "a month": ((0.0, 31.0 * DAY, 1), Frame(0, 1380, 1940)),
    "whole minutes where there are no seconds any more": ((0.0, 600.0, 1), Frame(0, 60, 10)),
    "a step of hours": ((0.0, 7300.0, 3600), Frame(0, 3600, 2)),
}


@pytest.mark.parametrize("asked, frame", FRAMES.values(), ids=FRAMES.keys())
def test_frames(asked: tuple[float, float, int], frame: Frame) -> None:
    fine_since = 100.0 if frame.step % 60 else 1e9
    found = frame_of(*asked, fine_since=fine_since)
    assert found == frame
    assert found.count <= POINTS_MOST


def test_rates_errors_and_percentiles_per_revision_and_in_total(revision: Revision) -> None:
    newer: Revision = RevisionFactory.create(project=revision.project, endpoint=revision.endpoint, number=2)
    second(revision, at(-10), *[0.01] * 18, 0.1, 0.1, caller_errors=2)
    second(revision, at(-9), *[0.01] * 20)  # of another gateway
    second(newer, at(-9), *[0.4] * 10, server_errors=5)
    second(revision, at(-9), 5.0, revision=None, server_errors=1)
    second(revision, at(-10), *[0.002] * 40, seen_by=SeenBy.REPLICAS)
    second(revision, at(-5), *[0.01] * 4)
    second(RevisionFactory.create(), at(-10), 0.01)  # another endpoint's
    found = read(revision, -10, -5, 5)
    assert {name: found[name] for name in ("endpoint", "since", "until", "step_seconds", "times")} == {
        "endpoint": str(revision.endpoint_id),
        "since": at(-10),
        "until": at(-5),
        "step_seconds": 5,
        "times": [T - 10],
    }
    assert found["gateway"]["total"] == {
        "requests_per_second": [10.2],
        "errors_per_second": {"caller": [0.4], "server": [1.2]},
        "p50_ms": [ms(0.01)],
        "p95_ms": [ms(0.4)],
        "p99_ms": [ms(5.0)],
    }
    first, second_one, nobody = found["gateway"]["revisions"]
    assert (first["revision"], first["number"], first["requests_per_second"]) == (str(revision.pk), 1, [8.0])
    assert (first["p50_ms"], first["p95_ms"], first["p99_ms"]) == ([ms(0.01)], [ms(0.01)], [ms(0.1)])
    assert (second_one["revision"], second_one["number"]) == (str(newer.pk), 2)
    assert second_one["errors_per_second"] == {"caller": [0.0], "server": [1.0]}
    assert (nobody["revision"], nobody["number"], nobody["p50_ms"]) == (None, None, [ms(5.0)])
    assert found["replicas"]["total"]["requests_per_second"] == [8.0]
    assert [one["number"] for one in found["replicas"]["revisions"]] == [1]
    assert found["replicas"]["total"]["p99_ms"] == [ms(0.002)]


def test_steps_without_a_request_are_there(revision: Revision) -> None:
    second(revision, at(-8), 0.01)
    total = read(revision, -10, -5)["gateway"]["total"]
    assert total["requests_per_second"] == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert total["p50_ms"] == [None, None, ms(0.01), None, None]


def test_an_endpoint_nobody_asks(revision: Revision) -> None:
    found = read(revision, -10, -5)
    assert found["gateway"]["revisions"] == found["replicas"]["revisions"] == []
    assert found["gateway"]["total"]["requests_per_second"] == [0.0] * 5


def test_the_last_hour_by_default_but_what_has_not_arrived(revision: Revision) -> None:
    second(revision, at(-4), 0.01, 0.01)
    second(revision, at(-1), 0.01)
    for found in (read(revision), read(revision, until=500)):
        assert (found["since"], found["until"], found["step_seconds"]) == (at(-3602), at(-2), 2)
        assert found["gateway"]["total"]["requests_per_second"][-1] == 1.0
        assert sum(found["gateway"]["total"]["requests_per_second"]) == 1.0


def test_minutes_and_seconds_make_one_curve(revision: Revision) -> None:
    minute(revision, -7200, *[0.01] * 60)
    minute(revision, -3900, *[0.01] * 120)
    second(revision, at(-120), *[0.3] * 30)
    second(revision, at(-119), *[0.3] * 30)
    found = read(revision, -7200, -60, 1)
    total = found["gateway"]["total"]
    assert (found["step_seconds"], found["times"][0], len(found["times"])) == (60, T - 7200, 119)
    assert [total["requests_per_second"][place] for place in (0, 55, 118)] == [1.0, 2.0, 1.0]
    assert [total["p95_ms"][place] for place in (0, 55, 118)] == [ms(0.01), ms(0.01), ms(0.3)]
    hourly = read(revision, -7200 - 1800, -1800, 3600)["gateway"]["total"]
    assert hourly["requests_per_second"] == [0.017, 0.033]


@pytest.mark.parametrize("since, until", [(-5, -5), (-5, -10), (10, 20), (-33 * DAY, -5)])
def test_times_that_cannot_be(revision: Revision, since: float, until: float) -> None:
    with pytest.raises(Invalid) as error:
        read(revision, since, until)
    assert list(error.value.fields) == ["since"]


def test_an_hour_of_seconds_is_read_at_once_in_two_queries(revision: Revision) -> None:
    """Two gateways, two replicas, every second busy; the better of two, because the first one plans."""
    spread = packed(*(0.001 * 1.1**n for n in range(25)))
    EndpointSecond.objects.bulk_create(
        EndpointSecond(
            endpoint=revision.endpoint, revision=revision, seen_by=seen_by, at=at(-3602 + number), requests=25,
            caller_errors=0, server_errors=0, latencies=spread, source=uuid4(), number=number,
        )
        for number in range(3600)
        for seen_by in (SeenBy.GATEWAY, SeenBy.GATEWAY, SeenBy.REPLICAS, SeenBy.REPLICAS)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {EndpointSecond._meta.db_table}")
    took = []
    for _ in range(2):
        with busy() as core, CaptureQueriesContext(connection) as queries:
            found = read(revision)
        took.append(core.seconds)
    assert found["gateway"]["total"]["requests_per_second"] == [50.0] * 1800
    assert len(queries) == 1  # the clock stands still here: one less
    assert min(took) < 0.5, took
    print("an hour by the second:", [round(one * 1000) for one in took], "ms")
