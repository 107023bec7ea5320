"""Who is next: small pools with the order of starts worked out by hand.

A share is what a queue holds of the pool (half of it counts) and what it held on average (the other half), by weight.
"""

from __future__ import annotations

from math import inf

import pytest

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import Admit, Assignment, Policy, Snapshot, Wait
from tests.apps.quotas.scheduling import NOW, big, cohort, gpus, held, node, sharing, snapshot, story, told, wl

CLASSES = Policy(ageing_points=0)
SAVED = {("gpus", "H200"): 2000.0, ("gpus", ""): 2000.0}
"""Two devices on average."""
FOUR = [big(H200=4)]


def g(number: int, project: str, kind: str = "H200", **more: object) -> object:
    return wl(number, project, gpus=1, flavor=kind, **more)  # type: ignore[arg-type]


def on(number: int, project: str, *devices: int, kind: str = "H200", **more: object) -> object:
    """Holds devices of the one machine."""
    return held(number, project, gpus=len(devices), flavor=kind, on=[("node", devices)], **more)  # type: ignore[arg-type]


ORDER: dict[str, tuple[Snapshot, str]] = {
    "equals take turns, the older first": (
        snapshot(FOUR, [sharing("a"), sharing("b")], *(g(n, "a") for n in (1, 2, 3)), g(4, "b"), g(5, "b")),
        "1 starts, 4 starts, 2 starts, 5 starts, 3 waits",
    ),
    # Shares in devices by weight: a ½, b 1, a 1, then the older of equals, a 1½, b 2, a 2.
    "twice the weight gets twice as much": (
        snapshot(
            [big(H200=6)],
            [sharing("a", weight=2), sharing("b")],
            *(g(n, "a") for n in (1, 2, 3, 4, 5)),
            *(g(n, "b") for n in (6, 7, 8)),
        ),
        "1 starts, 6 starts, 2 starts, 3 starts, 7 starts, 4 starts, 5 waits, 8 waits",
    ),
    "without weight it gets what nobody else wants": (
        snapshot([big(H200=3)], [sharing("a", weight=0), sharing("b")], g(1, "a"), g(2, "a"), g(3, "b"), g(4, "b")),
        "3 starts, 4 starts, 1 starts, 2 waits",
    ),
    "without weight it gets what it is guaranteed like others": (
        snapshot([big(H200=2)], [sharing("a", gpus(1), weight=0), sharing("b")], g(1, "b"), g(2, "b"), g(3, "a")),
        "3 starts, 1 starts, 2 waits",
    ),
    "who is below the guaranteed comes before who holds nothing": (
        snapshot(FOUR, [sharing("a", gpus(4)), sharing("b")], g(4, "b"), g(5, "a"), holdings=[on(1, "a", 0, 1, 2)]),
        "5 starts, 4 waits",
    ),
    "of those that are guaranteed the lowest share is next": (
        snapshot(
            FOUR,
            [sharing("a", gpus(2)), sharing("b", gpus(2))],
            g(4, "a"),
            g(5, "b"),
            g(6, "b"),
            holdings=[on(1, "a", 0)],
        ),
        "5 starts, 4 starts, 6 starts",
    ),
    # The team holds three, all b's, and is guaranteed a's one: that a does not wait for c, who has nothing yet.
    "what is guaranteed to a queue is not less so when its sister has borrowed": (
        snapshot(
            [big(H200=6)],
            [sharing("a", gpus(1), team="t"), sharing("b", team="t"), sharing("c")],
            *(g(4, "c"), g(5, "a"), g(6, "b")),
            holdings=[on(1, "b", 0, 1, 2)],
            cohorts=[cohort("t")],
        ),
        "5 starts, 4 starts, 6 starts",
    ),
    # Of its own a holds a half, b three tenths; by weight a would have less.
    "of the guaranteed, who has least of it comes first": (
        snapshot(
            [big(H200=12)],
            [sharing("a", gpus(2), weight=100), sharing("b", gpus(10))],
            *(g(5, "a"), g(6, "b")),
            holdings=[on(1, "a", 0), on(2, "b", 1, 2, 3)],
        ),
        "6 starts, 5 starts",
    ),
    # Dominant Resource Fairness, Ghodsi et al. 2011, section 4.1: 9 cores and 18 GiB, a asks for 1 and 4, b for 3
    # and 1. Shares: a 2/9, b 3/9, a 4/9, b 6/9, a 6/9; three and two, and no core is left.
    "the dominant share counts, of whichever resource it is": (
        snapshot(
            [node(cores=9, memory=18)],
            [sharing("a"), sharing("b")],
            *(wl(n, "a", cores=1, memory=4) for n in (1, 2, 3)),
            *(wl(n, "b", cores=3, memory=1) for n in (4, 5, 6)),
        ),
        "1 starts, 4 starts, 2 starts, 5 starts, 3 starts, 6 waits",
    ),
    # In devices: a ½ × 2 = 1; b 0, ½, 1 and a bit for having entered; a 1½; b.
    "what was held before counts half as much": (
        snapshot(
            FOUR, [sharing("a", history=SAVED), sharing("b")], g(1, "a"), g(2, "a"), g(3, "b"), g(4, "b"), g(5, "b")
        ),
        "3 starts, 4 starts, 1 starts, 5 starts, 2 waits",
    ),
    "what was held before counts for nothing if the policy says so": (
        snapshot(
            FOUR,
            [sharing("a", history=SAVED), sharing("b")],
            *(g(1, "a"), g(2, "a"), g(3, "b"), g(4, "b"), g(5, "b")),
            policy=Policy(history_ratio=0, ageing_points=0),
        ),
        "1 starts, 3 starts, 2 starts, 4 starts, 5 waits",
    ),
    # a holds one and held one all the time: 1. b: ½ with the first, so it gets the second as well.
    "who enters has the better of who has been there": (
        snapshot(
            [big(H200=3)],
            [sharing("a", history={("gpus", "H200"): 1000.0}), sharing("b")],
            *(g(2, "a"), g(3, "b"), g(4, "b")),
            holdings=[on(1, "a", 0)],
            policy=Policy(entry_penalty_seconds=0, ageing_points=0),
        ),
        "3 starts, 4 starts, 2 waits",
    ),
    # The same, but b's first counts as if it had been held for ever: 1 as well, and a is older.
    "an entry counts as if it had been held for a while already": (
        snapshot(
            [big(H200=3)],
            [sharing("a", history={("gpus", "H200"): 1000.0}), sharing("b")],
            *(g(2, "a"), g(3, "b"), g(4, "b")),
            holdings=[on(1, "a", 0)],
            policy=Policy(entry_penalty_seconds=1e12, ageing_points=0),
        ),
        "3 starts, 2 starts, 4 waits",
    ),
    # Four L4 count like one H200: a 5/4, b 1.
    "kinds of GPU weigh what their limits say (dearer)": (
        snapshot(
            [big(H200=2, L4=5)],
            [sharing("a", gpus(), gpus(0, "L4", weight=4)), sharing("b")],
            *(g(3, "a"), g(4, "b")),
            holdings=[on(1, "a", 2, 3, 4, 5, 6, kind="L4"), on(2, "b", 0)],
        ),
        "4 starts, 3 waits",
    ),
    # a 3/4, b 1.
    "kinds of GPU weigh what their limits say (cheaper)": (
        snapshot(
            [big(H200=2, L4=5)],
            [sharing("a", gpus(), gpus(0, "L4", weight=4)), sharing("b")],
            *(g(3, "b"), g(4, "a")),
            holdings=[on(1, "a", 2, 3, 4, kind="L4"), on(2, "b", 0)],
        ),
        "4 starts, 3 waits",
    ),
    "a higher class comes first, whatever the shares are": (
        snapshot(FOUR, [sharing("a"), sharing("b")], g(4, "b"), g(5, "a", priority=1), holdings=[on(1, "a", 0, 1, 2)]),
        "5 starts, 4 waits",
    ),
    "waiting raises the class, step by step": (
        snapshot(
            [big(H200=1)],
            [sharing("a"), sharing("b")],
            g(1, "a", since=NOW - 250),
            g(2, "b", since=NOW - 99, priority=19),
            policy=Policy(ageing_seconds=100, ageing_points=10),
        ),
        "1 starts, 2 waits",
    ),
    "waiting does not raise the class before its time": (
        snapshot(
            [big(H200=1)],
            [sharing("a"), sharing("b")],
            g(1, "a", since=NOW - 299),
            g(2, "b", since=NOW - 99, priority=21),
            policy=Policy(ageing_seconds=100, ageing_points=10),
        ),
        "2 starts, 1 waits",
    ),
    "within a queue: class, then age, then number": (
        snapshot(
            FOUR,
            [sharing("a")],
            g(4, "a", since=5),
            g(3, "a", since=5),
            g(2, "a", since=9, priority=1),
            g(1, "a", since=9),
        ),
        "2 starts, 3 starts, 4 starts, 1 starts",
    ),
    # The first team holds three, its queue b none; the second team holds one, in its queue c.
    "teams come before their queues": (
        snapshot(
            [big(H200=5)],
            [sharing("a", team="one"), sharing("b", team="one"), sharing("c", team="two")],
            *(g(7, "b"), g(8, "c")),
            holdings=[on(1, "a", 0, 1, 2), on(2, "c", 3)],
            cohorts=[cohort("one"), cohort("two")],
        ),
        "8 starts, 7 waits",
    ),
    # Shares of the org's teams by their weights: one 1/2, two 1.
    "teams share by their own weights": (
        snapshot(
            [big(H200=3)],
            [sharing("a", team="one"), sharing("b", team="two")],
            *(g(3, "b"), g(4, "a")),
            holdings=[on(1, "a", 0), on(2, "b", 1)],
            cohorts=[cohort("org"), cohort("one", within="org", weight=2), cohort("two", within="org")],
        ),
        "4 starts, 3 waits",
    ),
    # The team is guaranteed two and holds one: its queue comes first, though that is guaranteed nothing itself.
    "a team that is below its guaranteed comes before others": (
        snapshot(
            [big(H200=2)],
            [sharing("a", team="one"), sharing("b")],
            *(g(2, "b"), g(3, "a")),
            holdings=[on(1, "a", 0)],
            cohorts=[cohort("one", gpus(2))],
        ),
        "3 starts, 2 waits",
    ),
}


@pytest.mark.parametrize("name", ORDER)
def test_order(name: str) -> None:
    given, expected = ORDER[name]
    assert story(given) == expected


PLACES: dict[str, tuple[Snapshot, dict[int, tuple[Assignment, ...]]]] = {
    "shares go to the device on which least is left over": (
        snapshot(
            [big(H200=3)],
            [sharing("a")],
            g(3, "a", share=0.25),
            holdings=[on(1, "a", 0, share=0.5), on(2, "a", 1, share=0.75)],
        ),
        {3: (Assignment("node", (1,)),)},
    ),
    "a share takes a device that is in use before it opens another": (
        snapshot([big(H200=2)], [sharing("a")], g(2, "a", share=0.5), holdings=[on(1, "a", 1, share=0.5)]),
        {2: (Assignment("node", (1,)),)},
    ),
    "who asks for the whole gets no device that others share": (
        snapshot([big(H200=2)], [sharing("a")], g(2, "a"), g(3, "a"), holdings=[on(1, "a", 0, share=0.1)]),
        {2: (Assignment("node", (1,)),), 3: ()},
    ),
    "shares of one device, as many as there are, then the next device": (
        snapshot([big(H200=2)], [sharing("a")], *(g(n, "a", share=0.4) for n in (1, 2, 3, 4, 5))),
        {n: (Assignment("node", (at,)),) if n < 5 else () for n, at in ((1, 0), (2, 0), (3, 1), (4, 1), (5, 9))},
    ),
    "a member has a share of one device, not pieces of several": (
        snapshot(
            [big(H200=2)],
            [sharing("a")],
            g(3, "a", share=0.5),
            holdings=[on(1, "a", 0, share=0.6), on(2, "a", 1, share=0.6)],
        ),
        {3: ()},
    ),
    "a gang of shares fills devices": (
        snapshot([big(H200=2)], [sharing("a")], g(1, "a", share=0.5, count=3)),
        {1: (Assignment("node", (0,)), Assignment("node", (0,)), Assignment("node", (1,)))},
    ),
    "all on one node": (
        snapshot(
            [big("a", H200=3), big("b", H200=3), big("c", H200=5)], [sharing("v")], g(1, "v", count=4, topology="node")
        ),
        {1: tuple(Assignment("c", (at,)) for at in range(4))},
    ),
    "all on one node, or not at all": (
        snapshot(
            [big("a", H200=3), big("node", H200=5)],
            [sharing("v")],
            g(2, "v", count=4, topology="node"),
            holdings=[on(1, "v", 0, 1)],
        ),
        {2: ()},
    ),
    "all in the rack that they fill best": (
        snapshot(
            [
                big("a", H200=2, labels={"rack": "1"}),
                big("b", H200=2, labels={"rack": "2"}),
                big("c", H200=1, labels={"rack": "2"}),
                big("d", H200=2, labels={"rack": "1"}),
                big("e", H200=8),
            ],
            [sharing("v")],
            g(1, "v", count=3, topology="rack"),
        ),
        {1: (Assignment("b", (0,)), Assignment("b", (1,)), Assignment("c", (0,)))},
    ),
    "one of two kinds for all members, the one of which most fit": (
        snapshot([big(H200=2, L4=3)], [sharing("a")], wl(1, "a", gpus=1, count=2, most=4)),
        {1: tuple(Assignment("node", (at,)) for at in (2, 3, 4))},
    ),
    "the kind that is guaranteed before the one of which more is left": (
        snapshot([big(H200=2, L4=3)], [sharing("a", gpus(), gpus(1, "H200"))], wl(1, "a", gpus=1)),
        {1: (Assignment("node", (0,)),)},
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_places(name: str) -> None:
    given, expected = PLACES[name]
    decisions = cycle(given)
    found = {number: told(decisions, number)[0] for number in expected}
    assert {n: one.assignments if isinstance(one, Admit) else () for n, one in found.items()} == expected
    assert all(isinstance(one, Admit | Wait) for one in found.values())


GROWTH: dict[str, tuple[Snapshot, str]] = {
    "an elastic one starts with what there is": (
        snapshot(FOUR, [sharing("a")], g(2, "a", count=2, most=9), holdings=[on(1, "a", 0)]),
        "2 starts with 3",
    ),
    "an elastic one waits for its least": (
        snapshot(FOUR, [sharing("a")], g(2, "a", count=4, most=9), holdings=[on(1, "a", 0)]),
        "2 waits",
    ),
    "an elastic one grows into what is idle": (
        snapshot(FOUR, [sharing("a")], holdings=[on(1, "a", 0, wanted=3)]),
        "1 grows to 3",
    ),
    "who waits inside the guaranteed comes before who grows": (
        snapshot([big(H200=2)], [sharing("a"), sharing("b", gpus(1))], g(2, "b"), holdings=[on(1, "a", 0, wanted=3)]),
        "2 starts, 1 waits",
    ),
    "what grows stays in its rack": (
        snapshot(
            [big("node", H200=2, labels={"rack": "1"}), big("b", H200=2, labels={"rack": "2"})],
            [sharing("a")],
            holdings=[on(1, "a", 0, wanted=4, topology="rack")],
        ),
        "1 grows to 2",
    ),
    "what grows stays on its node": (
        snapshot(
            [big("node", H200=2), big("b", H200=8)], [sharing("a")], holdings=[on(1, "a", 0, wanted=4, topology="node")]
        ),
        "1 grows to 2",
    ),
    "an elastic one starts with no more devices than one workload may have": (
        snapshot(FOUR, [sharing("a", gpus_per_run_most=3)], g(2, "a", count=1, most=9)),
        "2 starts with 3",
    ),
    "an elastic one grows to no more devices than one workload may have": (
        snapshot(FOUR, [sharing("a", gpus_per_run_most=2)], holdings=[on(1, "a", 0, wanted=4)]),
        "1 grows to 2",
    ),
    "who has as many devices as one may waits": (
        snapshot(FOUR, [sharing("a", gpus_per_run_most=1)], holdings=[on(1, "a", 0, wanted=4)]),
        "1 waits",
    ),
    "one workload at once": (
        snapshot(FOUR, [sharing("a", running_most=1), sharing("b")], g(1, "a"), g(2, "a"), g(3, "b")),
        "1 starts, 3 starts, 2 waits",
    ),
    "who grows is no further workload": (
        snapshot(FOUR, [sharing("a", running_most=2)], g(2, "a"), holdings=[on(1, "a", 0, wanted=2)]),
        "1 grows to 2, 2 starts",
    ),
    "too many devices for one workload": (
        snapshot(FOUR, [sharing("a", gpus_per_run_most=2)], g(1, "a", count=3), g(2, "a", count=2)),
        "1 is refused, 2 starts",
    ),
    "too long, or for how long it does not say": (
        snapshot(
            FOUR, [sharing("a", run_seconds_most=60)], g(1, "a", limit=61), g(2, "a", limit=60), g(3, "a", limit=inf)
        ),
        "1 is refused, 2 starts, 3 is refused",
    ),
}


@pytest.mark.parametrize("name", GROWTH)
def test_growth_and_caps(name: str) -> None:
    given, expected = GROWTH[name]
    assert story(given) == expected


def test_caps_are_said() -> None:
    given = snapshot(
        FOUR,
        [
            sharing("a", running_most=1),
            sharing("b", gpus_per_run_most=2, run_seconds_most=5400),
            sharing("c", run_seconds_most=90),
        ],
        *(g(1, "a"), g(2, "a"), g(3, "b", count=3, limit=60), g(4, "b", limit=5401), g(5, "c")),
    )
    decisions = cycle(given)
    assert [told(decisions, number)[0].detail for number in (2, 3, 4, 5)] == [  # type: ignore[union-attr]
        "Waiting: project a has 1 workload at once already, as many as it may; first in queue.",
        "Refused: needs 3 × H200, a workload of project b may have 2 GPUs. Ask for fewer.",
        "Refused: its time limit of 1 h 30 min 1 s is more than the 1 h 30 min that a workload of project b may run."
        " Ask for less.",
        "Refused: it has no time limit, and a workload of project c may run 1 min 30 s. Set a time limit.",
    ]
