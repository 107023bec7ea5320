"""The ledger: append only, and summed to the microsecond by whatever it is asked by."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import InternalError, connection, transaction
from django.db.utils import IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.access.models import User
from apps.quotas.models import Queue, Rate, UsageRecord
from apps.quotas.selectors.usage_report import KEYS, Asked, Line, usage_report, windows
from apps.quotas.services.usage import usage_attach, usage_close, usage_start
from tests.support.factories.access import ProjectFactory, UserFactory
from tests.support.factories.quotas import (
    AttemptFactory,
    QueueFactory,
    RateFactory,
    ResourcePoolFactory,
    UsageRecordFactory,
    WorkloadFactory,
)

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(microseconds=1_000_000)
REFUSED = (IntegrityError, InternalError)


def refused(sql: str) -> str:
    with pytest.raises(REFUSED) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    return str(error.value)


# Append only ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM quotas_usagerecord",
        *(
            f"UPDATE quotas_usagerecord SET {column}"
            for column in (
                "gpus = 5", "gpu_millis = gpu_millis + 1", "cpu_millis = 1", "flavor = 'X'", "members = 9",
                "reserved_at = reserved_at - interval '1 s'", "used_at = NULL", "used_at = used_at + interval '1 s'",
                "closed_at = NULL", "closed_at = closed_at + interval '1 s'", "attempt_id = NULL",
                "project_id = gen_random_uuid()",
            )
        ),
    ],
)  # fmt: skip
def test_what_was_is_not_changed(change: str) -> None:
    attempt = AttemptFactory.create()
    UsageRecordFactory.create(
        workload=attempt.workload, attempt=attempt, members=1, reserved_at=FIRST, used_at=FIRST, closed_at=FIRST
    )
    assert "append only" in refused(change)


def test_attempt_use_and_end_are_said_once() -> None:
    attempt = AttemptFactory.create()
    record = UsageRecordFactory.create(workload=attempt.workload, members=1, reserved_at=FIRST)
    usage_attach(attempt.workload_id, attempt)
    usage_start(attempt.workload_id, at=FIRST + SECOND)
    usage_close(attempt.workload_id, at=FIRST + 2 * SECOND)
    usage_close(attempt.workload_id, at=FIRST + 3 * SECOND)
    record.refresh_from_db()
    assert (record.attempt, record.used_at, record.closed_at) == (attempt, FIRST + SECOND, FIRST + 2 * SECOND)


@pytest.mark.parametrize("change", ["DELETE FROM quotas_rate", "UPDATE quotas_rate SET price = 0"])
def test_rates_are_only_added(change: str) -> None:
    RateFactory.create()
    assert "append only" in refused(change)


# Reports --------------------------------------------------------------------------------------------------------

World = tuple[list[Queue], list[User]]


@pytest.fixture
def world() -> World:
    """Two projects in one pool, two people; prices of GPUs that change, and one of cores."""
    pool = ResourcePoolFactory.create(name="local")
    for flavor, price, day in (("H200", 2, 0), ("H200", 5, 3), ("L4", 1, 1)):
        RateFactory.create(pool=pool, flavor=flavor, price=price, valid_from=FIRST + timedelta(days=day))
    RateFactory.create(pool=pool, resource="cpu_millis", flavor="", price=Decimal("0.1"), valid_from=FIRST)
    projects = [ProjectFactory.create(name=name) for name in ("vision", "speech")]
    return [QueueFactory.create(pool=pool, project=project) for project in projects], UserFactory.create_batch(2)


def interval(
    world: World, queue: int, user: int | None, flavor: str, gpu_millis: int, *at: float | None
) -> UsageRecord:
    """Days after the first: reserved, used, closed."""
    queues, users = world
    times = [None if day is None else FIRST + timedelta(seconds=round(day * 86400, 6)) for day in at]
    workload = WorkloadFactory.create(
        queue=queues[queue], project=queues[queue].project, requested_by=None if user is None else users[user]
    )
    made: UsageRecord = UsageRecordFactory.create(
        workload=workload, members=1, cpu_millis=1500, gpus=-(-gpu_millis // 1000), gpu_millis=gpu_millis,
        flavor=flavor, reserved_at=times[0], used_at=times[1], closed_at=times[2],
    )  # fmt: skip
    return made


def report(user: Any, *by: str, since: float = 0, until: float = 10, **only: Any) -> list[Line]:
    ends = (FIRST + timedelta(days=since), FIRST + timedelta(days=until))
    return list(usage_report(user, Asked(*ends, by=by, **only)))


@pytest.fixture
def root() -> User:
    made: User = UserFactory.create(is_superuser=True)
    return made


def test_a_report_by_project_and_kind(world: World, root: User) -> None:
    interval(world, 0, 0, "H200", 2000, 2.5, 2.75, 3.5)  # 12 h at 2, 12 h at 5
    interval(world, 0, 1, "L4", 250, 0.5, None, 1.5)  # a quarter of a device; 12 h without a price
    interval(world, 1, None, "", 0, 0, 0, 1)
    found = report(root, "project", "flavor")
    day, core = 86400, Decimal("0.15")  # 1.5 cores at 0.1 an hour
    assert [(line.project_name, line.flavor) for line in found] == [
        ("speech", ""),
        ("vision", "H200"),
        ("vision", "L4"),
    ]
    assert [(line.gpu_seconds_requested, line.gpu_seconds_used) for line in found] == [
        (0, 0), (2 * day, Decimal("1.5") * day), (day / 4, 0),
    ]  # fmt: skip
    assert [line.gpu_seconds_unpriced for line in found] == [0, 0, day / 8]
    assert [line.core_seconds_requested for line in found] == [1.5 * day] * 3
    assert [round(line.cost, 9) for line in found] == [24 * core, 24 * core + 48 + 120, 24 * core + 3]
    assert {(line.user, line.day, line.pool) for line in found} == {(None, None, None)}


def test_a_report_by_day_is_cut_at_midnight_of_utc(world: World, root: User) -> None:
    interval(world, 0, 0, "H200", 1000, 1.75, 2, None)
    found = report(root, "day", until=3.25)
    assert [(line.day, line.gpu_seconds_requested, line.gpu_seconds_used) for line in found] == [
        (date(2026, 11, 2), 21600, 0), (date(2026, 11, 3), 86400, 86400), (date(2026, 11, 4), 21600, 21600),
    ]  # fmt: skip
    assert [round(line.cost, 9) for line in found] == [round(Decimal(x), 9) for x in ("12.9", "51.6", "30.9")]


def test_a_report_by_nothing_is_one_row(world: World, root: User) -> None:
    assert report(root) == []
    interval(world, 0, 0, "H200", 1000, 1, 1, 2)
    interval(world, 1, 1, "L4", 1000, 1, 1, 2)
    [line] = report(root)
    assert line.gpu_seconds_requested == 2 * 86400


def test_a_report_is_of_what_one_sees_and_asks_for(world: World, root: User) -> None:
    queues, _ = world
    interval(world, 0, 0, "H200", 1000, 1, 1, 2)
    interval(world, 1, 1, "L4", 1000, 1, 1, 2)
    interval(world, 1, 1, "H200", 1000, 20, 20, 21)
    assert report(UserFactory.create(), "project") == []
    assert [line.project_name for line in report(root, "project", project=queues[1].project)] == ["speech"]
    assert [line.flavor for line in report(root, "flavor", flavor="H200")] == ["H200"]
    assert report(root, "pool", pool=ResourcePoolFactory.create()) == []
    assert [line.pool_name for line in report(root, "pool", pool=queues[0].pool)] == ["local"]


def test_a_long_report_is_read_in_pieces() -> None:
    asked = Asked(FIRST + timedelta(hours=5), FIRST + timedelta(days=70), by=("day",))
    found = list(windows(asked))
    assert [(start.day, start.hour) for start, _ in found] == [(1, 5), (2, 0), (2, 0)]
    assert [end for _, end in found[:-1]] == [start for start, _ in found[1:]]
    assert found[-1][1] == asked.until


DAY_MICROS = 86_400_000_000


def test_pieces_of_a_long_report_are_summed_up(world: World, root: User) -> None:
    interval(world, 0, 0, "H200", 1000, 0, 1, 70)
    interval(world, 1, 1, "H200", 1000, 60, None, 70)
    found = report(root, "project", until=65)
    assert [(line.project_name, line.gpu_seconds_requested, line.gpu_seconds_used) for line in found] == [
        ("speech", 5 * 86400, 0), ("vision", 65 * 86400, 64 * 86400),
    ]  # fmt: skip
    assert round(found[1].cost, 9) == 24 * (3 * 2 + 62 * 5) + 65 * 24 * Decimal("0.15")


spans = st.tuples(
    st.integers(0, 1),
    st.sampled_from([None, 0, 1]),
    st.sampled_from([("", 0), ("H200", 250), ("H200", 3000), ("L4", 1000)]),
    st.integers(-2 * DAY_MICROS, 5 * DAY_MICROS),
    st.integers(0, 3 * DAY_MICROS),
    st.booleans(),
    st.booleans(),
)
"""Project, person, kind and thousandths of devices, beginning and length, whether it ran and has ended."""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(spans, max_size=8), by=st.sets(st.sampled_from(KEYS)))
def test_sums_equal_intervals(world: World, root: User, drawn: list[Any], by: set[str]) -> None:
    with transaction.atomic():
        expected: defaultdict[str, Decimal] = defaultdict(Decimal)
        for queue, user, (flavor, millis), start, length, ran, ends in drawn:
            begin = FIRST + timedelta(microseconds=start)
            use, end = begin + timedelta(microseconds=length // 3), begin + timedelta(microseconds=length)
            days = [(at - FIRST) / timedelta(days=1) for at in (begin, use, end)]
            record = interval(
                world, queue, user, flavor, millis, days[0], days[1] if ran else None, days[2] if ends else None
            )
            until = FIRST + timedelta(days=4)
            for kind, since in (("requested", record.reserved_at), ("used", record.used_at)):
                if since is not None:
                    held = min(record.closed_at or until, until) - max(since, FIRST)
                    expected[kind] += millis * max(Decimal(held // timedelta(microseconds=1)), Decimal(0))
        found = report(root, *by, until=4)
        total = {name: sum(getattr(line, f"gpu_seconds_{name}") for line in found) for name in ("requested", "used")}
        assert total == {name: expected[name] / 10**9 for name in ("requested", "used")}
        whole = report(root, until=4)
        assert round(sum(line.cost for line in found), 9) == round(sum(line.cost for line in whole), 9)
        assert len({tuple(getattr(line, key) for key in by) for line in found}) == len(found)
        transaction.set_rollback(True)


def test_rates_may_be_many(world: World, root: User) -> None:
    queues, _ = world
    for hour in range(1, 24):
        Rate.objects.create(
            pool=queues[0].pool, resource="gpus", flavor="B200", price=hour, valid_from=FIRST + timedelta(hours=hour)
        )
    interval(world, 0, 0, "B200", 1000, 0, 0, 1)
    [line] = report(root)
    assert line.gpu_seconds_unpriced == 3600
    assert round(line.cost, 9) == sum(range(1, 24)) + 24 * Decimal("0.15")
