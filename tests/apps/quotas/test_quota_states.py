"""The state table and the reasons are those of the plan of the house, word for word."""

from __future__ import annotations

from apps.quotas.states import CANCELLING, ENDED, LAUNCHED, OCCUPYING, REQUEUED, WAITING, WORKLOAD, Reason

TABLE = {
    "pending": "admitted cancelled failed",
    "admitted": "launching pending cancelled",
    "launching": "running pending stopping succeeded failed",
    "running": "stopping succeeded failed pending",
    "stopping": "pending cancelled succeeded failed",
    "succeeded": "",
    "failed": "",
    "cancelled": "",
}
WAITING_WORDS = """waiting_for_quota waiting_for_capacity waiting_for_approval budget_exhausted quality_blocked
    backing_off preempted reclaimed evicted node_lost no_capacity start_timeout"""
ENDED_WORDS = """completed exit_nonzero out_of_memory time_limit image_pull launch_error lost exceeds_quota
    no_matching_flavor cancelled_by_user approval_denied approval_expired deleted_externally scaled_down idle"""


def test_the_table() -> None:
    assert WORKLOAD.steps == {state: frozenset(to.split()) for state, to in TABLE.items()}
    assert WORKLOAD.initial == "pending"
    assert WORKLOAD.terminal == {"succeeded", "failed", "cancelled"}


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
