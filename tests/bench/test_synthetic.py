"""The runs that nobody ran, for benches and screenshots: whole, and said to be what they are."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.access.models import User
from apps.access.services.projects import DEFAULT
from apps.experiments.invariants import CHECKS
from apps.experiments.models import MetricBatch, Run
from bench import synthetic
from tests.support.damage import everything
from tests.support.factories.access import OrganisationFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    organisation = OrganisationFactory.create(name=DEFAULT)
    TeamFactory.create(organisation=organisation, name=DEFAULT)
    found: User = UserFactory.create(organisation=organisation, is_superuser=True)
    return found


def test_runs_have_what_a_dashboard_shows_and_say_what_they_are(admin: User, client: Client) -> None:
    told = synthetic.fill(30, 40)
    more = synthetic.fill(5, 40)
    assert (told["project"], told["runs"], more["runs"]) == (more["project"], 30, 5)
    client.force_login(admin)
    asked = {"project": told["project"], "limit": "50", "spark": "1", "tag": "synthetic"}
    page = client.get("/api/v1/runs/table", {**asked, "columns": "params.learning_rate"}).json()
    assert page["total"] == 35
    assert {row["project_name"] for row in page["rows"]} == {"synthetic"}
    assert all(len(row["spark"]) == 32 and row["columns"]["params.learning_rate"] > 0 for row in page["rows"])
    assert all(row["goal"]["key"] == "validation/auc" for row in page["rows"])
    curves = client.get(f"/api/v1/runs/{told['some'][0]}/metrics").json()["series"]
    assert {key: len(curve["steps"]) for key, curve in curves.items()} == {
        "train/loss": 40,
        "validation/auc": 40,
        "validation/loss": 40,
    }


def test_a_long_run_is_stored_as_compaction_leaves_it(admin: User, client: Client) -> None:
    run = synthetic.long_run(40_000, 2)
    assert sorted(MetricBatch.objects.values_list("key", "count")) == [
        ("layer-0/loss", 7_232), ("layer-0/loss", 32_768), ("layer-1/loss", 7_232), ("layer-1/loss", 32_768),
    ]  # fmt: skip
    assert MetricBatch.objects.filter(preview=None).count() == 2
    client.force_login(admin)
    curve = client.get(f"/api/v1/runs/{run}/metrics", {"keys": "layer-0/loss", "points": "200"}).json()
    steps = curve["series"]["layer-0/loss"]["steps"]
    assert (steps[0], steps[-1], len(steps) <= 200) == (1, 40_000, True)
    assert Run.objects.get(pk=run).summary["layer-1/loss"]["count"] == 40_000


def test_points_and_summaries_hold_the_invariants(admin: User) -> None:
    synthetic.fill(10, 40)
    synthetic.long_run(40_000, 1)
    looked_at = [check for check in CHECKS if check.name.startswith(("metric_batch", "run.summary", "run.workload"))]
    assert len(looked_at) == 8
    assert everything(looked_at) == []
