"""The table of runs as a file: every run that is meant, each column of one type."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import User
from apps.access.states import Role
from apps.common import clock
from apps.experiments.models import Run
from apps.experiments.selectors import curves_export, run_export
from apps.experiments.services.summaries import summary_add
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.experiments import MetricBatchFactory, RunFactory, next_attempt, run_of, started

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
    made: dict[str, Any] = {}
    for key, value in last.items():
        summary_add(made, key, [1], [value])
    return made


def content(client: APIClient, kind: str, **asked: Any) -> bytes:
    answer: Any = client.get(f"{TABLE}.{kind}", asked)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Disposition"] == f'attachment; filename="runs.{kind}"'
    return b"".join(answer.streaming_content)


def csv_rows(client: APIClient, **asked: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content(client, "csv", **asked).decode())))


def test_csv_has_the_columns_that_were_asked_for_in_their_order(client: APIClient, project: Any) -> None:
    run = RunFactory.create(
        project=project, name="=risky", parameters={"lr": 0.1, "layers": [1, 2]}, summary=summary(auc=0.9),
        tags=["gold", "x"], labels={"owner": "ada"}, seed=7, notes="flat",
    )  # fmt: skip
    asked = "metrics.auc,params.lr,params.layers,labels.owner,tag,seed,notes,goal,started_at,project,state"
    head, row = csv_rows(client, columns=asked)
    assert head == ["id", "name", *asked.split(",")]
    values = ["0.9", "0.1", "[1, 2]", "ada", "gold x", "7", "flat", "0.9", "", "risk", "draft"]
    assert row == [str(run.pk), "'=risky", *values]


def test_rows_are_filtered_and_ordered_as_the_table_is(client: APIClient, project: Any) -> None:
    for name, lr in (("a", 1), ("b", 3), ("c", 2)):
        RunFactory.create(project=project, name=name, parameters={"lr": lr})
    RunFactory.create(project=project, name="gone", parameters={"lr": 9}, deleted_at=clock.now())
    RunFactory.create(name="of others", parameters={"lr": 9})
    assert [row[1] for row in csv_rows(client, where="params.lr>1", sort="-params.lr")[1:]] == ["b", "c"]


def test_parquet_columns_have_the_type_that_all_runs_agree_on(client: APIClient, project: Any) -> None:
    RunFactory.create(project=project, name="a", parameters={"lr": 0.1, "flag": True, "mixed": 1}, seed=3)
    RunFactory.create(project=project, name="b", parameters={"lr": None, "mixed": "x"}, summary=summary(auc=0.5))
    asked = "params.lr,params.flag,params.mixed,params.none,metrics.auc,seed,created_at"
    found = pq.read_table(io.BytesIO(content(client, "parquet", columns=asked, sort="name")))
    kinds = [pa.float64(), pa.bool_(), pa.string(), pa.string(), pa.float64(), pa.int64(), pa.timestamp("us", "UTC")]
    assert found.schema.types == [pa.string(), pa.string(), *kinds]
    first, second = found.to_pylist()
    created = list(Run.objects.order_by("name").values_list("created_at", flat=True))
    assert list(first.values())[1:] == ["a", 0.1, True, "1", None, None, 3, created[0]]
    assert list(second.values())[1:] == ["b", None, None, "x", None, 0.5, None, created[1]]


def test_many_rows_are_read_in_pieces(client: APIClient, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_export, "ROWS_AT_ONCE", 2)
    for number in range(5):
        RunFactory.create(project=project, name=f"run-{number}")
    with CaptureQueriesContext(connection) as queries:
        rows = csv_rows(client, sort="name")
    assert [row[1] for row in rows[1:]] == [f"run-{number}" for number in range(5)]
    assert len(queries) == 4, "which runs, and three pieces"


def test_notes_are_whole(client: APIClient, project: Any) -> None:
    written = "first line\n" + "x" * 5_000 + " end"
    RunFactory.create(project=project, notes=written)
    (row,) = csv_rows(client, columns="notes")[1:]
    assert row[2] == written
    assert client.get(TABLE).json()["rows"][0]["notes"] == written[:200]


def test_more_runs_than_a_file_has_are_refused_and_none_is_left_out(
    client: APIClient, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_export, "RUNS_MOST", 2)
    for number in range(3):
        RunFactory.create(project=project, name=f"run-{number}")
    for kind in ("csv", "parquet"):
        answer = client.get(f"{TABLE}.{kind}")
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.json()["detail"].startswith("More than 2 runs are meant, and a file has at most so many.")
    assert len(csv_rows(client, search="run-0")) == 2


def test_without_a_run_there_is_a_head(client: APIClient) -> None:
    assert csv_rows(client, columns="params.lr") == [["id", "name", "params.lr"]]
    assert pq.read_table(io.BytesIO(content(client, "parquet", columns="params.lr"))).num_rows == 0


@pytest.mark.parametrize("asked", [{"columns": "nothing"}, {"where": "params.lr"}, {"sort": "tag"}])
def test_what_is_not_understood_is_refused_before_the_first_byte(client: APIClient, asked: Any) -> None:
    assert client.get(f"{TABLE}.csv", asked).status_code == 400


def test_there_is_no_third_kind_of_file(client: APIClient) -> None:
    assert client.get(f"{TABLE}.xlsx").status_code == 404


def curves(client: APIClient, *runs: Run, kind: str = "csv", **asked: Any) -> bytes:
    answer: Any = client.get(f"/api/v1/runs/metrics.{kind}", {"run": [run.pk for run in runs], **asked})
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def test_curves_have_every_point_that_counts(client: APIClient, project: Any) -> None:
    attempt = started(project=project, name="resumed")
    for points, rank in (((1, 0.5), (2, 0.25), (3, 9.0)), 0), (((1, math.nan),), 1):
        MetricBatchFactory.create(attempt=attempt, rank=rank, points=points)
    MetricBatchFactory.create(attempt=attempt, key="auc", points=((1, math.inf),))
    MetricBatchFactory.create(attempt=next_attempt(attempt), points=((3, 0.1),))
    run = run_of(attempt)
    Run.objects.filter(pk=run.pk).update(attempt_starts={"1": None, "2": 2})
    bare = RunFactory.create(project=project, name="bare")
    head, *rows = csv.reader(io.StringIO(curves(client, run, bare).decode()))
    assert head == ["run", "run_name", "metric", "attempt", "member", "step", "time", "value"]
    assert {row[0] for row in rows} == {str(run.pk)}
    assert [row[2:6] + row[7:] for row in rows] == [
        ["auc", "1", "0", "1", "inf"],
        ["loss", "1", "0", "1", "0.5"],
        ["loss", "1", "0", "2", "0.25"],
        ["loss", "1", "1", "1", "nan"],
        ["loss", "2", "0", "3", "0.1"],
    ]
    assert rows[1][6] == "1970-01-01T00:16:41+00:00"


def test_curves_of_some_metrics_as_parquet(client: APIClient, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves_export, "ROWS_AT_ONCE", 2)
    attempt = started(project=project)
    for number in range(5):
        MetricBatchFactory.create(attempt=attempt, points=((number, float(number)),))
    MetricBatchFactory.create(attempt=attempt, key="auc")
    found = pq.read_table(io.BytesIO(curves(client, run_of(attempt), kind="parquet", key=["loss"])))
    assert found.column("step").to_pylist() == found.column("value").to_pylist() == [0, 1, 2, 3, 4]
    assert set(found.column("metric").to_pylist()) == {"loss"}


def test_curves_of_a_hidden_run_are_not_found(client: APIClient, project: Any) -> None:
    mine, other = RunFactory.create(project=project), RunFactory.create()
    assert client.get("/api/v1/runs/metrics.csv", {"run": [mine.pk, other.pk]}).status_code == 404
