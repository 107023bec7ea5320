"""What a job's wrapper measures, from its batches to the run: beside the job's own points, and in nobody's way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from apps.experiments.api.ingest import IngestApp
from apps.experiments.models import MetricBatch, MetricSender
from apps.quotas.models import Attempt
from tests.support.asgi_calls import post, token_of
from tests.support.factories.experiments import next_attempt, run_of, started
from workers.runtime.wrapper_system import FIRST_SEQUENCE, System

pytestmark = pytest.mark.django_db(transaction=True)
astarted, afollowing, arun = sync_to_async(started), sync_to_async(next_attempt), sync_to_async(run_of)


class Teller:
    """Keeps what the wrapper says, for the test to send."""

    rank, refused = 1, False

    def __init__(self) -> None:
        self.batches: list[bytes] = []

    def tell_points(self, batch: bytes) -> bool:
        self.batches.append(batch)
        return True


@pytest.fixture
async def app() -> AsyncIterator[IngestApp]:
    made = IngestApp()
    yield made
    await made.close()
    await sync_to_async(connections.close_all)()


def measured(*looks: tuple[float, float]) -> list[bytes]:
    """The batches of a wrapper that saw so many cores busy at these times."""
    teller = Teller()
    meter: Any = SimpleNamespace()
    system = System(meter, teller, 10.0)  # type: ignore[arg-type]  # a teller of a test
    for at, cores in looks:
        system._waiting.append((at, {"cpu_cores": cores}))
        system.send()
    return teller.batches


async def told(app: IngestApp, attempt: Attempt, *batches: bytes) -> None:
    for batch in batches:
        status, _, answer = await post(app, token_of(attempt), batch)
        assert status == 200, answer


def losses(*steps: int, sequence: int = 0) -> bytes:
    values = [float(step) for step in steps]
    point = {"key": "loss", "steps": list(steps), "values": values, "times": values}
    return json.dumps({"rank": 1, "sequence": sequence, "points": [point]}).encode()


async def test_job_and_wrapper_number_their_batches_each_for_itself(app: IngestApp) -> None:
    attempt = await astarted()
    system = measured((1000.2, 0.5), (1010.4, 1.5))
    await told(app, attempt, losses(1), system[0], losses(2, sequence=1), *system)
    rows = await sync_to_async(lambda: list(MetricBatch.objects.order_by("key", "id").values_list("key", "sequence")))()
    assert rows == [
        ("loss", 0), ("loss", 1), ("system/cpu_cores", FIRST_SEQUENCE), ("system/cpu_cores", FIRST_SEQUENCE + 1),
    ]  # fmt: skip
    [sender] = await sync_to_async(lambda: list(MetricSender.objects.values_list("rank", "received")))()
    assert sender == (1, [[0, 2], [FIRST_SEQUENCE, FIRST_SEQUENCE + 2]])
    kept = (await arun(attempt)).summary["system/cpu_cores"]
    assert (kept["last"], kept["last_step"], kept["count"], kept["max"]) == (1.5, 1010, 2, 1.5)


async def test_they_say_nothing_of_where_an_attempt_began(app: IngestApp) -> None:
    first = await astarted()
    await told(app, first, losses(1, 2, 3), *measured((1000, 0.5)))
    second = await afollowing(first)
    await told(app, second, *measured((2000, 0.7)))
    run = await arun(second)
    assert (sorted(run.attempt_starts), run.summary["loss"]["last_step"]) == (["1"], 3)
    await told(app, second, losses(1))
    run = await arun(second)
    assert (sorted(run.attempt_starts), run.summary["loss"]["last_step"]) == (["1", "2"], 1)
    assert run.summary["system/cpu_cores"]["count"] == 2, "what was measured stays, whoever begins anew"
