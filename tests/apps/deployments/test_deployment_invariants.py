"""What `manage.py verify` says of endpoints and revisions: nothing while all is well, else by name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.common.audit import Actor
from apps.deployments.invariants import CHECKS
from apps.deployments.models import Endpoint, Revision
from apps.deployments.services.endpoints import endpoint_stop
from apps.quotas.models import Workload
from tests.apps.deployments.test_revisions import moved, next_revision, ready, revision_of, serve, workload_of
from tests.support.damage import damage, everything, found, wrong
from tests.support.factories.access import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint() -> Endpoint:
    """One whose first revision was followed by a second, which takes the requests."""
    made = serve()
    first = ready(revision_of(made))
    ready(next_revision(made))
    moved(first, "cancelled", reason="scaled_down")
    return made


def test_endpoints_that_went_through_the_services_are_well(endpoint: Endpoint) -> None:
    assert list(endpoint.revisions.order_by("number").values_list("state", flat=True)) == ["retired", "ready"]
    assert everything(CHECKS) == []
    endpoint_stop(endpoint=endpoint, actor=Actor.user(UserFactory.create()))
    assert everything(CHECKS) == []


def test_a_revision_that_did_not_follow_is_named_once_it_had_the_time(endpoint: Endpoint) -> None:
    revision = revision_of(endpoint, 2)
    damage(
        f"UPDATE quotas_workload SET state = 'failed', state_at = clock_timestamp() WHERE id = '{revision.workload_id}'"
    )
    assert wrong(CHECKS, "revision.workload") == []
    workload = workload_of(revision)
    (finding,) = found(CHECKS, "revision.workload", settled=timedelta())
    assert finding.text == (
        f"revision {revision.pk} is ready, and its workload {workload.pk} is failed since {workload.state_at}"
    )


def test_a_revision_that_ended_before_its_workload_is_named_at_once(endpoint: Endpoint) -> None:
    first = revision_of(endpoint, 1)
    Workload.objects.filter(pk=first.workload_id).update(state="running", count_granted=1)
    assert wrong(CHECKS, "revision.workload") == [
        f"revision {first.pk} is retired, and its workload {first.workload_id} is still running"
    ]


def test_replicas_that_are_not_there_are_named(endpoint: Endpoint) -> None:
    second = revision_of(endpoint, 2)
    Revision.objects.filter(pk=second.pk).update(ready_replicas=3)
    assert wrong(CHECKS, "revision.replicas") == [
        f'revision {second.pk} is ready with weight 100, 3 replicas ready and the addresses ["127.0.0.1:41001"]'
    ]


def test_a_missing_number_is_named(endpoint: Endpoint) -> None:
    Endpoint.objects.update(revisions_made=3)
    assert wrong(CHECKS, "endpoint.revisions") == [
        f"endpoint {endpoint.pk} made 3 revisions; it has 2, the last one number 2"
    ]


@pytest.mark.parametrize("action", ["endpoint.created", "revision.created", "endpoint.stopped"])
def test_what_is_not_in_the_audit_trail_is_named(endpoint: Endpoint, action: str) -> None:
    endpoint_stop(endpoint=endpoint, actor=Actor.user(UserFactory.create()))
    damage(f"DELETE FROM common_auditevent WHERE action = '{action}'")
    noun, verb = action.split(".")
    ids = [endpoint.pk] if noun == "endpoint" else list(endpoint.revisions.values_list("pk", flat=True))
    assert sorted(wrong(CHECKS, f"{noun}.audited.{verb}")) == sorted(
        f"{noun} {pk} has no audit row {action}" for pk in ids
    )
