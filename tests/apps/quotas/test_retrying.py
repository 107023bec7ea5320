"""Work that is tried again after it failed by itself, where its owner asked for that."""

from __future__ import annotations

from typing import Any

import pytest

from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.quotas.models import Queue, Workload
from apps.quotas.services.attempts import attempt_observed, attempt_submitted
from apps.quotas.services.retrying import RetryPolicy, policy_of
from apps.quotas.services.workloads import workload_stop
from apps.quotas.states import Reason
from tests.apps.quotas.driving import LOST, RUNNING, SUCCEEDED, begun, stored
from tests.support.factories.quotas import WorkloadFactory
from tests.support.jobs import admit, fresh
from workers.contracts.observation import Observation, Phase

CRASHED = Observation(Phase.FAILED, "exit_nonzero", "It ended with 1.")
POLICY = {"reasons": ["exit_nonzero", "environment_failed"], "max_attempts": 3, "backoff_seconds": 4}


def tried(workload: Workload, seen: Observation) -> Workload:
    """Another attempt, which ends as was seen; the workload as it is then."""
    Workload.objects.filter(pk=workload.pk).update(not_before=None)
    attempt = begun(admit(workload))
    attempt_submitted(attempt.pk, count=1)
    attempt_observed(attempt.pk, RUNNING)
    assert attempt_observed(attempt.pk, seen)
    now = fresh(workload)
    now.waited = None if now.not_before is None else (now.not_before - stored(attempt).ended_at).total_seconds()
    return now


def test_it_fails_after_as_many_attempts_as_were_asked_for_and_waits_longer_each_time(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, retries=POLICY)
    first = tried(workload, CRASHED)
    assert (first.state, first.state_reason, first.waited, first.count_granted) == ("pending", "backing_off", 4, 0)
    assert first.state_detail.endswith("Attempt 1 of 3 failed. Tries again in 4 s.")
    assert tried(workload, CRASHED).waited == 8
    last = tried(workload, CRASHED)
    assert (last.state, last.state_reason, last.attempts_made) == ("failed", "exit_nonzero", 3)
    assert [one.outcome for one in workload.attempts.order_by("number")] == ["exit_nonzero"] * 3


def test_an_attempt_that_succeeds_ends_it(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, retries=POLICY)
    tried(workload, CRASHED)
    assert tried(workload, SUCCEEDED).state == "succeeded"


def test_losses_do_not_count_as_its_own_failures(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, retries=POLICY)
    tried(workload, LOST)
    tried(workload, LOST)
    assert tried(workload, CRASHED).state_detail.endswith("Attempt 1 of 3 failed. Tries again in 4 s.")


@pytest.mark.parametrize("retries", [{}, {**POLICY, "reasons": ["out_of_memory"]}], ids=["none", "another"])
def test_what_was_not_asked_for_is_the_end(queue: Queue, retries: dict[str, Any]) -> None:
    workload = WorkloadFactory.create(queue=queue, retries=retries)
    assert tried(workload, CRASHED).state == "failed"


def test_packages_that_cannot_be_installed_are_a_reason_of_their_own(queue: Queue) -> None:
    said = {"exit_code": 1, "result": {"error": {"code": "environment_failed", "detail": "pip: no torch==0"}}}
    seen = Observation(Phase.FAILED, "exit_nonzero", "It ended with 1.", report=said)
    workload = WorkloadFactory.create(queue=queue)
    now = tried(workload, seen)
    assert (now.state, now.state_reason) == ("failed", "environment_failed")
    assert now.state_detail == "It ended with 1. pip: no torch==0"
    again = WorkloadFactory.create(queue=queue, retries=POLICY)
    assert tried(again, seen).state_reason == "backing_off"


def test_what_somebody_stops_is_not_tried_again(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, retries=POLICY)
    attempt = begun(admit(workload))
    attempt_submitted(attempt.pk, count=1)
    attempt_observed(attempt.pk, RUNNING)
    workload_stop(fresh(workload), reason=Reason.CANCELLED_BY_USER, actor=Actor.system("test"))
    assert attempt_observed(attempt.pk, CRASHED)
    assert fresh(workload).state == "cancelled"


def test_a_policy_is_stored_in_one_form_or_not_at_all() -> None:
    assert RetryPolicy(["lost", "exit_nonzero"], 5, 0).to_json() == {
        "reasons": ["exit_nonzero", "lost"],
        "max_attempts": 5,
        "backoff_seconds": 0,
    }
    assert RetryPolicy(["exit_nonzero"], 1).to_json() == RetryPolicy([], 5).to_json() == {}
    assert (RetryPolicy(["lost"], 5).losses, RetryPolicy(["exit_nonzero"], 5).losses) == (5, 3)
    assert policy_of({}) == RetryPolicy()


@pytest.mark.parametrize(
    ("stored_policy", "field"),
    [
        ({"reasons": ["cancelled_by_user"], "max_attempts": 2}, "retries.reasons"),
        ({"reasons": ["exit_nonzero"], "max_attempts": 0}, "retries.max_attempts"),
        ({"reasons": ["exit_nonzero"], "max_attempts": 21}, "retries.max_attempts"),
        ({"reasons": ["exit_nonzero"], "max_attempts": 2, "backoff_seconds": 3601}, "retries.backoff_seconds"),
    ],
    ids=str,
)
def test_what_is_no_policy_is_refused_by_field(stored_policy: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        policy_of(stored_policy)
    assert list(refused.value.fields) == [field]
