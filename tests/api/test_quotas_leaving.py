"""What a job learns of why and until when it must leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.common import clock
from apps.quotas.models import Attempt, Workload
from tests.api.test_quotas_runtime import accepted, attempt

__all__ = ["attempt"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("reason", ["preempted", "reclaimed", "evicted"])
def test_a_job_that_makes_way_has_longer_and_is_told_until_when(reason: str, attempt: Attempt) -> None:
    now = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
    Workload.objects.update(state="stopping", state_reason=reason)
    with clock.fixed_at(now):
        before_the_backend = accepted(attempt, "should-stop")
        Attempt.objects.update(stop_sent_at=now - timedelta(seconds=100.5))
        told = accepted(attempt, "heartbeat")
        Attempt.objects.update(stop_sent_at=now - timedelta(seconds=200))
        late = accepted(attempt, "should-stop")
    assert before_the_backend == {
        "should_stop": reason, "grace_seconds": 120, "deadline_at": "2026-05-05T12:02:00Z",
    }  # fmt: skip
    assert told == {"should_stop": reason, "grace_seconds": 20, "deadline_at": "2026-05-05T12:00:19.500000Z"}
    assert late == {"should_stop": reason, "grace_seconds": 0, "deadline_at": "2026-05-05T11:58:40Z"}
