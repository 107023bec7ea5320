"""Budgets, rates and reports over REST."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient
from rest_framework.test import APIClient

from apps.access.models import User
from apps.access.states import Role
from apps.common import clock
from apps.common.models import AuditEvent
from apps.quotas.api.usage_csv import cell
from apps.quotas.models import Budget, Queue, Rate
from tests.support.factories.access import ProjectFactory, UserFactory, member, token_for
from tests.support.factories.quotas import (
    BudgetFactory,
    RateFactory,
    UsageRecordFactory,
    WorkloadFactory,
    make_pool,
    make_queue,
)

pytestmark = pytest.mark.django_db
API = "/api/v1"
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.fixed_at(NOON):
        yield


@pytest.fixture
def queue() -> Queue:
    return make_queue(make_pool(cores=64, H200=16), ProjectFactory.create(name="vision"), cores=64, gpus=16)


@pytest.fixture
def viewer(queue: Queue) -> User:
    return member(queue.project, Role.VIEWER, username="ann")


def client(user: Any = None) -> APIClient:
    made = APIClient()
    made.force_authenticate(user or UserFactory.create(is_superuser=True))
    return made


def held(
    queue: Queue, hours: float, gpus: int = 1, until: datetime = NOON, by: User | None = None, **more: Any
) -> None:
    workload = WorkloadFactory.create(queue=queue, project=queue.project, requested_by=by, **more)
    begin = until - timedelta(hours=hours)
    UsageRecordFactory.create(
        workload=workload, members=1, cpu_millis=1000, gpus=gpus, gpu_millis=1000 * gpus, flavor="H200" if gpus else "",
        reserved_at=begin, used_at=begin + timedelta(hours=hours / 2), closed_at=until,
    )  # fmt: skip


# Budgets --------------------------------------------------------------------------------------------------------


def test_a_budget_is_made_read_changed_and_removed(queue: Queue) -> None:
    root = client()
    wanted = {
        "project": str(queue.project_id), "name": "vision", "unit": "gpu_hours", "amount": "100.5", "period": "month",
        "thresholds": [{"ratio": "0.5", "action": "require_approval"}, {"ratio": 1, "action": "block"}],
    }  # fmt: skip
    made = root.post(f"{API}/budgets", wanted, format="json", headers={"Idempotency-Key": "one"})
    again = root.post(f"{API}/budgets", wanted, format="json", headers={"Idempotency-Key": "one"})
    assert (made.status_code, again.status_code, again.json()) == (201, 201, made.json())
    told = made.json()
    assert Budget.objects.count() == 1
    assert (told["scope"], told["team"], told["organisation"], told["amount"], told["currency"]) == (
        "project", str(queue.project.team_id), str(queue.project.organisation_id), "100.5000", None,
    )  # fmt: skip
    assert told["thresholds"] == [
        {"ratio": "0.5000", "action": "require_approval"},
        {"ratio": "1.0000", "action": "block"},
    ]
    address = f"{API}/budgets/{told['id']}"
    changed = root.patch(address, {"unit": "money", "amount": "7"}, format="json")
    assert (changed.status_code, changed.json()["amount"], changed.json()["currency"]) == (200, "7.0000", "USD")
    assert changed.json()["name"] == "vision"
    assert root.delete(address).status_code == 204
    assert root.get(address).status_code == 404
    assert AuditEvent.objects.filter(subject_kind="budget").count() == 3


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"project": None}, "project"),
        ({"organisation": "yes"}, "organisation"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"period": "fixed"}, "ends_on"),
        ({"period": "week"}, "period"),
        ({"thresholds": [{"ratio": "0", "action": "warn"}]}, "thresholds"),
        ({"name": "two words"}, "name"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(queue: Queue, changes: dict[str, Any], field: str) -> None:
    wanted = {"project": str(queue.project_id), "name": "b", "unit": "money", "amount": "1", "period": "month"}
    answer = client().post(f"{API}/budgets", wanted | changes, format="json")
    assert answer.status_code == 400, answer.content
    assert field in answer.json()["fields"]
    assert not Budget.objects.exists()


def test_whose_it_is_must_be_said_once(queue: Queue) -> None:
    about = {"name": "b", "unit": "money", "amount": "1", "period": "month"}
    both = {"team": str(queue.project.team_id), "project": str(queue.project_id)}
    assert client().post(f"{API}/budgets", about, format="json").status_code == 400
    assert client().post(f"{API}/budgets", about | both, format="json").status_code == 400
    team = client().post(f"{API}/budgets", about | {"team": both["team"]}, format="json")
    assert (team.status_code, team.json()["scope"], team.json()["project"]) == (201, "team", None)
    whole = {"organisation": str(queue.project.organisation_id), "name": "whole"}
    assert client().post(f"{API}/budgets", about | whole, format="json").json()["scope"] == "organisation"


def test_a_reader_sees_how_far_the_budgets_of_their_projects_are(queue: Queue, viewer: User) -> None:
    mine = BudgetFactory.create(project=queue.project, name="mine", amount=10)
    team = BudgetFactory.create(
        project=None, team=queue.project.team, organisation=queue.project.organisation, name="team", amount=100
    )
    whole = BudgetFactory.create(project=None, team=None, organisation=queue.project.organisation, name="whole")
    over = BudgetFactory.create(
        project=queue.project, name="over", period="fixed", starts_on="2026-01-01", ends_on="2026-01-31"
    )
    BudgetFactory.create()
    held(queue, 8.5)
    rows = {row["id"]: row for row in client(viewer).get(f"{API}/budgets").json()["results"]}
    assert set(rows) == {str(one.pk) for one in (mine, team, whole, over)}
    assert rows[str(mine.pk)]["standing"] == {
        "period_begins": "2026-11-01T00:00:00Z", "period_ends": "2026-12-01T00:00:00Z", "spent": "8.500000",
        "reserved": "0.000000", "queued": "0.000000", "action": "warn",
    }  # fmt: skip
    assert rows[str(team.pk)]["standing"]["action"] is None
    assert rows[str(over.pk)]["standing"] is None
    one = client(viewer).get(f"{API}/budgets/{mine.pk}").json()
    assert one == rows[str(mine.pk)]


def test_how_a_budget_burns_down(queue: Queue, viewer: User) -> None:
    budget = BudgetFactory.create(project=queue.project, amount=100)
    held(queue, 24, gpus=2)
    address = f"{API}/budgets/{budget.pk}/burn-down"
    told = client(viewer).get(address).json()
    days = {day["on"]: day for day in told["days"]}
    assert (len(days), told["at"], told["amount"]) == (30, "2026-11-10T12:00:00Z", "100.000000")
    assert (days["2026-11-09"]["spent"], days["2026-11-10"]["spent"], days["2026-11-11"]["spent"]) == (
        "24.000000", "48.000000", None,
    )  # fmt: skip
    assert (days["2026-11-09"]["projected"], days["2026-11-10"]["projected"]) == (None, "51.692308")
    assert (told["daily"], told["exhausted_on"]) == ("7.384615", "2026-11-17")
    past = client(viewer).get(address, {"on": "2026-10-05"}).json()
    assert (past["period_begins"], past["at"], past["days"][-1]["spent"]) == (
        "2026-10-01T00:00:00Z", "2026-10-31T23:59:59.999999Z", "0.000000",
    )  # fmt: skip
    assert client(viewer).get(address, {"on": "2026-12-05"}).status_code == 409
    assert client(viewer).get(address, {"on": "soon"}).status_code == 400


def test_a_budget_that_is_over_shows_its_last_days(queue: Queue) -> None:
    budget = BudgetFactory.create(
        project=queue.project, period="fixed", starts_on="2026-11-01", ends_on="2026-11-05", amount=100
    )
    held(queue, 48, until=datetime(2026, 11, 6, tzinfo=UTC))
    told = client().get(f"{API}/budgets/{budget.pk}/burn-down").json()
    assert [day["spent"] for day in told["days"]] == ["0.000000"] * 3 + ["24.000000", "48.000000"]


# Rates ----------------------------------------------------------------------------------------------------------


def test_rates_are_added(queue: Queue) -> None:
    root = client()
    wanted = {"pool": str(queue.pool_id), "resource": "gpus", "flavor": "H200", "price": "2.5"}
    made = root.post(f"{API}/rates", wanted, format="json")
    assert (made.status_code, made.json()["price"], made.json()["currency"], made.json()["valid_from"]) == (
        201, "2.500000", "USD", "2026-11-10T12:00:00Z",
    )  # fmt: skip
    assert root.post(f"{API}/rates", wanted, format="json").status_code == 409
    past = wanted | {"valid_from": "2026-01-01T00:00:00Z"}
    refused = root.post(f"{API}/rates", past, format="json")
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["valid_from"])
    assert root.post(f"{API}/rates", wanted | {"flavor": "A100"}, format="json").status_code == 400
    assert root.patch(f"{API}/rates/{made.json()['id']}", {"price": 1}, format="json").status_code == 405
    assert Rate.objects.count() == 1


# Reports --------------------------------------------------------------------------------------------------------


@pytest.fixture
def used(queue: Queue, viewer: User) -> None:
    RateFactory.create(pool=queue.pool, price=Decimal("2.5"))
    held(queue, 24, by=viewer)
    held(queue, 2, gpus=0)
    held(make_queue(queue.pool, ProjectFactory.create(name="speech")), 10)


@pytest.mark.usefixtures("used")
def test_a_report(queue: Queue, viewer: User) -> None:
    told = client(viewer).get(f"{API}/usage-report").json()
    assert (told["from"], told["to"], told["zone"], told["by"], told["currency"], told["is_complete"]) == (
        "2026-10-11T12:00:00Z", "2026-11-10T12:00:00Z", "UTC", ["project", "flavor"], "USD", True,
    )  # fmt: skip
    assert [(row["project_name"], row["flavor"]) for row in told["rows"]] == [("vision", ""), ("vision", "H200")]
    figures = {
        "gpu_hours_requested": "24.000000", "gpu_hours_used": "12.000000", "core_hours_requested": "24.000000",
        "core_hours_used": "12.000000", "cost": "60.000000",
    }  # fmt: skip
    assert told["rows"][1].items() >= figures.items()
    everything = client().get(f"{API}/usage-report", {"by": "user,day,project", "limit": 2}).json()
    assert everything["by"] == ["day", "project", "user"]
    assert [(row["day"], row["project_name"], row["user_name"]) for row in everything["rows"]] == [
        ("2026-11-09", "vision", "ann"), ("2026-11-10", "speech", None),
    ]  # fmt: skip
    assert not everything["is_complete"]


@pytest.mark.usefixtures("used")
def test_a_report_as_csv(viewer: User) -> None:
    answer = client(viewer).get(f"{API}/usage-report.csv", {"by": "day,user", "from": "2026-11-01T00:00:00Z"})
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == 'attachment; filename="usage-2026-11-01-2026-11-10.csv"'
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == [
        "day", "user", "user_name", "gpu_hours_requested", "gpu_hours_used", "gpu_hours_unpriced",
        "core_hours_requested", "core_hours_used", "cost", "currency",
    ]  # fmt: skip
    assert [row[:1] + row[2:] for row in rows[1:]] == [
        ["2026-11-09", "ann", "12.000000", "0.000000", "0.000000", "12.000000", "0.000000", "30.000000", "USD"],
        ["2026-11-10", "", "0.000000", "0.000000", "0.000000", "2.000000", "1.000000", "0.000000", "USD"],
        ["2026-11-10", "ann", "12.000000", "12.000000", "0.000000", "12.000000", "12.000000", "30.000000", "USD"],
    ]


@pytest.mark.django_db(transaction=True)
async def test_under_asgi_a_report_comes_in_pieces() -> None:
    headers = {"Authorization": f"Bearer {await _token()}"}
    answer: Any = await AsyncClient().get(f"{API}/usage-report.csv", headers=headers)
    assert answer.is_async
    pieces = [piece async for piece in answer]
    assert b"".join(pieces).decode().startswith("project,project_name,flavor,gpu_hours_requested")
    await sync_to_async(connections.close_all)()


@sync_to_async
def _token() -> str:
    return token_for(UserFactory.create(is_superuser=True))


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_name_is_a_formula(text: str, queue: Queue) -> None:
    assert cell(text) == f"'{text}"
    held(queue, 2, by=UserFactory.create(username=text))
    answer = client().get(f"{API}/usage-report.csv", {"by": "user"})
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]
    assert rows[1][1] == f"'{text}"


def test_other_cells_stay() -> None:
    assert [cell(value) for value in ("ann", "", None, "2026-11-09")] == ["ann", "", None, "2026-11-09"]


@pytest.mark.parametrize(
    "query, status",
    [
        ({"by": "project,weekday"}, 400),
        ({"from": "2126-01-01T00:00:00Z"}, 400),
        ({"from": "2026-11-05T00:00:00Z", "to": "2026-11-05T00:00:00Z"}, 400),
        ({"project": "0198c0de-0000-7000-8000-000000000000"}, 404),
        ({"limit": "0"}, 400),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(query: dict[str, str], status: int) -> None:
    assert client().get(f"{API}/usage-report", query).status_code == status


def test_a_report_over_many_years_by_day(queue: Queue, viewer: User) -> None:
    held(queue, 24)
    told = client(viewer).get(f"{API}/usage-report", {"by": "day", "from": "2020-01-01T00:00:00Z"}).json()
    assert [row["day"] for row in told["rows"]] == ["2026-11-09", "2026-11-10"]
