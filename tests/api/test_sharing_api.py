"""How a pool is shared, over REST: the tree in numbers, changes at once and changes that somebody else decides."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import ApprovalRequest, User
from apps.access.services.approvals import approval_approve, approval_request
from apps.access.services.commands import command_names
from apps.common.audit import Actor
from apps.common.models import AuditEvent
from apps.quotas.models import Cohort, PriorityClass, Queue, Quota, ResourceFlavor, ResourcePool
from apps.quotas.services.approvals import approval_apply
from apps.quotas.services.commands import CHANGES
from tests.support.factories.access import UserFactory, member
from tests.support.factories.quotas import (
    CohortFactory,
    PriorityClassFactory,
    QueueFactory,
    QuotaFactory,
    WorkloadFactory,
    job_spec,
    make_pool,
    make_queue,
)
from workers.tasks.owners import COMMANDS

pytestmark = pytest.mark.django_db
API = "/api/v1"


def client(user: User) -> APIClient:
    found = APIClient()
    found.force_authenticate(user)
    return found


@pytest.fixture
def root() -> User:
    return UserFactory.create(username="root", is_superuser=True)


@pytest.fixture
def other() -> User:
    return UserFactory.create(username="other", is_superuser=True)


@pytest.fixture
def pool() -> ResourcePool:
    return make_pool(H200=8)


@pytest.fixture
def careful(pool: ResourcePool, root: User, other: User) -> ResourcePool:
    """A pool of which a second person decides changes."""
    ResourcePool.objects.filter(pk=pool.pk).update(changes_need_approval=True)
    pool.refresh_from_db()
    return pool


def quota(node: Queue | Cohort, resource: str, nominal: int, flavor: str = "", **limits: Any) -> Quota:
    of = {"queue": None, "cohort": node} if isinstance(node, Cohort) else {"queue": node}
    return QuotaFactory.create(**of, resource=resource, flavor=flavor, nominal=nominal, **limits)


def amounts(node: dict[str, Any], flavor: str = "") -> dict[str, Any]:
    return next(one for one in node["amounts"] if one["resource"] == "gpus" and one["flavor"] == flavor)


def tree(user: User, pool: ResourcePool) -> dict[str, Any]:
    answer = client(user).get(f"{API}/pools/{pool.pk}/cohorts")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_tree_says_who_borrows_and_who_lends(pool: ResourcePool, root: User) -> None:
    research = CohortFactory.create(pool=pool, name="research", weight=2.0)
    vision = CohortFactory.create(pool=pool, name="vision", parent=research)
    a, b, c = (QueueFactory.create(pool=pool, cohort=vision if n < 2 else research) for n in range(3))
    quota(research, "gpus", 6, borrowing_limit=2, lending_limit=1)
    quota(a, "gpus", 2, borrowing_limit=None)
    quota(b, "gpus", 3, weight=0.5)
    quota(c, "gpus", 0, borrowing_limit=None)
    WorkloadFactory.create(queue=a, state="running", spec_object=job_spec(gpus=3), flavor_granted="H200")
    WorkloadFactory.create(queue=c, state="running", spec_object=job_spec(gpus=1), flavor_granted="H200")
    WorkloadFactory.create(queue=c)
    found = tree(root, pool)
    by_name = {one["name"]: amounts(one) for one in found["cohorts"]}
    assert [one["name"] for one in found["cohorts"]] == ["research", "vision"], "a parent comes first"
    leaves = {one["id"]: one for one in found["queues"]}
    at = {name: amounts(leaves[str(queue.pk)]) for name, queue in (("a", a), ("b", b), ("c", c))}

    def numbers(one: dict[str, Any]) -> tuple[Any, ...]:
        return one["nominal"], one["subtree_nominal"], one["reserved"], one["borrowed"], one["lent"]

    assert numbers(at["a"]) == (2, 2, 3, 1, 0)
    assert numbers(at["b"]) == (3, 3, 0, 0, 1), "what its sibling lacks, out of its idle three"
    assert numbers(at["c"]) == (0, 0, 1, 1, 0)
    assert numbers(by_name["vision"]) == (None, 5, 3, 0, 0), "the sixth of research belongs to nobody: c has it"
    assert numbers(by_name["research"]) == (6, 6, 4, 0, 0)
    root_gpus = amounts(found)
    assert (root_gpus["capacity"], root_gpus["subtree_nominal"], root_gpus["reserved"]) == (8, 6, 4)
    assert (at["a"]["weight"], at["b"]["weight"], by_name["research"]["weight"]) == (1.0, 0.5, 2.0)
    assert (by_name["research"]["borrowing_limit"], by_name["research"]["lending_limit"]) == (2, 1)
    assert (leaves[str(c.pk)]["running"], leaves[str(c.pk)]["waiting"]) == (1, 1)


def test_guarantees_beyond_what_there_is_are_warned_of(pool: ResourcePool, root: User) -> None:
    cohort = CohortFactory.create(pool=pool)
    quota(cohort, "gpus", 4)
    quota(QueueFactory.create(pool=pool, cohort=cohort), "gpus", 5)
    quota(QueueFactory.create(pool=pool), "gpus", 3)
    found = tree(root, pool)
    assert (amounts(found)["warning"], amounts(found["cohorts"][0])["warning"]) == (None, "exceeds_parent")
    quota(QueueFactory.create(pool=pool), "gpus", 1)
    assert amounts(tree(root, pool))["warning"] == "exceeds_capacity"


def test_parts_of_devices_count_as_parts_and_have_no_row_of_their_own(pool: ResourcePool, root: User) -> None:
    answer = client(root).post(
        f"{API}/flavors", {"share_of": str(ResourceFlavor.objects.get().pk), "share_millis": 250}
    )
    assert answer.status_code == 201
    told = answer.json()
    assert (told["name"], told["share_millis"], told["isolated"]) == ("H200/4", 250, False)
    queue = make_queue(pool, gpus=2)
    asked = {"flavor": "H200", "gpu_millis": 250, "flavor_granted": "H200"}
    WorkloadFactory.create(queue=queue, state="running", spec_object=job_spec(gpus=1), **asked)
    found = tree(root, pool)
    assert [one["flavor"] for one in found["amounts"] if one["resource"] == "gpus"] == ["", "H200"]
    assert amounts(found["queues"][0])["reserved"] == amounts(found["queues"][0], "H200")["reserved"] == 0.25


def test_machines_that_take_nobody_are_no_capacity(pool: ResourcePool, root: User) -> None:
    pool.nodes.update(ready=False)
    assert amounts(tree(root, pool))["capacity"] == 0


def test_of_projects_that_are_not_seen_the_numbers_are_told(pool: ResourcePool, root: User) -> None:
    mine, theirs = make_queue(pool, gpus=1), make_queue(pool, gpus=3)
    user = member(mine.project, "viewer")
    queues = tree(user, pool)["queues"]
    assert [(one["visible"], one["id"], one["project_name"]) for one in queues] == [
        (True, str(mine.pk), mine.project.name),
        (False, None, None),
    ]
    assert (amounts(queues[1])["nominal"], amounts(queues[1])["quota"]) == (3, None)
    assert str(theirs.pk) not in str(queues)


def test_a_cohort_is_made_moved_and_removed(pool: ResourcePool, root: User) -> None:
    made = client(root).post(f"{API}/cohorts", {"pool": str(pool.pk), "name": "research"})
    below = client(root).post(
        f"{API}/cohorts", {"pool": str(pool.pk), "name": "vision", "parent": made.json()["id"], "weight": 0}
    )
    assert (made.status_code, below.status_code, below.json()["weight"]) == (201, 201, 0)
    cycle = client(root).patch(f"{API}/cohorts/{made.json()['id']}", {"parent": below.json()["id"]})
    assert (cycle.status_code, cycle.json()["fields"]) == (
        400,
        {"parent": ["vision is below research, so it cannot be above it"]},
    )
    blocked = client(root).delete(f"{API}/cohorts/{made.json()['id']}")
    assert (blocked.status_code, blocked.json()["detail"]) == (409, "research has 1 cohort below it: move them first.")
    moved = client(root).patch(f"{API}/cohorts/{below.json()['id']}", {"parent": None}, format="json")
    assert (moved.status_code, moved.json()["parent"]) == (200, None)
    assert client(root).delete(f"{API}/cohorts/{made.json()['id']}").status_code == 204
    assert Cohort.objects.get().name == "vision"


def test_a_queue_is_put_into_a_cohort_with_caps(pool: ResourcePool, root: User) -> None:
    queue, cohort = make_queue(pool), CohortFactory.create(pool=pool, name="vision")
    wanted = {"cohort": str(cohort.pk), "weight": 0.25, "running_most": 4, "run_seconds_most": 3600}
    told = client(root).patch(f"{API}/queues/{queue.pk}", wanted).json()
    assert {name: told[name] for name in wanted} == wanted
    assert (told["cohort_name"], told["gpus_per_run_most"]) == ("vision", None)
    foreign = client(root).patch(f"{API}/queues/{queue.pk}", {"cohort": str(CohortFactory.create(name="x").pk)})
    assert (foreign.status_code, foreign.json()["fields"]) == (400, {"cohort": ["x is no cohort of local"]})


def test_a_quota_takes_limits_and_goes(pool: ResourcePool, root: User) -> None:
    cohort = CohortFactory.create(pool=pool)
    wanted = {"cohort": str(cohort.pk), "resource": "gpus", "nominal": 4, "borrowing_limit": None, "lending_limit": 2}
    told = client(root).put(f"{API}/quotas", wanted, format="json").json()
    assert told | wanted == told
    assert (told["queue"], told["weight"]) == (None, None)
    refused = client(root).put(f"{API}/quotas", {**wanted, "nominal": 1}, format="json")
    assert (refused.status_code, refused.json()["fields"]) == (
        400,
        {"lending_limit": ["2 is more than the nominal 1 that it owns"]},
    )
    for owners in ({}, {"cohort": str(cohort.pk), "queue": str(make_queue(pool).pk)}):
        both = client(root).put(f"{API}/quotas", {"resource": "gpus", "nominal": 1, **owners})
        assert (both.status_code, list(both.json()["fields"])) == (400, ["queue"])
    assert client(root).delete(f"{API}/quotas/{told['id']}").status_code == 204
    assert not cohort.quotas.exists()


def test_a_policy_and_priorities_are_changed(pool: ResourcePool, root: User) -> None:
    told = client(root).patch(f"{API}/pools/{pool.pk}", {"half_life_seconds": 3600, "backfill": False}).json()
    assert (told["half_life_seconds"], told["backfill"], told["preemption"]) == (3600, False, True)
    out = client(root).patch(f"{API}/pools/{pool.pk}", {"half_life_seconds": 1})
    assert (out.status_code, list(out.json()["fields"])) == (400, ["half_life_seconds"])
    made = (
        client(root)
        .post(f"{API}/priority-classes", {"name": "urgent", "value": 5, "preemption": "lower_priority"})
        .json()
    )
    changed = client(root).patch(f"{API}/priority-classes/{made['id']}", {"value": 6}).json()
    assert (changed["value"], changed["preemption"]) == (6, "lower_priority")


def test_every_command_is_known_everywhere() -> None:
    assert set(CHANGES) <= set(command_names())
    assert set(CHANGES) <= set(COMMANDS)


def decide(asked: dict[str, Any], other: User) -> ApprovalRequest:
    approval = ApprovalRequest.objects.get(pk=asked["approval"]["id"])
    approval_approve(approval=approval, decided_by=other, actor=Actor.user(other))
    approval_apply(approval.pk)
    approval.refresh_from_db()
    return approval


def test_a_quota_that_a_second_person_decides(careful: ResourcePool, root: User, other: User) -> None:
    queue = make_queue(careful, gpus=1)
    wanted = {"queue": str(queue.pk), "resource": "gpus", "nominal": 4, "comment": "for the demo"}
    answer = client(root).put(f"{API}/quotas", wanted)
    assert (answer.status_code, answer.json()["approval"]["state"]) == (202, "pending")
    approval = ApprovalRequest.objects.get()
    assert (approval.command, approval.project, approval.comment) == ("quota.set", queue.project, "for the demo")
    assert Quota.objects.get(queue=queue, resource="gpus").nominal == 1
    assert not AuditEvent.objects.filter(action="quota.set").exists()
    own = client(root).post(f"{API}/approvals/{approval.pk}/approve", {})
    assert own.status_code == 403
    assert decide(answer.json(), other).outcome == "gpus is 4 now."
    assert Quota.objects.get(queue=queue, resource="gpus").nominal == 4
    assert AuditEvent.objects.get(action="quota.set").actor_name == "other"


def test_a_cohort_of_a_careful_pool_belongs_to_no_project(careful: ResourcePool, root: User, other: User) -> None:
    cohort = CohortFactory.create(pool=careful, name="vision")
    asked = client(root).patch(f"{API}/cohorts/{cohort.pk}", {"weight": 3})
    assert asked.status_code == 202
    approval = ApprovalRequest.objects.get()
    assert (approval.project, approval.organisation, approval.arguments) == (
        None,
        None,
        {"cohort": str(cohort.pk), "weight": 3.0, "of": "vision"},
    )
    told = client(other).get(f"{API}/approvals/{approval.pk}").json()
    assert (told["project"], told["project_name"], told["may_decide"]) == (None, None, True)
    viewer = member(make_queue(careful).project, "admin")
    assert client(viewer).get(f"{API}/approvals/{approval.pk}").status_code == 404
    assert client(other).post(f"{API}/approvals/{approval.pk}/approve", {}).status_code == 200
    approval_apply(approval.pk)
    assert Cohort.objects.get(pk=cohort.pk).weight == 3


def test_what_would_be_refused_is_refused_before_it_is_asked_for(careful: ResourcePool, root: User) -> None:
    cohort = CohortFactory.create(pool=careful, name="vision")
    below = CohortFactory.create(pool=careful, name="robots", parent=cohort)
    answer = client(root).patch(f"{API}/cohorts/{cohort.pk}", {"parent": str(below.pk)})
    assert (answer.status_code, ApprovalRequest.objects.count()) == (400, 0)


def test_rules_are_looked_at_again_when_it_is_applied(careful: ResourcePool, root: User, other: User) -> None:
    cohort = CohortFactory.create(pool=careful, name="vision")
    asked = client(root).delete(f"{API}/cohorts/{cohort.pk}")
    assert asked.status_code == 202
    QueueFactory.create(pool=careful, cohort=cohort)
    assert decide(asked.json(), other).outcome == "Refused: vision has 1 queue below it: move them first."
    assert Cohort.objects.filter(pk=cohort.pk).exists()


def test_priorities_are_decided_by_two_where_any_pool_wants_that(
    careful: ResourcePool, root: User, other: User
) -> None:
    named = PriorityClassFactory.create(name="urgent", value=5)
    asked = client(root).patch(f"{API}/priority-classes/{named.pk}", {"value": 9})
    assert asked.status_code == 202
    decide(asked.json(), other)
    assert PriorityClass.objects.get(pk=named.pk).value == 9


def test_nobody_alone_ends_that_a_second_person_decides(careful: ResourcePool, root: User, other: User) -> None:
    asked = client(root).patch(f"{API}/pools/{careful.pk}", {"changes_need_approval": False})
    assert (asked.status_code, ResourcePool.objects.get().changes_need_approval) == (202, True)
    decide(asked.json(), other)
    assert not ResourcePool.objects.get().changes_need_approval


def test_a_project_asks_for_nothing_that_is_not_its_own(pool: ResourcePool, other: User) -> None:
    queue, cohort = make_queue(pool), CohortFactory.create(pool=pool)
    user = member(queue.project, "editor")
    approval = approval_request(
        project=queue.project,
        command="cohort.change",
        arguments={"cohort": str(cohort.pk), "weight": 9},
        requested_by=user,
        actor=Actor.user(user),
    )
    assert decide({"approval": {"id": approval.pk}}, other).outcome == "Refused: The project has no such queue."
    assert Cohort.objects.get(pk=cohort.pk).weight == 1


@pytest.mark.parametrize(
    ("command", "arguments", "sentence"),
    [
        ("cohort.change", {}, "cohort.change: cohort is missing"),
        ("cohort.change", {"cohort": "x"}, "cohort is not an id"),
        ("queue.change", {"queue": "0198c0de-0000-7000-8000-000000000000", "weight": "1"}, "weight is not a number"),
        ("quota.set", {"queue": "0198c0de-0000-7000-8000-000000000000", "resource": "gpus"}, "nominal is missing"),
        ("pool.change", {"pool": "0198c0de-0000-7000-8000-000000000000", "name": "x"}, "name is unknown"),
        ("priority_class.create", {"name": "a", "value": True}, "value is not a whole number"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    pool: ResourcePool, command: str, arguments: dict[str, Any], sentence: str
) -> None:
    project = make_queue(pool).project
    asked = {"project": str(project.pk), "command": command, "arguments": arguments}
    answer = client(member(project, "editor")).post(f"{API}/approvals", asked, format="json")
    assert (answer.status_code, sentence in answer.json()["detail"]) == (400, True)
