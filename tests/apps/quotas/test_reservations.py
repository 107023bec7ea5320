"""What waits first has its place kept; others pass it where that costs it nothing. Times in seconds after NOW."""

from __future__ import annotations

import pytest

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import Holding, Policy, Snapshot, Wait
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
    story,
    told,
    wl,
)
from tests.apps.quotas.test_fair_share import g, on

EIGHT = [big(H200=8)]
ONE = [sharing("a")]
QUIET = Policy(ageing_points=0, preemption=False)


def until(
    number: int, seconds: float, *devices: int, project: str = "a", node: str = "node", **more: object
) -> Holding:
    """Holds devices and ends in so many seconds at the latest."""
    where = [(node, devices)]
    return held(number, project, gpus=len(devices), flavor="H200", on=where, ends=NOW + seconds, **more)  # type: ignore[arg-type]


def whole(number: int, devices: int = 8, project: str = "a", **more: object) -> object:
    """Wants so many devices of one machine."""
    return wl(number, project, gpus=devices, flavor="H200", **more)  # type: ignore[arg-type]


PASSING: dict[str, tuple[Snapshot, str]] = {
    "who ends before passes": (
        snapshot(EIGHT, ONE, whole(2), g(3, "a", limit=500), holdings=[until(1, 500, 0)]),
        "2 waits, 3 starts",
    ),
    "who ends later does not": (
        snapshot(EIGHT, ONE, whole(2), g(3, "a", limit=501), holdings=[until(1, 500, 0)]),
        "2 waits, 3 waits",
    ),
    "who does not say when it ends does not": (
        snapshot(EIGHT, ONE, whole(2), g(3, "a"), holdings=[until(1, 500, 0)]),
        "2 waits, 3 waits",
    ),
    "nor does another queue's": (
        snapshot(EIGHT, [*ONE, sharing("b")], whole(2, since=1), g(3, "b", priority=-1), holdings=[until(1, 500, 0)]),
        "2 waits, 3 waits",
    ),
    "who ends later takes another machine": (
        snapshot(
            [*EIGHT, big("other", H200=4)],
            ONE,
            whole(2),
            *(g(n, "a") for n in (3, 4, 5, 6, 7)),
            holdings=[until(1, 500, 0)],
        ),
        "2 waits, 3 starts, 4 starts, 5 starts, 6 starts, 7 waits",
    ),
    # It needs six of eight then: two are beside it.
    "who ends later takes what is left beside it": (
        snapshot(EIGHT, ONE, whole(2, 6), *(g(n, "a") for n in (3, 4, 5)), holdings=[until(1, 500, 0, 1, 2, 3)]),
        "2 waits, 3 starts, 4 starts, 5 waits",
    ),
    "what is short and what is beside it go together": (
        snapshot(
            EIGHT,
            ONE,
            whole(2, 6),
            *(g(3, "a", limit=100), g(4, "a"), g(5, "a", limit=100), g(6, "a"), g(7, "a", limit=100)),
            holdings=[until(1, 500, 0, 1, 2, 3)],
        ),
        "2 waits, 3 starts, 4 starts, 5 starts, 6 starts, 7 waits",
    ),
    "cores are kept as well": (
        snapshot(
            [node(cores=8, memory=64)],
            [queue("a", cores=64)],
            *(wl(2, "a", cores=8), wl(3, "a", cores=2, limit=50), wl(4, "a", cores=2)),
            holdings=[held(1, "a", cores=4, ends=NOW + 60)],
        ),
        "2 waits, 3 starts, 4 waits",
    ),
    "a gang has its places kept on all its machines": (
        snapshot(
            [big("x", H200=4), big("y", H200=4), big("z", H200=1)],
            ONE,
            whole(2, 4, count=2),
            *(g(n, "a") for n in (3, 4)),
            holdings=[until(1, 500, 0, node="x")],
        ),
        "2 waits, 3 starts, 4 waits",
    ),
    # What 3 opens is no whole device any more when 2 needs all of them.
    "shares are kept off whole devices that are kept": (
        snapshot(EIGHT, ONE, whole(2), g(3, "a", share=0.1), holdings=[until(1, 500, 0)]),
        "2 waits, 3 waits",
    ),
    # 2 wants ¾ of the device; with 3 beside what stays, there would be only ½.
    "a share has its part of a device kept": (
        snapshot(
            [big(H200=1)],
            ONE,
            *(g(2, "a", share=0.75), g(3, "a", share=0.5), g(4, "a", share=0.5, limit=100)),
            holdings=[on(1, "a", 0, share=0.5, ends=NOW + 500)],
        ),
        "2 waits, 3 waits, 4 starts",
    ),
    # Of the kind that 2 waits for, the node's other kind is no part.
    "kinds on one machine are kept apart": (
        snapshot(
            [big(H200=4, L4=4)],
            ONE,
            *(whole(2, 4), g(3, "a"), g(4, "a", kind="L4"), g(5, "a", kind="L4")),
            holdings=[until(1, 500, 0, 1), held(9, "a", gpus=2, flavor="L4", on=[("node", (4, 5))], ends=NOW + 100)],
        ),
        "2 waits, 3 waits, 4 starts, 5 starts",
    ),
    "where nothing may pass, nothing does": (
        snapshot(
            EIGHT,
            ONE,
            whole(2),
            g(3, "a", limit=10),
            holdings=[until(1, 500, 0)],
            policy=Policy(ageing_points=0, backfill=False),
        ),
        "2 waits, 3 waits",
    ),
    # 3 starts first, for 300 seconds, on devices that 2 waits for: it is reckoned with.
    "what starts in the same cycle is reckoned with": (
        snapshot(
            EIGHT,
            [*ONE, sharing("b")],
            *(whole(2), g(3, "b", priority=1, limit=300), g(4, "a", limit=301), g(5, "a", limit=300)),
            holdings=[until(1, 100, 0)],
        ),
        "3 starts, 2 waits, 4 waits, 5 starts",
    ),
    # At 100 one device of the promised 2 is free, but it is not for 3; at 60 + 200 it is.
    "what is promised is reckoned with": (
        snapshot(
            [big(H200=2)],
            ONE,
            whole(2, 2, limit=200, nominated=[("node", (0, 1))]),
            *(whole(3, 2), g(4, "a", limit=260), g(5, "a", limit=261)),
            holdings=[until(1, 9999, 0, 1, leaving=True, preempted_for=g(2, "a").workload_id)],  # type: ignore[attr-defined]
        ),
        "2 waits, 3 waits, 4 waits, 5 waits",
    ),
}

QUOTAS: dict[str, tuple[Snapshot, str]] = {
    # Four are allowed, two are held until 500, 2 wants three.
    "of a quota who ends before passes": (
        snapshot(
            EIGHT,
            [sharing("a", gpus(4, borrow=0))],
            *(whole(2, 3), whole(3, 2, limit=500), whole(4, 2, limit=500)),
            holdings=[until(1, 500, 0, 1)],
        ),
        "2 waits, 3 starts, 4 waits",
    ),
    "of a quota who ends later takes what is left beside it": (
        snapshot(
            EIGHT,
            [sharing("a", gpus(4, borrow=0))],
            *(whole(2, 3), whole(3, 2), g(4, "a"), g(5, "a", limit=100), g(6, "a", limit=100)),
            holdings=[until(1, 500, 0, 1)],
        ),
        "2 waits, 3 waits, 4 starts, 5 starts, 6 waits",
    ),
    "of a team's quota others of the team take what is left beside it": (
        snapshot(
            EIGHT,
            [sharing("a", team="t"), sharing("b", team="t"), sharing("c")],
            *(whole(2, 3, priority=1), whole(3, 2, "b"), g(4, "b"), g(5, "b"), g(6, "c")),
            holdings=[until(1, 500, 0, 1)],
            cohorts=[cohort("t", gpus(4, borrow=0))],
            policy=QUIET,
        ),
        "2 waits, 3 waits, 4 starts, 5 waits, 6 starts",
    ),
    # b keeps two of the team's four for itself: that a waits for the rest is nothing to it.
    "of what a queue keeps for itself nothing is kept for its sisters": (
        snapshot(
            EIGHT,
            [sharing("a", team="t"), sharing("b", gpus(2, lend=0), team="t")],
            *(whole(2, 2, priority=1), g(3, "b"), g(4, "b"), g(5, "b")),
            holdings=[until(1, 500, 0)],
            cohorts=[cohort("t", gpus(4, borrow=0))],
            policy=QUIET,
        ),
        "2 waits, 3 starts, 4 starts, 5 waits",
    ),
    # When its machine is free, at 500, the team's quota must be as well: 3 would have it for longer.
    "who has machines kept has the quota kept as well": (
        snapshot(
            [*EIGHT, big("other", H200=8)],
            [sharing("a", team="t"), sharing("b", team="t"), sharing("c")],
            *(whole(2, 8, priority=1), g(3, "b"), g(4, "b", limit=500), g(5, "c")),
            holdings=[until(1, 500, 0, project="c"), until(9, 900, *range(4), project="c", node="other")],
            cohorts=[cohort("t", gpus(8, borrow=0))],
            policy=QUIET,
        ),
        "2 waits, 3 waits, 4 starts, 5 starts",
    ),
}


@pytest.mark.parametrize("name", PASSING | QUOTAS)
def test_passing(name: str) -> None:
    given, expected = (PASSING | QUOTAS)[name]
    assert story(given) == expected


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        pytest.param(snapshot(EIGHT, ONE, whole(2), holdings=[until(1, 500, 0)]), 500, id="it ends by its limit"),
        pytest.param(snapshot(EIGHT, ONE, whole(2), holdings=[until(1, -5, 0)]), 60, id="it is beyond its limit"),
        pytest.param(
            snapshot(EIGHT, ONE, whole(2), holdings=[until(1, 500, 0, leaving=True)]), 60, id="it is being stopped"
        ),
        pytest.param(
            snapshot(EIGHT, ONE, whole(2), holdings=[on(1, "a", 0, since=NOW - 1500)]),
            1500,
            id="without a limit it runs on for as long as it has run",
        ),
        pytest.param(
            snapshot(EIGHT, ONE, whole(2), holdings=[on(1, "a", 0, since=NOW - 5)]), 600, id="without, for a while"
        ),
        pytest.param(
            snapshot(EIGHT, ONE, whole(3, 4), holdings=[until(1, 500, 0, 1, 2), until(2, 900, 4, 5, 6)]),
            500,
            id="the first that is enough",
        ),
        pytest.param(
            snapshot(
                EIGHT, ONE, whole(2, 1, share=0.6), holdings=[until(1, 500, *range(1, 8)), until(3, 90, 0, share=0.5)]
            ),
            90,
            id="a share of a device that others share",
        ),
        pytest.param(
            snapshot(EIGHT, [sharing("a", gpus(4, borrow=0))], whole(2, 3), holdings=[until(1, 700, 0, 1)]),
            700,
            id="a quota",
        ),
    ],
)
def test_when_the_place_is_free_at_the_latest(given: Snapshot, seconds: float) -> None:
    wait = told(cycle(given), given.waiting[0].workload_id.int)[0]
    assert isinstance(wait, Wait)
    assert wait.start_at == START + NOW + seconds


def test_what_is_kept_is_said() -> None:
    given = snapshot(EIGHT, ONE, whole(2), g(3, "a"), holdings=[until(1, 500, 0)])
    assert [one.detail for one in cycle(given) if isinstance(one, Wait)] == [
        "Waiting: needs 1 core, 1 GiB of memory and 8 × H200, no machine has that free now; first in queue.",
        "Waiting: needs 1 core, 1 GiB of memory and 1 × H200; what is free now is kept for what came before.",
    ]
