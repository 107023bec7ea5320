"""Making way meets what happens to the same work at that moment: whoever was first counts, and nothing is half done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from uuid6 import uuid7

from apps.common import clock
from apps.common.audit import Actor
from apps.quotas.models import Workload
from apps.quotas.services.attempts import attempt_observed, attempt_submitted
from apps.quotas.services.preemption import Smaller, Victim, workloads_preempt, workloads_shrink
from tests.apps.quotas.driving import RUNNING, SUCCEEDED, begun, stored
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.quotas import WorkloadFactory, make_pool, make_queue
from tests.support.jobs import admit, fresh, intervals, story

ACTOR = Actor.system("admission")
pytestmark = pytest.mark.django_db(transaction=True)


def preempt(workload: Workload) -> Callable[[], Any]:
    return lambda: workloads_preempt(
        [Victim(workload, "preempted", "", uuid7())], actor=ACTOR, at=clock.db_now()
    )  # fmt: skip


def shrink(workload: Workload) -> Callable[[], Any]:
    return lambda: workloads_shrink([Smaller(workload, 1, uuid7())], actor=ACTOR, at=clock.db_now())


@pytest.mark.parametrize("act", [preempt, shrink])
def test_an_end_that_is_being_written_is_not_overtaken(act: Callable[[Workload], Callable[[], Any]]) -> None:
    workload = admit(WorkloadFactory.create(queue=make_queue(make_pool()), count_min=1, count_max=2))
    attempt = begun(workload)
    attempt_submitted(attempt.pk, count=2)
    attempt_observed(attempt.pk, RUNNING)
    loaded = fresh(workload)
    with transaction.atomic():
        attempt_observed(attempt.pk, SUCCEEDED)
        late = Thread(act(loaded))
        wait_until_blocked()
    assert late.join() == set()
    assert (fresh(workload).state, stored(attempt).outcome) == ("succeeded", "completed")
    assert intervals(workload) == [(2, True, True)]
    assert [state for state, _ in story(workload)] == ["admitted", "launching", "running", "succeeded"]


def test_what_is_being_launched_is_not_taken_for_what_is_only_admitted() -> None:
    """Else its job would start and run without a place that it holds."""
    workload = admit(WorkloadFactory.create(queue=make_queue(make_pool())))
    with transaction.atomic():
        begun(workload)
        late = Thread(preempt(workload))
        wait_until_blocked()
    assert late.join() == set()
    assert (fresh(workload).state, intervals(workload)) == ("launching", [(1, False, False)])


def test_what_makes_way_is_not_launched_by_who_comes_late() -> None:
    workload = admit(WorkloadFactory.create(queue=make_queue(make_pool())))
    with transaction.atomic():
        assert preempt(workload)() == {workload.pk}
        late = Thread(lambda: begun(workload))
        wait_until_blocked()
    assert isinstance(late.join(), AssertionError), "there is nothing to begin any more"
    assert (fresh(workload).state, intervals(workload), fresh(workload).attempts_made) == (
        "pending", [(1, False, True)], 0,
    )  # fmt: skip
