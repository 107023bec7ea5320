"""What jobs call with their attempt token."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from uuid6 import uuid7

from apps.common import clock, queues
from apps.quotas.models import Attempt, LogChunk, Workload
from apps.quotas.selectors.logs import logs_after
from apps.quotas.services import attempt_tokens
from apps.quotas.services.attempt_tokens import issue, verify
from apps.quotas.services.logs import log_append
from tests.support.factories.access import member, token_for
from tests.support.factories.quotas import WorkloadFactory
from tests.support.jobs import Sent, fresh, sent

__all__ = ["sent"]
pytestmark = pytest.mark.django_db
SELF = "/api/v1/runtime/attempts/self"
MAY_STAY = {"should_stop": "", "grace_seconds": 30, "deadline_at": None}
ROUTES = {
    "heartbeat": ("post", {"rank": 0}),
    "logs": ("post", {"rank": 0, "sequence": 0, "text": "x"}),
    "exit": ("post", {"rank": 0, "exit_code": 0}),
    "should-stop": ("get", None),
}


@pytest.fixture
def attempt() -> Attempt:
    """Of a running workload of two members."""
    workload = WorkloadFactory.create(state="running", count_min=2, count_max=2)
    found = workload.current_attempt()
    assert isinstance(found, Attempt)
    return found


def token_of(attempt: Attempt, **life: float) -> str:
    return issue(attempt.pk, clock.now() + timedelta(**(life or {"hours": 1})))


def call(token: str, route: str, body: Any = None) -> Any:
    method, default = ROUTES[route]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    text = json.dumps(body or default)  # plain ASCII: REST framework's own encoder cannot send every string
    return getattr(APIClient(), method)(
        f"{SELF}/{route}",
        **({} if method == "get" else {"data": text, "content_type": "application/json"}),
        headers=headers,
    )


def accepted(attempt: Attempt, route: str, body: Any = None) -> Any:
    answer = call(token_of(attempt), route, body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def stored(attempt: Attempt) -> Attempt:
    found: Attempt = Attempt.objects.get(pk=attempt.pk)
    return found


# Tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
def test_only_the_open_attempt_is_let_in(route: str, attempt: Attempt) -> None:
    good = token_of(attempt)
    assert call(good, route).status_code == 200
    refused = {
        "": "unauthenticated",
        "nonsense": "unauthenticated",
        good[:-4] + "AAAA": "unauthenticated",
        good + "x": "unauthenticated",
        token_for(member(attempt.project)): "unauthenticated",
        token_of(attempt, hours=-1): "attempt_superseded",
        issue(uuid7(), clock.now() + timedelta(hours=1)): "attempt_superseded",
    }
    for token, code in refused.items():
        answer = call(token, route)
        assert (answer.status_code, answer.json()["code"]) == (401, code), token
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    Attempt.objects.update(ended_at=clock.db_now())
    answer = call(good, route)
    assert (answer.status_code, answer.json()["code"]) == (401, "attempt_superseded")


def test_a_person_signed_in_is_no_job(attempt: Attempt) -> None:
    browser = APIClient()
    browser.force_login(member(attempt.project))
    assert browser.get(f"{SELF}/should-stop").status_code == 401


def test_an_attempt_token_opens_nothing_else(attempt: Attempt) -> None:
    headers = {"Authorization": f"Bearer {token_of(attempt)}"}
    assert APIClient().get(f"/api/v1/workloads/{attempt.workload_id}", headers=headers).status_code == 401


def test_a_token_is_signed_over_attempt_and_expiry(attempt: Attempt, settings: Any) -> None:
    good = token_of(attempt)
    assert verify(good) == attempt.pk
    assert len(good) == 79
    assert good.startswith("bpa_")
    for position in range(4, len(good)):
        changed = good[:position] + ("A" if good[position] != "A" else "B") + good[position + 1 :]
        with pytest.raises(attempt_tokens.Unauthenticated):
            verify(changed)
    settings.SECRET_KEY = "another" * 10
    with pytest.raises(attempt_tokens.Unauthenticated):
        verify(good)


# Heartbeat and should-stop --------------------------------------------------------------------------------------


def test_a_heartbeat_keeps_the_last_sample_of_each_member(attempt: Attempt) -> None:
    before = clock.db_now()
    assert accepted(attempt, "heartbeat", {"rank": 0, "cpu_ratio": 0.9}) == MAY_STAY
    accepted(attempt, "heartbeat", {"rank": 1, "cpu_ratio": 0.1, "memory_bytes": 7})
    gpus = [{"index": 0, "utilisation_ratio": 0.5, "memory_bytes": 9}]
    accepted(attempt, "heartbeat", {"rank": 0, "cpu_ratio": 0.3, "gpus": gpus, "dropped_log_lines": 2})
    now = stored(attempt)
    assert now.heartbeat_at is not None
    earlier = datetime.fromisoformat(now.usage["1"]["at"])
    assert before < earlier < now.heartbeat_at
    assert now.usage == {
        "0": {
            "at": now.heartbeat_at.isoformat(),
            "cpu_ratio": 0.3,
            "memory_bytes": 0,
            "gpus": gpus,
            "dropped_log_lines": 2,
        },
        "1": {"at": earlier.isoformat(), "cpu_ratio": 0.1, "memory_bytes": 7, "gpus": [], "dropped_log_lines": 0},
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rank": -1},
        {"rank": 2},
        {"rank": "x"},
        {"rank": 10**30},
        {"rank": 0, "cpu_ratio": -1},
        {"rank": 0, "gpus": [{}]},
    ],
)
def test_a_heartbeat_that_makes_no_sense_is_refused(body: Any, attempt: Attempt) -> None:
    assert call(token_of(attempt), "heartbeat", body or {"cpu_ratio": 1}).status_code == 400
    assert stored(attempt).heartbeat_at is None


def test_a_job_is_told_to_stop_and_why(attempt: Attempt) -> None:
    Workload.objects.update(state="stopping", state_reason="cancelled_by_user")
    for answer in (accepted(attempt, "should-stop"), accepted(attempt, "heartbeat")):
        assert (answer["should_stop"], answer["grace_seconds"]) == ("cancelled_by_user", 30)


def test_a_reason_to_wait_is_no_reason_to_stop(attempt: Attempt) -> None:
    Workload.objects.update(state_reason="waiting_for_quota")
    assert accepted(attempt, "should-stop") == MAY_STAY


def test_the_first_heartbeat_is_a_hint_to_look(attempt: Attempt, sent: Sent) -> None:
    accepted(attempt, "heartbeat")
    assert sent == []
    Workload.objects.update(state="launching")
    accepted(attempt, "heartbeat")
    assert sent == [(queues.OBSERVE, str(attempt.workload_id))]


def test_a_heartbeat_takes_four_statements(attempt: Attempt) -> None:
    token = token_of(attempt)
    with CaptureQueriesContext(connection) as captured:
        call(token, "heartbeat")
    assert len(captured) == 4


# Logs -----------------------------------------------------------------------------------------------------------


def test_a_chunk_is_kept_once_as_it_came_first(attempt: Attempt) -> None:
    for text in ("one\n", "other\n"):
        assert accepted(attempt, "logs", {"rank": 1, "sequence": 7, "text": text, "first_line": 12}) == {}
    [chunk] = LogChunk.objects.all()
    assert (chunk.attempt, chunk.rank, chunk.sequence, chunk.first_line, chunk.output()) == (attempt, 1, 7, 12, "one\n")
    assert (chunk.lines, chunk.size_bytes, chunk.text) == (1, 4, "")


def test_any_character_can_be_printed(attempt: Attempt) -> None:
    accepted(attempt, "logs", {"rank": 0, "sequence": 0, "text": " a\x00b\r\x1b[31m\ud800 配额 \n"})
    assert LogChunk.objects.get().output() == " ab\r\x1b[31m? 配额 \n"


def test_a_chunk_has_a_largest_size(attempt: Attempt) -> None:
    accepted(attempt, "logs", {"rank": 0, "sequence": 0, "text": "x" * (256 * 1024)})
    answer = call(token_of(attempt), "logs", {"rank": 0, "sequence": 1, "text": "é" * (128 * 1024 + 1)})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert LogChunk.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rank": 2},
        {"rank": -1},
        {"sequence": -1},
        {"sequence": 1 << 63},
        {"first_line": 1 << 63},
        {"text": None},
    ],
)
def test_a_chunk_that_makes_no_sense_is_refused(wrong: dict[str, Any], attempt: Attempt) -> None:
    body = {"rank": 0, "sequence": 0, "text": "x", **wrong}
    assert call(token_of(attempt), "logs", body).status_code == 400
    assert LogChunk.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_reader_who_saw_a_chunk_has_seen_all_before_it() -> None:
    """A chunk gets its number only when no chunk with a lower one can still become visible."""
    attempt = WorkloadFactory.create(state="running", count_min=2, count_max=2).current_attempt()
    assert attempt is not None
    holding, release = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            log_append(attempt, rank=0, sequence=0, text="slow", first_line=1)
            holding.set()
            release.wait(10)
        connections.close_all()

    def quick() -> None:
        holding.wait(10)
        log_append(attempt, rank=1, sequence=0, text="quick", first_line=1)
        connections.close_all()

    threads = [threading.Thread(target=slow), threading.Thread(target=quick)]
    for thread in threads:
        thread.start()
    holding.wait(10)
    assert logs_after(attempt.workload).chunks == [], "the quick one waits its turn"
    release.set()
    for thread in threads:
        thread.join()
    assert [chunk.text for chunk in logs_after(attempt.workload).chunks] == ["slow", "quick"]


# Exit -----------------------------------------------------------------------------------------------------------


def test_the_result_is_kept_and_announced_once(attempt: Attempt, sent: Sent) -> None:
    body = {"rank": 0, "exit_code": 0, "reason": "", "result": {"auc": 0.83, "text": "a\x00"}}
    for _ in range(2):
        accepted(attempt, "exit", body)
    accepted(attempt, "exit", {**body, "result": {"auc": 0.1}})
    assert stored(attempt).result == {"auc": 0.83, "text": "a"}
    changed, look = (queues.WORKLOAD_CHANGED, str(attempt.workload_id)), (queues.OBSERVE, str(attempt.workload_id))
    assert sent == [changed, look, look, look]


def test_the_word_of_a_job_ends_nothing(attempt: Attempt) -> None:
    accepted(attempt, "exit", {"rank": 0, "exit_code": 1, "reason": "exit_nonzero"})
    assert (fresh(attempt.workload).state, stored(attempt).ended_at, stored(attempt).result) == ("running", None, None)


def test_only_member_0_has_a_result(attempt: Attempt) -> None:
    accepted(attempt, "exit", {"rank": 1, "exit_code": 0, "result": {"auc": 1}})
    assert stored(attempt).result is None


def test_a_result_has_a_largest_size(attempt: Attempt) -> None:
    answer = call(token_of(attempt), "exit", {"rank": 0, "exit_code": 0, "result": {"x": "y" * (1 << 20)}})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert stored(attempt).result is None


@pytest.mark.parametrize(
    "body",
    [
        {"rank": 0},
        {"rank": 5, "exit_code": 0},
        {"rank": 0, "exit_code": "x"},
        {"rank": 0, "exit_code": 0, "result": [1]},
    ],
)
def test_an_exit_that_makes_no_sense_is_refused(body: Any, attempt: Attempt) -> None:
    assert call(token_of(attempt), "exit", body).status_code == 400
