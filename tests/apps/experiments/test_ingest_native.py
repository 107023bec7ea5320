"""The native form of metric batches, hostile ones too, and batches that come twice, late or all at once."""

from __future__ import annotations

import asyncio
import json
import math
import random
from array import array
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from apps.common import asgi_app
from apps.experiments.api.ingest import NATIVE, POINTS_MOST, IngestApp
from apps.experiments.models import MetricBatch, MetricSender
from apps.experiments.models.packing import unpack
from apps.experiments.services.received import GAPS_MOST, Ranges, ranges_with
from apps.quotas.models import Attempt
from tests.support.asgi_calls import Answer, post, token_of
from tests.support.factories.experiments import run_of, started

MSGPACK = {"content-type": f"{NATIVE}; charset=binary"}
astarted = sync_to_async(started)


@pytest.fixture
async def app() -> AsyncIterator[IngestApp]:
    made = IngestApp()
    yield made
    await made.close()
    await sync_to_async(connections.close_all)()  # of the thread in which the helpers below run


def series(key: str, *pairs: tuple[int, float]) -> dict[str, Any]:
    return {
        "key": key,
        "steps": array("q", [step for step, _ in pairs]).tobytes(),
        "values": array("d", [value for _, value in pairs]).tobytes(),
        "times": array("d", [1000.0 + step for step, _ in pairs]).tobytes(),
    }


def packed(*points: dict[str, Any], sequence: int = 0, rank: int = 0) -> bytes:
    return msgspec.msgpack.encode({"rank": rank, "sequence": sequence, "points": list(points)})


async def send(app: IngestApp, attempt: Attempt, body: bytes) -> Answer:
    return await post(app, token_of(attempt), body, headers=MSGPACK)


@sync_to_async
def stored(attempt: Attempt) -> list[Any]:
    return [
        (row.rank, row.sequence, row.key, list(unpack("q", row.steps)), list(unpack("d", row.values)),
         list(unpack("d", row.times)), row.first_step, row.last_step, row.count)
        for row in MetricBatch.objects.filter(attempt=attempt).order_by("id")
    ]  # fmt: skip


@sync_to_async
def received(attempt: Attempt) -> dict[int, tuple[Ranges, int]]:
    return {row.rank: (row.received, row.loose_batches) for row in MetricSender.objects.filter(attempt=attempt)}


@sync_to_async
def summary(attempt: Attempt) -> Any:
    return run_of(attempt).summary


@pytest.mark.django_db(transaction=True)
class TestNative:
    async def test_it_is_stored_as_the_same_batch_in_json(self, app: IngestApp) -> None:
        first, second = await astarted(), await astarted()
        body = packed(series("loss", (5, 0.5), (-3, 0.25)), series("auc", (2, 0.75)), sequence=7, rank=3)
        assert (await send(app, first, body))[0::2] == (200, {"accepted": 3})
        points = [
            {"key": "loss", "steps": [5, -3], "values": [0.5, 0.25], "times": [1005.0, 997.0]},
            {"key": "auc", "steps": [2], "values": [0.75], "times": [1002.0]},
        ]
        plain = json.dumps({"rank": 3, "sequence": 7, "points": points}).encode()
        assert (await post(app, token_of(second), plain))[0::2] == (200, {"accepted": 3})
        assert await stored(first) == await stored(second) == [
            (3, 7, "loss", [5, -3], [0.5, 0.25], [1005.0, 997.0], -3, 5, 2),
            (3, 7, "auc", [2], [0.75], [1002.0], 2, 2, 1),
        ]  # fmt: skip
        assert await summary(first) == await summary(second)

    async def test_a_batch_may_have_100000_points_and_no_more(self, app: IngestApp) -> None:
        attempt = await astarted()
        pairs = [(step, 1.0) for step in range(POINTS_MOST)]
        assert (await send(app, attempt, packed(series("a", *pairs))))[2] == {"accepted": POINTS_MOST}
        status, _, answer = await send(app, attempt, packed(series("a", *pairs), series("b", (1, 1.0)), sequence=1))
        assert (status, answer["detail"]) == (400, "more than 100000 points in one batch")
        assert (await summary(attempt))["a"]["count"] == POINTS_MOST

    async def test_values_that_are_no_number_are_kept_as_they_are(self, app: IngestApp) -> None:
        attempt = await astarted()
        given = [(1, 0.5), (2, math.nan), (3, math.inf), (4, -math.inf)]
        assert (await send(app, attempt, packed(series("loss", *given))))[0] == 200
        plain = {"key": "auc", "steps": [1, 2, 3], "values": ["NaN", "-Infinity", 0.25], "times": [1.0, 2.0, 3.0]}
        body = json.dumps({"rank": 0, "sequence": 1, "points": [plain]}).encode()
        assert (await post(app, token_of(attempt), body))[0] == 200
        found = {key: values for _, _, key, _, values, *_ in await stored(attempt)}
        assert [repr(float(value)) for value in found["loss"]] == ["0.5", "nan", "inf", "-inf"]
        assert [repr(float(value)) for value in found["auc"]] == ["nan", "-inf", "0.25"]

    @pytest.mark.parametrize(
        "one, said",
        [
            ({**series("loss", (4, 1.0)), "times": array("d", [math.nan]).tobytes()},
             "'loss' at step 4: the time is nan; it must be a finite number"),
            (series("loss", (1, 1.0), (2**53 + 1, 1.0)), "'loss': the step 9007199254740993 is beyond ±2^53"),
            (series("loss", (-(2**63), 1.0)), "'loss': the step -9223372036854775808 is beyond ±2^53"),
            ({**series("loss", (1, 1.0)), "steps": b"1234567"},
             "'loss': steps, values and times are 8 bytes per point, and of one length"),
            ({**series("loss", (1, 1.0)), "steps": b"7 bytes", "values": b"7 bytes", "times": b"7 bytes"},
             "'loss': steps, values and times are 8 bytes per point, and of one length"),
            ({**series("loss", (1, 1.0)), "values": bytes(16)},
             "'loss': steps, values and times are 8 bytes per point, and of one length"),
            (series("a\x00b", (1, 1.0)), "the name of a metric has no NUL character"),
        ],
    )  # fmt: skip
    async def test_what_cannot_be_kept_is_named(self, app: IngestApp, one: dict[str, Any], said: str) -> None:
        attempt = await astarted()
        status, _, answer = await send(app, attempt, packed(series("fine", (1, 1.0)), one))
        assert (status, answer["code"], answer["detail"]) == (400, "invalid", said)
        assert await stored(attempt) == []

    async def test_large_finite_values_are_no_infinity(self, app: IngestApp) -> None:
        attempt = await astarted()
        assert (await send(app, attempt, packed(series("k", (1, 1.7e308), (2, 1.7e308)))))[0] == 200
        assert (await stored(attempt))[0][4] == [1.7e308, 1.7e308]

    async def test_bytes_that_are_no_batch(self, app: IngestApp) -> None:
        attempt = await astarted()
        whole = packed(series("loss", (1, 0.5), (2, 0.25)))
        hostile = [whole[:cut] for cut in range(len(whole))]  # cut off anywhere
        hostile += [
            b"\xdf\xff\xff\xff\xff",  # a map of 4 billion
            b"\x83\xa4rank\x00\xa8sequence\x00\xa6points\xdd\xff\xff\xff\xff",  # as many series
            b"\x83\xa4rank\x00\xa8sequence\x00\xa6points\x91\x84\xa3key\xa1k\xa5steps\xc6\xff\xff\xff\xff",  # and bytes
            b"\x91" * 100_000,  # lists in lists
            msgspec.msgpack.encode({"rank": -1, "sequence": 0, "points": []}),
            msgspec.msgpack.encode({"rank": 0, "sequence": 2**60, "points": []}),
            packed({"key": "k", "steps": [1], "values": [1.0], "times": [1.0]}),
            whole + b"\x00",
        ]  # fmt: skip
        statuses = {(await send(app, attempt, body))[0] for body in hostile}
        assert statuses == {400}
        assert await stored(attempt) == []

    async def test_random_bytes_are_never_our_failure(self, app: IngestApp) -> None:
        attempt = await astarted()
        whole, rng = packed(series("loss", (1, 0.5), (2, 0.25))), random.Random(7)
        statuses = set()
        for sequence in range(300):
            body = bytearray(packed(series("loss", (1, 0.5), (2, 0.25)), sequence=sequence))
            for _ in range(rng.randint(1, 4)):
                body[rng.randrange(len(whole))] = rng.randrange(256)
            statuses.add((await send(app, attempt, bytes(body)))[0])
        assert statuses <= {200, 400}


@pytest.mark.django_db(transaction=True)
class TestOnce:
    async def test_a_batch_counts_once_however_often_and_with_whom_it_is_sent(self, app: IngestApp) -> None:
        attempt = await astarted()
        bodies = [packed(series("loss", (n, float(n))), sequence=n) for n in range(10)]
        answers = await asyncio.gather(*(send(app, attempt, body) for body in bodies * 5))
        assert {answer[0] for answer in answers} == {200}
        assert sorted(row[1] for row in await stored(attempt)) == list(range(10))
        assert ((await summary(attempt))["loss"]["count"], (await summary(attempt))["loss"]["sum"]) == (10, 45.0)
        assert await received(attempt) == {0: ([[0, 10]], 10)}

    async def test_two_web_processes_keep_it_once(self, app: IngestApp) -> None:
        attempt, other = await astarted(), IngestApp()
        bodies = [packed(series("loss", (n, float(n))), sequence=n) for n in range(20)]
        answers = await asyncio.gather(*(send(one, attempt, body) for body in bodies for one in (app, other)))
        await other.close()
        assert {answer[0] for answer in answers} == {200}
        assert (await summary(attempt))["loss"]["count"] == 20

    async def test_members_send_in_any_order(self, app: IngestApp) -> None:
        attempt = await astarted()
        bodies = [
            packed(series("loss", (sequence, 1.0)), sequence=sequence, rank=rank)
            for rank in range(3)
            for sequence in range(7)
        ]
        random.Random(3).shuffle(bodies)
        for body in bodies[:15]:
            assert (await send(app, attempt, body))[0] == 200
        await asyncio.gather(*(send(app, attempt, body) for body in bodies))
        assert await received(attempt) == dict.fromkeys(range(3), ([[0, 7]], 7))
        assert (await summary(attempt))["loss"]["count"] == 21

    async def test_the_same_number_with_something_else_is_the_first_one(self, app: IngestApp) -> None:
        attempt = await astarted()
        for one in (series("loss", (1, 1.0)), series("loss", (1, 2.0)), series("other", (1, 3.0))):
            assert (await send(app, attempt, packed(one)))[0] == 200
        assert [row[2:5] for row in await stored(attempt)] == [("loss", [1], [1.0])]

    async def test_numbers_with_too_many_gaps_are_refused(self, app: IngestApp) -> None:
        attempt = await astarted()
        gaps = [[2 * n, 2 * n + 1] for n in range(GAPS_MOST)]
        await sync_to_async(MetricSender.objects.create)(attempt=attempt, rank=0, received=gaps)
        status, _, answer = await send(app, attempt, packed(series("loss", (1, 1.0)), sequence=10**6))
        assert (status, answer["code"]) == (400, "invalid")
        assert (await send(app, attempt, packed(series("loss", (1, 1.0)), sequence=1)))[0] == 200


class TestBackPressure:
    async def test_one_job_s_flood_is_refused_at_once_and_others_pass(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """While nothing can be kept, what is on its way is bounded: per job and in all."""
        monkeypatch.setattr(asgi_app, "SENDER_BYTES", 3000)
        monkeypatch.setattr(asgi_app, "TOTAL_BYTES", 6000)
        app = IngestApp()
        held = asyncio.Event()

        async def wait(*_: Any) -> None:
            await held.wait()

        monkeypatch.setattr(app._lanes, "submit", wait)
        attempts = [Attempt(), Attempt(), Attempt()]
        body = packed(series("loss", *[(n, 1.0) for n in range(50)]))
        assert 1000 < len(body) < 1500
        floods = [asyncio.create_task(send(app, attempts[0], body)) for _ in range(5)]
        others = [asyncio.create_task(send(app, attempts[1], body)) for _ in range(2)]
        last = asyncio.create_task(send(app, attempts[2], packed(series("loss", *[(n, 1.0) for n in range(100)]))))
        refused = [flood for flood in floods if (await asyncio.wait([flood], timeout=0.05))[0]]
        assert [flood.result()[0] for flood in refused] == [429] * 3
        assert refused[0].result()[1]["retry-after"] == "1"
        assert refused[0].result()[2]["retryable"] is True
        status, headers, answer = await last
        assert (status, headers["retry-after"], answer["code"], answer["retryable"]) == (503, "1", "busy", True)
        held.set()
        done = await asyncio.gather(*floods, *others)
        assert sorted(answer[0] for answer in done) == [200] * 4 + [429] * 3
        assert (await send(app, attempts[2], body))[0] == 200

    async def test_a_body_that_does_not_arrive_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(asgi_app, "BODY_SECONDS", 0.05)
        app, sent = IngestApp(), []

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def keep(message: Any) -> None:
            sent.append(message)

        headers = [(b"authorization", f"Bearer {token_of(Attempt())}".encode()), (b"content-length", b"5000")]
        await app({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive, keep)
        assert sent[0]["status"] == 408
        app.allowance.take("anybody", asgi_app.TOTAL_BYTES)  # nothing is held any more


@given(st.lists(st.integers(0, 30), max_size=60))
def test_ranges_hold_what_was_received_and_nothing_else(numbers: list[int]) -> None:
    ranges: Ranges = []
    for number in numbers:
        before = ranges
        ranges = ranges_with(ranges, number)
        assert (ranges is before) == any(first <= number < end for first, end in before)
    assert sorted(set(numbers)) == [number for first, end in ranges for number in range(first, end)]
    assert all(left[1] < right[0] for left, right in pairwise(ranges))
    assert all(first < end for first, end in ranges)
