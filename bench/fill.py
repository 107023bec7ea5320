"""Fill every list with rows, past the services: `python -m bench.fill PROJECT_ID ROWS`, in its environment."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import django
from django.db import connection, models, transaction

from controlplane.env import choose_settings

choose_settings()
django.setup()

from apps.access.models import Project  # noqa: E402 - models are importable only from here on
from tests.support.bulk import clone_many  # noqa: E402
from tests.support.rows import factories, one_of_everything  # noqa: E402

LATER = datetime(2126, 1, 1, tzinfo=UTC)
CHANGES: dict[str, dict[str, Any]] = {
    "Attempt": {"ended_at": LATER},
    "UsageRecord": {"closed_at": LATER},
    # Work that has ended: nothing may try to run the copies.
    "Workload": {"state": "succeeded", "ended_at": LATER},
    "Run": {"state": "succeeded", "ended_at": LATER},
    "Ingestion": {"state": "succeeded"},
    "Profile": {"state": "failed"},
    "CleaningRun": {"state": "succeeded"},
    "Revision": {"state": "retired"},
}
ONE_PER_PROJECT = {"Queue", "Quota"}
NOT_LISTED_BY_PROJECT = {
    *("Organisation", "Team", "ResourcePool", "Node", "ResourceFlavor", "Cohort", "PriorityClass", "ApiToken"),
}


@transaction.atomic
def fill(project: Project, rows: int) -> None:
    """About `rows` rows of every noun of the project."""
    made = one_of_everything(project)
    nouns = {model for model in factories() if model.__name__ not in ONE_PER_PROJECT | NOT_LISTED_BY_PROJECT}
    for model, template in made.items():
        if model in nouns and not isinstance(template, Project):
            _end(template)
            clone_many(template, rows, **CHANGES.get(model.__name__, {}))


def _end(template: models.Model) -> None:
    """Let the first row be as its copies."""
    changes = CHANGES.get(type(template).__name__, {})
    if changes:
        type(template)._base_manager.filter(pk=template.pk).update(**changes)


if __name__ == "__main__":
    fill(Project.objects.get(pk=sys.argv[1]), int(sys.argv[2]))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # what autovacuum does within a minute of so many new rows
