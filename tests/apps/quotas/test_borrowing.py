"""What is guaranteed, borrowed and lent: small trees with the amounts worked out by hand. All in devices."""

from __future__ import annotations

import pytest

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import Nominate, Snapshot, Wait
from tests.apps.quotas.scheduling import (
    START,
    big,
    cohort,
    gpus,
    held,
    node,
    sharing,
    snapshot,
    story,
    told,
    uid,
    wl,
)
from tests.apps.quotas.test_fair_share import g, on

FOUR = [big(H200=4)]
EIGHT = [big(H200=8)]

LIMITS: dict[str, tuple[Snapshot, str]] = {
    "what is idle is borrowed": (
        snapshot(FOUR, [sharing("a", gpus(1)), sharing("b", gpus(3))], *(g(n, "a") for n in (1, 2, 3, 4))),
        "1 starts, 2 starts, 3 starts, 4 starts",
    ),
    "no more is borrowed than the limit": (
        snapshot(FOUR, [sharing("a", gpus(1, borrow=1)), sharing("b", gpus(3))], *(g(n, "a") for n in (1, 2, 3))),
        "1 starts, 2 starts, 3 waits",
    ),
    "nothing is borrowed where the limit is nothing": (
        snapshot(FOUR, [sharing("a", gpus(1, borrow=0))], *(g(n, "a") for n in (1, 2))),
        "1 starts, 2 waits",
    ),
    # Of b's three one is lent: a has its own and that one.
    "no more is lent than the limit": (
        snapshot(FOUR, [sharing("a", gpus(1)), sharing("b", gpus(3, lend=1))], *(g(n, "a") for n in (1, 2, 3))),
        "1 starts, 2 starts, 3 waits",
    ),
    "what is not lent is there for its owner": (
        snapshot(FOUR, [sharing("a", gpus(1)), sharing("b", gpus(3, lend=0))], *(g(n, "b") for n in (1, 2, 3, 4))),
        "1 starts, 2 starts, 3 starts, 4 starts",
    ),
    # b holds two of the three: it keeps one more, and a gets only its own.
    "what is held of what is not lent is not kept twice": (
        snapshot(
            FOUR,
            [sharing("a", gpus(1)), sharing("b", gpus(3, lend=0))],
            *(g(n, "a") for n in (3, 4)),
            holdings=[on(1, "b", 0, 1)],
        ),
        "3 starts, 4 waits",
    ),
    "a limit over all kinds and one of a kind both hold": (
        snapshot(
            [big(H200=4, L4=4)],
            [sharing("a", gpus(3, borrow=0), gpus(1, "H200", borrow=0))],
            *(g(1, "a"), g(2, "a")),
            *(g(n, "a", kind="L4") for n in (3, 4, 5)),
        ),
        "1 starts, 2 waits, 3 starts, 4 starts, 5 waits",
    ),
    "shares of a device count as such": (
        snapshot(FOUR, [sharing("a", gpus(1, "H200", borrow=0))], *(g(n, "a", share=0.4) for n in (1, 2, 3))),
        "1 starts, 2 starts, 3 waits",
    ),
}

TREES: dict[str, tuple[Snapshot, str]] = {
    # Guaranteed to the team: three, the larger of its own two and its queues' one and two.
    "a team is guaranteed at least what its queues are": (
        snapshot(
            EIGHT,
            [sharing("a", gpus(1), team="t"), sharing("b", gpus(2), team="t"), sharing("c", gpus(5, lend=0))],
            *(g(n, "a") for n in (1, 2, 3, 4)),
            cohorts=[cohort("t", gpus(2, borrow=0))],
        ),
        "1 starts, 2 starts, 3 starts, 4 waits",
    ),
    "what a team is guaranteed includes its queues' and is not on top": (
        snapshot(
            EIGHT,
            [sharing("a", gpus(1), team="t"), sharing("b", gpus(2), team="t")],
            *(g(n, "a") for n in (1, 2, 3, 4, 5)),
            cohorts=[cohort("t", gpus(4, borrow=0))],
        ),
        "1 starts, 2 starts, 3 starts, 4 starts, 5 waits",
    ),
    "queues of a team borrow together": (
        snapshot(
            EIGHT,
            [sharing("a", gpus(1), team="t"), sharing("b", gpus(1), team="t")],
            *(g(1, "a"), g(2, "a"), g(3, "b"), g(4, "b")),
            cohorts=[cohort("t", gpus(2, borrow=1))],
        ),
        "1 starts, 3 starts, 2 starts, 4 waits",
    ),
    "a team without a limit is none": (
        snapshot(
            EIGHT,
            [sharing("a", gpus(1), team="t"), sharing("b", gpus(7))],
            *(g(n, "a") for n in (1, 2, 3)),
            cohorts=[cohort("t")],
        ),
        "1 starts, 2 starts, 3 starts",
    ),
    # Both keep all they have for themselves; the organisation lends what its teams do not keep: nothing.
    "what teams keep, their organisation cannot lend": (
        snapshot(
            EIGHT,
            [sharing("a", gpus(2, lend=0), team="s"), sharing("b", gpus(4, lend=1), team="t"), sharing("c")],
            *(g(n, "c") for n in (1, 2, 3, 4)),
            cohorts=[cohort("org", gpus(6)), cohort("s", gpus(2), within="org"), cohort("t", gpus(4), within="org")],
        ),
        "1 starts, 2 starts, 3 starts, 4 waits",  # two that are nobody's, and one of b's
    ),
    # The team keeps four; a may have all of them, and two that are nobody's.
    "what a team keeps is there for all its queues": (
        snapshot(
            EIGHT,
            [sharing("a", team="t"), sharing("b", gpus(4), team="t"), sharing("c", gpus(2, lend=0))],
            *(g(n, "a") for n in range(1, 8)),
            cohorts=[cohort("t", gpus(4, lend=0))],
        ),
        "1 starts, 2 starts, 3 starts, 4 starts, 5 starts, 6 starts, 7 waits",
    ),
    "what one queue of a team keeps, its sister does not get": (
        snapshot(
            EIGHT,
            [sharing("a", team="t"), sharing("b", gpus(2, lend=0), team="t"), sharing("c", gpus(4, lend=0))],
            *(g(n, "a") for n in range(1, 4)),
            cohorts=[cohort("t")],
        ),
        "1 starts, 2 starts, 3 waits",
    ),
    "a limit below what is held already takes nothing away and gives nothing more": (
        snapshot(
            EIGHT, [sharing("a", gpus(1, borrow=0)), sharing("b")], g(2, "a"), g(3, "b"), holdings=[on(1, "a", 0, 1)]
        ),
        "3 starts, 2 waits",
    ),
}


@pytest.mark.parametrize("name", LIMITS | TREES)
def test_limits(name: str) -> None:
    given, expected = (LIMITS | TREES)[name]
    assert story(given) == expected


LOST: dict[str, tuple[Snapshot, str]] = {
    "what is held on a machine that is lost counts against the limits": (
        snapshot(
            [big("a", H200=4), node("node", ready=False, H200=4)],
            [sharing("v", gpus(4, borrow=0))],
            *(g(n, "v") for n in (2, 3)),
            holdings=[on(1, "v", 0, 1, 2)],
        ),
        "2 starts, 3 waits",
    ),
    # Four are there and three are still held elsewhere: of the seven b keeps three.
    "what is held on a machine that is lost takes nobody's place on others": (
        snapshot(
            [big("a", H200=4), node("node", ready=False, H200=4)],
            [sharing("v"), sharing("b", gpus(3, lend=0))],
            *(g(n, "v") for n in (2, 3)),
            holdings=[on(1, "v", 0, 1, 2)],
        ),
        "2 starts, 3 waits",
    ),
    "no more is kept than there are machines": (
        snapshot([big(H200=2)], [sharing("a"), sharing("b", gpus(4, lend=0))], g(1, "a"), g(2, "b"), g(3, "b")),
        "2 starts, 3 starts, 1 is refused",
    ),
}


@pytest.mark.parametrize("name", LOST)
def test_lost_machines(name: str) -> None:
    given, expected = LOST[name]
    assert story(given) == expected


def test_who_would_have_to_give_back_is_said() -> None:
    queues = [sharing("a", team="t"), sharing("b", gpus(1), team="t"), sharing("c", gpus(3), team="u")]
    given = snapshot(
        [big(H200=8)],
        queues,
        g(3, "b", count=2),
        holdings=[on(1, "a", 0, 1, since=9_900), on(2, "c", 2, 3, 4, 5)],
        cohorts=[cohort("t", gpus(1, borrow=2)), cohort("u", gpus(3))],
    )
    wait = told(cycle(given), 3)[0]
    assert isinstance(wait, Wait)
    assert (wait.reason, wait.detail) == (
        "waiting_for_quota",
        "Waiting: needs 2 × GPU, t has 1 × GPU left for its projects together; first in queue."
        " To start it, 1 × GPU of what a has borrowed must be given back.",
    )


def test_what_the_pool_keeps_is_said() -> None:
    queues = [sharing("a"), sharing("b", gpus(3, "H200", lend=2)), sharing("c")]
    given = snapshot([big(H200=4)], queues, g(2, "a", count=2), holdings=[on(1, "c", 0, 1, ends=12_000)])
    detail = (
        "Waiting: needs 2 × H200, the pool has 1 × H200 left that nobody keeps; first in queue."
        " To start it, 1 × H200 of what c has borrowed must be given back."
    )
    assert list(cycle(given)) == [Wait(uid(2), "waiting_for_quota", detail, START + 12_000)]


def test_who_is_within_what_is_guaranteed_of_all_kinds_has_borrowed_of_none() -> None:
    """b holds the two devices that it is guaranteed; of its kind by name nothing is said."""
    queues = [sharing("a", gpus(2)), sharing("b", gpus(2))]
    given = snapshot([big(H200=4)], queues, g(5, "a", count=2), holdings=[on(1, "b", 0, 1), on(2, "a", 2)])
    wait = told(cycle(given), 5)[0]
    assert isinstance(wait, Wait)
    assert "borrowed" not in wait.detail


def test_what_is_promised_out_of_what_was_kept_makes_room_for_nobody() -> None:
    """a lends none of its four, so the pool's other four are all that b and c may hold, also while b leaves for a."""
    given = snapshot(
        [big("left", H200=4), big("right", H200=4)],
        [sharing("a", gpus(4, lend=0)), sharing("b"), sharing("c")],
        *(wl(3, "a", gpus=4, flavor="H200"), wl(4, "c", gpus=2, flavor="H200")),
        holdings=[held(n, "b", gpus=2, flavor="H200", on=((name, (0, 1)),)) for n, name in ((1, "left"), (2, "right"))],
    )
    decisions = cycle(given)
    assert any(isinstance(decision, Nominate) and decision.assignments for decision in told(decisions, 3))
    assert [type(decision) for decision in told(decisions, 4)] == [Wait]
