"""The server-rendered list of runs."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from uuid6 import uuid7

from apps.experiments.selectors.runs import PAGE, Goal, goal_of
from tests.support.bulk import clone_many
from tests.support.factories.access import ProjectFactory, UserFactory, member
from tests.support.factories.experiments import ExperimentFactory, RunFactory


def entry(last: float) -> dict[str, float]:
    return {"last": last, "last_step": 7}


@pytest.mark.parametrize(
    "summary, key, expected",
    [
        ({}, "", None),
        ({}, "auc", None),
        ({"loss": entry(1)}, "auc", None),
        ({"loss": entry(1), "auc": entry(2)}, "loss", Goal("loss", 1, 7)),
        ({"train/loss": entry(1), "validation/auc": entry(2)}, "", Goal("validation/auc", 2, 7)),
        ({"a_loss": entry(1), "val_loss": entry(2)}, "", Goal("val_loss", 2, 7)),
        ({"b": entry(1), "a": entry(2)}, "", Goal("a", 2, 7)),
    ],
)
def test_the_goal_is_the_named_metric_or_the_first_validation_metric(
    summary: dict[str, dict[str, float]], key: str, expected: Goal | None
) -> None:
    assert goal_of(summary, key) == expected


@pytest.mark.django_db
class TestPage:
    def test_a_reader_signs_in_first(self) -> None:
        assert Client().get("/runs").status_code == 302

    def test_each_run_shows_its_state_reason_and_goal(self) -> None:
        project = ProjectFactory.create()
        RunFactory.create(
            project=project,
            name="mine <b>",
            experiment=ExperimentFactory.create(project=project, goal_metric="auc"),
            state="queued",
            state_reason="waiting_for_quota",
            state_detail="2 of 8 cores are free.",
            summary={"auc": entry(0.8372)},
        )
        RunFactory.create(name="of-others")
        client = Client()
        client.force_login(member(project))
        text = client.get("/runs").content.decode()
        for part in ("mine &lt;b&gt;", "queued", "waiting_for_quota", "2 of 8 cores are free.", "auc", "0.8372"):
            assert part in text
        assert "of-others" not in text

    def test_it_is_narrowed_by_state_and_says_when_nothing_is_left(self) -> None:
        client = Client()
        user = UserFactory.create()
        client.force_login(user)
        assert "No runs yet" in client.get("/runs").content.decode()
        assert "None of the runs that you may see is failed." in client.get("/runs?state=failed").content.decode()
        assert client.get("/runs?state=lost").status_code == 404
        assert client.get("/runs?before=1").status_code == 404
        assert client.get(f"/runs?before={uuid7()}").status_code == 200

    def test_it_goes_on_page_by_page_in_constant_queries(self) -> None:
        template = RunFactory.create(name="run")
        clone_many(template, PAGE + 10)
        client = Client()
        client.force_login(UserFactory.create(is_superuser=True))
        with CaptureQueriesContext(connection) as queries:
            text = client.get("/runs").content.decode()
        assert text.count("/api/v1/runs/") == PAGE
        assert len([query for query in queries if "experiments_run" in query["sql"]]) == 1
        address = text.split('href="/runs?before=')[1].split('"')[0]
        older = client.get(f"/runs?before={address}").content.decode()
        assert older.count("/api/v1/runs/") == 11
        assert "Older runs" not in older
