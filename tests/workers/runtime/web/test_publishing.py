"""Sending figures to a control plane that is away, refuses, or takes them and does not say so."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.workers.runtime.web.test_figures import A, B, Clock
from workers.contracts.latencies import unpacked
from workers.runtime.web import publishing
from workers.runtime.web.figures import SECONDS_KEPT, Window
from workers.runtime.web.publishing import Away, Publisher, Refused

SOURCE = "5d7c4c9e-6f0e-4b39-9a52-0d9b2a1f3c11"


class ControlPlane:
    """Takes bodies in a mood: `well`, `away`, `refuses`, or `silent`: it takes and the answer is lost."""

    def __init__(self) -> None:
        self.mood = "well"
        self.bodies: list[dict[str, Any]] = []
        self.asked = 0

    async def __call__(self, body: bytes) -> None:
        self.asked += 1
        if self.mood == "away":
            raise Away("gone")
        if self.mood == "refuses":
            raise Refused("no")
        self.bodies.append(json.loads(body))
        if self.mood == "silent":
            raise Away("the answer was lost")

    def seconds(self) -> list[dict[str, Any]]:
        return [second for body in self.bodies for second in body["seconds"]]

    def numbers(self) -> list[list[int]]:
        return [[second["number"] for second in body["seconds"]] for body in self.bodies]


class Sender:
    def __init__(self) -> None:
        self.clock = Clock(1000.0)
        self.window = Window(self.clock)
        self.control_plane = ControlPlane()
        self.publisher = Publisher(self.window, self.control_plane, source=SOURCE)

    def serve(self, seconds: int, key: tuple[str, str] = A) -> None:
        """One request in each of the next seconds."""
        for _ in range(seconds):
            self.window.add(key, 200, 0.01)
            self.clock.now += 1


@pytest.fixture
def sender() -> Sender:
    return Sender()


async def test_a_closed_second_is_sent_once_with_its_number(sender: Sender) -> None:
    sender.window.add(A, 422, 0.01)
    sender.window.add(B, 503, 5.0)
    await sender.publisher.publish()
    assert sender.control_plane.asked == 0
    sender.clock.now = 1001.05
    await sender.publisher.publish()
    await sender.publisher.publish()
    (body,) = sender.control_plane.bodies
    latencies = [figure.pop("latencies") for figure in body["seconds"][0]["figures"]]
    assert body == {
        "source": SOURCE,
        "sent_at": 1001.05,
        "rank": 0,
        "seconds": [
            {
                "number": 1000,
                "figures": [
                    {"requests": 1, "caller_errors": 1, "server_errors": 0, "endpoint": A[0], "revision": A[1]},
                    {"requests": 1, "caller_errors": 0, "server_errors": 1, "endpoint": B[0]},
                ],
            }
        ],
    }
    assert [sum(unpacked(base64.b64decode(text)).values()) for text in latencies] == [1, 1]


async def test_what_could_not_be_sent_comes_later_in_batches_oldest_first(sender: Sender) -> None:
    sender.control_plane.mood = "away"
    for _ in range(150):
        sender.serve(1)
        await sender.publisher.publish()
    assert sender.control_plane.asked == 150
    sender.control_plane.mood = "well"
    await sender.publisher.publish()
    assert sender.control_plane.numbers() == [
        list(range(1000, 1060)),
        list(range(1060, 1120)),
        list(range(1120, 1150)),
    ]
    assert {body["sent_at"] for body in sender.control_plane.bodies} == {1150.0}


async def test_a_lost_answer_sends_the_same_second_again(sender: Sender) -> None:
    sender.control_plane.mood = "silent"
    sender.serve(1)
    await sender.publisher.publish()
    sender.control_plane.mood = "well"
    await sender.publisher.publish()
    first, again = sender.control_plane.bodies
    assert first["seconds"] == again["seconds"]
    assert first["source"] == again["source"]


async def test_what_is_refused_is_given_up_and_the_rest_goes_on(sender: Sender) -> None:
    sender.control_plane.mood = "refuses"
    sender.serve(2)
    await sender.publisher.publish()
    sender.control_plane.mood = "well"
    sender.serve(1)
    await sender.publisher.publish()
    assert sender.control_plane.numbers() == [[1002]]
    assert sender.publisher.lost == 2


async def test_an_hour_is_kept(sender: Sender) -> None:
    sender.control_plane.mood = "away"
    for _ in range(SECONDS_KEPT + 200):
        sender.serve(1)
        await sender.publisher.publish()
    sender.control_plane.mood = "well"
    await sender.publisher.publish()
    numbers = [number for batch in sender.control_plane.numbers() for number in batch]
    assert numbers == list(range(1200, 1000 + SECONDS_KEPT + 200))
    assert sender.publisher.lost == 200


async def test_memory_is_bounded_too(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "KEPT_BYTES", 10_000)
    sender.control_plane.mood = "away"
    for _ in range(100):
        sender.serve(1)
        await sender.publisher.publish()
    sender.control_plane.mood = "well"
    await sender.publisher.publish()
    numbers = [number for batch in sender.control_plane.numbers() for number in batch]
    assert numbers == list(range(1100 - len(numbers), 1100))
    assert 9_000 < sum(len(json.dumps(one, separators=(",", ":"))) for one in sender.control_plane.seconds()) <= 10_000
    assert sender.publisher.lost == 100 - len(numbers)


async def test_leaving_sends_the_running_second(sender: Sender) -> None:
    sender.window.add(A, 200, 0.01)
    await sender.publisher.last()
    assert sender.control_plane.numbers() == [[1000]]


async def test_leaving_does_not_wait_for_a_control_plane_that_is_away(sender: Sender) -> None:
    sender.control_plane.mood = "away"
    sender.window.add(A, 200, 0.01)
    await sender.publisher.last()
    assert sender.control_plane.asked == 1
