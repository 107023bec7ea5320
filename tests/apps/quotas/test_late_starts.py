"""What does not start in time: why it is given up, where it is not tried again, and what people are told meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.common import clock
from apps.quotas.models import Attempt, Queue, Workload
from apps.quotas.services.attempts import attempt_observed, observation_matters
from apps.quotas.services.liveness import liveness_enforce
from tests.support.factories.quotas import WorkloadFactory
from tests.support.jobs import fresh
from workers.contracts.observation import MemberObservation, Observation, Phase

PLACES = [{"node": name, "devices": []} for name in ("a", "b", "b")]


@pytest.fixture
def late(queue: Queue) -> tuple[Workload, Attempt]:
    """Three members, launched ten minutes ago."""
    workload = WorkloadFactory.create(
        queue=queue, state="launching", count_min=3, count_max=3, count_granted=3, assignments=PLACES
    )
    Workload.objects.filter(pk=workload.pk).update(state_at=clock.db_now() - timedelta(minutes=10))
    attempt = workload.current_attempt()
    Attempt.objects.filter(pk=attempt.pk).update(submitted_at=clock.db_now() - timedelta(minutes=10))
    return fresh(workload), Attempt.objects.select_related("workload").get(pk=attempt.pk)


def _members(*phases: Phase, reason: str = "") -> tuple[MemberObservation, ...]:
    return tuple(
        MemberObservation(index, phase, reason="" if phase == Phase.RUNNING else reason)
        for index, phase in enumerate(phases)
    )


def _seen(attempt: Attempt, phase: Phase, *phases: Phase, reason: str = "", detail: str = "") -> None:
    attempt_observed(attempt.pk, Observation(phase, reason, detail, _members(*phases, reason=reason)))


def test_nodes_on_which_nothing_started_are_avoided_for_a_while(late: tuple[Workload, Attempt]) -> None:
    workload, attempt = late
    _seen(attempt, Phase.PENDING, Phase.PENDING, Phase.RUNNING, Phase.RUNNING)
    before = clock.db_now().timestamp()
    assert liveness_enforce(workload.pk)
    ended = fresh(workload)
    assert (ended.state, ended.state_reason) == ("stopping", "start_timeout")
    [one] = ended.avoids
    assert one["node"] == "a", "on b members ran"
    assert 0 <= one["until"] - before - 1800 < 60


def test_what_nobody_saw_start_is_avoided_as_a_whole_and_what_was_avoided_stays_so(
    late: tuple[Workload, Attempt],
) -> None:
    workload, _ = late
    now = clock.db_now().timestamp()
    kept = {"node": "c", "until": now + 600}
    Workload.objects.filter(pk=workload.pk).update(
        avoids=[kept, {"node": "d", "until": now - 1}, {"node": "b", "until": now + 5}]
    )
    liveness_enforce(workload.pk)
    assert [one["node"] for one in fresh(workload).avoids] == ["c", "a", "b"]
    assert fresh(workload).avoids[0] == kept
    assert fresh(workload).avoids[2]["until"] > now + 1700


@pytest.mark.parametrize("reason", ["image_pull", "launch_error"])
def test_a_job_that_is_to_blame_ends_for_good(late: tuple[Workload, Attempt], reason: str) -> None:
    workload, attempt = late
    _seen(attempt, Phase.PENDING, Phase.PENDING, reason=reason, detail="No such image: acme/none.")
    assert fresh(workload).state_detail == "No such image: acme/none."
    liveness_enforce(workload.pk)
    assert (fresh(workload).state_reason, fresh(workload).state_detail) == (
        reason,
        "It did not start within 300 s. No such image: acme/none.",
    )
    _seen(attempt, Phase.FAILED, Phase.FAILED)
    assert (fresh(workload).state, fresh(workload).state_reason) == ("failed", reason)


def test_people_are_told_why_it_does_not_run_yet(late: tuple[Workload, Attempt], sent: Any) -> None:
    workload, attempt = late
    seen = Observation(Phase.PENDING, "no_capacity", "0/3 nodes are available.", _members(Phase.PENDING))
    now = clock.db_now()
    assert observation_matters(attempt, seen, asked_at=now)
    attempt_observed(attempt.pk, seen)
    assert (fresh(workload).state, fresh(workload).state_detail) == ("launching", "0/3 nodes are available.")
    assert ("control.workload_changed", str(workload.pk)) in sent
    again = Attempt.objects.select_related("workload").get(pk=attempt.pk)
    assert not observation_matters(again, seen, asked_at=now), "nothing new"
    _seen(attempt, Phase.RUNNING, *[Phase.RUNNING] * 3)
    assert (fresh(workload).state, fresh(workload).state_detail) == ("running", "")


@pytest.mark.parametrize(("reason", "losses"), [("evicted", 0), ("node_lost", 0), ("lost", 1), ("", 1)])
def test_what_is_driven_out_is_no_loss_of_ours(late: tuple[Workload, Attempt], reason: str, losses: int) -> None:
    workload, attempt = late
    _seen(attempt, Phase.RUNNING, *[Phase.RUNNING] * 3)
    attempt_observed(attempt.pk, Observation(Phase.LOST, reason, "Its node is gone."))
    ended = fresh(workload)
    attempt.refresh_from_db()
    assert (ended.state, ended.state_reason, ended.losses) == ("pending", "backing_off", losses)
    assert attempt.outcome == (reason or "lost")
