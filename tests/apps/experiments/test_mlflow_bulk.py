"""What clients of MLflow log in bulk: kept once, whole or not at all, under MLflow's limits and codes."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from apps.access.states import Role, TokenScope
from apps.common import clock
from apps.common.asgi_app import django_conninfo
from apps.common.audit import Actor
from apps.common.models import Event
from apps.experiments.api.mlflow.bulk import LogApp, application_at, apps_of
from apps.experiments.invariants import CHECKS
from apps.experiments.models import MetricBatch, MetricRequest, MetricSender, Run
from apps.experiments.selectors.metrics import run_curves
from apps.experiments.services import compaction
from apps.experiments.services.compaction import metrics_compact
from apps.experiments.services.tracked import run_track, run_update
from apps.experiments.services.tracked_batches import PROTOCOL_RANK
from apps.experiments.states import RunState
from tests.support.asgi_calls import Answer, post, token_of
from tests.support.damage import everything
from tests.support.factories.access import ProjectFactory, member, token_for
from tests.support.factories.experiments import ExperimentFactory, next_attempt, run_of, started

pytestmark = pytest.mark.django_db(transaction=True)
AT = 1_772_443_800_000


class World:
    """A tracked run, and an editor's token."""

    def __init__(self, role: str = Role.EDITOR) -> None:
        self.project = ProjectFactory.create()
        self.user = member(self.project, role)
        self.token = token_for(self.user)
        self.run = self.more()

    def more(self) -> Run:
        experiment = ExperimentFactory.create(project=self.project)
        return run_track(experiment=experiment, actor=Actor.user(self.user), requested_by=self.user)


aworld = sync_to_async(World)


@pytest.fixture
async def apps() -> AsyncIterator[dict[str, LogApp]]:
    made = apps_of()
    yield made
    await made["log-batch"].close()
    await sync_to_async(connections.close_all)()  # of the thread in which the helpers below run


def metric(key: str, value: Any, step: Any = 0, at: Any = AT) -> dict[str, Any]:
    return {"key": key, "value": value, "timestamp": at, "step": step}


async def log(app: LogApp, token: str, run: Run | str, **body: Any) -> Answer:
    named = run if isinstance(run, str) else run.pk.hex
    return await post(app, token, json.dumps({"run_id": named, **body}).encode())


@sync_to_async
def stored(run: Run) -> dict[str, list[tuple[int, float, float]]]:
    """Points by key, in order of arrival."""
    found: dict[str, list[tuple[int, float, float]]] = {}
    for row in MetricBatch.objects.filter(run=run).order_by("id"):
        points = zip(*(column.tolist() for column in row.columns), strict=True)
        found.setdefault(row.key, []).extend(points)
    return found


@sync_to_async
def fresh(run: Run) -> Run:
    return Run.objects.get(pk=run.pk)


Apps = dict[str, LogApp]


async def test_a_batch_is_kept_with_its_parameters_and_tags(apps: Apps) -> None:
    world = await aworld()
    body = {
        "metrics": [metric("loss", 0.5, 1), metric("auc", 0.75, 1), metric("loss", 0.25, 2, AT + 1500)],
        "params": [{"key": "lr", "value": "0.01"}],
        "tags": [{"key": "team", "value": "risk"}, {"key": "mlflow.runName", "value": "first"},
                 {"key": "mlflow.note.content", "value": "good"}],
    }  # fmt: skip
    status, headers, answer = await log(apps["log-batch"], world.token, world.run, **body)
    assert (status, headers["content-type"], answer) == (200, "application/json", {})
    at = AT / 1000
    assert await stored(world.run) == {"loss": [(1, 0.5, at), (2, 0.25, at + 1.5)], "auc": [(1, 0.75, at)]}
    run = await fresh(world.run)
    assert (run.parameters, run.labels, run.name, run.notes) == ({"lr": "0.01"}, {"team": "risk"}, "first", "good")
    loss = run.summary["loss"]
    assert (loss["last"], loss["last_step"], loss["last_time"], loss["min_step"], loss["count"]) == (
        0.25, 2, at + 1.5, 2, 2,
    )  # fmt: skip
    told = await sync_to_async(lambda: Event.objects.get(kind="run.told").payload)()
    assert told == {"changed": ["labels", "name", "notes", "parameters"]}


async def test_a_single_metric_may_have_numbers_as_text_and_no_step(apps: Apps) -> None:
    world = await aworld()
    for body in (
        {"key": "loss", "value": "0.5", "timestamp": str(AT)},
        {"key": "loss", "value": "NaN", "timestamp": AT, "step": "7"},
        {"key": "loss", "value": "-Infinity", "timestamp": AT, "step": None},
    ):
        assert (await log(apps["log-metric"], world.token, world.run, **body))[0] == 200
    found = (await stored(world.run))["loss"]
    assert [(step, repr(value)) for step, value, _ in found] == [(0, "0.5"), (7, "nan"), (0, "-inf")]
    assert (await fresh(world.run)).summary["loss"]["last"] == "NaN"


async def test_what_is_sent_again_is_kept_once_and_its_tags_are_put_again(apps: Apps) -> None:
    world = await aworld()
    body: dict[str, Any] = {"metrics": [metric("loss", 0.5, 1)], "tags": [{"key": "phase", "value": "warm"}]}
    other = {"metrics": [metric("loss", 0.5, 1)], "tags": [{"key": "phase", "value": "cold"}]}
    for each in (body, body, other, body):
        assert (await log(apps["log-batch"], world.token, world.run, **each))[0] == 200
    more = {"metrics": [metric("loss", 0.5, 1), metric("auc", 0.9)]}
    assert (await log(apps["log-batch"], world.token, world.run, **more))[0] == 200  # other points: kept as they are
    found = await stored(world.run)
    assert {key: len(points) for key, points in found.items()} == {"loss": 2, "auc": 1}
    run = await fresh(world.run)
    assert (run.labels, run.summary["loss"]["count"]) == ({"phase": "warm"}, 2)


async def test_what_comes_at_once_shares_transactions_and_nothing_is_lost_or_doubled(apps: Apps) -> None:
    world = await aworld()
    runs = [world.run, await sync_to_async(world.more)(), await sync_to_async(world.more)()]
    twice = [(run, step) for run in runs for step in range(40)] * 2
    answers = await asyncio.gather(
        *(log(apps["log-metric"], world.token, run, **metric("loss", step / 4, step)) for run, step in twice)
    )
    assert {answer[0] for answer in answers} == {200}
    for run in runs:
        assert sorted(step for step, _, _ in (await stored(run))["loss"]) == list(range(40))
        assert (await fresh(run)).summary["loss"]["sum"] == sum(step / 4 for step in range(40))
    rows = await MetricBatch.objects.acount()
    assert rows < 3 * 40, "those that came together share rows"
    looked_at = [check for check in CHECKS if check.name.startswith(("metric_batch", "run.summary", "run.starts"))]
    assert await sync_to_async(everything)(looked_at) == []


async def test_one_that_is_refused_does_not_take_those_beside_it_along(apps: Apps) -> None:
    world = await aworld()
    assert (await log(apps["log-batch"], world.token, world.run, params=[{"key": "lr", "value": "1"}]))[0] == 200
    good = [log(apps["log-metric"], world.token, world.run, **metric("loss", 1.0, step)) for step in range(5)]
    bad = log(
        apps["log-batch"], world.token, world.run,
        metrics=[metric("lost", 1.0)], params=[{"key": "new", "value": "1"}, {"key": "lr", "value": "2"}],
        tags=[{"key": "a", "value": "b"}],
    )  # fmt: skip
    *fine, refused = await asyncio.gather(*good, bad)
    assert {answer[0] for answer in fine} == {200}
    assert (refused[0], refused[2]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "Changing param values is not allowed. Param with key='lr'" in refused[2]["message"]
    run = await fresh(world.run)
    assert (run.parameters, run.labels, set(await stored(run))) == ({"lr": "1"}, {}, {"loss"})
    assert await MetricRequest.objects.acount() == 5


async def test_a_run_that_somebody_has_locked_keeps_nobody_else_waiting(apps: Apps) -> None:
    world = await aworld()
    runs = [await sync_to_async(world.more)() for _ in range(8)]
    async with await psycopg.AsyncConnection.connect(**django_conninfo()) as other:
        await other.execute("SELECT 1 FROM experiments_run WHERE id = %s FOR UPDATE", [world.run.pk])
        held = asyncio.create_task(log(apps["log-metric"], world.token, world.run, **metric("loss", 1.0)))
        answers = await asyncio.gather(
            *(log(apps["log-metric"], world.token, run, **metric("loss", 1.0)) for run in runs)
        )
        assert {answer[0] for answer in answers} == {200}
        assert not held.done()
    assert (await held)[0] == 200
    assert set(await stored(world.run)) == {"loss"}


REFUSED = [
    ({"metrics": [metric("loss", 1.0)] * 1001}, "at most 1000 metrics. Got 1001 metrics."),
    ({"params": [{"key": f"p{n}", "value": ""} for n in range(101)]}, "at most 100 params. Got 101 params."),
    ({"tags": [{"key": f"t{n}", "value": ""} for n in range(101)]}, "at most 100 tags. Got 101 tags."),
    (
        {"metrics": [metric("m", 1.0)] * 1000, "tags": [{"key": "t", "value": "v"}]},
        "at most 1000 metrics, params, and tags. Got 1001",
    ),
    ({"metrics": [{"key": "loss", "timestamp": AT}]}, "Missing value for required parameter 'metrics[0].value'."),
    ({"metrics": [metric("a", 1.0), {"value": 1.0, "timestamp": AT}]}, "required parameter 'metrics[1].key'."),
    ({"metrics": [{"key": "loss", "value": 1.0}]}, "Missing value for required parameter 'metrics[0].timestamp'."),
    ({"metrics": [metric("loss", None)]}, "Missing value for required parameter 'metrics[0].value'."),
    ({"metrics": [metric("loss", True)]}, "Invalid value for parameter 'metrics[0].value' supplied: expected `float`"),
    ({"metrics": [metric("loss", "much")]}, "Invalid value for parameter 'metrics[0].value'"),
    ({"metrics": [metric("loss", 1.0, 1.5)]}, "Invalid value for parameter 'metrics[0].step'"),
    ({"metrics": [metric("loss", 1.0, 2**63)]}, "Step must be a valid long (64-bit integer)."),
    ({"metrics": [metric("loss", 1.0, 0, -1)]}, "Timestamp must be a nonnegative long (64-bit integer)."),
    ({"metrics": [metric("loss", 1.0, 0, 2**63)]}, "Timestamp must be a nonnegative long (64-bit integer)."),
    ({"metrics": [metric("../loss", 1.0)]}, "must not resolve to other names"),
    ({"metrics": [metric("l" * 251, 1.0)]}, "exceeds the maximum length of 250 characters"),
    ({"metrics": [metric("loss\x00", 1.0)]}, "names may only contain"),
    ({"metrics": {"key": "loss"}}, "Invalid value for parameter 'metrics' supplied: expected `array | null`"),
    ({"params": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]}, "Duplicate parameter keys"),
    ({"params": [{"key": "a", "value": "x" * 6001}]}, "exceeds the maximum length of 6000 characters"),
    ({"params": [{"key": "a", "value": 1}]}, "Invalid value for parameter 'params[0].value'"),
    ({"tags": [{"key": "a", "value": "x" * 8001}]}, "exceeds the maximum length of 8000 characters"),
    ({"tags": [{"value": "x"}]}, "Missing value for required parameter 'tags[0].key'."),
]


async def test_bad_input_is_refused_in_mlflows_words_and_leaves_nothing(apps: Apps) -> None:
    world = await aworld()
    for body, said in REFUSED:
        status, _, answer = await log(apps["log-batch"], world.token, world.run, **body)
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), (said, answer)
        assert said in answer["message"]
    run = await fresh(world.run)
    assert (await stored(run), run.parameters, run.labels, run.summary) == ({}, {}, {}, {})
    assert await MetricRequest.objects.acount() == 0


async def test_bodies_that_are_no_batch_are_refused(apps: Apps) -> None:
    world = await aworld()
    expected = {
        b"": ("INVALID_PARAMETER_VALUE", "Missing value for required parameter 'run_id'."),
        b"{": ("BAD_REQUEST", "The body of the request is not a JSON object"),
        b"[]": ("INVALID_PARAMETER_VALUE", "The body of the request must be a JSON object."),
        b"\xff": ("BAD_REQUEST", "The body of the request is not a JSON object"),
        b'{"run_id": 7}': ("INVALID_PARAMETER_VALUE", "Invalid value for parameter 'run_id'"),
        b'{"run_id": "no id!"}': ("INVALID_PARAMETER_VALUE", "Invalid run ID"),
        b" " * 1_000_001: ("INVALID_PARAMETER_VALUE", "requests must be at most 1000000 bytes"),
    }
    for body, (code, said) in expected.items():
        status, _, answer = await post(apps["log-batch"], world.token, body)
        assert (status, answer["error_code"]) == (400, code), body[:20]
        assert said in answer["message"]


async def test_limits_are_reached_exactly(apps: Apps) -> None:
    world = await aworld()
    edge = [metric("a/b.c-d: e", 1e308, 2**63 - 1, 0), metric("a/b.c-d: e", -1e308, -(2**63), 2**53)]
    assert (await log(apps["log-batch"], world.token, world.run, metrics=edge))[0] == 200
    many = [metric("loss", n, n) for n in range(1000)]
    assert (await log(apps["log-batch"], world.token, world.run, metrics=many))[0] == 200
    found = await stored(world.run)
    assert [step for step, _, _ in found["a/b.c-d: e"]] == [2**63 - 1, -(2**63)]
    assert len(found["loss"]) == 1000
    entry = (await fresh(world.run)).summary["a/b.c-d: e"]
    assert (entry["last_step"], entry["min_step"], entry["sum"]) == (2**63 - 1, -(2**63), 0.0)


async def test_steps_out_of_order_and_clocks_that_are_wrong_change_no_value(apps: Apps) -> None:
    """A sender whose clock is years ahead, or at its beginning: the steps say what comes after what."""
    world = await aworld()
    ahead, behind = 4_102_444_800_000, 1  # the year 2100, and 1970
    before = await fresh(world.run)
    for step, value, at in ((5, 0.5, ahead), (3, 0.3, behind), (9, 0.9, behind), (9, 0.95, ahead), (4, 0.4, AT)):
        assert (await log(apps["log-metric"], world.token, world.run, **metric("loss", value, step, at)))[0] == 200
    run = await fresh(world.run)
    entry = run.summary["loss"]
    assert (entry["last"], entry["last_step"], entry["count"], entry["min"]) == (0.95, 9, 5, 0.3)
    assert (run.started_at, run.state) == (before.started_at, before.state)
    curves = await sync_to_async(run_curves)(run, ["loss"], 100)
    assert curves.series["loss"]["steps"] == [3, 4, 5, 9, 9]


async def test_a_run_that_is_over_takes_what_is_measured_afterwards(apps: Apps) -> None:
    """Clients of MLflow log to ended runs; the end stays as it was said."""
    world = await aworld()
    ended_at = clock.now()
    await sync_to_async(run_update)(
        run_id=world.run.pk, actor=Actor.user(world.user), state=RunState.SUCCEEDED, ended_at=ended_at
    )
    assert (await log(apps["log-batch"], world.token, world.run, metrics=[metric("auc", 0.9)]))[0] == 200
    run = await fresh(world.run)
    assert (run.state, run.ended_at, run.summary["auc"]["last"]) == (RunState.SUCCEEDED, ended_at, 0.9)


async def test_a_run_has_a_thousand_metrics_at_most(apps: Apps) -> None:
    world = await aworld()
    many = [metric(f"m{n}", 1.0) for n in range(1000)]
    assert (await log(apps["log-batch"], world.token, world.run, metrics=many))[0] == 200
    status, _, answer = await log(apps["log-metric"], world.token, world.run, **metric("one more", 1.0))
    assert (status, answer["message"]) == (400, "A run has at most 1000 metrics.")


class TestWho:
    async def test_runs_that_are_not_there_not_seen_or_deleted(self, apps: Apps) -> None:
        world, other = await aworld(), await aworld()
        for run in ("0" * 32, other.run.pk.hex, "some-other-id"):
            status, _, answer = await log(apps["log-metric"], world.token, run, **metric("loss", 1.0))
            assert (status, answer["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
            assert answer["message"] == f"Run with id={run} not found"
        await Run.objects.filter(pk=world.run.pk).aupdate(deleted_at=clock.now())
        status, _, answer = await log(apps["log-metric"], world.token, world.run, **metric("loss", 1.0))
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert answer["message"].endswith("must be in the 'active' state. Current state is deleted.")
        assert await stored(other.run) == await stored(world.run) == {}

    async def test_who_may_only_read_may_not_log(self, apps: Apps) -> None:
        world = await aworld(Role.VIEWER)
        status, _, answer = await log(apps["log-metric"], world.token, world.run, **metric("loss", 1.0))
        assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")
        reader = await aworld()
        token = await sync_to_async(token_for)(reader.user, [TokenScope.READ])
        status, _, answer = await log(apps["log-metric"], token, reader.run, **metric("loss", 1.0))
        assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")
        assert await MetricBatch.objects.acount() == 0

    async def test_without_a_good_token_nothing_is_read(self, apps: Apps) -> None:
        world = await aworld()
        for header in ("", "Bearer", "Bearer bp_nobody_secret", "Basic !!", "Basic bm9jb2xvbg=="):
            body = json.dumps({"run_id": world.run.pk.hex, **metric("loss", 1.0)}).encode()
            status, headers, answer = await post(apps["log-metric"], "", body, headers={"authorization": header})
            assert (status, answer["error_code"]) == (401, "UNAUTHENTICATED"), header
            assert headers["www-authenticate"] == "Bearer"
        status, _, answer = await post(apps["log-metric"], world.token, method="GET")
        assert (status, answer["error_code"]) == (404, "ENDPOINT_NOT_FOUND")

    async def test_a_jobs_points_belong_to_its_attempt_and_are_superseded_with_it(self, apps: Apps) -> None:
        attempt = await sync_to_async(started)()
        run = await sync_to_async(run_of)(attempt)
        body = {"metrics": [metric("loss", 1.0, 1), metric("loss", 2.0, 5)]}
        assert (await log(apps["log-batch"], token_of(attempt), run, **body))[0] == 200
        row = await MetricBatch.objects.aget()
        assert (row.attempt_id, row.rank, row.sequence) == (attempt.pk, PROTOCOL_RANK, 0)
        assert (await fresh(run)).attempt_starts == {"1": None}
        second = await sync_to_async(next_attempt)(attempt)
        again = {"metrics": [metric("loss", 3.0, 1)]}
        assert (await log(apps["log-batch"], token_of(second), run, **again))[0] == 200
        entry = (await fresh(run)).summary["loss"]
        assert (entry["last"], entry["count"]) == (3.0, 1)
        status, _, answer = await log(apps["log-metric"], token_of(attempt), run, **metric("loss", 9.0, 9))
        assert (status, answer["error_code"]) == (401, "UNAUTHENTICATED")

    async def test_a_job_may_not_log_to_runs_of_others(self, apps: Apps) -> None:
        world = await aworld()
        attempt = await sync_to_async(lambda: started(project=world.project))()
        status, _, answer = await log(apps["log-metric"], token_of(attempt), world.run, **metric("loss", 1.0))
        assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")
        assert await stored(world.run) == {}


async def test_without_the_database_it_says_to_come_again(apps: Apps) -> None:
    world = await aworld()
    gone = apps_of(lambda: {**django_conninfo(), "port": 1}, wait_seconds=1)
    status, _, answer = await log(gone["log-metric"], world.token, world.run, **metric("loss", 1.0))
    assert (status, answer["error_code"], answer["retryable"]) == (503, "TEMPORARILY_UNAVAILABLE", True)


async def test_compaction_merges_what_no_attempt_sent_and_forgets_old_requests(
    apps: Apps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "SETTLED_SECONDS", -3600)  # everything is old
    world = await aworld()
    for step in range(compaction.LOOSE_BATCHES):
        await log(apps["log-metric"], world.token, world.run, **metric("loss", math.sqrt(step), step))
    before = await stored(world.run)
    old = clock.now() - timedelta(seconds=compaction.REQUEST_SECONDS + 60)
    first = await MetricRequest.objects.order_by("id").afirst()
    assert first is not None
    await MetricRequest.objects.filter(pk=first.pk).aupdate(created_at=old)
    assert await sync_to_async(metrics_compact)() == compaction.LOOSE_BATCHES - 1
    assert await stored(world.run) == before
    assert await MetricBatch.objects.acount() == 1
    assert await MetricRequest.objects.acount() == compaction.LOOSE_BATCHES - 1
    sender = await MetricSender.objects.aget()
    assert (sender.run_id, sender.attempt_id, sender.received) == (world.run.pk, None, [[0, compaction.LOOSE_BATCHES]])
    looked_at = [check for check in CHECKS if check.name.startswith(("metric_batch", "run.summary", "run.starts"))]
    assert await sync_to_async(everything)(looked_at) == []


@pytest.mark.parametrize(
    "path, expected",
    [
        ("/api/2.0/mlflow/runs/log-batch", True),
        ("/ajax-api/3.0/mlflow/runs/log-metric", True),
        ("/mlflow/credit-risk/api/2.0/mlflow/runs/log-batch", True),
        ("/api/2.0/mlflow/runs/log-parameter", False),
        ("/mlflow/a/b/api/2.0/mlflow/runs/log-batch", False),
        ("/api/v1/runtime/metrics", False),
    ],
)
def test_which_addresses_it_answers(path: str, expected: bool) -> None:
    assert (application_at(path) is not None) is expected
