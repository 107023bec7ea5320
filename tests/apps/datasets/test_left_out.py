"""What ingestions leave out: told and kept at a good end and at a bad one, and nobody's rubbish."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.common import clock
from apps.common.storage import store
from apps.datasets.invariants import stored_files
from apps.datasets.models import DatasetVersion, Ingestion
from apps.datasets.selectors import objects_named
from apps.datasets.services.ingestions import ingestion_reconcile
from apps.quotas.models import Attempt
from apps.quotas.states import WorkloadState
from tests.support.factories.access import UserFactory
from tests.support.factories.datasets import (
    IngestionFactory,
    attempt_of,
    dataset_result,
    fresh,
    running,
    succeeded,
    workload_to,
)
from workers.dispatch.objects import objects_sweep

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]
NAME = "quarantine.csv.gz"
CONTENT = b"\x1f\x8b all that was left out"
FILE = {"name": NAME, "size_bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
REJECTED = {"count": 3, "samples": [{"line": 2, "column": "age", "reason": "no number", "text": "x,1"}]}
LEFT = {"rejected": REJECTED, "quarantine": FILE}
DETECTED = {"format": "csv", "encoding": "gb18030", "encoding_confidence": 0.9}
TOO_MANY = {"code": "too_many_rejected", "detail": "3 of 4 rows of people.csv were rejected"}


def failed(result: dict[str, Any] | None, files: dict[str, bytes]) -> tuple[Ingestion, Attempt]:
    """An ingestion whose job has failed, before anybody followed it."""
    ingestion = IngestionFactory.create()
    attempt = attempt_of(running(ingestion), result, files)
    workload_to(ingestion.workload, WorkloadState.FAILED, reason="exit_nonzero", detail="exit status 1")
    return ingestion, attempt


def named() -> dict[str, str]:
    """Path → who names it, of all stored files."""
    return {file.path: file.owner for file in stored_files() if file.path.endswith(NAME)}


def download(ingestion: Ingestion) -> Any:
    client = APIClient()
    client.force_authenticate(UserFactory.create(is_superuser=True))
    return client.get(f"/api/v1/ingestions/{ingestion.pk}/quarantine")


def test_one_that_left_out_too_much_fails_for_that_and_its_file_is_there() -> None:
    ingestion, attempt = failed({"error": TOO_MANY, **LEFT}, {NAME: CONTENT, "half.parquet": b"PAR1"})
    path = f"attempts/{attempt.pk}/dataset/{NAME}"
    assert named() == {path: f"ingestion {ingestion.pk}"}, "not followed yet"
    ingestion_reconcile(ingestion.workload_id)

    ingestion = fresh(ingestion)
    assert (ingestion.state, ingestion.state_reason) == ("failed", "too_many_rejected")
    assert ingestion.state_detail == TOO_MANY["detail"]
    assert ingestion.rejected == REJECTED
    assert ingestion.quarantine == {"path": path, **{key: FILE[key] for key in ("size_bytes", "sha256")}}
    assert named() == {path: f"ingestion {ingestion.pk}"}
    answer = download(ingestion)
    assert answer.getvalue() == CONTENT
    assert answer["Content-Disposition"] == 'attachment; filename="people.csv-quarantine.csv.gz"'

    Attempt.objects.filter(pk=attempt.pk).update(ended_at=clock.now() - timedelta(days=2))
    objects_sweep([objects_named])
    assert store().exists(path)
    assert not store().exists(f"attempts/{attempt.pk}/dataset/half.parquet")


@pytest.mark.parametrize("result", [{"rejected": REJECTED}, {"rejected": "many"}, LEFT, {}])
def test_one_that_failed_and_left_no_file_has_none(result: dict[str, Any]) -> None:
    ingestion, _ = failed({"error": {"code": "no_columns", "detail": "No."}, **result}, {})
    ingestion_reconcile(ingestion.workload_id)
    ingestion = fresh(ingestion)
    assert (ingestion.state, ingestion.state_reason, ingestion.quarantine) == ("failed", "exit_nonzero", None)
    assert ingestion.rejected == (REJECTED if result == {"rejected": REJECTED} else {})
    assert (named(), download(ingestion).status_code) == ({}, 404)


def test_a_good_end_keeps_the_file_beside_its_version() -> None:
    ingestion = IngestionFactory.create()
    files = {"part-00000.parquet": b"PAR1", NAME: CONTENT}
    result = dataset_result({"part-00000.parquet": b"PAR1"}, **LEFT, detected=DETECTED)
    attempt = succeeded(ingestion, result, files)
    path = f"attempts/{attempt.pk}/dataset/{NAME}"
    assert named() == {path: f"ingestion {ingestion.pk}"}
    ingestion_reconcile(ingestion.workload_id)

    ingestion = fresh(ingestion)
    assert (ingestion.state, ingestion.detected, ingestion.rejected) == ("succeeded", DETECTED, REJECTED)
    assert download(ingestion).getvalue() == CONTENT
    assert named() == {path: f"ingestion {ingestion.pk}"}
    assert DatasetVersion.objects.get().ingestion == ingestion


def test_a_file_that_differs_fails_the_ingestion() -> None:
    ingestion = IngestionFactory.create()
    result = dataset_result({"part-00000.parquet": b"PAR1"}, **LEFT)
    succeeded(ingestion, result, {"part-00000.parquet": b"PAR1", NAME: CONTENT[:-1] + b"!"})
    ingestion_reconcile(ingestion.workload_id)
    assert fresh(ingestion).state_detail == f"{NAME} does not have the SHA-256 that the job said."
    assert DatasetVersion.objects.count() == 0
