"""What is too late is ended for its own reason, what is silent says so; an outage of ours ends nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock, queues
from apps.common.audit import Actor
from apps.quotas.models import Attempt, Pulse, Queue, Workload
from apps.quotas.services.attempts import attempt_observed, attempt_submitted
from apps.quotas.services.liveness import liveness_due, liveness_enforce, liveness_of
from apps.quotas.services.pulses import API, pulse_beat, pulse_stop, works_since
from apps.quotas.services.reports import heartbeat
from apps.quotas.services.workloads import workload_stop
from tests.apps.quotas.driving import FAILED, SUCCEEDED, begun, running, stored
from tests.support.factories.quotas import WorkloadFactory, job_spec, serving_spec
from tests.support.jobs import Sent, admit, fresh, intervals
from workers.contracts.observation import MemberObservation, Observation, Phase

HOUR = timedelta(hours=1)


def reachable(since: timedelta) -> None:
    """The API answers since then, and did a moment ago."""
    Pulse.objects.update_or_create(name=API, defaults={"since": clock.db_now() - since, "at": clock.db_now()})


def heard(attempt: Attempt, ago: timedelta, ran: timedelta = HOUR) -> None:
    """Started so long ago, and last heard of then."""
    at = clock.db_now() - ago
    usage = {"0": {"at": at.isoformat()}}
    Attempt.objects.filter(pk=attempt.pk).update(started_at=clock.db_now() - ran, heartbeat_at=at, usage=usage)


def enforce_all() -> list[bool]:
    return [liveness_enforce(workload_id) for workload_id in liveness_due()]


@pytest.mark.parametrize(
    ("spec", "age", "state"),
    [
        (job_spec(), 299, "launching"),
        (job_spec(), 302, "stopping"),
        (serving_spec(start_timeout_seconds=10), 9, "launching"),
        (serving_spec(start_timeout_seconds=10), 12, "stopping"),
    ],
)
def test_what_does_not_start_in_time_is_stopped_to_start_again(
    spec: Any, age: int, state: str, queue: Queue, sent: Sent
) -> None:
    workload = WorkloadFactory.create(queue=queue, state="launching", spec_object=spec)
    Workload.objects.filter(pk=workload.pk).update(state_at=clock.db_now() - timedelta(seconds=age))
    assert enforce_all() == [True] * (state == "stopping")
    now = fresh(workload)
    assert now.state == state
    if state == "stopping":
        seconds = 300 if spec.kind == "job" else 10
        assert (now.state_reason, now.state_detail) == ("start_timeout", f"It did not start within {seconds} s.")
        assert sent[-1] == (queues.STOP, str(workload.pk))
    assert enforce_all() == []


def test_only_what_launches_can_be_late(queue: Queue) -> None:
    for state in ("pending", "admitted", "stopping"):
        WorkloadFactory.create(queue=queue, state=state, state_at=clock.db_now() - timedelta(days=1))
    assert enforce_all() == []


def test_an_image_may_take_longer_and_the_start_counts_from_when_it_is_there(queue: Queue) -> None:
    workload = admit(WorkloadFactory.create(queue=queue))
    attempt = begun(workload)
    attempt_submitted(attempt.pk, count=1)
    pulls = Observation(Phase.PULLING, members=(MemberObservation(0, Phase.PULLING),))
    assert not attempt_observed(attempt.pk, pulls)
    Workload.objects.filter(pk=workload.pk).update(state_at=clock.db_now() - timedelta(seconds=1000))
    assert enforce_all() == []
    found = liveness_of(fresh(workload))
    assert found is not None
    assert (found.phase, stored(attempt).pulled_at) == ("pulling", None)
    attempt_observed(attempt.pk, Observation(Phase.PENDING, members=(MemberObservation(0, Phase.PENDING),)))
    assert stored(attempt).pulled_at is not None
    assert enforce_all() == [], "it has five minutes from here"
    Attempt.objects.update(pulled_at=clock.db_now() - timedelta(seconds=301))
    assert enforce_all() == [True]
    assert fresh(workload).state_reason == "start_timeout"


def test_an_image_that_never_comes_is_tried_again(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="launching")
    Attempt.objects.update(members=[{"index": 0, "phase": "pulling", "ready": False}])
    Workload.objects.filter(pk=workload.pk).update(state_at=clock.db_now() - timedelta(seconds=1801))
    assert enforce_all() == [True]
    assert fresh(workload).state_detail == "Its image was not there within 1800 s."


def test_who_waits_longer_than_the_installation_lets_is_cancelled(queue: Queue, settings: Any) -> None:
    old, young = WorkloadFactory.create(queue=queue), WorkloadFactory.create(queue=queue)
    Workload.objects.filter(pk=old.pk).update(state_at=clock.db_now() - timedelta(seconds=601))
    assert enforce_all() == [], "there is no limit unless one is set"
    settings.BEDPLATE_QUEUE_LIMIT_SECONDS = 600
    assert enforce_all() == [True]
    now = fresh(old)
    assert (now.state, now.state_reason) == ("cancelled", "queue_timeout")
    assert now.state_detail == "It waited for longer than the limit of 600 s."
    assert fresh(young).state == "pending"


@pytest.mark.parametrize("ending, state", [(FAILED, ("failed", "time_limit")), (SUCCEEDED, ("succeeded", "completed"))])
def test_a_time_limit_holds_where_the_backend_failed_to(
    ending: Observation, state: tuple[str, str], queue: Queue
) -> None:
    workload, attempt = running(queue, spec_object=job_spec(time_limit_seconds=100))
    heard(attempt, timedelta(0), ran=timedelta(seconds=159))
    assert enforce_all() == []
    heard(attempt, timedelta(0), ran=timedelta(seconds=161))
    assert enforce_all() == [True]
    now = fresh(workload)
    assert (now.state, now.state_reason) == ("stopping", "time_limit")
    attempt_observed(attempt.pk, ending)
    assert (fresh(workload).state, fresh(workload).state_reason) == state


def test_a_silence_is_told_after_a_minute_and_taken_back_when_it_ends(queue: Queue, sent: Sent) -> None:
    reachable(HOUR)
    workload, attempt = running(queue)
    heard(attempt, timedelta(seconds=50))
    assert enforce_all() == []
    heard(attempt, timedelta(seconds=70))
    assert enforce_all() == [True]
    now, found = fresh(workload), liveness_of(fresh(workload))
    assert found is not None
    assert (now.state, now.state_reason, found.phase) == ("running", "", "silent")
    assert now.state_detail.startswith(f"Silent: no heartbeat since {found.since:%Y-%m-%d %H:%M:%S} UTC. If it stays")
    assert sent[-1] == (queues.WORKLOAD_CHANGED, str(workload.pk)), "so that a run says it too"
    assert enforce_all() == [], "it is told once"
    heartbeat(Attempt.objects.select_related("workload").get(pk=attempt.pk), rank=0, sample={"cpu_ratio": 1.0})
    assert enforce_all() == [True]
    assert fresh(workload).state_detail == ""
    assert stored(attempt).usage["0"]["at"] == stored(attempt).heartbeat_at.isoformat()


def test_of_a_silence_its_backend_is_heard_too(queue: Queue) -> None:
    """On a cluster: that the nodes of members do not answer."""
    reachable(HOUR)
    workload, attempt = running(queue)
    said = "The node gpu-1 of member 0 does not answer."
    seen = MemberObservation(0, Phase.RUNNING, detail=said)
    attempt_observed(attempt.pk, Observation(Phase.RUNNING, members=(seen,)))
    assert enforce_all() == [], "it is heard of"
    heard(attempt, timedelta(seconds=70))
    assert enforce_all() == [True]
    assert fresh(workload).state_detail.endswith(f" UTC. {said}")
    assert enforce_all() == []


def test_what_is_silent_for_too_long_is_lost_and_tried_again(queue: Queue, sent: Sent) -> None:
    reachable(HOUR)
    workload, attempt = running(queue)
    heard(attempt, timedelta(seconds=901))
    assert enforce_all() == [True]
    assert (fresh(workload).state, fresh(workload).state_reason) == ("stopping", "lost")
    assert sent[-1] == (queues.STOP, str(workload.pk))
    assert intervals(workload) == [(1, True, False)], "it holds its place until it is proven gone"
    attempt_observed(attempt.pk, FAILED)
    now = fresh(workload)
    assert (now.state, now.state_reason, now.losses, stored(attempt).outcome) == ("pending", "backing_off", 1, "lost")
    assert now.state_detail.startswith("No heartbeat since 2")
    assert intervals(workload) == [(1, True, True)]


def test_whose_silent_job_is_stopped_may_still_cancel_it(queue: Queue) -> None:
    reachable(HOUR)
    workload, attempt = running(queue)
    heard(attempt, timedelta(seconds=901))
    enforce_all()
    workload_stop(workload, reason="cancelled_by_user", actor=Actor.system("test"))
    attempt_observed(attempt.pk, FAILED)
    assert (fresh(workload).state, fresh(workload).state_reason) == ("cancelled", "cancelled_by_user")


def test_an_outage_of_ours_ends_nothing(queue: Queue) -> None:
    """Neither while it lasts, nor in the quarter of an hour after it that everybody has to be heard again."""
    workload, attempt = running(queue)
    heard(attempt, timedelta(days=2), ran=timedelta(days=3))
    pulse_beat(API)
    pulse_stop(API)
    assert (works_since(API), enforce_all()) == (None, [])
    Pulse.objects.update(at=clock.db_now() - HOUR, since=clock.db_now() - timedelta(days=9))
    assert (works_since(API), enforce_all()) == (None, []), "nobody tried for an hour: nothing is known"
    pulse_beat(API)
    back = works_since(API)
    assert back is not None
    assert clock.db_now() - back < timedelta(seconds=5), "the gap began the count anew"
    assert enforce_all() == []
    reachable(timedelta(seconds=890))
    assert enforce_all() == [True]
    assert fresh(workload).state == "running"
    reachable(timedelta(seconds=901))
    assert enforce_all() == [True]
    assert fresh(workload).state == "stopping"


def test_beats_without_a_gap_are_one(db: None) -> None:
    pulse_beat(API)
    since = works_since(API)
    pulse_beat(API)
    assert works_since(API) == since is not None
    Pulse.objects.update(at=clock.db_now() - timedelta(seconds=29), since=clock.db_now() - HOUR)
    before = works_since(API)
    pulse_beat(API)
    assert works_since(API) == before


def test_of_a_gang_the_quietest_counts_unless_it_is_done(queue: Queue) -> None:
    reachable(HOUR)
    workload, _ = running(queue, count_min=2, count_max=2)
    now = clock.db_now()
    heard_of = {"0": {"at": now.isoformat()}, "1": {"at": (now - timedelta(seconds=901)).isoformat()}}
    members = [{"index": 0, "phase": "running"}, {"index": 1, "phase": "succeeded"}]
    Attempt.objects.update(usage=heard_of, heartbeat_at=now, started_at=now - HOUR, members=members)
    assert enforce_all() == []
    members[1]["phase"] = "running"
    Attempt.objects.update(members=members)
    assert enforce_all() == [True]
    assert (fresh(workload).state, fresh(workload).state_reason) == ("stopping", "lost")


def test_replicas_that_answer_are_not_ended_for_their_silence(queue: Queue) -> None:
    reachable(HOUR)
    workload, attempt = running(queue, spec_object=serving_spec())
    heard(attempt, timedelta(seconds=2000))
    Attempt.objects.update(members=[{"index": 0, "phase": "running", "ready": True}])
    assert enforce_all() == [True]
    assert fresh(workload).state == "running"
    assert fresh(workload).state_detail.startswith("Silent: no heartbeat since ")
    Attempt.objects.update(members=[{"index": 0, "phase": "running", "ready": False}])
    assert enforce_all() == [True]
    assert (fresh(workload).state, fresh(workload).state_reason) == ("stopping", "lost")


def test_what_is_over_has_no_phase(queue: Queue) -> None:
    workload = WorkloadFactory.create(queue=queue, state="succeeded")
    assert liveness_of(workload) is None
    assert not liveness_enforce(workload.pk)


def test_those_who_are_well_cost_two_queries_together(queue: Queue) -> None:
    reachable(HOUR)
    for _ in range(5):
        _, attempt = running(queue)
        heard(attempt, timedelta(0))
    with CaptureQueriesContext(connection) as captured:
        assert liveness_due() == []
    assert len(captured) == 2
    Attempt.objects.update(heartbeat_at=clock.db_now() - timedelta(seconds=70), usage={})
    with CaptureQueriesContext(connection) as captured:
        assert len(liveness_due()) == 5
    assert len(captured) == 5
