"""The committed baseline of SQL queries per list endpoint: an N+1 shows up as a diff.

`make query-counts` writes `query_counts.json`; the test compares, and asks twice, with few rows and with many.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from tests.support.bulk import clone_many
from tests.support.factories.access import UserFactory
from tests.support.rows import everything, factories

pytestmark = pytest.mark.django_db
BASELINE = Path(__file__).parent / "query_counts.json"
WRITE = "WRITE_QUERY_COUNTS"
PREFIX = "api/v1/"
__all__ = ["everything"]
LATER = datetime(2126, 1, 1, tzinfo=UTC)
CLONED_WITH: dict[str, dict[str, Any]] = {
    "Attempt": {"ended_at": LATER},
    "UsageRecord": {"closed_at": LATER},
    "Preview": {"is_closing": True},
}
"""What a copy needs to be a row beside its original: a workload has one open attempt and one open record."""
MADE_SINGLY = {"Cohort", "FileRule", "IdlePolicy", "KeepRule", "Rate", "Queue", "Quota", "QualityHold"}
"""One row per combination of others: each copy needs its own."""


def list_routes(patterns: list[Any] | None = None, prefix: str = "") -> dict[str, Any]:
    """Path → view class of every public list endpoint."""
    found: dict[str, Any] = {}
    for entry in patterns if patterns is not None else get_resolver().url_patterns:
        route = prefix + str(entry.pattern).removeprefix("^").removesuffix(r"\Z").removesuffix("$")
        if isinstance(entry, URLResolver):
            found |= list_routes(entry.url_patterns, route)
        elif _is_list(entry) and route.startswith(PREFIX) and "<" not in route:
            found[route.removeprefix(PREFIX)] = entry.callback.cls
    return found


def _is_list(entry: Any) -> bool:
    return isinstance(entry, URLPattern) and "list" in getattr(entry.callback, "actions", {}).values()


ROUTES = sorted(list_routes())


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    client.force_authenticate(UserFactory.create(is_superuser=True))
    return client


def _count(client: APIClient, route: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"/{PREFIX}{route}", {"page_size": 100})
    assert answer.status_code == 200, answer.content
    return len(queries)


def _multiply(model: type[models.Model], rows: dict[type[models.Model], Any]) -> None:
    if model.__name__ in MADE_SINGLY:
        factories()[model].create_batch(10)
    else:
        clone_many(rows[model], 30, **CLONED_WITH.get(model.__name__, {}))


@pytest.mark.xdist_group("query_counts")  # what is made once is made by one worker
class TestCounts:
    @pytest.mark.parametrize("route", ROUTES)
    def test_query_counts_stay_at_the_baseline(
        self, everything: dict[type[models.Model], Any], client: APIClient, route: str
    ) -> None:
        few = _count(client, route)
        _multiply(list_routes()[route].queryset.model, everything)
        assert _count(client, route) == few, "more rows, more queries"

        baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
        if os.environ.get(WRITE):
            BASELINE.write_text(json.dumps(dict(sorted({**baseline, route: few}.items())), indent=2) + "\n")
        else:
            assert few == baseline.get(route), "see `make query-counts`"


def test_the_baseline_names_every_list() -> None:
    assert sorted(json.loads(BASELINE.read_text())) == ROUTES
