"""Cases of admission: what could never run is refused, with what would."""

from __future__ import annotations

import pytest

from apps.common.messages import parts_of
from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import (
    WAITING_FOR_QUOTA,
    Admit,
    Assignment,
    Decision,
    QueueView,
    Refuse,
    Snapshot,
    Wait,
)
from tests.apps.quotas.scheduling import node, queue, sharing, snapshot, uid, wl

ONE = Assignment("node")

CASES: dict[str, tuple[Snapshot, list[Decision]]] = {
    "a refused one blocks nobody": (
        snapshot([node()], [queue(cores=2)], wl(1, cores=3), wl(2, cores=1)),
        [
            Refuse(
                uid(1),
                "exceeds_quota",
                "Refused: needs 3 cores, the largest that could run here is 2 cores."
                " Ask for 2 cores or raise the quota.",
            ),
            Admit(uid(2), "", (ONE,)),
        ],
    ),
    "more GPUs than the quota, in the words of the house": (
        snapshot(
            [node("a", 64, H200=8), node("b", 64, H200=8)],
            [queue(cores=128, gpus=8)],
            wl(1, gpus=1, flavor="H200", count=16),
        ),
        [
            Refuse(
                uid(1),
                "exceeds_quota",
                "Refused: needs 16 × H200, the largest that could run here is 8. Ask for 8 or raise the quota.",
            )
        ],
    ),
    "raising the quota is not advised where no machine has more": (
        snapshot([node(cores=2)], [queue(cores=2)], wl(1, cores=4)),
        [
            Refuse(
                uid(1),
                "exceeds_quota",
                "Refused: needs 4 cores, the largest that could run here is 2 cores. Ask for 2 cores.",
            )
        ],
    ),
    "no quota at all for what is asked": (
        snapshot([node(H200=8)], [QueueView(queue().id, "vision", queue().limits[:2])], wl(1, gpus=1)),
        [
            Refuse(
                uid(1),
                "exceeds_quota",
                "Refused: needs 1 × H200, and project vision has no quota for it. Ask an administrator for quota.",
            )
        ],
    ),
    "a quota of nothing": (
        snapshot([node(H200=8)], [queue()], wl(1, gpus=1, flavor="H200")),
        [
            Refuse(
                uid(1),
                "exceeds_quota",
                "Refused: needs 1 × H200, and project vision's quota has none. Raise the quota.",
            )
        ],
    ),
    "no machine with a GPU": (
        snapshot([node()], [queue(gpus=4)], wl(1, gpus=1)),
        [Refuse(uid(1), "no_matching_flavor", "Refused: needs 1 × GPU, and no machine here has a GPU.")],
    ),
    "no machine with that kind of GPU": (
        snapshot([node(H200=1, L4=1)], [queue(gpus=4)], wl(1, gpus=1, flavor="TPU")),
        [
            Refuse(
                uid(1),
                "no_matching_flavor",
                "Refused: needs 1 × TPU, and no machine here has that kind. Kinds here: H200, L4.",
            )
        ],
    ),
    "a member larger than every machine": (
        snapshot([node(cores=2), node("b", cores=3)], [queue(cores=64)], wl(1, cores=4)),
        [
            Refuse(
                uid(1),
                "no_matching_flavor",
                "Refused: needs 4 cores on one machine, the largest machine here has 3 cores. Ask for 3 cores.",
            )
        ],
    ),
    "a member that would need the best of two machines": (
        snapshot([node(cores=8, memory=1), node("b", cores=1, memory=8)], [queue(cores=64)], wl(1, cores=4, memory=4)),
        [
            Refuse(
                uid(1),
                "no_matching_flavor",
                "Refused: no machine here has 4 cores and 4 GiB of memory together. Ask for less of one of them.",
            )
        ],
    ),
    "a gang larger than all machines": (
        snapshot([node(cores=2), node("b", cores=2)], [queue(cores=64)], wl(1, cores=2, count=3)),
        [
            Refuse(
                uid(1),
                "no_matching_flavor",
                "Refused: needs 3 members of 2 cores and 1 GiB of memory, the machines here can hold 2 at once."
                " Ask for 2 members.",
            )
        ],
    ),
    "a quota per kind holds beside the one over all": (
        snapshot([node(H200=2, L4=2)], [queue(gpus=4, H200=0)], wl(1, gpus=1), wl(2, gpus=1, flavor="H200")),
        [
            Admit(uid(1), "L4", (Assignment("node", (2,)),)),
            Refuse(
                uid(2),
                "exceeds_quota",
                "Refused: needs 1 × H200, and project vision's quota has none. Raise the quota.",
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str) -> None:
    given, expected = CASES[name]
    assert list(cycle(given)) == expected


def test_a_queue_that_may_run_nothing_says_so() -> None:
    (waits,) = cycle(snapshot([node()], [sharing("a", running_most=0)], wl(1, "a")))
    said = "Waiting: project a may have nothing at once, its cap is 0; first in queue."
    assert waits == Wait(uid(1), WAITING_FOR_QUOTA, said)
    assert [part.code for part in parts_of(said)] == ["wait_cap_none"]
