"""Workloads that their owners hold back: outside the line until they are released, and never in anybody's way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.quotas.models import Queue, Workload
from apps.quotas.selectors import pools_with_work
from apps.quotas.selectors.line import place_of, pool_line
from apps.quotas.services.admission import pool_admit
from apps.quotas.services.liveness import liveness_due, liveness_of
from apps.quotas.services.workloads import (
    Hold,
    workload_hold_explain,
    workload_release,
    workload_stop,
    workload_submit,
)
from tests.support.factories.access import UserFactory
from tests.support.factories.quotas import WorkloadFactory, job_spec, make_queue
from tests.support.jobs import Sent, fresh, story

ACTOR = Actor.system("test")
HOLD = Hold("quality_blocked", "Waiting: it is not good enough yet.")


def submit(queue: Queue, hold: Hold | None, **kwargs: Any) -> Workload:
    return workload_submit(
        project=queue.project, spec=job_spec(1, 1), owner_kind="run", owner_id=queue.pk, name="a run",
        requested_by=None, actor=ACTOR, hold=hold, **kwargs,
    )  # fmt: skip


def test_what_is_held_is_not_in_the_line_and_holds_up_nobody(queue: Queue, sent: Sent) -> None:
    held = submit(queue, HOLD, priority=10)
    assert (held.state, held.is_held, held.state_reason, held.state_detail) == (
        "pending", True, HOLD.reason, HOLD.detail,
    )  # fmt: skip
    assert sent == []
    assert pools_with_work() == []
    assert pool_admit(queue.pool_id) == 0
    other = submit(queue, None)
    assert place_of(held) is None
    assert place_of(other).position == 1  # type: ignore[union-attr]
    line = pool_line(queue.pool, UserFactory.create(is_superuser=True)).waiting
    assert [(one.ask.pk, one.ask.is_held, one.place.position) for one in line] == [  # type: ignore[union-attr]
        (other.pk, False, 1), (held.pk, True, 2),
    ]  # fmt: skip
    assert pool_admit(queue.pool_id) == 1
    assert (fresh(other).state, fresh(held).state) == ("admitted", "pending")
    assert fresh(held).state_reason == "quality_blocked"


def test_it_does_not_even_block_a_full_queue(pool: Any) -> None:
    queue = make_queue(pool, cores=1)
    submit(queue, HOLD, priority=10)
    small = submit(queue, None)
    assert pool_admit(pool.pk) == 1
    assert fresh(small).state == "admitted"


def test_released_once_it_starts_by_its_age(queue: Queue, sent: Sent) -> None:
    held = submit(queue, HOLD)
    assert workload_release(held.pk)
    now = fresh(held)
    assert (now.is_held, now.state_reason, now.state_detail, now.created_at) == (False, "", "", held.created_at)
    assert sent == [(queues.ADMIT, str(queue.pool_id)), (queues.WORKLOAD_CHANGED, str(held.pk))]
    assert not workload_release(held.pk)
    assert pool_admit(queue.pool_id) == 1
    assert story(held) == [("admitted", "")]


def test_why_it_is_held_is_said_anew(queue: Queue, sent: Sent) -> None:
    held = submit(queue, HOLD)
    assert not workload_hold_explain(held.pk, HOLD)
    assert workload_hold_explain(held.pk, Hold("quality_blocked", "Waiting: for something else."))
    assert fresh(held).state_detail == "Waiting: for something else."
    workload_release(held.pk)
    assert not workload_hold_explain(held.pk, HOLD)


@pytest.mark.parametrize("reason", ["cancelled_by_user", "input_rejected"])
def test_it_can_be_ended(queue: Queue, reason: str) -> None:
    held = submit(queue, HOLD)
    workload_stop(held, reason=reason, detail="No.", actor=ACTOR)
    now = fresh(held)
    assert (now.state, now.state_reason, now.is_held) == ("cancelled", reason, False)
    assert not workload_release(held.pk)


def test_waiting_for_people_is_not_waiting_too_long(queue: Queue, settings: Any) -> None:
    settings.BEDPLATE_QUEUE_LIMIT_SECONDS = 60
    held = submit(queue, HOLD)
    WorkloadFactory.create(queue=queue)
    Workload.objects.filter(pk=held.pk).update(state_at=clock.db_now() - timedelta(hours=1))
    assert liveness_due() == []
    assert liveness_of(fresh(held)).limit_at is None  # type: ignore[union-attr]
    workload_release(held.pk)
    assert liveness_due() == []
    limit_at = liveness_of(fresh(held)).limit_at  # type: ignore[union-attr]
    assert limit_at is not None
    assert limit_at > clock.db_now()
