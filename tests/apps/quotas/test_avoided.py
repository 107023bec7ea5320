"""Nodes on which a start took too long: not chosen again for that workload, as long as others could hold it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from apps.common import clock
from apps.quotas.models import Node, Queue, Workload
from apps.quotas.scheduling.cycle import cycle
from apps.quotas.scheduling.snapshot import Admit, Assignment, Refuse, Snapshot, Wait, Waiting
from apps.quotas.scheduling.why import why
from apps.quotas.services.explanations import explanation_of
from tests.apps.quotas.scheduling import NOW, held, node, queue, snapshot, uid, wl
from tests.support.factories.quotas import NodeFactory, WorkloadFactory
from tests.support.jobs import admit, fresh

BUSY = (
    "Waiting: needs 1 core and 1 GiB of memory, no machine has that free now; first in queue."
    " Not on a: its last start there took too long."
)


def avoiding(one: Waiting, *nodes: str) -> Waiting:
    return replace(one, ask=one.ask._replace(avoids=nodes))


def placed(made: Snapshot) -> dict[int, list[str]]:
    return {one.workload_id.int: [at.node for at in one.assignments] for one in cycle(made) if isinstance(one, Admit)}


@pytest.mark.parametrize("most", [1, 2])
def test_it_goes_elsewhere_where_there_is_room(most: int) -> None:
    """One member and many are placed by different ways."""
    nodes = [node("a", cores=2), node("b", cores=8)]
    asked = wl(1, count=most)
    assert set(placed(snapshot(nodes, [queue()], asked))[1]) == {"a"}, "the tightest"
    assert set(placed(snapshot(nodes, [queue()], avoiding(asked, "a")))[1]) == {"b"}


def test_it_waits_for_the_others_rather_than_go_back_and_says_so() -> None:
    nodes = [node("a", cores=1), node("b", cores=1)]
    made = snapshot(nodes, [queue()], avoiding(wl(2), "a"), holdings=[held(1, on=[("b", ())])])
    [said] = cycle(made)
    assert said == Wait(uid(2), "waiting_for_capacity", BUSY, said.start_at)  # type: ignore[union-attr]
    found = why(made, avoiding(wl(2), "a"))
    assert found is not None
    assert (found.kind, found.avoids, found.free[0].members) == ("machines", ("a",), 0)


def test_others_of_its_kind_are_not_held_up_by_what_it_avoids() -> None:
    nodes = [node("a", cores=1), node("b", cores=1)]
    made = snapshot(nodes, [queue()], avoiding(wl(2), "a"), wl(3, since=NOW - 10), holdings=[held(1, on=[("b", ())])])
    assert placed(made) == {3: ["a"]}


@pytest.mark.parametrize("nodes", [[node("a")], [node("a"), node("b", cores=0.5)], [node("a"), node("b", ready=False)]])
def test_where_no_other_could_ever_hold_it_it_goes_back(nodes: list[Any]) -> None:
    made = snapshot(nodes, [queue()], avoiding(wl(1), "a", "gone"))
    others = [one for one in nodes if one.name != "a" and one.cpu_millis >= 1000]
    assert placed(made) == ({} if others else {1: ["a"]})
    assert not any(isinstance(one, Refuse) for one in cycle(made))


def test_with_gpus_and_with_a_part_of_one() -> None:
    nodes = [node("a", H200=1), node("b", H200=4)]
    for asked in (wl(1, gpus=1), wl(1, gpus=1, flavor="H200", share=0.5)):
        made = snapshot(nodes, [queue(gpus=4)], asked)
        assert placed(made)[1] == ["a"]
        assert placed(snapshot(nodes, [queue(gpus=4)], avoiding(asked, "a")))[1] == ["b"]


def test_a_gang_goes_where_all_of_it_has_room() -> None:
    nodes = [node("a", cores=2), node("b", cores=2), node("c", cores=2)]
    made = snapshot(nodes, [queue()], avoiding(wl(1, count=4), "b"))
    assert sorted(placed(made)[1]) == ["a", "a", "c", "c"]
    assert Assignment("b") not in [at for one in cycle(made) if isinstance(one, Admit) for at in one.assignments]


@pytest.mark.django_db
def test_what_is_stored_counts_until_its_time_is_over(queue: Queue) -> None:
    NodeFactory.create(pool=queue.pool, name="node-1")
    now = clock.db_now().timestamp()
    avoids = [{"node": "node-0", "until": now + 600}, {"node": "node-1", "until": now - 1}]
    workload = WorkloadFactory.create(queue=queue)
    Workload.objects.filter(pk=workload.pk).update(avoids=avoids)
    found = explanation_of(fresh(workload))
    assert found.why is not None
    assert found.why.avoids == ("node-0",)
    assert admit(workload).assignments == [{"node": "node-1", "devices": []}]
    Node.objects.filter(name="node-1").update(ready=False)
    again = WorkloadFactory.create(queue=queue)
    Workload.objects.filter(pk=again.pk).update(avoids=[{"node": "node-0", "until": now - 1}])
    assert admit(again).assignments == [{"node": "node-0", "devices": []}]
