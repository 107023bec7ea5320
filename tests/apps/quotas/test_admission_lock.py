"""Quota has one writer: a cycle that begins meanwhile waits, and then sees what the first one gave away."""

from __future__ import annotations

from typing import Any

import pytest

from apps.quotas.models import Workload
from apps.quotas.services import admission
from apps.quotas.services.admission import pool_admit
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.quotas import WorkloadFactory, make_pool, make_queue


@pytest.mark.django_db(transaction=True)
def test_a_second_cycle_waits_and_sees_what_the_first_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = make_queue(make_pool(cores=64), cores=1)
    WorkloadFactory.create(queue=queue)
    decide, second = admission.cycle, []

    def decide_slowly(snapshot: Any) -> Any:
        monkeypatch.setattr(admission, "cycle", decide)
        # More important work arrives once the first cycle has looked; the second cycle would give it the same core.
        second.append(Thread(lambda: (WorkloadFactory.create(queue=queue, priority=9), pool_admit(queue.pool_id))[1]))
        wait_until_blocked()
        return decide(snapshot)

    monkeypatch.setattr(admission, "cycle", decide_slowly)
    assert pool_admit(queue.pool_id) == 1
    assert second[0].join() == 0
    assert Workload.objects.filter(state="admitted").count() == 1
