"""Small files beside the data: believed once they were looked at, and a profile that the job took on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.common.models import AuditEvent, Transition
from apps.datasets.invariants import CHECKS, stored_files
from apps.datasets.models import DatasetVersion, Profile
from apps.datasets.selectors import companion_of, version_file
from apps.datasets.services.cleaning import cleaning_run_reconcile
from apps.datasets.services.ingestions import ingestion_reconcile
from apps.datasets.services.profiles import profile_create
from tests.support.damage import everything
from tests.support.factories.access import UserFactory
from tests.support.factories.datasets import (
    TESTER,
    CleaningRunFactory,
    DatasetVersionFactory,
    IngestionFactory,
    dataset_result,
    described,
    fresh,
    succeeded,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]
PARTS = {"part-00000.parquet": b"PAR1"}
PROFILE = {"row_count": 2, "columns": [{"name": "age", "type": "int64", "null_count": 1}]}
SAMPLE = {"columns": [{"name": "age", "type": "int64"}], "first": [], "random": []}


def _left(job: Any, companions: dict[str, Any], **changes: Any) -> None:
    """Let the job's workload end well, with these documents beside its data."""
    files = {f"{kind}.json": json.dumps(document).encode() for kind, document in companions.items()}
    named = {name.removesuffix(".json"): described(name, content) for name, content in files.items()}
    for file in named.values():
        del file["rows"]
    succeeded(job, dataset_result(PARTS, companions=named, **changes), {**PARTS, **files})


@pytest.mark.parametrize(
    "factory, reconcile", [(IngestionFactory, ingestion_reconcile), (CleaningRunFactory, cleaning_run_reconcile)]
)
def test_a_profile_taken_on_the_way_is_kept_with_its_story(factory: Any, reconcile: Any) -> None:
    user = UserFactory.create()
    job = factory.create(requested_by=user)
    _left(job, {"profile": PROFILE, "sample": SAMPLE})
    for _ in range(2):
        reconcile(job.workload_id)

    assert fresh(job).state == "succeeded"
    version = DatasetVersion.objects.latest("id")
    profile = Profile.objects.get()
    assert (profile.version_id, profile.state, profile.result) == (version.pk, "succeeded", PROFILE)
    assert (profile.workload_id, profile.requested_by_id) == (job.workload_id, user.pk)
    steps = Transition.objects.filter(object_id=profile.pk).values_list("from_state", "to_state", "reason")
    assert list(steps.order_by("id")) == [("queued", "running", ""), ("running", "succeeded", "completed")]
    assert AuditEvent.objects.filter(action="profile.created").count() == 1
    assert profile_create(version=version, requested_by=user, actor=TESTER) == (profile, False), "once is enough"
    assert companion_of(version, "sample") == SAMPLE
    assert companion_of(version, "report") is None
    assert version_file(version, "sample.json")["path"] == version.companions["sample"]["path"]


def test_without_a_profile_on_the_way_there_is_none() -> None:
    ingestion = IngestionFactory.create()
    _left(ingestion, {"sample": SAMPLE})
    ingestion_reconcile(ingestion.workload_id)

    assert (fresh(ingestion).state, Profile.objects.count()) == ("succeeded", 0)


@pytest.mark.parametrize(
    "profile, said",
    [
        ({"row_count": 3, "columns": []}, "The profile is of 3 rows, the version has 2."),
        ([], "profile.json is not of the agreed form"),
        ({"row_count": 2}, "not of the agreed form"),
    ],
)
def test_a_bad_profile_is_a_bad_result(profile: Any, said: str) -> None:
    ingestion = IngestionFactory.create()
    _left(ingestion, {"profile": profile})
    ingestion_reconcile(ingestion.workload_id)

    found = fresh(ingestion)
    assert (found.state, found.state_reason) == ("failed", "bad_result")
    assert said in found.state_detail
    assert (DatasetVersion.objects.count(), Profile.objects.count()) == (0, 0)


def test_a_companion_that_is_not_there_or_unknown_is_a_bad_result() -> None:
    for named in ({"sample": described("sample.json", b"{}")}, {"poem": described("poem.json", b"{}")}):
        ingestion = IngestionFactory.create()
        succeeded(ingestion, dataset_result(PARTS, companions=named), PARTS)
        ingestion_reconcile(ingestion.workload_id)
        assert fresh(ingestion).state_reason == "bad_result"


def test_files_beside_the_data_are_named_for_backups() -> None:
    file = {"name": "sample.json", "size_bytes": 2, "sha256": "1"}
    version = DatasetVersionFactory.create(companions={"sample": file})

    named = {file.path: file.size_bytes for file in stored_files()}

    assert named[f"{version.manifest['prefix']}sample.json"] == 2


def test_companions_of_a_published_version_stay() -> None:
    version = DatasetVersionFactory.create()
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        DatasetVersion.objects.filter(pk=version.pk).update(companions={"sample": {}})


def test_what_verify_says_of_a_profile_taken_on_the_way() -> None:
    ingestion = IngestionFactory.create()
    _left(ingestion, {"profile": PROFILE, "sample": SAMPLE})
    ingestion_reconcile(ingestion.workload_id)

    checks = [check for check in CHECKS if check.name.startswith("profile.")]
    assert {"profile.workload", "profile.result"} <= {check.name for check in checks}
    assert everything(checks) == []
