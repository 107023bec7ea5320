"""Where `runs/search` looks first: among the runs that began last, where they come first anyway."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.experiments.api.mlflow import search
from apps.experiments.models import Experiment, Run
from apps.experiments.states import RunKind, RunState
from tests.api.test_mlflow_tracking import Caller

pytestmark = pytest.mark.django_db
LAST_FIRST = [[], ["attributes.start_time DESC"], ["start_time DESC", "created ASC"]]
OTHERWISE = [["start_time ASC"], ["metrics.auc DESC"], ["run_name ASC", "start_time DESC"]]


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def experiment(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of twelve runs, of which every second has passed, where the last six are looked through first."""
    monkeypatch.setattr(search, "LATEST", 6)
    made = caller.experiment()
    of = Experiment.objects.get(pk=uuid.UUID(made))
    project = caller.project
    begun = datetime(2026, 3, 1, tzinfo=UTC)
    Run.objects.bulk_create(
        Run(
            name=f"run-{number}", kind=RunKind.TRACKED, experiment=of, project=project, team_id=project.team_id,
            organisation_id=project.organisation_id, state=RunState.SUCCEEDED, state_at=begun,
            started_at=begun + timedelta(minutes=number), ended_at=begun + timedelta(hours=1),
            summary={"auc": {"last": 0.9 if number % 2 else 0.1, "last_step": 1}},
        )
        for number in range(12)
    )  # fmt: skip
    return made


def asked(caller: Caller, experiment: str, orders: list[str], **more: Any) -> tuple[list[str], str, bool]:
    """Names, the token of the next page, and whether all were looked through."""
    body = {"experiment_ids": [experiment], "filter": "metrics.auc > 0.5", "order_by": orders, **more}
    with CaptureQueriesContext(connection) as queries:
        found = caller.post("runs/search", body).json()
    looks = [each["sql"] for each in queries.captured_queries if "0.5" in each["sql"]]
    names = [each["info"]["run_name"] for each in found["runs"]]
    return names, found.get("next_page_token", ""), not all('started_at" >=' in sql for sql in looks)


@pytest.mark.parametrize("orders", LAST_FIRST)
def test_a_page_that_the_last_ones_fill_needs_no_others(caller: Caller, experiment: str, orders: list[str]) -> None:
    assert asked(caller, experiment, orders, max_results=2)[::2] == (["run-11", "run-9"], False)


@pytest.mark.parametrize("orders", LAST_FIRST)
def test_one_that_they_do_not_fill_is_looked_for_among_all(caller: Caller, experiment: str, orders: list[str]) -> None:
    names, _, all_of_them = asked(caller, experiment, orders, max_results=4)
    assert (names, all_of_them) == (["run-11", "run-9", "run-7", "run-5"], True)


@pytest.mark.parametrize("orders", LAST_FIRST)
def test_pages_follow_each_other(caller: Caller, experiment: str, orders: list[str]) -> None:
    names, token, _ = asked(caller, experiment, orders, max_results=2)
    more, _, _ = asked(caller, experiment, orders, max_results=9, page_token=token)
    assert names + more == [f"run-{number}" for number in (11, 9, 7, 5, 3, 1)]


@pytest.mark.parametrize("orders", OTHERWISE)
def test_another_order_is_of_all(caller: Caller, experiment: str, orders: list[str]) -> None:
    assert asked(caller, experiment, orders, max_results=2)[2]
