"""Changes of how a pool is shared: what they reclaim, and both worlds, in small pools by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from apps.quotas.scheduling.estimate_durations import Durations
from apps.quotas.scheduling.jobs import Job
from apps.quotas.scheduling.snapshot import GPUS, Limit, Snapshot
from apps.quotas.scheduling.whatif import (
    AddNodes,
    Change,
    DropLimit,
    RemoveNodes,
    SetLimit,
    SetPriority,
    SetWeight,
    Unknown,
    changed,
    reclaims,
)
from apps.quotas.scheduling.whatif_run import Answer, Bounds, what_if
from tests.apps.quotas.scheduling import NOW, START, ask, big, gpus, held, queue_id, sharing, snapshot, uid, wl

VISION, SPEECH = queue_id("vision"), queue_id("speech")


def two(*waiting: object, vision: float = 2, speech: float = 0, running: int = 2) -> Snapshot:
    """Two devices, both held by vision since long ago, with checkpoints long ago."""
    queues = [sharing("vision", gpus(vision)), sharing("speech", gpus(speech))]
    holdings = [
        held(101 + n, gpus=1, flavor="H200", on=[("node", (n,))], since=100 * n, ends=NOW + 600 * (n + 1))
        for n in range(running)
    ]
    return snapshot([big(H200=2)], queues, *waiting, holdings=holdings)  # type: ignore[arg-type]


def found(given: Snapshot, *changes: Change) -> list[tuple[int, int, bool]]:
    return [(one.workload_id.int, one.members, one.now) for one in reclaims(given, changes)]


SWAP = (SetLimit(VISION, gpus(1)), SetLimit(SPEECH, gpus(1)))


def test_a_quota_below_usage_takes_back_at_once_what_somebody_waits_for() -> None:
    given = two(wl(1, "speech", gpus=1))
    assert found(given, *SWAP) == [(102, 1, True)]


def test_and_nothing_but_a_warning_while_nobody_wants_it() -> None:
    assert found(two(), *SWAP) == [(102, 1, False)]


def test_a_quota_that_still_covers_what_runs_takes_nothing_back() -> None:
    assert found(two(), SetLimit(VISION, gpus(2, borrow=0))) == []
    assert found(two(running=1), *SWAP) == []


def test_what_would_be_taken_back_anyway_is_no_news() -> None:
    given = two(wl(1, "speech", gpus=1), vision=1, speech=1)
    assert found(given, SetWeight(SPEECH, 3.0)) == []


def test_the_lowest_priority_and_the_youngest_go_first() -> None:
    given = two()
    low = tuple(replace(one, priority=-1) if one.workload_id == uid(101) else one for one in given.holdings)
    assert found(replace(given, holdings=low), *SWAP) == [(101, 1, False)]


def test_elastic_work_gives_members_back_before_it_goes() -> None:
    queues = [sharing("vision", gpus(2)), sharing("speech", gpus(0))]
    elastic = held(101, gpus=1, flavor="H200", on=[("node", (0,)), ("node", (1,))], count_min=1)
    given = snapshot([big(H200=2)], queues, holdings=[elastic])
    assert found(given, *SWAP) == [(101, 1, False)]


def test_changes_are_made_in_their_order_and_leave_the_rest_alone() -> None:
    given = two(wl(1, gpus=1))
    after = changed(
        given,
        [
            SetLimit(VISION, Limit(GPUS, "", 1000, 0, 500, 2.0)),
            SetWeight(SPEECH, 4.0),
            SetPriority(uid(1), 7),
            AddNodes(given.nodes[0], 2),
        ],
    )
    vision, speech = after.queues
    assert [limit for limit in vision.limits if limit.resource == GPUS] == [Limit(GPUS, "", 1000, 0, 500, 2.0)]
    assert (vision.limits[:2], speech.weight, after.waiting[0].priority) == (given.queues[0].limits[:2], 4.0, 7)
    assert [node.name for node in after.nodes] == ["node", "node+1", "node+2"]
    assert after.holdings == given.holdings
    assert changed(after, [DropLimit(VISION, (GPUS, ""))]).queues[0].limits == given.queues[0].limits[:2]


def test_a_machine_on_which_something_runs_takes_nothing_new_and_an_idle_one_is_gone() -> None:
    given = replace(two(), nodes=(big(H200=2), big("idle", H200=2)))
    after = changed(given, [RemoveNodes(frozenset({"node", "idle"}))])
    assert [(node.name, node.ready) for node in after.nodes] == [("node", False)]


@pytest.mark.parametrize(
    "change",
    [
        SetWeight(queue_id("nobody"), 1.0),
        SetPriority(uid(999), 1),
        RemoveNodes(frozenset({"other"})),
        DropLimit(queue_id("nobody"), (GPUS, "")),
    ],
)
def test_what_is_not_there_cannot_be_changed(change: Change) -> None:
    with pytest.raises(Unknown):
        changed(two(), [change])


def run(given: Snapshot, *changes: Change, arrivals: tuple[Job, ...] = (), seconds: float = 60.0) -> Answer:
    """Computing takes a second each time it is asked."""
    clock = count()
    bounds = Bounds(horizon_seconds=7200, tick_seconds=10, compute_seconds=seconds)
    return what_if(given, changes, Durations(), arrivals, lambda: float(next(clock)), bounds)


def test_more_machines_let_what_waits_start_now() -> None:
    given = two(wl(1, gpus=1, limit=600), wl(2, gpus=1, limit=600))
    answer = run(given, AddNodes(big(H200=2), 1), seconds=1000)
    assert {one.int: at - START - NOW for one, at in answer.after.starts.items()} == {1: 0.0, 2: 0.0}
    assert all(at - START - NOW > 0 for at in answer.before.starts.values())
    assert answer.after.mean_wait_seconds < answer.before.mean_wait_seconds
    assert answer.before.queues[VISION].started == answer.after.queues[VISION].started == 2
    assert not answer.is_cut


def test_what_a_guarantee_gives_one_queue_it_takes_from_the_other() -> None:
    given = two(wl(1, "speech", gpus=1, limit=300), vision=0, speech=0)
    answer = run(given, SetLimit(SPEECH, gpus(1)), seconds=1000)
    assert (answer.before.preemptions, answer.after.preemptions) == (0, 1)
    assert answer.after.starts[uid(1)] == START + NOW
    assert answer.before.starts[uid(1)] > START + NOW
    assert [one.workload_id.int for one in answer.reclaims if one.now] == [102]


def test_both_worlds_get_the_same_work() -> None:
    coming = Job(uid(50), SPEECH, ask(gpus=1), START + NOW + 60, 100.0)
    answer = run(two(running=0), SetWeight(SPEECH, 2.0), arrivals=(coming,), seconds=1000)
    assert answer.before == answer.after
    assert answer.before.queues[SPEECH].started == 1
    assert 0 < answer.before.queues[SPEECH].share < 1


def test_where_computing_takes_too_long_both_worlds_end_sooner_and_say_so() -> None:
    waiting = [wl(number, gpus=1, limit=600) for number in range(1, 40)]
    answer = run(two(*waiting), SetWeight(SPEECH, 2.0), seconds=3)
    assert answer.is_cut
    assert START + NOW < answer.ends < START + NOW + 7200
    assert answer.before.queues[VISION].waiting > 30
