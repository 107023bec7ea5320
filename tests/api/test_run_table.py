"""The table of runs: columns, order, filters, windows, small curves, what it costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import User
from apps.access.states import Role
from apps.common import clock
from apps.experiments.models import Run
from apps.experiments.services.summaries import summary_add
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.experiments import (
    ExperimentFactory,
    MetricBatchFactory,
    RunFactory,
    next_attempt,
    run_of,
    started,
)

pytestmark = pytest.mark.django_db
TABLE = "/api/v1/runs/table"


@pytest.fixture
def project() -> Any:
    return ProjectFactory.create(name="risk")


@pytest.fixture
def user(project: Any) -> User:
    return member(project, Role.VIEWER)


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def summary(**last: float) -> dict[str, Any]:
    """A summary with one point of each metric."""
    made: dict[str, Any] = {}
    for key, value in last.items():
        summary_add(made, key, [1], [value])
    return made


def make(project: Any, name: str, **kwargs: Any) -> Run:
    run: Run = RunFactory.create(project=project, name=name, **kwargs)
    return run


def rows(client: APIClient, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get(TABLE, asked)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def names(client: APIClient, **asked: Any) -> list[str]:
    return [row["name"] for row in rows(client, **asked)]


def test_a_row_says_who_and_where(client: APIClient, user: User, project: Any) -> None:
    experiment = ExperimentFactory.create(project=project, name="scoring", goal_metric="val_auc")
    run = make(project, "first", experiment=experiment, requested_by=user, parameters={"lr": 0.1, "opt": "adam"})
    Run.objects.filter(pk=run.pk).update(summary=summary(val_auc=0.8, loss=0.3))
    (row,) = rows(client, project=project.pk, columns="params.lr,params.opt,metrics.loss,params.none")
    assert row["experiment_name"] == "scoring"
    assert row["project_name"] == "risk"
    assert row["requested_by_name"] == user.username
    assert row["dataset_name"] == run.dataset_version.dataset.name
    assert row["dataset_version_number"] == run.dataset_version.number
    assert row["goal"] == {"key": "val_auc", "mode": "max", "last": 0.8, "last_step": 1, "best": 0.8}
    assert row["columns"] == {"params.lr": 0.1, "params.opt": "adam", "metrics.loss": 0.3, "params.none": None}
    assert row["state"] == "draft"
    assert (row["started_at"], row["duration_seconds"]) == (None, None)
    assert "spark" not in row


def test_the_goal_is_a_validation_metric_where_none_was_named(client: APIClient, project: Any) -> None:
    make(project, "a", summary=summary(**{"train/loss": 0.1, "val/loss": 0.4, "alpha": 1.0}))
    make(project, "b", summary=summary(beta=3.0, alpha=1.0))
    make(project, "c")
    found = {row["name"]: row["goal"] for row in rows(client)}
    assert (found["a"]["key"], found["a"]["mode"], found["a"]["best"]) == ("val/loss", "min", 0.4)
    assert found["b"]["key"] == "alpha"
    assert found["c"] is None


def test_order_by_a_metric_puts_runs_without_it_last_either_way(client: APIClient, project: Any) -> None:
    for name, value in (("low", 2.0), ("high", 10.0), ("same-1", 5.0), ("same-2", 5.0)):
        make(project, name, summary=summary(auc=value))
    make(project, "none")
    assert names(client, sort="-metrics.auc") == ["high", "same-2", "same-1", "low", "none"]
    assert names(client, sort="metrics.auc") == ["low", "same-1", "same-2", "high", "none"]


def test_order_by_a_parameter_is_by_number_and_not_by_text(client: APIClient, project: Any) -> None:
    for value in (9, 10, 1.5, "adam", None):
        make(project, f"run-{value}", parameters={"p": value})
    assert names(client, sort="params.p") == ["run-adam", "run-1.5", "run-9", "run-10", "run-None"]


def test_text_that_reads_as_a_number_stands_among_numbers(client: APIClient, project: Any) -> None:
    for value in ("9", "10", 9.5, "1e1x", "-1e400", "1e-3"):
        make(project, f"run-{value}", parameters={"p": value})
    found = names(client, sort="params.p")
    assert found == ["run-1e1x", "run--1e400", "run-1e-3", "run-9", "run-9.5", "run-10"]
    assert names(client, where="params.p>9", sort="params.p") == ["run-9.5", "run-10"]


@pytest.mark.parametrize("sort", ["name", "-state", "experiment", "created_at", "-duration_seconds", "reason", "goal"])
def test_order_by_what_every_run_has(client: APIClient, project: Any, sort: str) -> None:
    started(project=project)
    make(project, "waits")
    assert len(names(client, sort=sort)) == 2


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (["params.lr=0.01"], ["a", "text"]),
        (["params.lr>=0.01"], ["a", "b", "text"]),
        (["params.lr!=0.01"], ["b"]),
        (["params.lr=null"], ["c"]),
        (["params.lr!=null"], ["a", "b", "text"]),
        (["params.opt=adam"], ["a"]),
        (['params.opt="adam"'], ["a"]),
        (["params.opt~DA"], ["a"]),
        (["params.flag=true"], ["b"]),
        (["metrics.auc>0.8"], ["b"]),
        (["metrics.auc:count=1"], ["a", "b"]),
        (["params.lr>0", "metrics.auc<0.8"], ["a"]),
        (['params."a key">1'], ["c"]),
        (["name~te"], ["text"]),
        (["tag=gold"], ["b"]),
        (["tag!=gold"], ["a", "c", "text"]),
        (["created_at>=2020-01-01"], ["a", "b", "c", "text"]),
        (["ended_at=null"], ["a", "b", "c", "text"]),
        (["state=draft", "kind=script", "experiment~none-such"], []),
        (["duration_seconds>1"], []),
        (["goal>0.8"], ["b"]),
        (["labels.owner=ada"], ["a"]),
        (["labels.owner~LOV"], ["b"]),
        (["labels.owner=null"], ["c", "text"]),
        (["labels.owner!=ada"], ["b"]),
        (["seed>=7"], ["a", "b"]),
        (["seed=7"], ["a"]),
        (["seed=null"], ["c", "text"]),
        (["notes~flat"], ["c"]),
        (["image=ghcr.io/a/b"], ["text"]),
        (["project=risk", "tag=gold"], ["b"]),
    ],
    ids=str,
)
def test_where(client: APIClient, project: Any, where: list[str], found: list[str]) -> None:
    owned = [{"labels": {"owner": owner}, "seed": seed} for owner, seed in (("ada", 7), ("lovelace", 8))]
    make(project, "a", parameters={"lr": 0.01, "opt": "adam"}, summary=summary(auc=0.7), **owned[0])
    make(project, "b", parameters={"lr": 0.1, "flag": True}, summary=summary(auc=0.9), tags=["gold"], **owned[1])
    make(project, "c", parameters={"a key": 2, "lr": None}, notes="Loss is flat")
    make(project, "text", parameters={"lr": "0.01"}, image="ghcr.io/a/b")
    assert names(client, where=where, sort="name") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("metrics.auc > 0.8 AND tags.team = 'vision'", ["b"]),
        ("params.opt ILIKE 'AD%'", ["a"]),
        ("tags.team IS NULL", ["c"]),
        ("attributes.status = 'FINISHED'", ["c"]),
        ("params.lr IN ('0.1', '0.2')", ["a", "b"]),
        ("", ["a", "b", "c"]),
    ],
)
def test_a_filter_may_be_text_as_mlflow_has_it(client: APIClient, project: Any, text: str, found: list[str]) -> None:
    make(project, "a", parameters={"lr": 0.1, "opt": "adam"}, summary=summary(auc=0.7), labels={"team": "vision"})
    make(project, "b", parameters={"lr": 0.2}, summary=summary(auc=0.9), labels={"team": "vision"})
    make(project, "c", state="succeeded", ended_at=clock.now(), summary=summary(auc=0.95))
    assert names(client, filter=text, sort="name") == found
    assert names(client, filter=text, where="name!=a", sort="name") == [name for name in found if name != "a"]


def test_a_filter_that_is_not_understood_says_where(client: APIClient) -> None:
    answer = client.get(TABLE, {"filter": "metrics.auc >"})
    assert answer.status_code == 400
    assert answer.json()["fields"]["filter"][0].startswith("At character 14: expected a number")


@pytest.mark.parametrize(
    ("asked", "place", "at"),
    [
        ({"where": ["params.lr"]}, "where[0]", 10),
        ({"where": ["name=a", "metrics.auc>high"]}, "where[1]", 13),
        ({"where": ["nothing=1"]}, "where[0]", 1),
        ({"where": ["params.=1"]}, "where[0]", 8),
        ({"where": ["params.lr="]}, "where[0]", 11),
        ({"where": ["params.lr>text"]}, "where[0]", 11),
        ({"where": ["name>1"]}, "where[0]", 5),
        ({"where": ["created_at>yesterday"]}, "where[0]", 12),
        ({"where": ['name="open']}, "where[0]", 6),
        ({"columns": "params.lr;name"}, "columns", 10),
        ({"sort": "params.a,params.b"}, "sort", 9),
        ({"sort": "tag"}, "sort", 1),
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused_by_its_place(client: APIClient, asked: Any, place: str, at: int) -> None:
    answer = client.get(TABLE, asked)
    assert answer.status_code == 400
    assert answer.json()["fields"][place][0].startswith(f"at character {at}: ")


@pytest.mark.parametrize("asked", [{"limit": 1001}, {"limit": 500, "spark": 1}, {"state": "none"}, {"offset": -1}])
def test_what_is_out_of_range_is_refused(client: APIClient, asked: Any) -> None:
    assert client.get(TABLE, asked).status_code == 400


def test_deleted_runs_are_shown_alone_or_not_at_all(client: APIClient, project: Any) -> None:
    make(project, "stays")
    make(project, "gone", deleted_at=clock.now(), parameters={"lr": 1})
    assert names(client) == ["stays"]
    (row,) = rows(client, deleted=1)
    assert (row["name"], row["deleted_at"] is not None) == ("gone", True)
    assert client.get("/api/v1/runs/columns").json()["parameters"] == []
    assert client.get("/api/v1/runs/summary").json()["total"] == 1
    assert [run["name"] for run in client.get("/api/v1/runs").json()["results"]] == ["stays"]


def test_a_run_without_data_is_a_row_too(client: APIClient, project: Any) -> None:
    make(project, "tracked", kind="tracked", dataset_version=None, time_limit_seconds=None, notes="x" * 300, seed=7)
    (row,) = rows(client)
    assert (row["dataset_version"], row["dataset_name"], row["dataset_version_number"]) == (None, "", None)
    assert (row["kind"], row["seed"], row["image"], row["notes"]) == ("tracked", 7, "", "x" * 200)


@pytest.mark.parametrize("sort", ["-labels.owner", "notes", "seed", "image", "project"])
def test_order_by_what_few_runs_have(client: APIClient, project: Any, sort: str) -> None:
    make(project, "none")
    make(project, "some", labels={"owner": "ada"}, notes="flat", seed=7, image="ghcr.io/a/b")
    assert names(client, sort=sort) == (["none", "some"] if sort == "project" else ["some", "none"])


def test_a_window_knows_the_total(client: APIClient, project: Any) -> None:
    for number in range(5):
        make(project, f"run-{number}")
    answer = client.get(TABLE, {"offset": 1, "limit": 2, "sort": "name"}).json()
    assert (answer["total"], answer["offset"]) == (5, 1)
    assert [row["name"] for row in answer["rows"]] == ["run-1", "run-2"]
    beyond = client.get(TABLE, {"offset": 9, "limit": 2}).json()
    assert (beyond["total"], beyond["rows"]) == (5, [])


def test_filters_by_state_name_tag_and_experiment(client: APIClient, project: Any) -> None:
    running = run_of(started(project=project, name="now"))
    tagged = make(project, "deep risk model", tags=["gold", "x"])
    assert names(client, state=["running", "stopping"]) == [running.name]
    assert names(client, search="risk deep") == [tagged.name]
    assert names(client, tag=["gold", "x"]) == [tagged.name]
    assert names(client, tag=["gold", "y"]) == []
    assert names(client, experiment=tagged.experiment_id) == [tagged.name]


def test_nobody_sees_runs_of_another_project(client: APIClient, project: Any) -> None:
    other = RunFactory.create(name="hidden", parameters={"secret": 1})
    assert names(client) == []
    assert names(client, project=other.project_id) == []
    assert client.get("/api/v1/runs/columns").json() == {"parameters": [], "metrics": [], "labels": []}
    assert client.get("/api/v1/runs/summary").json()["total"] == 0


def test_a_spark_has_the_extremes_and_leaves_out_what_is_superseded(client: APIClient, project: Any) -> None:
    attempt = started(project=project)
    points = [(step, 1.0 if step == 70 else -1.0 if step == 30 else 0.0) for step in range(100)]
    MetricBatchFactory.create(attempt=attempt, key="auc", points=points)
    second = next_attempt(attempt)
    MetricBatchFactory.create(attempt=second, key="auc", points=[(50, 0.5)])
    run = run_of(attempt)
    Run.objects.filter(pk=run.pk).update(attempt_starts={"1": None, "2": 49}, summary=summary(auc=0.5))
    empty = make(project, "empty")
    found = {row["id"]: row["spark"] for row in rows(client, spark=1)}
    spark = found[str(run.pk)]
    assert len(spark) <= 32
    assert (min(spark), max(spark), spark[0], spark[-1]) == (-1.0, 0.5, 0.0, 0.5)
    assert found[str(empty.pk)] is None


def test_three_queries_whatever_is_asked(client: APIClient, project: Any) -> None:
    for number in range(12):
        attempt = started(project=project, parameters={"lr": number})
        MetricBatchFactory.create(attempt=attempt, key="auc", points=[(1, 0.5), (2, 0.6)])
        Run.objects.filter(pk=run_of(attempt).pk).update(summary=summary(auc=0.6))
    asked: dict[str, Any] = {
        "spark": 1,
        "columns": "params.lr,metrics.auc",
        "sort": "-metrics.auc",
        "where": "params.lr>1",
    }
    with CaptureQueriesContext(connection) as queries:
        assert len(rows(client, **asked)) == 10
    assert len(queries) == 3


def test_columns_that_there_are(client: APIClient, project: Any) -> None:
    make(project, "a", parameters={"lr": 0.1, "my key": "x", "none": None}, summary=summary(loss=0.3))
    make(project, "b", parameters={"lr": "auto"}, summary=summary(loss=0.2, auc=0.9))
    make(project, "c", parameters={"lr": 0.2}, labels={"mlflow.user": "ada"})
    found = client.get("/api/v1/runs/columns", {"project": project.pk}).json()
    assert found["parameters"] == [
        {"name": "params.lr", "key": "lr", "type": "number", "types": ["number", "string"], "runs": 3},
        {"name": 'params."my key"', "key": "my key", "type": "string", "types": ["string"], "runs": 1},
    ]
    loss = {"name": "metrics.loss", "key": "loss", "type": "number", "types": ["number"], "runs": 2, "mode": "min"}
    auc = {"name": "metrics.auc", "key": "auc", "type": "number", "types": ["number"], "runs": 1, "mode": "max"}
    assert found["metrics"] == [loss, auc]
    label = {"name": "labels.mlflow.user", "key": "mlflow.user", "type": "string", "types": ["string"], "runs": 1}
    assert found["labels"] == [label]


def test_how_many_there_are(client: APIClient, project: Any) -> None:
    started(project=project)
    long_ago = clock.now() - timedelta(days=2)
    for ended_at in (clock.now(), long_ago):
        make(project, f"failed-{ended_at}", state="failed", ended_at=ended_at)
    found = client.get("/api/v1/runs/summary", {"project": project.pk}).json()
    assert found["total"] == 3
    assert (found["by_state"]["running"], found["by_state"]["failed"], found["by_state"]["queued"]) == (1, 2, 0)
    assert found["failed_last_24_hours"] == 1
