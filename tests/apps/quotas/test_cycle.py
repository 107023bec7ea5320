"""Cases of admission: what is admitted where, and what waits for what, in which words."""

from __future__ import annotations

import pytest

from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import Admit, Assignment, Decision, Grow, Refuse, Snapshot, Wait
from apps.quotas.states import Reason
from tests.apps.quotas.scheduling import held, node, queue, snapshot, uid, wl
from tests.apps.quotas.test_cycle_refusals import CASES as REFUSED

ONE = Assignment("node")

CASES: dict[str, tuple[Snapshot, list[Decision]]] = {
    "nothing waits, nothing is decided": (snapshot([node()], [queue()]), []),
    "one that fits is admitted": (snapshot([node()], [queue()], wl(1)), [Admit(uid(1), "", (ONE,))]),
    "the older is admitted first when one has room": (
        snapshot([node(cores=1)], [queue()], wl(2), wl(1)),
        [
            Admit(uid(1), "", (ONE,)),
            Wait(
                uid(2),
                "waiting_for_capacity",
                "Waiting: needs 1 core and 1 GiB of memory, no machine has that free now; first in queue.",
            ),
        ],
    ),
    "the higher priority is admitted before the older": (
        snapshot([node(cores=1)], [queue()], wl(1), wl(2, priority=5)),
        [
            Admit(uid(2), "", (ONE,)),
            Wait(
                uid(1),
                "waiting_for_capacity",
                "Waiting: needs 1 core and 1 GiB of memory, no machine has that free now; first in queue.",
            ),
        ],
    ),
    "a used quota is named with its holders": (
        snapshot(
            [node()],
            [queue("credit-risk", cores=2)],
            wl(3, "credit-risk"),
            holdings=[held(1, "credit-risk"), held(2, "credit-risk")],
        ),
        [
            Wait(
                uid(3),
                "waiting_for_quota",
                "Waiting: project credit-risk's quota of 2 cores is used by 2 workloads; first in queue.",
            )
        ],
    ),
    "a quota with too little left says how little": (
        snapshot([node()], [queue(cores=4)], wl(2, cores=2), holdings=[held(1, cores=2.5)]),
        [
            Wait(
                uid(2),
                "waiting_for_quota",
                "Waiting: project vision's quota of 4 cores has 1.5 cores left beside 1 workload, this needs 2 cores;"
                " first in queue.",
            )
        ],
    ),
    "smaller work of the same project does not overtake, where the first would have to wait for it": (
        snapshot([node()], [queue(cores=4)], wl(2, cores=3), wl(3, cores=2), holdings=[held(1, cores=2)]),
        [
            Wait(
                uid(2),
                "waiting_for_quota",
                "Waiting: project vision's quota of 4 cores has 2 cores left beside 1 workload, this needs 3 cores;"
                " first in queue.",
            ),
            Wait(
                uid(3),
                "waiting_for_quota",
                "Waiting: needs 2 cores and 1 GiB of memory; what is left of the quota is kept for what came before.",
            ),
        ],
    ),
    "smaller work of the same project takes what the first will not need": (
        snapshot([node()], [queue(cores=4)], wl(2, cores=3), wl(3, cores=1), holdings=[held(1, cores=2)]),
        [
            Wait(
                uid(2),
                "waiting_for_quota",
                "Waiting: project vision's quota of 4 cores has 2 cores left beside 1 workload, this needs 3 cores;"
                " first in queue.",
            ),
            Admit(uid(3), "", (ONE,)),
        ],
    ),
    "what is like the first is not looked at": (
        snapshot([node()], [queue(cores=4)], wl(2, cores=3), wl(3, cores=3), holdings=[held(1, cores=2)]),
        [
            Wait(
                uid(2),
                "waiting_for_quota",
                "Waiting: project vision's quota of 4 cores has 2 cores left beside 1 workload, this needs 3 cores;"
                " first in queue.",
            ),
            Wait(
                uid(3),
                "waiting_for_quota",
                "Waiting: behind earlier workloads of project vision, which wait for quota.",
            ),
        ],
    ),
    "another project's work fills what is left": (
        snapshot(
            [node(cores=4)],
            [queue("a"), queue("b")],
            wl(2, "a", cores=3),
            wl(3, "b", cores=2),
            holdings=[held(1, "a", cores=2)],
        ),
        [
            Admit(uid(3), "", (ONE,)),
            Wait(
                uid(2),
                "waiting_for_capacity",
                "Waiting: needs 3 cores and 1 GiB of memory, no machine has that free now; first in queue.",
            ),
        ],
    ),
    "a gang starts whole or not at all": (
        snapshot(
            [node(cores=2), node("b", cores=2)],
            [queue("a"), queue("z")],
            wl(2, "z", cores=2, count=2),
            holdings=[held(1, "a")],
        ),
        [
            Wait(
                uid(2),
                "waiting_for_capacity",
                "Waiting: needs 2 members of 2 cores and 1 GiB of memory, there is room for 1 now; first in queue.",
            )
        ],
    ),
    "a gang goes to the fewest machines": (
        snapshot([node("a", cores=2), node("b", cores=4), node("c", cores=3)], [queue(cores=64)], wl(1, count=5)),
        [Admit(uid(1), "", (Assignment("b"),) * 4 + (Assignment("c"),))],
    ),
    "a small one goes to the tightest machine": (
        snapshot([node("a", cores=8), node("b", cores=2)], [queue()], wl(1, cores=2)),
        [Admit(uid(1), "", (Assignment("b"),))],
    ),
    "an elastic one gets what there is, at least its minimum": (
        snapshot([node(cores=3)], [queue()], wl(1, count=2, most=8)),
        [Admit(uid(1), "", (ONE,) * 3)],
    ),
    "GPUs are named by their indices, those in use left out": (
        snapshot(
            [node(H200=4)],
            [queue(gpus=4)],
            wl(2, gpus=1, count=2),
            holdings=[held(1, gpus=1, flavor="H200", on=[("node", (1,))])],
        ),
        [Admit(uid(2), "H200", (Assignment("node", (0,)), Assignment("node", (2,))))],
    ),
    "any kind of GPU means one kind for all members": (
        snapshot([node(cores=64, H200=2, L4=3)], [queue(cores=64, gpus=8)], wl(1, gpus=1, count=3)),
        [Admit(uid(1), "L4", tuple(Assignment("node", (index,)) for index in (2, 3, 4)))],
    ),
    "a machine that is not ready takes nobody, but refuses nobody": (
        snapshot([node(ready=False)], [queue()], wl(1)),
        [Wait(uid(1), "waiting_for_capacity", "Waiting: no machine is ready; first in queue.")],
    ),
    "without machines everybody waits": (
        snapshot([], [queue()], wl(1, cores=400)),
        [
            Wait(
                uid(1),
                "waiting_for_quota",
                "Waiting: project vision's quota of 8 cores has 8 cores left beside 0 workloads, this needs 400 cores;"
                " first in queue.",
            )
        ],
    ),
    "what is held on a machine that is gone still counts against the quota": (
        snapshot([node()], [queue(cores=1)], wl(2), holdings=[held(1, on=[("gone", ())])]),
        [
            Wait(
                uid(2),
                "waiting_for_quota",
                "Waiting: project vision's quota of 1 core is used by 1 workload; first in queue.",
            )
        ],
    ),
    "what runs grows before others start": (
        snapshot([node(cores=3)], [queue()], wl(2), holdings=[held(1, wanted=3)]),
        [
            Grow(uid(1), (ONE,) * 3),
            Wait(
                uid(2),
                "waiting_for_capacity",
                "Waiting: needs 1 core and 1 GiB of memory, no machine has that free now; first in queue.",
            ),
        ],
    ),
    "what runs grows as far as there is room": (
        snapshot([node(cores=2)], [queue()], holdings=[held(1, wanted=5)]),
        [Grow(uid(1), (ONE,) * 2)],
    ),
    "what cannot grow says why": (
        snapshot([node(cores=2)], [queue(cores=1)], holdings=[held(1, wanted=3)]),
        [
            Wait(
                uid(1),
                "waiting_for_quota",
                "1 of 3 members granted. Waiting: project vision's quota of 1 core is used by 1 workload.",
            )
        ],
    ),
    "two kinds allowed for one project, one for the other": (
        snapshot(
            [node(cores=64, H200=1, L4=1)],
            [queue("a", gpus=0, H200=4), queue("b", gpus=4)],
            wl(1, "a", gpus=1),
            wl(2, "a", gpus=1),
            wl(3, "b", gpus=1),
        ),
        [
            Admit(uid(1), "H200", (Assignment("node", (0,)),)),
            Admit(uid(3), "L4", (Assignment("node", (1,)),)),
            Wait(
                uid(2),
                "waiting_for_capacity",
                "Waiting: needs 1 core, 1 GiB of memory and 1 × GPU, no machine has that free now; first in queue.",
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_cycle(name: str) -> None:
    given, expected = CASES[name]
    assert [_plain(decision) for decision in cycle(given)] == expected


def _plain(decision: Decision) -> Decision:
    """Without the moment from which a place is kept: see the cases of reservations."""
    return decision._replace(start_at=None) if isinstance(decision, Wait) else decision


def test_every_reason_is_of_the_closed_list() -> None:
    said = {d.reason for _, expected in (CASES | REFUSED).values() for d in expected if isinstance(d, Wait | Refuse)}
    assert said <= set(Reason.values)
    assert said == {"waiting_for_quota", "waiting_for_capacity", "exceeds_quota", "no_matching_flavor"}
