"""Who makes room for whom: small pools with the victims worked out by hand. Times in seconds before or after NOW."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import Admit, Nominate, Policy, Preempt, Shrink, Snapshot, Wait
from tests.apps.quotas.scheduling import (
    NOW,
    START,
    big,
    cohort,
    gpus,
    held,
    node,
    queue,
    sharing,
    snapshot,
    spots,
    story,
    told,
    uid,
    wl,
)
from tests.apps.quotas.test_fair_share import g, on

FOUR = [big(H200=4)]
OWNED = [sharing("a", gpus(2)), sharing("b")]
"""Two of four devices are a's."""


def n(number: int, project: str, devices: int = 1, **more: object) -> object:
    return wl(number, project, gpus=devices, flavor="H200", **more)  # type: ignore[arg-type]


RECLAIM: dict[str, tuple[Snapshot, str]] = {
    "who holds what another is guaranteed gives it back": (
        snapshot(FOUR, OWNED, n(5, "a", 2), holdings=[on(1, "b", 0, 1), on(2, "b", 2, 3, since=9)]),
        "2 gives back, 5 is promised",
    ),
    "who wants more than the guaranteed waits": (
        snapshot(FOUR, OWNED, n(5, "a", 3), holdings=[on(1, "b", 0, 1), on(2, "b", 2, 3)]),
        "5 waits",
    ),
    "who is guaranteed nothing waits": (
        snapshot(FOUR, OWNED, n(5, "b"), holdings=[on(1, "a", 0, 1), on(2, "a", 2, 3)]),
        "5 waits",
    ),
    "what is guaranteed to who has it is not taken back": (
        snapshot(FOUR, [sharing("a", gpus(2)), sharing("b", gpus(4))], n(5, "a"), holdings=[on(1, "b", 0, 1, 2, 3)]),
        "5 waits",
    ),
    "a higher class does not save what is borrowed": (
        snapshot(FOUR, OWNED, n(5, "a", priority=-5), holdings=[on(1, "b", 0, 1, 2, 3, priority=9)]),
        "1 gives back, 5 is promised",
    ),
    "nothing is taken back where the pool says so": (
        snapshot(
            FOUR,
            OWNED,
            n(5, "a"),
            holdings=[on(1, "b", 0, 1, 2, 3)],
            policy=Policy(ageing_points=0, preemption=False),
        ),
        "5 waits",
    ),
    "who has hardly begun stays": (
        snapshot(FOUR, OWNED, n(5, "a"), holdings=[on(1, "b", 0, 1, 2, 3, since=NOW - 299)]),
        "5 waits",
    ),
    "who has run for long enough goes": (
        snapshot(FOUR, OWNED, n(5, "a"), holdings=[on(1, "b", 0, 1, 2, 3, since=NOW - 300)]),
        "1 gives back, 5 is promised",
    ),
    "who has waited for less than a minute takes nothing back": (
        snapshot(FOUR, OWNED, n(5, "a", since=NOW - 59), holdings=[on(1, "b", 0, 1, 2, 3)]),
        "5 waits",
    ),
    "who has waited for a minute does": (
        snapshot(FOUR, OWNED, n(5, "a", since=NOW - 60), holdings=[on(1, "b", 0, 1, 2, 3)]),
        "1 gives back, 5 is promised",
    ),
    "who cannot be preempted stays": (
        snapshot(FOUR, OWNED, n(5, "a"), holdings=[on(1, "b", 0, 1, 2, 3, preemptible=False)]),
        "5 waits",
    ),
    "who leaves already is not told again": (
        snapshot(
            FOUR,
            OWNED,
            n(5, "a", 2),
            holdings=[on(1, "b", 0, 1, leaving=True, preempted_for=uid(9)), on(2, "b", 2, 3)],
        ),
        "2 gives back, 5 is promised",
    ),
    # Taken back from who has borrowed: c holds one, which is its own.
    "only who has borrowed is asked": (
        snapshot(
            FOUR,
            [sharing("a", gpus(1)), sharing("b"), sharing("c", gpus(1))],
            n(5, "a"),
            holdings=[on(1, "b", 0, 1, since=5), on(2, "b", 2, since=5), on(3, "c", 3, since=9)],
        ),
        "2 gives back, 5 is promised",
    ),
    # b may keep its two; after 3 has gone it has borrowed nothing more.
    "no more is taken back than was borrowed": (
        snapshot(
            FOUR,
            [sharing("a", gpus(2)), sharing("b", gpus(2))],
            n(5, "a", 2),
            holdings=[on(1, "b", 0), on(2, "b", 1), on(3, "b", 2, since=100), on(4, "a", 3)],
        ),
        "5 waits",
    ),
    "a team's guaranteed is taken back for its queue": (
        snapshot(
            FOUR,
            [sharing("a", team="t"), sharing("b")],
            n(5, "a"),
            holdings=[on(1, "b", 0, 1, 2, 3)],
            cohorts=[cohort("t", gpus(1))],
        ),
        "1 gives back, 5 is promised",
    ),
    # The team is within its four: what its queue b has borrowed is borrowed from its sister.
    "a sister gives back within the team": (
        snapshot(
            FOUR,
            [sharing("a", gpus(2), team="t"), sharing("b", team="t"), sharing("c")],
            n(5, "a"),
            holdings=[on(1, "b", 0, 1), on(2, "b", 2, 3, since=9)],
            cohorts=[cohort("t", gpus(4))],
        ),
        "2 gives back, 5 is promised",
    ),
    "a queue of a team that has borrowed nothing is left alone from outside": (
        snapshot(
            FOUR,
            [sharing("a", team="t"), sharing("b", team="t"), sharing("c", gpus(1))],
            n(5, "c"),
            holdings=[on(1, "b", 0, 1, 2, 3)],
            cohorts=[cohort("t", gpus(4))],
        ),
        "5 waits",
    ),
    # Of the eight cores four are a's: b holds seven in two, of which the younger is enough.
    "cores are taken back as well": (
        snapshot(
            [node(cores=8)],
            [queue("a", cores=4), sharing("b")],
            wl(5, "a", cores=3),
            holdings=[held(1, "b", cores=3), held(2, "b", cores=4, since=9)],
        ),
        "2 gives back, 5 is promised",
    ),
    "a gang takes back what it needs on all its machines": (
        snapshot(
            [big("x", H200=2), big("y", H200=2), big("z", H200=2)],
            [sharing("a", gpus(4)), sharing("b")],
            n(5, "a", 2, count=2),
            holdings=[
                held(number, "b", gpus=2, flavor="H200", on=[(name, (0, 1))], since=number)
                for number, name in enumerate("xyz")
            ],
        ),
        "2 gives back, 1 gives back, 5 is promised",
    ),
    # The youngest frees a device of a machine that is of no use; only a whole machine is.
    "who frees what is of no use stays": (
        snapshot(
            [big("x", H200=2), big("y", H200=4)],
            [sharing("a", gpus(4)), sharing("b")],
            n(5, "a", 4),
            holdings=[
                held(1, "b", gpus=2, flavor="H200", on=[("y", (0, 1))], since=1),
                held(2, "b", gpus=1, flavor="H200", on=[("y", (2,))], since=2),
                held(3, "b", gpus=2, flavor="H200", on=[("x", (0, 1))], since=3),
            ],
        ),
        "2 gives back, 1 gives back, 5 is promised",
    ),
    # In order 1, 2, 3; with 3 gone there is a whole machine, and what went of the other stays after all.
    "who turns out not to be needed stays": (
        snapshot(
            [big("x", H200=2), big("y", H200=2)],
            [sharing("a", gpus(2)), sharing("b")],
            n(5, "a", 2),
            holdings=[
                held(1, "b", gpus=1, flavor="H200", on=[("x", (0,))], since=9),
                held(2, "b", gpus=1, flavor="H200", on=[("y", (0,))], since=8),
                held(3, "b", gpus=1, flavor="H200", on=[("x", (1,))], since=7),
                held(4, "b", gpus=1, flavor="H200", on=[("y", (1,))], since=6),
            ],
        ),
        "1 gives back, 3 gives back, 5 is promised",
    ),
    "one who holds much goes rather than several who hold little": (
        snapshot(
            FOUR,
            OWNED,
            n(5, "a", count=2),
            holdings=[on(1, "b", 0, 1, since=1), on(2, "b", 2, since=8), on(3, "b", 3, since=9)],
        ),
        "1 gives back, 5 is promised",
    ),
    "nobody goes who holds more than is lacking where one who holds just that may go": (
        snapshot(FOUR, OWNED, n(5, "a"), holdings=[on(1, "b", 0, 1, 2, since=1), on(2, "b", 3, since=9)]),
        "2 gives back, 5 is promised",
    ),
    "shares of a device are taken back": (
        snapshot(
            [big(H200=1)],
            [sharing("a", gpus(0.5)), sharing("b")],
            g(5, "a", share=0.5),
            holdings=[on(1, "b", 0, share=0.3, since=1), on(2, "b", 0, share=0.3, since=2), on(3, "b", 0, share=0.3)],
        ),
        "2 gives back, 1 gives back, 5 is promised",
    ),
    "cores that somebody else has borrowed come with the guaranteed devices": (
        snapshot(
            [node(cores=4, H200=4)],
            [sharing("a", gpus(2)), sharing("b")],
            wl(5, "a", cores=2, gpus=1, flavor="H200"),
            holdings=[held(1, "b", cores=3), on(2, "b", 0, since=9)],
        ),
        "1 gives back, 5 is promised",
    ),
    "what is kept for who comes first is not taken for who comes next": (
        snapshot(
            [big("x", H200=2), big("node", H200=2)],
            [sharing("a", gpus(2)), sharing("b"), sharing("c")],
            n(5, "c", 2, count=2, priority=9),
            n(6, "a"),
            holdings=[held(1, "b", gpus=1, flavor="H200", on=[("x", (0,))], ends=NOW + 900, preemptible=False)],
        ),
        "5 waits, 6 waits",
    ),
}

ORDER: dict[str, tuple[Snapshot, str]] = {
    "the lowest priority goes first": (
        snapshot(FOUR, OWNED, n(5, "a"), holdings=[on(1, "b", 0, priority=1, since=9), on(2, "b", 1, 2, 3)]),
        "2 gives back, 5 is promised",
    ),
    # 1 would lose less, but is inside what a is guaranteed.
    "of one priority, the borrowed goes first": (
        snapshot(
            FOUR,
            OWNED,
            n(5, "a", priority=1, preempts=True),
            holdings=[on(1, "a", 0, 1, since=9_000), on(2, "b", 2, 3, since=1)],
        ),
        "2 leaves, 5 is promised",
    ),
    # Lost would be 10 × 100 seconds since the checkpoint of 1, 1 × 900 of 2.
    "then the one that loses least work": (
        snapshot(
            [big(H200=11)],
            [sharing("a", gpus(1)), sharing("b")],
            n(5, "a"),
            holdings=[
                on(1, "b", *range(10), since=1, checkpoint_at=START + NOW - 100),
                on(2, "b", 10, since=NOW - 900),
            ],
        ),
        "2 gives back, 5 is promised",
    ),
    "a fresh checkpoint loses least": (
        snapshot(
            [big(H200=11)],
            [sharing("a", gpus(1)), sharing("b")],
            n(5, "a"),
            holdings=[
                on(1, "b", *range(10), since=1, checkpoint_at=START + NOW - 80),
                on(2, "b", 10, since=NOW - 900),
            ],
        ),
        "1 gives back, 5 is promised",
    ),
    "then the youngest": (
        snapshot(
            FOUR,
            OWNED,
            n(5, "a"),
            holdings=[
                on(1, "b", 0, 1, since=50, checkpoint_at=START + NOW),
                on(2, "b", 2, 3, since=51, checkpoint_at=START + NOW),
            ],
        ),
        "2 gives back, 5 is promised",
    ),
    "members that can be spared go before workloads": (
        snapshot(
            FOUR,
            OWNED,
            n(5, "a"),
            holdings=[
                held(1, "b", gpus=1, flavor="H200", on=[("node", (at,)) for at in range(3)], count_min=1, priority=9),
                on(2, "b", 3),
            ],
        ),
        "1 shrinks to 2, 5 is promised",
    ),
    "an elastic one shrinks to its least, then others go": (
        snapshot(
            FOUR,
            [sharing("a", gpus(3)), sharing("b")],
            n(5, "a", 3),
            holdings=[
                held(1, "b", gpus=1, flavor="H200", on=[("node", (at,)) for at in range(3)], count_min=1, priority=9),
                on(2, "b", 3),
            ],
        ),
        "2 gives back, 1 shrinks to 1, 5 is promised",
    ),
}

PRIORITY: dict[str, tuple[Snapshot, str]] = {
    "in its queue a class that preempts takes the place of a lower one": (
        snapshot(
            FOUR,
            [sharing("a", gpus(4, borrow=0))],
            n(5, "a", priority=1, preempts=True),
            holdings=[on(1, "a", 0, 1), on(2, "a", 2, 3, since=9)],
        ),
        "2 leaves, 5 is promised",
    ),
    "a class that does not preempt waits": (
        snapshot(FOUR, [sharing("a", gpus(4, borrow=0))], n(5, "a", priority=1), holdings=[on(1, "a", 0, 1, 2, 3)]),
        "5 waits",
    ),
    "not of an equal one": (
        snapshot(FOUR, [sharing("a", gpus(4, borrow=0))], n(5, "a", preempts=True), holdings=[on(1, "a", 0, 1, 2, 3)]),
        "5 waits",
    ),
    "elsewhere it takes the place of what is lower and borrowed": (
        snapshot(
            FOUR, [sharing("a"), sharing("b")], n(5, "a", priority=1, preempts=True), holdings=[on(1, "b", 0, 1, 2, 3)]
        ),
        "1 leaves, 5 is promised",
    ),
    "elsewhere it leaves alone what is guaranteed": (
        snapshot(
            FOUR,
            [sharing("a"), sharing("b", gpus(4))],
            n(5, "a", priority=1, preempts=True),
            holdings=[on(1, "b", 0, 1, 2, 3)],
        ),
        "5 waits",
    ),
    "elsewhere it leaves alone what is higher": (
        snapshot(
            FOUR,
            [sharing("a"), sharing("b")],
            n(5, "a", priority=1, preempts=True),
            holdings=[on(1, "b", 0, 1, 2, 3, priority=2)],
        ),
        "5 waits",
    ),
    "who preempts is looked at behind one of its kind that does not": (
        snapshot(
            FOUR,
            [sharing("a", gpus(4, borrow=0))],
            *(n(5, "a", priority=1, since=1), n(6, "a", priority=1, since=2, preempts=True)),
            holdings=[on(1, "a", 0, 1, 2, 3)],
        ),
        "5 waits, 1 leaves, 6 is promised",
    ),
}

PROMISED: dict[str, tuple[Snapshot, str]] = {
    "it gets its places once they are free": (
        snapshot(FOUR, OWNED, n(5, "a", nominated=[("node", (1,))]), n(3, "b"), holdings=[on(2, "b", 0)]),
        "5 starts, 3 starts",
    ),
    "nobody else gets them": (
        snapshot(
            FOUR,
            OWNED,
            *(n(5, "a", 2, nominated=[("node", (0, 1))]), n(6, "b"), n(7, "b"), n(8, "b")),
            holdings=[on(2, "b", 0, leaving=True, preempted_for=uid(5))],
        ),
        "5 waits, 6 starts, 7 starts, 8 waits",
    ),
    "places that nobody is leaving any more are promised no more, and it is looked at again": (
        snapshot(FOUR, OWNED, n(5, "b", nominated=[("node", (0,))]), holdings=[on(2, "b", 0)]),
        "5 is promised nothing, 5 starts",
    ),
    "places on a machine that is lost are promised no more": (
        snapshot(
            [big("x", H200=1), node("node", ready=False, H200=4)],
            OWNED,
            n(5, "a", nominated=[("node", (0,))]),
            holdings=[on(2, "b", 0, leaving=True, preempted_for=uid(5))],
        ),
        "5 is promised nothing, 5 starts",
    ),
    "shares of one device are free once all of them are": (
        snapshot(
            [big(H200=1)],
            [sharing("a", gpus(1)), sharing("b")],
            g(5, "a", share=0.25, count=2, nominated=[("node", (0,)), ("node", (0,))]),
            holdings=[on(1, "b", 0, share=0.75, leaving=True, preempted_for=uid(5))],
        ),
        "5 waits",
    ),
    "who may not use it any more is promised it no more": (
        snapshot(FOUR, [sharing("a", gpus(2, "L4"))], n(5, "a", nominated=[("node", (1,))])),
        "5 is promised nothing, 5 is refused",
    ),
    "members that are given back are waited for": (
        snapshot(
            [big(H200=2)],
            OWNED,
            n(5, "a", nominated=[("node", (1,))]),
            holdings=[
                held(
                    1,
                    "b",
                    gpus=1,
                    flavor="H200",
                    on=[("node", (0,)), ("node", (1,))],
                    count_min=1,
                    wanted=1,
                    preempted_for=uid(5),
                )
            ],
        ),
        "5 waits",
    ),
    "who is promised a place counts among those that run at once": (
        snapshot(
            FOUR,
            [sharing("a", gpus(2), running_most=1), sharing("b")],
            *(n(5, "a", 2, nominated=[("node", (0, 1))]), n(6, "a")),
            holdings=[on(2, "b", 0, leaving=True, preempted_for=uid(5))],
        ),
        "5 waits, 6 waits",
    ),
    "what is promised and what leaves for it are not counted twice": (
        snapshot(
            [big(H200=2), big("other", H200=2)],
            [sharing("a", gpus(2), team="t"), sharing("b", team="t")],
            *(n(5, "a", 2, nominated=[("node", (0, 1))]), n(6, "b", 2)),
            holdings=[on(2, "b", 0, 1, leaving=True, preempted_for=uid(5))],
            cohorts=[cohort("t", gpus(4, borrow=0))],
        ),
        "5 waits, 6 starts",
    ),
}


@pytest.mark.parametrize("name", RECLAIM | ORDER | PRIORITY | PROMISED)
def test_preemption(name: str) -> None:
    given, expected = (RECLAIM | ORDER | PRIORITY | PROMISED)[name]
    assert story(given) == expected


def test_nobody_is_placed_where_somebody_is_promised_a_place() -> None:
    given, _ = PROMISED["nobody else gets them"]
    decisions = cycle(given)
    assert [one.assignments for number in (6, 7) for one in told(decisions, number) if isinstance(one, Admit)] == [
        spots([("node", (2,))]),
        spots([("node", (3,))]),
    ]


def test_a_queue_that_may_run_no_more_gets_not_even_what_it_was_promised() -> None:
    queues = [sharing("a", gpus(2), running_most=1), sharing("b")]
    given = snapshot(FOUR, queues, n(5, "a", nominated=[("node", (1,))]), holdings=[on(1, "a", 0)])
    assert story(given) == "5 is promised nothing, 5 waits"


def test_what_is_decided_about_all_of_them() -> None:
    given = snapshot(FOUR, OWNED, n(5, "a", 2), holdings=[on(1, "b", 0, 1), on(2, "b", 2, 3, since=9)])
    assert list(cycle(given)) == [
        Preempt(uid(2), "reclaimed", "Taken back: 2 × H200 are guaranteed to project a.", uid(5)),
        Nominate(uid(5), "H200", spots([("node", (2, 3))])),
        Wait(uid(5), "waiting_for_capacity", "Waiting: its place is being freed by others that leave for it."),
    ]
    shrinking = held(1, "b", gpus=1, flavor="H200", on=[("node", (at,)) for at in range(4)], count_min=1)
    higher = n(5, "a", priority=1, preempts=True)
    given = snapshot(FOUR, [sharing("a"), sharing("b")], higher, holdings=[shrinking])
    assert list(cycle(given))[:2] == [
        Shrink(uid(1), 3, uid(5), "preempted", "Preempted for 1 × H200 of project a, which have a higher priority."),
        Nominate(uid(5), "H200", spots([("node", (3,))])),
    ]


def test_who_was_preempted_does_not_come_back_for_who_took_its_place() -> None:
    """5 has got what is a's; 2, which held it, is guaranteed nothing, and no class takes what is guaranteed."""
    back = n(2, "b", 2, since=1, priority=9, preempts=True)
    holdings = [on(1, "b", 0, 1, priority=9), on(5, "a", 2, 3)]
    assert story(snapshot(FOUR, OWNED, back, holdings=holdings)) == "2 waits"


def test_a_promise_that_is_kept_ends_in_exactly_these_places() -> None:
    given = snapshot(FOUR, OWNED, n(5, "a", 2), holdings=[on(1, "b", 0, 1), on(2, "b", 2, 3, since=9)])
    nominate = told(cycle(given), 5)[0]
    assert isinstance(nominate, Nominate)
    waiting = replace(given.waiting[0], nominated=nominate.assignments, nominated_flavor=nominate.flavor)
    gone = replace(given, waiting=(waiting,), holdings=given.holdings[:1])
    assert list(cycle(gone)) == [Admit(uid(5), "H200", nominate.assignments)]
