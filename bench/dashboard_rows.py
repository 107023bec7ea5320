"""Rows for `bench.dashboard`, in its environment: `python -m bench.dashboard_rows RUNS` prints what it made as JSON.

So many synthetic runs, one run whose attempt is open (with its token), and a reader who may see all of it.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta

from bench import synthetic
from bench.synthetic import fill  # sets Django up

from django.db import connection  # isort: skip
from apps.common import clock  # isort: skip
from apps.quotas.services.attempt_tokens import issue  # isort: skip
from tests.support.factories.access import PASSWORD, UserFactory  # isort: skip
from tests.support.factories.experiments import run_of, started  # isort: skip


def main(runs: int) -> dict[str, object]:
    made = fill(runs)
    attempt = started()
    reader = UserFactory.create(is_superuser=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {
        "project": synthetic.NAME,
        "runs": made["runs"],
        "run": str(run_of(attempt).pk),
        "token": issue(attempt.pk, clock.now() + timedelta(hours=10)),
        "username": reader.username,
        "password": PASSWORD,
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
