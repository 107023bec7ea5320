"""Which reasons make wait and which end; which states hold quota."""

from __future__ import annotations

from apps.quotas.states import CANCELLING, ENDED, LAUNCHED, OCCUPYING, REQUEUED, WAITING, Reason

WAITING_WORDS = """waiting_for_quota waiting_for_capacity waiting_for_approval budget_exhausted quality_blocked
    backing_off preempted reclaimed evicted node_lost no_capacity start_timeout"""
ENDED_WORDS = """completed exit_nonzero out_of_memory time_limit image_pull launch_error lost exceeds_quota
    no_matching_flavor cancelled_by_user approval_denied approval_expired deleted_externally input_rejected scaled_down
    idle queue_timeout environment_failed"""


def test_the_reasons() -> None:
    assert set(WAITING) == set(WAITING_WORDS.split())
    assert set(ENDED) == set(ENDED_WORDS.split())
    assert set(Reason.values) == WAITING | ENDED
    assert not WAITING & ENDED
    assert CANCELLING < ENDED
    assert REQUEUED < WAITING


def test_what_holds_quota_and_what_a_backend_may_know() -> None:
    assert {"admitted", "launching", "running", "stopping"} == OCCUPYING
    assert {"launching", "running", "stopping"} == LAUNCHED
