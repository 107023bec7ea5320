"""What `manage.py verify` says of data quality: nothing of what the services made, and what was done past them."""

from __future__ import annotations

import pytest

from apps.access.services.approvals import approval_approve
from apps.common.audit import Actor
from apps.datasets.invariants import CHECKS
from apps.datasets.models import DatasetVersion, QualityHold, ValidationRun
from apps.datasets.services.approvals import approval_apply, override_request
from apps.datasets.services.expectations import expectations_create
from apps.datasets.services.holds import hold_note, version_hold
from apps.quotas.services.workloads import workload_submit
from tests.apps.datasets.test_gate import failed, ingested
from tests.support.damage import damage, everything, wrong
from tests.support.factories.access import member
from tests.support.factories.datasets import DatasetFactory, pool_ready
from tests.support.factories.quotas import job_spec

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")


class World:
    """A version that was let through by an override, and one that is kept back, for which something waits."""

    def __init__(self) -> None:
        pool_ready()
        dataset = DatasetFactory.create()
        wanted = [{"kind": "not_null", "parameters": {"column": "age"}}]
        (rule,) = expectations_create(dataset=dataset, wanted=wanted, created_by=None, actor=ACTOR)
        self.through = ingested(dataset, [failed(rule)])
        asking, admin = member(dataset.project), member(dataset.project, "admin")
        self.approval = override_request(
            version=self.through, comment="Known.", requested_by=asking, actor=Actor.user(asking)
        )
        approval_approve(approval=self.approval, decided_by=admin, actor=Actor.user(admin))
        approval_apply(self.approval.pk)
        self.kept = ingested(dataset, [failed(rule)])
        self.workload = workload_submit(
            project=dataset.project, spec=job_spec(1, 1), owner_kind="run", owner_id=dataset.pk, name="waits",
            requested_by=None, actor=ACTOR, hold=version_hold(self.kept),
        )  # fmt: skip
        hold_note(self.kept, self.workload)
        self.run = ValidationRun.objects.get(version=self.through)


@pytest.fixture
def world(db: None) -> World:
    return World()


def test_what_the_services_made_is_well(world: World) -> None:
    quality = [check for check in CHECKS if check.name.startswith(("quality", "validation", "expectation"))]
    assert everything(quality) == []
    assert wrong(CHECKS, "dataset_version.quality") == []
    assert DatasetVersion.objects.get(pk=world.through.pk).state == "published"


def test_what_was_published_past_the_gate_is_named(world: World) -> None:
    damage("DELETE FROM datasets_qualityoverride")
    assert wrong(CHECKS, "dataset_version.quality") == [
        f"version {world.through.pk} was published with 1 blocking failures in validation run {world.run.pk}"
        " and without an override"
    ]


def test_an_override_that_nobody_approved_is_named(world: World) -> None:
    damage("UPDATE access_approvalrequest SET state = 'denied'")
    (text,) = wrong(CHECKS, "quality_override.approval")
    assert text.endswith(f"of version {world.through.pk} rests on approval {world.approval.pk}, which is denied")


def test_what_is_held_back_for_nothing_is_named(world: World) -> None:
    damage("UPDATE datasets_datasetversion SET state = 'rejected', state_at = now() - interval '1 hour'")
    hold = QualityHold.objects.get()
    held, opened = wrong(CHECKS, "quality_hold.workload")
    assert held == f"workload {world.workload.pk} is held back, and waits for no version that is validating"
    assert opened.startswith(f"hold {hold.pk} of workload {world.workload.pk} is open, and version {world.kept.pk} is")
