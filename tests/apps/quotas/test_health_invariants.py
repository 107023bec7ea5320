"""What `manage.py verify` says of machines and idle work: nothing while all is well, else by name."""

from __future__ import annotations

from typing import Any

import pytest

from apps.common.audit import Actor
from apps.quotas.invariants import CHECKS
from apps.quotas.models import Node
from apps.quotas.services.faults import faults_take
from apps.quotas.services.idle_policies import idle_policy_set
from apps.quotas.services.nodes import node_drain, node_undrain
from apps.quotas.services.pools import pool_discover
from tests.apps.quotas.driving import running
from tests.support.damage import damage, everything, wrong
from tests.support.factories.quotas import make_queue
from workers.backends.base import DeviceFault, GpuFacts, NodeFacts

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")
GIB = 1 << 30


@pytest.fixture
def named(settings: Any) -> dict[str, Any]:
    """Three machines: one with a GPU that failed and came back and one withheld, one drained, one lost."""
    settings.BEDPLATE_BACKEND = "fake"
    gpus = tuple(GpuFacts(index, "NVIDIA H200", f"GPU-{index}", 141 * GIB) for index in range(2))
    machines = [NodeFacts(name, 8000, 64 * GIB, gpus) for name in ("box", "drained", "lost")]
    pool = pool_discover("local", "fake", machines)
    workload, _ = running(make_queue(pool))
    faults_take(pool.pk, [DeviceFault("box", 0, "xid", 9.0, (79,)), DeviceFault("box", 1, "ecc", 3)])
    nodes = {node.name: node for node in Node.objects.all()}
    node_undrain(nodes["box"], reason="Reset.", devices=[0], actor=ACTOR)
    node_drain(nodes["drained"], reason="Dust.", actor=ACTOR)
    pool_discover("local", "fake", machines[:2])
    policy = idle_policy_set(pool=pool, action="stop", actor=ACTOR)
    return {"workload": workload.pk, "policy": policy.pk, **{name: node.pk for name, node in nodes.items()}}


def test_what_went_through_the_services_is_well(named: dict[str, Any]) -> None:
    assert everything(CHECKS) == []


DAMAGES = {
    "a cordon without an incident": (
        "UPDATE quotas_node SET cordoned = '[0, 1]' WHERE id = '{box}'",
        "node.withheld",
        "node {box} (box): GPUs [0, 1] are cordoned and drained is False; its incidents say [1] and False",
    ),
    "a drain that was forgotten": (
        "UPDATE quotas_node SET drained_at = NULL, ready = true WHERE id = '{drained}'",
        "node.withheld",
        "node {drained} (drained): GPUs [] are cordoned and drained is False; its incidents say [] and True",
    ),
    "a lost machine that is given work": (
        "UPDATE quotas_node SET ready = true WHERE id = '{lost}'",
        "node.ready",
        "node {lost} (lost) is ready: True; up: False, drained: False, lost: True",
    ),
    "a stop that nobody was warned of": (
        "UPDATE quotas_workload SET idle_stops_at = '2026-01-01 00:00Z' WHERE id = '{workload}'",
        "workload.idle",
        "workload {workload} idles since None, was warned at None and is stopped at 2026-01-01 00:00:00+00:00",
    ),
}


@pytest.mark.parametrize(("sql", "check", "said"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_found_by_name(named: dict[str, Any], sql: str, check: str, said: str) -> None:
    damage(sql.format(**named))
    assert wrong(CHECKS, check) == [said.format(**named)]


def test_a_policy_that_nobody_set_is_found(named: dict[str, Any]) -> None:
    damage(f"UPDATE quotas_idlepolicy SET id = '{named['box']}' WHERE id = '{named['policy']}'")
    assert wrong(CHECKS, "idle_policy.audited.set") != []
