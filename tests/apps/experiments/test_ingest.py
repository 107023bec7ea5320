"""Metric batches: the ASGI app on a real database, each batch kept once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction
from uuid6 import uuid7

from apps.common import clock
from apps.common.storage import store
from apps.experiments.api.ingest import BODY_LIMIT_BYTES, POINTS_MOST, IngestApp
from apps.experiments.models import MetricBatch, Run
from apps.experiments.models.packing import unpack
from apps.experiments.selectors.metrics import run_curves
from apps.experiments.services.files import checkpoint_register, checkpoint_resume
from apps.experiments.services.metric_batches import KEYS_PER_RUN_MOST
from apps.quotas.models import Attempt
from apps.quotas.services.attempt_tokens import issue
from tests.support.asgi_calls import Answer, post, token_of
from tests.support.factories.experiments import next_attempt, run_of, started
from tests.support.factories.quotas import AttemptFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def app() -> AsyncIterator[IngestApp]:
    made = IngestApp()
    yield made
    await made.close()
    await sync_to_async(connections.close_all)()  # of the thread in which the helpers below run


def batch(*series: dict[str, Any], sequence: int = 0, rank: int = 0) -> dict[str, Any]:
    return {"rank": rank, "sequence": sequence, "points": list(series)}


def points(key: str, *pairs: tuple[int, float]) -> dict[str, Any]:
    return {
        "key": key,
        "steps": [step for step, _ in pairs],
        "values": [value for _, value in pairs],
        "times": [1000.0 + step for step, _ in pairs],
    }


async def call(app: IngestApp, token: str, body: Any, **how: Any) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await post(app, token, raw, **how)


@sync_to_async
def stored(attempt: Attempt) -> list[tuple[int, int, str, list[float], list[float], list[float]]]:
    return [
        (row.rank, row.sequence, row.key, list(unpack("q", row.steps)), list(unpack("d", row.values)),
         list(unpack("d", row.times)))
        for row in MetricBatch.objects.filter(attempt=attempt).order_by("id")
    ]  # fmt: skip


@sync_to_async
def summary(attempt: Attempt) -> dict[str, Any]:
    found: dict[str, Any] = run_of(attempt).summary
    return found


astarted = sync_to_async(started)
anext_attempt = sync_to_async(next_attempt)
arun_of = sync_to_async(run_of)


async def test_a_batch_is_packed_into_one_row_per_key(app: IngestApp) -> None:
    attempt = await astarted()
    body = batch(points("loss", (1, 0.5), (2, 0.25)), points("auc", (2, 0.75)), sequence=7, rank=3)
    status, headers, answer = await call(app, token_of(attempt), body)
    assert (status, headers["content-type"], answer) == (200, "application/json", {"accepted": 3})
    assert await stored(attempt) == [
        (3, 7, "loss", [1, 2], [0.5, 0.25], [1001.0, 1002.0]),
        (3, 7, "auc", [2], [0.75], [1002.0]),
    ]
    row = await MetricBatch.objects.aget(key="loss")
    run = await arun_of(attempt)
    assert (row.run_id, row.first_step, row.last_step, row.count) == (run.pk, 1, 2, 2)
    assert run.attempt_starts == {"1": None}
    assert run.summary == {
        "loss": {
            "last": 0.25,
            "last_step": 2,
            "last_time": 1002.0,
            "min": 0.25,
            "min_step": 2,
            "max": 0.5,
            "max_step": 1,
            "mean": 0.375,
            "sum": 0.75,
            "count": 2,
        },
        "auc": {
            "last": 0.75,
            "last_step": 2,
            "last_time": 1002.0,
            "min": 0.75,
            "min_step": 2,
            "max": 0.75,
            "max_step": 2,
            "mean": 0.75,
            "sum": 0.75,
            "count": 1,
        },
    }


async def test_sent_again_it_is_answered_alike_and_counts_once(app: IngestApp) -> None:
    attempt = await astarted()
    body = batch(points("loss", (1, 0.5)))
    answers = [await call(app, token_of(attempt), body) for _ in range(3)]
    assert [answer[0::2] for answer in answers] == [(200, {"accepted": 1})] * 3
    assert len(await stored(attempt)) == 1
    assert (await summary(attempt))["loss"]["count"] == 1


async def test_ten_twins_at_once_count_once(app: IngestApp) -> None:
    attempt = await astarted()
    body = batch(points("loss", (1, 0.5)), points("auc", (1, 0.9)))
    answers = await asyncio.gather(*(call(app, token_of(attempt), body) for _ in range(10)))
    assert {answer[0] for answer in answers} == {200}
    assert len(await stored(attempt)) == 2
    assert (await summary(attempt))["auc"]["count"] == 1


async def test_members_that_send_at_once_lose_nothing(app: IngestApp) -> None:
    attempt = await astarted()
    bodies = [batch(points("loss", (n, float(n))), rank=n % 4, sequence=n // 4) for n in range(20)]
    answers = await asyncio.gather(*(call(app, token_of(attempt), body) for body in bodies))
    assert {answer[0] for answer in answers} == {200}
    assert (await summary(attempt))["loss"] == {
        "last": 19.0, "last_step": 19, "last_time": 1019.0, "min": 0.0, "min_step": 0, "max": 19.0, "max_step": 19,
        "mean": 9.5, "sum": 190.0, "count": 20,
    }  # fmt: skip


async def test_a_key_named_twice_is_one_series_and_empty_ones_are_left_out(app: IngestApp) -> None:
    attempt = await astarted()
    body = batch(points("loss", (1, 1.0)), points("auc"), points("loss", (2, 2.0)))
    assert (await call(app, token_of(attempt), body))[2] == {"accepted": 2}
    assert [(key, steps) for _, _, key, steps, _, _ in await stored(attempt)] == [("loss", [1, 2])]
    assert (await call(app, token_of(attempt), batch()))[2] == {"accepted": 0}


async def test_a_body_may_come_in_pieces(app: IngestApp) -> None:
    attempt = await astarted()
    assert (await call(app, token_of(attempt), batch(points("loss", (1, 1.0))), parts=9))[2] == {"accepted": 1}


NO_BATCHES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff",
    b'{"rank": 0, "sequence": 0}',
    b'{"rank": -1, "sequence": 0, "points": []}',
    b'{"rank": 0, "sequence": 1.5, "points": []}',
    b'{"rank": 0, "sequence": 99999999999999999999, "points": []}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "k", "steps": [1], "values": [NaN], "times": [1]}]}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "k", "steps": [1], "values": ["nan"], "times": [1]}]}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "k", "steps": [1], "values": [1e999], "times": [1]}]}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "k", "steps": [1], "values": [null], "times": [1]}]}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "k", "steps": [1.5], "values": [1], "times": [1]}]}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "k", "steps": [9e99], "values": [1], "times": [1]}]}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "k", "steps": [1, 2], "values": [1], "times": [1]}]}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "k", "steps": [1], "values": [1], "times": []}]}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "", "steps": [1], "values": [1], "times": [1]}]}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "\\u0000", "steps": [1], "values": [1], "times": [1]}]}',
    b'{"rank": 0, "sequence": 0, "points": [{"key": "\\ud800", "steps": [1], "values": [1], "times": [1]}]}',
]


class TestRefusals:
    async def test_what_is_no_batch_is_a_problem(self, app: IngestApp) -> None:
        attempt = await astarted()
        for body in NO_BATCHES:
            status, headers, answer = await call(app, token_of(attempt), body, headers={"x-request-id": "abc"})
            assert (status, headers["content-type"], answer["code"]) == (400, "application/problem+json", "invalid"), (
                body
            )
            assert (answer["request_id"], headers["x-request-id"]) == ("abc", "abc")
        assert await stored(attempt) == []

    async def test_a_key_has_at_most_200_characters(self, app: IngestApp) -> None:
        attempt = await astarted()
        assert (await call(app, token_of(attempt), batch(points("é" * 200, (1, 1.0)))))[0] == 200
        assert (await call(app, token_of(attempt), batch(points("é" * 201, (1, 1.0)), sequence=1)))[0] == 400

    async def test_a_batch_has_at_most_100000_points(self, app: IngestApp) -> None:
        attempt = await astarted()
        pairs = [(n, 1.0) for n in range(POINTS_MOST)]
        assert (await call(app, token_of(attempt), batch(points("a", *pairs))))[2] == {"accepted": POINTS_MOST}
        status, _, answer = await call(app, token_of(attempt), batch(points("a", *pairs), points("b", (1, 1.0))))
        assert (status, answer["detail"]) == (400, "more than 100000 points in one batch")

    async def test_a_run_has_at_most_1000_metrics(self, app: IngestApp) -> None:
        attempt = await astarted()
        many = [points(f"k{n}", (1, 1.0)) for n in range(KEYS_PER_RUN_MOST)]
        assert (await call(app, token_of(attempt), batch(*many)))[0] == 200
        status, _, answer = await call(app, token_of(attempt), batch(points("one more", (1, 1.0)), sequence=1))
        assert (status, answer["code"]) == (400, "invalid")
        assert len(await stored(attempt)) == KEYS_PER_RUN_MOST

    @pytest.mark.parametrize("announce", [True, False])
    async def test_more_than_8_mib_is_too_large(self, app: IngestApp, announce: bool) -> None:
        attempt = await astarted()
        headers = {} if announce else {"content-length": "0"}
        body = b" " * (BODY_LIMIT_BYTES + 1)
        status, _, answer = await call(app, token_of(attempt), body, parts=5, headers=headers)
        assert (status, answer["code"]) == (413, "too_large")

    async def test_only_post(self, app: IngestApp) -> None:
        attempt = await astarted()
        assert (await call(app, token_of(attempt), b"", method="GET"))[0] == 405

    async def test_a_caller_that_hung_up_gets_no_answer(self, app: IngestApp) -> None:
        attempt = await astarted()
        gone: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            gone.append(message)

        headers = [(b"authorization", f"Bearer {token_of(attempt)}".encode())]
        await app({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive, send)
        assert gone == []


class TestWho:
    async def test_without_a_valid_token_nobody_gets_in(self, app: IngestApp) -> None:
        for token in ("", "nonsense", "bpa_AAAA", "bp_0a1b2c_secret"):
            status, headers, answer = await call(app, token, batch(points("loss", (1, 1.0))))
            assert (status, answer["code"], headers["www-authenticate"]) == (401, "unauthenticated", "Bearer")

    async def test_an_expired_token_is_superseded(self, app: IngestApp) -> None:
        attempt = await astarted()
        token = issue(attempt.pk, clock.now() - timedelta(seconds=1))
        assert (await call(app, token, batch(points("loss", (1, 1.0)))))[2]["code"] == "attempt_superseded"

    async def test_an_attempt_that_ended_is_superseded_at_once(self, app: IngestApp) -> None:
        first = await astarted()
        assert (await call(app, token_of(first), batch(points("loss", (1, 1.0)))))[0] == 200
        await anext_attempt(first)
        status, _, answer = await call(app, token_of(first), batch(points("loss", (2, 2.0)), sequence=1))
        assert (status, answer["code"]) == (401, "attempt_superseded")
        assert len(await stored(first)) == 1

    async def test_a_job_that_is_no_run_records_nothing(self, app: IngestApp) -> None:
        attempt = await sync_to_async(AttemptFactory.create)()
        status, _, answer = await call(app, token_of(attempt), batch(points("loss", (1, 1.0))))
        assert (status, answer["code"]) == (403, "forbidden")

    async def test_a_token_of_no_attempt_is_refused(self, app: IngestApp) -> None:
        token = issue(uuid7(), clock.now() + timedelta(hours=1))
        assert (await call(app, token, batch(points("loss", (1, 1.0)))))[0] == 403


async def test_an_unreachable_database_is_a_retryable_problem(app: IngestApp) -> None:
    attempt = await astarted()
    nowhere = {"host": "127.0.0.1", "port": 1, "dbname": "x", "user": "x", "password": "x", "connect_timeout": 1}
    cut_off = IngestApp(lambda: nowhere, wait_seconds=5)
    status, _, answer = await call(cut_off, token_of(attempt), batch(points("loss", (1, 1.0))))
    await cut_off.close()
    assert (status, answer["code"], answer["retryable"]) == (503, "unavailable", True)


async def test_connections_that_died_are_replaced(app: IngestApp) -> None:
    attempt = await astarted()
    assert (await call(app, token_of(attempt), batch(points("loss", (1, 1.0)))))[0] == 200
    await sync_to_async(_kill_other_connections)()
    statuses = [(await call(app, token_of(attempt), batch(points("loss", (2, 2.0)), sequence=1)))[0] for _ in range(9)]
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200
    assert (await summary(attempt))["loss"]["count"] == 2


def _kill_other_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


class TestResuming:
    async def test_points_after_the_checkpoint_are_superseded(self, app: IngestApp) -> None:
        first = await astarted()
        await call(app, token_of(first), batch(points("loss", (1, 9.0), (2, 8.0), (3, 7.0), (4, 99.0))))
        await sync_to_async(_checkpoint)(first, 2)
        second = await anext_attempt(first)
        await sync_to_async(checkpoint_resume)(attempt=second)
        await call(app, token_of(second), batch(points("loss", (3, 6.0), (4, 5.0))))

        run = await arun_of(first)
        series = (await sync_to_async(run_curves)(run, ["loss"], 100)).series
        assert series["loss"] == {
            "steps": [1, 2, 3, 4],
            "values": [9.0, 8.0, 6.0, 5.0],
            "times": [1001.0, 1002.0, 1003.0, 1004.0],
        }
        assert run.summary["loss"] == {
            "last": 5.0, "last_step": 4, "last_time": 1004.0, "min": 5.0, "min_step": 4, "max": 9.0, "max_step": 1,
            "mean": 7.0, "sum": 28.0, "count": 4,
        }  # fmt: skip

    async def test_an_attempt_that_begins_anew_supersedes_everything(self, app: IngestApp) -> None:
        first = await astarted()
        await call(app, token_of(first), batch(points("loss", (1, 9.0)), points("only first", (1, 1.0))))
        second = await anext_attempt(first)
        await call(app, token_of(second), batch(points("loss", (1, 3.0))))
        run = await arun_of(first)
        assert run.attempt_starts == {"1": None, "2": None}
        assert (sorted(run.summary), run.summary["loss"]["max"]) == (["loss"], 3.0)
        series = (await sync_to_async(run_curves)(run, ["loss", "only first"], 100)).series
        assert (series["loss"]["values"], series["only first"]["values"]) == ([3.0], [])

    async def test_the_summary_is_that_of_the_points_that_are_read(self, app: IngestApp) -> None:
        first = await astarted()
        for sequence in range(4):
            body = batch(points("loss", (sequence, float(sequence)), (sequence + 10, 50.0)), sequence=sequence)
            await call(app, token_of(first), body)
        await sync_to_async(_checkpoint)(first, 2)
        second = await anext_attempt(first)
        await call(app, token_of(second), batch(points("start", (0, 0.0))))
        await sync_to_async(checkpoint_resume)(attempt=second)
        await call(app, token_of(second), batch(points("loss", (3, -1.0)), sequence=1))
        third = await anext_attempt(second)
        await sync_to_async(checkpoint_resume)(attempt=third)

        run = await arun_of(first)
        values = (await sync_to_async(run_curves)(run, ["loss"], 100)).series["loss"]["values"]
        assert values == [0.0, 1.0, 2.0]
        entry = run.summary["loss"]
        assert (entry["count"], entry["sum"], entry["min"], entry["max"]) == (3, 3.0, 0.0, 2.0)
        assert run.attempt_starts == {"1": None, "2": 2, "3": 2}


def _checkpoint(attempt: Attempt, step: int) -> None:
    saved = store().put(f"attempts/{attempt.pk}/checkpoints/step-{step}.pt", [uuid4().bytes])
    checkpoint_register(
        attempt=attempt, step=step, uri=f"bedplate://{saved.path}", sha256=saved.sha256, size_bytes=saved.size_bytes,
        metadata={},
    )  # fmt: skip


async def test_a_batch_waits_while_its_run_is_being_changed(app: IngestApp) -> None:
    """Ids of one run's batches commit in order, because its row is locked first."""
    attempt = await astarted()

    @sync_to_async
    def held(event: asyncio.Event, loop: asyncio.AbstractEventLoop) -> list[float]:
        with transaction.atomic():
            Run.objects.select_for_update().get(workload=attempt.workload_id)
            loop.call_soon_threadsafe(event.set)
            return list(MetricBatch.objects.values_list("pk", flat=True))

    locked = asyncio.Event()
    holding = asyncio.create_task(held(locked, asyncio.get_running_loop()))
    await locked.wait()
    status, _, _ = await call(app, token_of(attempt), batch(points("loss", (1, 1.0))))
    assert (await holding, status) == ([], 200)
