"""Until when something is billed whose end nobody saw in time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.common import clock
from apps.quotas.models import Attempt, Pulse, Queue, UsageRecord
from apps.quotas.services.attempts import attempt_observed
from apps.quotas.services.pulses import last_worked, look_of, pulse_beat
from tests.apps.quotas.driving import FAILED, GONE, LOST, SUCCEEDED, running, stored
from tests.support.factories.quotas import WorkloadFactory
from tests.support.jobs import fresh
from tests.support.ledger import ledger_rewrite
from workers.backends.fake import FakeBackend
from workers.contracts.observation import Observation, Phase
from workers.dispatch.observe import observe_due

EVICTED = Observation(Phase.FAILED, "evicted", "The installation was stopped while it ran.")
NOW = 0
ENDINGS = [SUCCEEDED, FAILED, EVICTED, LOST, GONE]

CASES: dict[str, tuple[int | None, int | None, int]] = {
    # last heartbeat, last look before this one, end of the bill: seconds ago
    "looked at all along, and heard": (3, 2, NOW),
    "we were away; heard last": (600, 603, 595),
    "we were away; seen last": (600, 590, 590),
    "we were away; it never said a word": (None, 590, 590),
    "away for a quarter of a minute is not away": (None, 14, NOW),
    "we were away; heard a moment ago, when the API came back first": (2, 590, NOW),
    "we were away since before it was submitted": (600, 7200, 595),
    "it never said a word since it was submitted, and nobody looked": (None, 7200, 3600),
}


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda seen: f"{seen.phase}-{seen.reason}")
@pytest.mark.parametrize("case", CASES)
def test_an_end_is_billed_until_the_last_sign_of_life(case: str, ending: Observation, queue: Queue) -> None:
    workload, attempt = running(queue)
    now = clock.db_now()
    begin = now - timedelta(seconds=3600)
    beat, look, end = CASES[case]
    ago = [None if one is None else now - timedelta(seconds=one) for one in (beat, look)]
    ledger_rewrite(reserved_at=begin, used_at=begin)
    Attempt.objects.filter(pk=attempt.pk).update(heartbeat_at=ago[0], submitted_at=begin, started_at=begin)
    if case.startswith(("looked at", "away for")) and ending in (LOST, GONE):
        end = {3: 0, None: 14}[beat]  # what vanished was last seen then
    with clock.fixed_at(now):
        assert attempt_observed(attempt.pk, ending, looked_at=ago[1])
    assert UsageRecord.objects.get(workload=workload).closed_at == now - timedelta(seconds=end)
    assert stored(attempt).ended_at == now, "it is proven gone only now"


@pytest.mark.parametrize("ending", [LOST, GONE, EVICTED])
def test_a_bill_never_ends_before_it_began(ending: Observation, queue: Queue) -> None:
    workload, attempt = running(queue)
    long_ago = clock.db_now() - timedelta(days=3)
    Attempt.objects.filter(pk=attempt.pk).update(heartbeat_at=long_ago, submitted_at=long_ago)
    used_at = UsageRecord.objects.get(workload=workload).used_at
    attempt_observed(attempt.pk, ending, looked_at=long_ago)
    record = UsageRecord.objects.get(workload=workload)
    assert record.closed_at == used_at == record.used_at


def test_a_whole_look_is_noted_and_is_what_the_next_end_is_measured_by(queue: Queue, fake: FakeBackend) -> None:
    from_before = clock.db_now() - timedelta(hours=2)
    workload = WorkloadFactory.create(queue=queue, state="running", started_at=from_before)
    attempt = Attempt.objects.get(workload=workload)
    ledger_rewrite(reserved_at=from_before, used_at=from_before)
    Attempt.objects.update(submitted_at=from_before, heartbeat_at=from_before)
    pulse_beat(look_of("fake"))
    fake.cluster.jobs.clear()
    looked_at = last_worked(look_of("fake"))
    assert looked_at is not None
    fake.fail_next("observe")
    observe_due()
    assert last_worked(look_of("fake")) == looked_at, "who could not look has not looked"
    away = timedelta(hours=1)
    _shift(away)
    assert observe_due() == 1
    assert fresh(workload).state == "pending"
    assert UsageRecord.objects.get(workload=workload).closed_at == looked_at - away
    assert stored(attempt).outcome == "lost"
    later = last_worked(look_of("fake"))
    assert later is not None
    assert later > looked_at


def _shift(by: timedelta) -> None:
    """Let the last look be so much longer ago."""
    for pulse in Pulse.objects.all():
        Pulse.objects.filter(pk=pulse.pk).update(at=pulse.at - by)
