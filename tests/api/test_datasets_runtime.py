"""What jobs ask about their data; and the real data jobs, as processes, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from apps.common import clock
from apps.common.storage import store
from apps.datasets.models import DataJob, DatasetVersion, Profile
from apps.datasets.selectors import companion_of
from apps.datasets.services.cleaning import cleaning_run_create, cleaning_run_reconcile
from apps.datasets.services.ingestions import ingestion_create, ingestion_reconcile
from apps.datasets.services.profiles import profile_create, profile_reconcile
from apps.datasets.services.recipes import recipe_create
from apps.quotas.models import Attempt, Workload
from apps.quotas.services.attempt_tokens import issue
from apps.quotas.states import WorkloadState
from tests.support.factories.datasets import (
    TESTER,
    SourceFactory,
    attempt_of,
    fresh,
    pool_ready,
    running,
    workload_to,
)
from tests.support.hidden import without_sight_of
from workers.contracts import environment as names

ROOT = Path(__file__).resolve().parents[2]
CREDIT_DATA = ROOT / "examples" / "credit_risk" / "credit_data.csv"
RESOLVE = "/api/v1/runtime/data/resolve"
STEPS = [
    {"kind": "missing_values", "markers": ["", "NA"]},
    {"kind": "drop_duplicates"},
    {"kind": "split", "test_ratio": 0.2, "seed": 42, "stratify": "Status"},
    {"kind": "encode_label", "column": "Status", "mapping": {"good": 0, "bad": 1}},
    {"kind": "outliers"},
    {"kind": "impute"},
    {"kind": "standardise"},
    {"kind": "one_hot"},
]


@pytest.fixture
def objects(settings: Settings, tmp_path: Path) -> Path:
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    return tmp_path / "objects"


def _token(attempt: Attempt) -> str:
    return issue(attempt.pk, clock.now() + timedelta(hours=1))


def _ingestion(content: bytes, **options: Any) -> Any:
    pool_ready()
    source = SourceFactory.with_object(content)
    return ingestion_create(dataset=source.dataset, source=source, options=options, requested_by=None, actor=TESTER)


@pytest.mark.django_db
def test_a_job_finds_its_input_and_its_output_and_nothing_else(objects: Path) -> None:
    ingestion = _ingestion(b"a,b\n1,2\n")
    attempt = attempt_of(running(ingestion))
    client = APIClient(headers={"Authorization": f"Bearer {_token(attempt)}"})

    read = client.post(RESOLVE, {"name": "source", "mode": "read"})
    assert read.status_code == 200
    assert Path(read.json()["path"]).read_bytes() == b"a,b\n1,2\n"
    write = client.post(RESOLVE, {"name": "dataset", "mode": "write"})
    assert write.json() == {
        "name": "dataset",
        "uri": f"bedplate://attempts/{attempt.pk}/dataset/",
        "path": str(objects / "attempts" / str(attempt.pk) / "dataset"),
    }
    other = client.post(RESOLVE, {"name": "dataset", "mode": "read"})
    assert (other.status_code, other.json()["code"]) == (403, "not_an_input")
    assert client.post(RESOLVE, {"name": "source", "mode": "delete"}).status_code == 400

    store().delete(ingestion.source.path)
    gone = client.post(RESOLVE, {"name": "source", "mode": "read"})
    assert (gone.status_code, gone.json()["code"]) == (409, "input_missing")


@pytest.mark.django_db
def test_only_the_open_attempt_may_ask(objects: Path) -> None:
    ingestion = _ingestion(b"a,b\n1,2\n")
    first = attempt_of(running(ingestion))
    attempt_of(ingestion.workload)
    body = {"name": "dataset", "mode": "write"}
    ended = APIClient(headers={"Authorization": f"Bearer {_token(first)}"}).post(RESOLVE, body)
    assert (ended.status_code, ended.json()["code"]) == (401, "attempt_superseded")
    for token in ("bpa_nonsense", "bp_0_0", ""):
        answer = APIClient(headers={"Authorization": f"Bearer {token}"}).post(RESOLVE, body)
        assert (answer.status_code, answer.json()["code"]) in {(401, "unauthenticated")}
    assert not (objects / "attempts").exists()


def _run(workload: Workload, url: str, folder: Path, *, hidden: Path | None = None) -> Attempt:
    """Run the workload's command as a backend would, and end attempt and workload with what it left.

    Args:
        hidden: a folder that the job does not see.
    """
    attempt = attempt_of(workload)
    folder.mkdir()
    (folder / "token").write_text(_token(attempt))
    (folder / "spec.json").write_text(json.dumps(Workload.objects.get(pk=workload.pk).spec))
    done = subprocess.run(
        [*(without_sight_of(hidden) if hidden else ()), sys.executable, *workload.spec["command"][1:]],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            names.API_URL: url,
            names.WORKLOAD_ID: str(workload.pk),
            names.ATTEMPT_ID: str(attempt.pk),
            names.ATTEMPT_NUMBER: str(attempt.number),
            names.TOKEN_FILE: str(folder / "token"),
            names.SPEC_FILE: str(folder / "spec.json"),
            names.RESULT_FILE: str(folder / "result.json"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    attempt.result = json.loads((folder / "result.json").read_text())
    attempt.save(update_fields=["result"])
    if done.returncode == 0:
        workload_to(workload, WorkloadState.SUCCEEDED, reason="completed")
    else:
        workload_to(workload, WorkloadState.FAILED, reason="exit_nonzero", detail=done.stderr[-500:])
    return attempt


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_distant", [False, True])
def test_the_real_jobs_take_the_loans_from_upload_to_a_cleaned_version(
    objects: Path, live_server: LiveServer, tmp_path: Path, settings: Settings, is_distant: bool
) -> None:
    settings.BEDPLATE_DISTANT_BACKENDS = ("fake",) if is_distant else ()

    def finish(job: DataJob, reconcile: Callable[[Any], None]) -> Any:
        _run(running(job), live_server.url, tmp_path / job.machine.noun, hidden=objects if is_distant else None)
        reconcile(job.workload_id)
        done = fresh(job)
        assert done.state == "succeeded", (done.state_reason, done.state_detail)
        return done

    ingestion = finish(_ingestion(CREDIT_DATA.read_bytes(), null_values=[""]), ingestion_reconcile)
    raw = ingestion.version
    assert (raw.number, raw.row_count, len(raw.schema), ingestion.rejected["count"]) == (1, 4454, 14, 0)

    on_the_way = Profile.objects.get()
    assert profile_create(version=raw, requested_by=None, actor=TESTER) == (on_the_way, False)
    on_the_way.delete()
    asked, _ = profile_create(version=raw, requested_by=None, actor=TESTER)
    profile = finish(asked, profile_reconcile)
    assert [column["name"] for column in profile.result["columns"]] == [column["name"] for column in raw.schema]
    assert profile.result == on_the_way.result

    recipe = recipe_create(project=raw.project, name="loans", steps=STEPS, created_by=None, actor=TESTER)
    cleaned = finish(
        cleaning_run_create(recipe=recipe, input_version=raw, requested_by=None, actor=TESTER), cleaning_run_reconcile
    ).output_version
    assert (cleaned.number, cleaned.parent, sum(cleaned.splits.values())) == (2, raw, cleaned.row_count)
    assert [step["kind"] for step in cleaned.report] == [step["kind"] for step in STEPS]
    assert (objects / cleaned.preprocessor["path"]).is_file()
    assert [len((companion_of(cleaned, "sample") or {})[part]) for part in ("first", "random")] == [50, 50]
    in_full = companion_of(cleaned, "report") or {}
    assert [bool(step["examples"]) for step in in_full["steps"]] == [step["kind"] != "missing_values" for step in STEPS]
    assert Profile.objects.filter(version=cleaned, state="succeeded").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_distant_job_that_leaves_out_too_much_sends_what_it_left_out(
    objects: Path, live_server: LiveServer, tmp_path: Path, settings: Settings
) -> None:
    settings.BEDPLATE_DISTANT_BACKENDS = ("fake",)
    ingestion = _ingestion(b"a,b\n" + b"1,2\n1,2,3,4\n" * 50, max_rejected_ratio=0.1)
    attempt = _run(running(ingestion), live_server.url, tmp_path / "job", hidden=objects)
    ingestion_reconcile(ingestion.workload_id)
    assert fresh(ingestion).state == "failed"
    own = objects / f"attempts/{attempt.pk}/dataset"
    assert [path.name for path in own.iterdir()] == ["quarantine.csv.gz"]


@pytest.mark.django_db(transaction=True)
def test_a_real_job_that_fails_says_why(objects: Path, live_server: LiveServer, tmp_path: Path) -> None:
    ingestion = _ingestion(b"a,b\n")
    _run(running(ingestion), live_server.url, tmp_path / "job")
    ingestion_reconcile(ingestion.workload_id)
    ingestion = fresh(ingestion)
    assert (ingestion.state, ingestion.state_reason) == ("failed", "exit_nonzero")
    assert ingestion.state_detail == "people.csv has a header and no row"
    assert DatasetVersion.objects.count() == 0
