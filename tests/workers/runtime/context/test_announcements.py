"""Telling of what was stored: in order, once, whatever the other side does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from tests.support.waiting import until
from workers.runtime.announcements import Announcements, acknowledged
from workers.runtime.client import AttemptSuperseded, JobApiError

GONE = JobApiError("control_plane_unreachable", "", 0)
REFUSED = JobApiError("digest_differs", "Not the announced file", 400)


class Side:
    """The other side: takes what is announced, unless it is away."""

    def __init__(self) -> None:
        self.away = False
        self.tries = 0
        self.taken: list[str] = []
        self.refuses: set[str] = set()

    def send(self, what: str) -> Callable[[], None]:
        def tell() -> None:
            self.tries += 1
            if self.away:
                raise GONE
            if what in self.refuses:
                raise REFUSED
            self.taken.append(what)

        return tell


@pytest.fixture
def side() -> Side:
    return Side()


@pytest.fixture
def queue() -> Announcements:
    return Announcements(patience_seconds=0.05)


def test_where_it_listens_it_counts_when_the_call_returns(side: Side, queue: Announcements) -> None:
    made = queue.announce("one", side.send("one"))
    assert made.acknowledged
    assert made.wait(0)
    assert (side.taken, queue.waiting) == (["one"], 0)


def test_where_it_is_away_the_job_goes_on_and_all_is_told_in_order(
    side: Side, queue: Announcements, capsys: pytest.CaptureFixture[str]
) -> None:
    side.away = True
    made = [queue.announce(name, side.send(name)) for name in ("one", "two", "three")]
    assert [each.acknowledged for each in made] == [False, False, False]
    assert not made[0].wait(0)
    side.away = False
    assert made[2].wait(10)
    assert side.taken == ["one", "two", "three"]
    assert all(each.acknowledged for each in made)
    queue.finish()
    assert queue.join(10)
    said = capsys.readouterr().err
    assert said.count("the job goes on") == 1
    assert said.endswith("bedplate: all that was stored is acknowledged\n")


def test_a_side_that_does_not_answer_holds_nobody_up(side: Side, queue: Announcements) -> None:
    gate = threading.Event()
    made = queue.announce("one", gate.wait)
    assert not made.acknowledged
    gate.set()
    assert made.wait(10)


def test_what_is_refused_at_once_raises_at_once(side: Side, queue: Announcements) -> None:
    side.refuses = {"one"}
    with pytest.raises(JobApiError, match="digest_differs"):
        queue.announce("one", side.send("one"))
    assert queue.announce("two", side.send("two")).acknowledged


def test_what_is_refused_later_is_said_and_raised_at_the_next_call(
    side: Side, queue: Announcements, capsys: pytest.CaptureFixture[str]
) -> None:
    side.away, side.refuses = True, {"one"}
    first, second = queue.announce("one", side.send("one")), queue.announce("two", side.send("two"))
    side.away = False
    assert second.wait(10)
    with pytest.raises(JobApiError, match="digest_differs"):
        first.wait(0)
    with pytest.raises(JobApiError, match="digest_differs"):
        queue.announce("three", side.send("three"))
    assert queue.announce("three", side.send("three")).acknowledged
    assert side.taken == ["two", "three"]
    assert "one was refused: digest_differs" in capsys.readouterr().err


def test_superseded_everybody_learns_it(side: Side, queue: Announcements) -> None:
    def superseded() -> None:
        raise AttemptSuperseded("attempt 2 took over")

    with pytest.raises(AttemptSuperseded):
        queue.announce("one", superseded)
    with pytest.raises(AttemptSuperseded):
        queue.check()
    queue.finish()
    assert queue.join(10)


def test_a_forked_process_tells_only_of_its_own(side: Side, queue: Announcements) -> None:
    side.away = True
    queue.announce("the parent's", side.send("the parent's"))
    until(lambda: side.tries > 0)
    pid = os.fork()
    if pid == 0:
        side.away = False
        good = queue.waiting == 0 and queue.announce("the child's", side.send("the child's")).wait(10)
        queue.finish()
        os._exit(0 if good and queue.join(10) and side.taken == ["the child's"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    side.away = False
    queue.finish()
    assert queue.join(10)
    assert side.taken == ["the parent's"]


def test_nothing_to_tell_is_acknowledged() -> None:
    assert acknowledged("a local file").wait(0)


def test_why_it_waits_is_said_once(queue: Announcements, capsys: pytest.CaptureFixture[str]) -> None:
    """A store without room answers at once, each time with other numbers."""
    tries, has_room = [0], threading.Event()

    def tell() -> None:
        tries[0] += 1
        if not has_room.is_set():
            raise JobApiError("storage_unavailable", f"the disk is full ({tries[0]} bytes free)", 503)

    made = queue.announce("the artifact big", tell)
    until(lambda: tries[0] > 2)
    assert str(queue.trouble).startswith("storage_unavailable: the disk is full (")
    has_room.set()
    assert made.wait(10)
    until(lambda: queue.waiting == 0)
    assert queue.trouble is None
    waits = "bedplate: the artifact big waits: storage_unavailable: the disk is full (1 bytes free)\n"
    said = capsys.readouterr().err
    assert (said.count("waits"), said.count(waits)) == (1, 1)
