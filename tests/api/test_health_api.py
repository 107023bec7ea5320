"""Machines and what is wrong with them over REST, and what is done about idle GPUs."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import User
from apps.common import clock
from apps.quotas.models import IdlePolicy, Node, NodeIncident, Workload
from apps.quotas.services.faults import faults_take
from tests.support.factories.access import UserFactory
from tests.support.factories.quotas import (
    IdlePolicyFactory,
    NodeFactory,
    NodeIncidentFactory,
    ResourcePoolFactory,
    WorkloadFactory,
    make_pool,
    make_queue,
)
from workers.backends.base import DeviceFault

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def root() -> User:
    made: User = UserFactory.create(is_superuser=True, username="root")
    return made


@pytest.fixture
def client(root: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(root)
    return made


def test_a_machine_is_drained_and_works_again(client: APIClient) -> None:
    pool = make_pool(H200=2)
    node = Node.objects.get(pool=pool)
    answer = client.post(f"{API}/nodes/{node.pk}/drain", {"reason": "Dust.", "devices": [1]}, format="json")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["ready"], told["cordoned"], told["drained_at"]) == (True, [1], None)
    [incident] = told["incidents"]
    assert (incident["kind"], incident["devices"], incident["detail"], incident["opened_by"]) == (
        "drained",
        [1],
        "Dust.",
        "root",
    )
    whole = client.post(f"{API}/nodes/{node.pk}/drain", {"reason": "More dust."}, format="json").json()
    assert (whole["ready"], whole["is_up"], whole["drain_reason"]) == (False, True, "More dust.")
    assert whole["drained_at"] is not None
    again = client.post(f"{API}/nodes/{node.pk}/drain", {"reason": "Dust."}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    back = client.post(f"{API}/nodes/{node.pk}/undrain", {"reason": "Cleaned."}, format="json").json()
    assert (back["ready"], back["cordoned"], back["incidents"]) == (True, [], [])
    rows = client.get(f"{API}/incidents", {"node": str(node.pk), "open": "false"}).json()["results"]
    assert [(row["close_reason"], row["closed_by"], row["node_name"]) for row in rows] == [
        ("Cleaned.", "root", "node-0")
    ] * 2


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 501}, {"reason": "Dust.", "devices": [-1]}])
def test_a_drain_without_sense_changes_nothing(client: APIClient, body: dict[str, Any]) -> None:
    node = NodeFactory.create()
    assert client.post(f"{API}/nodes/{node.pk}/drain", body, format="json").status_code == 400
    assert NodeIncident.objects.count() == 0


def test_a_gpu_that_the_machine_does_not_have(client: APIClient) -> None:
    node = NodeFactory.create()
    answer = client.post(f"{API}/nodes/{node.pk}/drain", {"reason": "Dust.", "devices": [3]}, format="json")
    assert (answer.status_code, answer.json()["fields"]) == (400, {"devices": [f"{node.name} has no GPU 3"]})


def test_incidents_are_told_with_their_evidence_and_in_parts(client: APIClient) -> None:
    pool = make_pool(H200=1)
    faults_take(pool.pk, [DeviceFault("node-0", 0, "xid", 1000.0, (79,))])
    [row] = client.get(f"{API}/incidents", {"open": "true", "kind": "xid", "node__pool": str(pool.pk)}).json()[
        "results"
    ]
    assert row["evidence"] == {"uuid": "GPU-0", "mark": 1000.0, "codes": [79]}
    assert (
        row["message"] == [{"code": "fault_xid", "params": {"device": 0, "node": "node-0", "codes": ["79"]}}]
        or row["message"][0]["code"] == "fault_xid"
    )
    assert row["pool"] == str(pool.pk)
    assert client.get(f"{API}/incidents/{row['id']}").json() == row
    assert client.get(f"{API}/incidents", {"open": "false"}).json()["results"] == []
    assert client.get(f"{API}/incidents", {"open": "perhaps"}).status_code == 400


def test_incidents_of_another_organisations_pool_are_not_seen() -> None:
    user = UserFactory.create()
    hidden = NodeIncidentFactory.create(
        node=NodeFactory.create(pool=ResourcePoolFactory.create(organisation=UserFactory.create().organisation))
    )
    seen = NodeIncidentFactory.create()
    client = APIClient()
    client.force_authenticate(user)
    assert [row["id"] for row in client.get(f"{API}/incidents").json()["results"]] == [str(seen.pk)]
    assert client.get(f"{API}/incidents/{hidden.pk}").status_code == 404


def test_the_map_shows_what_is_withheld(client: APIClient) -> None:
    pool = make_pool(H200=2)
    node = Node.objects.get(pool=pool)
    client.post(f"{API}/nodes/{node.pk}/drain", {"reason": "Dust.", "devices": [1]}, format="json")
    [told] = client.get(f"{API}/pools/{pool.pk}/map").json()["nodes"]
    assert [device["cordoned"] for device in told["devices"]] == [False, True]
    assert (told["drained_at"], told["drain_reason"], told["lost_at"]) == (None, "", None)


def test_a_policy_is_set_changed_and_removed(client: APIClient) -> None:
    pool = make_pool()
    queue = make_queue(pool)
    made = client.put(f"{API}/idle-policies", {"pool": str(pool.pk), "action": "warn"}, format="json").json()
    assert {name: made[name] for name in ("queue", "project", "threshold_ratio", "warn_seconds", "kinds")} == {
        "queue": None,
        "project": None,
        "threshold_ratio": 0.05,
        "warn_seconds": 1800,
        "kinds": ["job"],
    }
    own = client.put(
        f"{API}/idle-policies", {"pool": str(pool.pk), "queue": str(queue.pk), "action": "off"}, format="json"
    ).json()
    assert own["project"] == str(queue.project_id)
    changed = client.put(
        f"{API}/idle-policies", {"pool": str(pool.pk), "action": "stop", "kinds": ["job", "serving"]}, format="json"
    ).json()
    assert (changed["id"], changed["action"], changed["kinds"]) == (made["id"], "stop", ["job", "serving"])
    assert client.delete(f"{API}/idle-policies/{own['id']}").status_code == 204
    assert IdlePolicy.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"action": "shout"}, "action"),
        ({"action": "warn", "threshold_ratio": 0}, "threshold_ratio"),
        ({"action": "warn", "warn_seconds": 1}, "warn_seconds"),
        ({"action": "warn", "kinds": ["toy"]}, "kinds"),
        ({}, "action"),
    ],
)
def test_a_policy_without_sense_is_refused(client: APIClient, wrong: dict[str, Any], field: str) -> None:
    answer = client.put(f"{API}/idle-policies", {"pool": str(make_pool().pk), **wrong}, format="json")
    assert (answer.status_code, [name.split(".")[0] for name in answer.json()["fields"]]) == (400, [field])


def test_a_queue_of_another_pool(client: APIClient) -> None:
    queue = make_queue(ResourcePoolFactory.create())
    body = {"pool": str(make_pool().pk), "queue": str(queue.pk), "action": "off"}
    answer = client.put(f"{API}/idle-policies", body, format="json")
    assert (answer.status_code, answer.json()["fields"]) == (400, {"queue": ["is not in the pool local"]})


def test_policies_of_queues_of_others_are_not_seen() -> None:
    shared = IdlePolicyFactory.create()
    queue = make_queue(make_pool())
    IdlePolicyFactory.create(pool=queue.pool, queue=queue)
    client = APIClient()
    client.force_authenticate(UserFactory.create())
    assert [row["id"] for row in client.get(f"{API}/idle-policies").json()["results"]] == [str(shared.pk)]


def test_a_workload_tells_that_it_idles(client: APIClient) -> None:
    workload = WorkloadFactory.create(state="running")
    at = clock.db_now()
    Workload.objects.filter(pk=workload.pk).update(idle_since=at, idle_warned_at=at, idle_stops_at=at)
    for path in (f"{API}/workloads/{workload.pk}", f"{API}/workloads"):
        told = client.get(path).json()
        row = told["results"][0] if "results" in told else told
        assert row["idle_since"] == row["idle_warned_at"] == row["idle_stops_at"] is not None
