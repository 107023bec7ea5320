"""Hints leave in a thread of their own: who asks never waits, and nothing is kept that cannot be sent."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from apps.common.context import request_id
from apps.common.hints import Sender
from tests.support.waiting import until


class Broker:
    """Takes messages; hangs or refuses when told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str]]] = []
        self.tries = 0
        self.refuses = False
        self.answers = threading.Event()
        self.answers.set()

    def deliver(self, name: str, args: list[str]) -> None:
        self.tries += 1
        self.answers.wait(10)
        if self.refuses:
            raise OperationalError("away")
        self.taken.append((name, args))

    def names(self) -> list[str]:
        return [name for name, _ in self.taken]


@pytest.fixture
def broker() -> Broker:
    return Broker()


def test_they_come_in_order(broker: Broker) -> None:
    sender = Sender(broker.deliver)
    for number in range(100):
        sender.put("a", [str(number)])
    assert sender.flush(5)
    assert broker.taken == [("a", [str(number)]) for number in range(100)]


def test_what_is_asked_for_again_before_it_was_sent_is_sent_once(broker: Broker) -> None:
    sender = Sender(broker.deliver)
    broker.answers.clear()
    sender.put("a", ["1"])
    until(lambda: broker.tries == 1)
    for _ in range(3):
        sender.put("a", ["1"])  # the first is on its way and may be too early for them
        sender.put("a", ["2"])
    broker.answers.set()
    assert sender.flush(5)
    assert broker.taken == [("a", ["1"]), ("a", ["1"]), ("a", ["2"])]


def test_a_later_one_comes_later_and_keeps_nobody_waiting(broker: Broker) -> None:
    sender, began = Sender(broker.deliver), time.monotonic()
    sender.put("later", [], after_seconds=0.2)
    sender.put("now", [])
    assert sender.flush(5)
    assert broker.names() == ["now"]
    until(lambda: broker.names() == ["now", "later"])
    assert time.monotonic() - began >= 0.2


def test_a_broker_that_hangs_costs_who_asks_nothing(broker: Broker) -> None:
    broker.answers.clear()
    sender, began = Sender(broker.deliver, most=50), time.monotonic()
    for number in range(1000):
        sender.put("a", [str(number)])
    assert time.monotonic() - began < 5
    assert not sender.flush(0.01)
    broker.answers.set()
    assert sender.flush(5)
    assert 50 <= len(broker.taken) <= 51, "no more are kept"


def test_after_a_failure_nothing_is_tried_for_a_while(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    sender = Sender(broker.deliver, rest_seconds=0.2)
    broker.refuses = True
    for number in range(20):
        sender.put("a", [str(number)])
    assert sender.flush(5)
    assert (broker.tries, broker.taken) == (1, [])
    broker.refuses = False

    def taken() -> bool:
        sender.put("b", [])
        return sender.flush(5) and bool(broker.taken)

    until(taken)
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "could not send a('0',); ticks will find the work"
    assert said[1].startswith("hints are sent again; ")
    assert len(said) == 2


def test_one_that_cannot_be_sent_at_all_keeps_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    taken: list[str] = []

    def deliver(name: str, args: list[str]) -> None:
        if name == "bad":
            raise TypeError("a bug")
        taken.append(name)

    sender = Sender(deliver)
    sender.put("bad", [])
    sender.put("good", [])
    assert sender.flush(5)
    assert taken == ["good"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_the_request_goes_with_it() -> None:
    seen: list[str] = []
    sender = Sender(lambda name, args: seen.append(request_id.get()))
    token = request_id.set("r-1")
    sender.put("a", [])
    request_id.reset(token)
    assert sender.flush(5)
    assert seen == ["r-1"]


def test_a_forked_child_sends_its_own_and_nothing_of_its_parent(broker: Broker) -> None:
    broker.answers.clear()
    sender = Sender(broker.deliver)
    sender.put("parent", ["1"])
    sender.put("parent", ["2"])
    pid = os.fork()
    if pid == 0:
        broker.answers = threading.Event()
        broker.answers.set()
        broker.taken.clear()
        sender.put("child", [])
        os._exit(0 if sender.flush(5) and broker.names() == ["child"] else 1)
    assert os.waitpid(pid, 0)[1] == 0
    broker.answers.set()
    assert sender.flush(5)
    assert broker.names() == ["parent", "parent"]


def test_a_process_that_ends_sends_its_last_ones(settings: Any) -> None:
    code = (
        "import sys, time\nfrom apps.common.hints import Sender\n"
        "def deliver(name, args):\n    time.sleep(0.2)\n    print(name, flush=True)\n"
        "Sender(deliver).put('last', [])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=settings.BASE_DIR
    )
    assert done.stdout == "last\n"
