"""What a job says it runs in: as the wrapper sends it, also without a Python; the first that comes is kept."""

from __future__ import annotations

import json
import platform
import sys
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.common import clock
from apps.quotas.models import Attempt
from apps.quotas.services.attempt_tokens import issue
from tests.support.factories.quotas import WorkloadFactory
from workers.runtime.wrapper_facts import probed, report_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def attempt() -> Attempt:
    found = WorkloadFactory.create(state="running").current_attempt()
    assert isinstance(found, Attempt)
    return found


def told(attempt: Attempt, report: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {issue(attempt.pk, clock.now() + timedelta(hours=1))}"}
    body = json.dumps({"rank": 0, **report})
    path = "/api/v1/runtime/attempts/self/environment"
    answer = APIClient().post(path, body, content_type="application/json", headers=headers)
    attempt.refresh_from_db()
    return answer


def test_what_the_wrapper_says_is_kept_whole_and_the_first_counts(attempt: Attempt) -> None:
    report = report_of(*probed(sys.executable, {}), {"GIT_COMMIT": "0123abc"})
    assert told(attempt, report).status_code == 200
    assert attempt.environment == report
    assert (report["python"], report["git_commit"]) == (platform.python_version(), "0123abc")
    assert "django" in report["packages"]
    assert told(attempt, {**report, "python": "2.7"}).status_code == 200
    assert attempt.environment["python"] == platform.python_version()


def test_without_a_python_the_rest_is_kept(attempt: Attempt) -> None:
    report = report_of(*probed("", {}), {})
    assert told(attempt, report).status_code == 200
    assert attempt.environment == report
    assert (report["python"], report["packages"], report["platform"]) == ("", {}, platform.platform())


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"python": None}, 400),
        ({"python": "x" * 61}, 400),
        ({"packages": ["numpy"]}, 400),
        ({"cpu_count": -1}, 400),
        ({"git_commit": "x" * 65}, 400),
        ({"packages": {f"package-{number}": "1" * 90 for number in range(1000)}}, 413),
    ],
    ids=lambda each: str(each)[:30],
)
def test_what_is_no_environment_is_refused_and_nothing_kept(
    attempt: Attempt, wrong: dict[str, Any], status: int
) -> None:
    answer = told(attempt, {**report_of("3.11.7", [], {}), **wrong})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert attempt.environment is None
