"""Rows for `bench.live_ingest`, past the services, in its environment.

`python -m bench.live_rows COUNT` makes runs with an open attempt each and prints `{"runs", "token", "tokens"}`;
`… compact` merges all metric rows as if they were old, and prints how many went.
"""

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
from apps.experiments.models import MetricBatch  # noqa: E402
from apps.experiments.services.compaction import metrics_compact  # noqa: E402
from apps.quotas.services.attempt_tokens import issue  # noqa: E402
from tests.support.factories.access import UserFactory, token_for  # noqa: E402
from tests.support.factories.experiments import run_of, started  # noqa: E402

USERS = 40
"""A user may have only so many sockets."""


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
    tokens = [token_for(UserFactory.create(is_superuser=True)) for _ in range(USERS)]
    return {"runs": runs, "token": tokens[0], "tokens": tokens}


def compact() -> int:
    """Until nothing is left to merge."""
    MetricBatch.objects.update(created_at=clock.now() - timedelta(hours=1))
    gone = 0
    while more := metrics_compact(seconds=600):
        gone += more
    return gone


if __name__ == "__main__":
    print(json.dumps(compact() if sys.argv[1] == "compact" else main(int(sys.argv[1]))))
