"""A what-if from an uploaded trace: asked, answered on its machines, and refused with the line that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.quotas.models import Node, Queue, WhatIf
from apps.quotas.services.what_ifs import what_if_answer
from tests.support.factories.access import ProjectFactory, UserFactory
from tests.support.factories.quotas import make_pool, make_queue

pytestmark = pytest.mark.django_db
HEAD = "cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time,deletion_time,project"
NODES = "sn,cpu_milli,memory_mib,gpu,model\nfirst,64000,65536,1,T4\n"


@pytest.fixture
def vision() -> Queue:
    """Guaranteed two devices of a pool that has two; speech beside it may borrow what is idle."""
    queue = make_queue(make_pool(cores=64, memory=512, H200=2), ProjectFactory.create(name="vision"), gpus=2)
    queue.quotas.exclude(resource="gpus").update(borrowing_limit=None)
    other = make_queue(queue.pool, ProjectFactory.create(name="speech"), cores=0, memory=0, gpus=0)
    other.quotas.update(borrowing_limit=None)
    return queue


@pytest.fixture
def client() -> APIClient:
    made = APIClient()
    made.force_authenticate(UserFactory.create(is_superuser=True, is_staff=True))
    return made


def tasks(*projects: str) -> str:
    """One device each, an hour long, one after the other within ten seconds."""
    rows = [f"1000,1024,1,1000,{at},{at + 3600},{project}" for at, project in enumerate(projects)]
    return "\n".join([HEAD, *rows, ""])


def asked(client: APIClient, queue: Queue, **body: Any) -> Any:
    change = {"kind": "weight", "queue": str(queue.pk), "weight": 2.0}
    wanted = {"basis": "trace", "hours": 1, "changes": [change], **body}
    return client.post(f"/api/v1/pools/{queue.pool_id}/what-if", wanted, format="json")


def answer(client: APIClient, made: Any) -> dict[str, Any]:
    assert made.status_code == 202, made.content
    what_if_answer(made.json()["id"])
    found: dict[str, Any] = client.get(f"/api/v1/what-ifs/{made.json()['id']}").json()
    assert (found["state"], found["basis"]) == ("succeeded", "trace")
    return dict(found["result"])


def test_a_trace_is_played_in_both_worlds_on_the_machines_of_the_pool(vision: Queue, client: APIClient) -> None:
    node = Node.objects.get(pool=vision.pool_id)
    more = {"kind": "add_nodes", "like": str(node.pk), "count": 1}
    names = ("vision", "vision", "vision", "speech", "nobody")
    result = answer(client, asked(client, vision, changes=[more], trace_tasks=tasks(*names)))
    assert (result["arrivals"], result["arrivals_left_out"], result["waiting_now"]) == (4, 1, 0)
    before, after = (sum(one[world]["started"] for one in result["queues"]) for world in ("before", "after"))
    assert (before, after) == (4, 4)
    assert result["before"]["mean_wait_seconds"] > result["after"]["mean_wait_seconds"] > 0


def test_its_own_machines_take_the_place_of_the_pools(vision: Queue, client: APIClient) -> None:
    here = answer(client, asked(client, vision, trace_tasks=tasks("vision", "vision", "vision")))
    there = answer(client, asked(client, vision, trace_tasks=tasks("vision", "vision", "vision"), trace_nodes=NODES))
    assert here["before"]["mean_wait_seconds"] < 60
    assert there["before"]["mean_wait_seconds"] > 60, "one waits until the only device is free"


def test_tasks_without_a_project_come_to_the_queues_in_turn(vision: Queue, client: APIClient) -> None:
    result = answer(client, asked(client, vision, trace_tasks=tasks("", "")))
    assert sorted((one["project_name"], one["before"]["started"]) for one in result["queues"]) == [
        ("speech", 1), ("vision", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "name", "said"),
    [
        ({"trace_tasks": f"{HEAD}\n1,1,x,1,1,1,\n"}, "trace_tasks", "line 2: num_gpu: 'x' is no whole number"),
        ({"trace_tasks": tasks("a"), "trace_nodes": "sn\nx\n"}, "trace_nodes", "line 1: there is no column cpu_milli"),
        ({}, "trace_tasks", "is missing"),
        ({"trace_tasks": tasks("a"), "hours": 0}, "hours", "0 are none"),
        ({"trace_tasks": tasks("a"), "basis": "ledger"}, "trace_tasks", "is of the basis `trace`"),
    ],
)
def test_what_cannot_be_played_is_refused_with_its_line(
    vision: Queue, client: APIClient, body: dict[str, Any], name: str, said: str
) -> None:
    refused = asked(client, vision, **body)
    assert refused.status_code == 400
    assert refused.json()["fields"][name][0].startswith(said)
    assert not WhatIf.objects.exists()


def test_what_is_of_the_present_cannot_be_changed_in_a_trace(vision: Queue, client: APIClient) -> None:
    node = Node.objects.get(pool=vision.pool_id)
    gone = {"kind": "remove_nodes", "nodes": [str(node.pk)]}
    assert asked(client, vision, changes=[gone], trace_tasks=tasks("vision"), trace_nodes=NODES).status_code == 400
    assert asked(client, vision, changes=[gone], trace_tasks=tasks("vision")).status_code == 202
