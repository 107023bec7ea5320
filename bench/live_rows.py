"""Runs with an open attempt each, past the services: `python -m bench.live_rows COUNT` prints `{"runs", "token"}`."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import django

from controlplane.env import choose_settings

choose_settings()
django.setup()

from apps.common import clock  # noqa: E402 - models are importable only from here on
from apps.quotas.services.attempt_tokens import issue  # noqa: E402
from tests.support.factories.access import UserFactory, token_for  # noqa: E402
from tests.support.factories.experiments import run_of, started  # noqa: E402


def main(count: int) -> dict[str, Any]:
    later = clock.now() + timedelta(hours=10)
    attempts = [started() for _ in range(count)]
    runs = [
        {
            "run": str(run_of(attempt).pk),
            "attempt": str(attempt.pk),
            "workload": str(attempt.workload_id),
            "token": issue(attempt.pk, later),
        }
        for attempt in attempts
    ]
    return {"runs": runs, "token": token_for(UserFactory.create(is_superuser=True))}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
