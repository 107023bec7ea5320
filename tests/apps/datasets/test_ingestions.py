"""Ingestions from request to published version, with the workload moved by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, StorageUnavailable
from apps.common.models import AuditEvent, Event
from apps.common.storage import ObjectStore, store
from apps.datasets.models import DatasetVersion, Ingestion, LineageEdge
from apps.datasets.services.ingestions import ingestion_cancel, ingestion_create, ingestion_reconcile
from apps.datasets.states import JobState
from apps.quotas.models import Workload
from apps.quotas.states import WorkloadState
from tests.support.factories.access import UserFactory
from tests.support.factories.datasets import (
    DIGEST,
    SCHEMA,
    TESTER,
    DatasetFactory,
    IngestionFactory,
    SourceFactory,
    attempt_of,
    dataset_result,
    fresh,
    part_of,
    running,
    succeeded,
    workload_to,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]
FILES = {"part-00000.parquet": b"PAR1", "part-00001.parquet": b"PAR1 more"}


def test_creating_submits_a_workload_that_reads_the_source_and_writes_a_dataset() -> None:
    source, user = SourceFactory.create(name="people.csv"), UserFactory.create()
    options = {"null_values": ["", "NA"]}

    ingestion = ingestion_create(
        dataset=source.dataset, source=source, options=options, requested_by=user, actor=Actor.user(user)
    )

    workload = Workload.objects.get(pk=ingestion.workload_id)
    assert (ingestion.state, workload.state) == ("queued", "pending")
    assert (workload.owner_kind, workload.owner_id, workload.name) == ("ingestion", ingestion.pk, "ingest people.csv")
    assert (workload.project_id, workload.requested_by, workload.kind) == (source.project_id, user, "job")
    assert workload.spec == {
        "kind": "job",
        "command": ["python", "-m", "workers.runtime.cleaning", "ingest"],
        "resources": {"cpu_millis": 1000, "memory_bytes": 1 << 30, "gpus": 0, "flavor": ""},
        "image": "",
        "inputs": [{"name": "source", "uri": f"bedplate://{source.path}", "files": [], "sha256": source.sha256}],
        "outputs": [{"name": "dataset", "uri": "", "files": []}],
        "parameters": {"null_values": ["", "NA"], "format": "csv"},
        "files": {},
        "environment": {"BEDPLATE_DATA_RUNNER": "native"},
        "secrets": [],
        "time_limit_seconds": 21600,
    }
    audit = AuditEvent.objects.get(action="ingestion.created")
    assert (audit.actor_name, audit.subject_id) == (user.username, str(ingestion.pk))
    assert audit.project_id == source.project_id


def test_a_database_of_sqlite_is_refused_by_its_name() -> None:
    source = SourceFactory.create(name="shop.SQLite3", file_format="")
    with pytest.raises(Invalid, match="is a database of SQLite, which is not read: export its tables"):
        ingestion_create(dataset=source.dataset, source=source, options={}, requested_by=None, actor=TESTER)


@pytest.mark.parametrize(
    "name, options, field",
    [("people.dat", {}, "options.format"), ("people.csv", {"delimiter": ";;"}, "options.delimiter"),
     ("people.csv", {"colour": 1}, "options.colour")],
)  # fmt: skip
def test_nonsense_is_refused_and_nothing_is_made(name: str, options: dict[str, Any], field: str) -> None:
    source = SourceFactory.create(name=name, file_format="csv" if name.endswith("csv") else "")
    with pytest.raises(Invalid) as refused:
        ingestion_create(dataset=source.dataset, source=source, options=options, requested_by=None, actor=TESTER)
    assert list(refused.value.fields) == [field]
    assert (Ingestion.objects.count(), Workload.objects.count()) == (0, 0)


def test_a_format_in_the_options_wins_over_the_name() -> None:
    source = SourceFactory.create(name="people.dat", file_format="")
    ingestion = ingestion_create(
        dataset=source.dataset, source=source, options={"format": "tsv"}, requested_by=None, actor=TESTER
    )
    assert ingestion.workload.spec["parameters"] == {"format": "tsv"}


def test_a_source_of_another_dataset_is_refused() -> None:
    source = SourceFactory.create()
    other = DatasetFactory.create(project=source.project)
    with pytest.raises(Invalid) as refused:
        ingestion_create(dataset=other, source=source, options={}, requested_by=None, actor=TESTER)
    assert list(refused.value.fields) == ["source"]


def test_it_stays_queued_while_the_workload_waits_and_runs_with_it() -> None:
    ingestion = IngestionFactory.create()
    workload_to(ingestion.workload, WorkloadState.ADMITTED, WorkloadState.LAUNCHING)
    ingestion_reconcile(ingestion.workload_id)
    assert fresh(ingestion).state == JobState.QUEUED

    workload_to(ingestion.workload, WorkloadState.RUNNING)
    ingestion_reconcile(ingestion.workload_id)
    assert fresh(ingestion).state == JobState.RUNNING


def test_a_lost_attempt_leaves_it_running_and_the_last_attempt_counts() -> None:
    ingestion = IngestionFactory.create()
    attempt_of(running(ingestion), dataset_result({"other.parquet": b"other"}), {"other.parquet": b"other"})
    ingestion_reconcile(ingestion.workload_id)
    workload_to(ingestion.workload, WorkloadState.PENDING, reason="node_lost")
    ingestion_reconcile(ingestion.workload_id)
    assert fresh(ingestion).state == JobState.RUNNING

    last = succeeded(ingestion, dataset_result(FILES), FILES)
    ingestion_reconcile(ingestion.workload_id)
    version = DatasetVersion.objects.get()
    assert [file["name"] for file in version.manifest["files"]] == list(FILES)
    assert attempt_of(fresh(ingestion).workload).number == last.number + 1


def test_a_good_end_publishes_the_version_with_its_lineage() -> None:
    ingestion = IngestionFactory.create()
    rejected = {"count": 1, "samples": [{"line": 3, "column": "age", "reason": "no number", "text": "x,y"}]}
    attempt = succeeded(ingestion, dataset_result(FILES, rejected=rejected), FILES)

    ingestion_reconcile(ingestion.workload_id)

    ingestion = fresh(ingestion)
    version = ingestion.version
    assert (ingestion.state, ingestion.state_reason, ingestion.rejected) == ("succeeded", "completed", rejected)
    assert (version.state, version.number, version.digest, version.row_count) == ("published", 1, DIGEST, 4)
    assert (version.dataset, version.project, version.parent) == (ingestion.dataset, ingestion.project, None)
    assert (version.schema, version.size_bytes) == (SCHEMA, 13)
    assert version.manifest == {"files": [part_of(version, name, content) for name, content in FILES.items()]}
    assert not store().exists(f"attempts/{attempt.pk}/dataset/part-00000.parquet"), "it is kept once"
    edge = LineageEdge.objects.get()
    assert (edge.from_kind, edge.from_id, edge.relation) == ("dataset_version", version.pk, "ingested_from")
    assert (edge.to_kind, edge.to_id, edge.project) == ("source", ingestion.source_id, ingestion.project)
    assert [step.to_state for step in version.story()] == ["validating", "published"]
    assert [step.to_state for step in ingestion.story()] == ["running", "succeeded"]
    audit = AuditEvent.objects.get(action="dataset_version.published")
    assert audit.detail == {"number": 1, "digest": DIGEST}
    assert Event.objects.filter(kind="dataset_version.published", subject=f"dataset_version.{version.pk}").count() == 1


def test_the_second_ingestion_is_the_second_version() -> None:
    first = IngestionFactory.create()
    second = IngestionFactory.create(project=first.project, source=first.source)
    for ingestion in (second, first):
        succeeded(ingestion, dataset_result(FILES), FILES)
        ingestion_reconcile(ingestion.workload_id)
    assert (fresh(second).version.number, fresh(first).version.number) == (1, 2)


def test_reconciling_again_changes_nothing() -> None:
    ingestion = IngestionFactory.create()
    succeeded(ingestion, dataset_result(FILES), FILES)
    ingestion_reconcile(ingestion.workload_id)
    before = (Event.objects.count(), AuditEvent.objects.count(), DatasetVersion.objects.get().state_at)
    ingestion_reconcile(ingestion.workload_id)
    assert (Event.objects.count(), AuditEvent.objects.count(), DatasetVersion.objects.get().state_at) == before


def test_a_workload_of_nobody_is_nobody_s_business() -> None:
    ingestion_reconcile(DatasetFactory.create().pk)


FAILURES: dict[str, tuple[dict[str, Any] | None, str, str]] = {
    "the job said why": ({"error": {"code": "no_rows", "detail": "it has no row"}}, "it has no row", ""),
    "the job gave a code only": ({"error": {"code": "no_rows"}}, "no_rows", ""),
    "nobody said why": (None, "exit status 7", "exit status 7"),
    "the result is something else": ({"error": "text"}, "exit status 7", "exit status 7"),
}


@pytest.mark.parametrize("result, expected, seen", FAILURES.values(), ids=FAILURES)
def test_a_failure_tells_what_is_known(result: dict[str, Any] | None, expected: str, seen: str) -> None:
    ingestion = IngestionFactory.create()
    attempt_of(running(ingestion), result)
    workload_to(ingestion.workload, WorkloadState.FAILED, reason="exit_nonzero", detail=seen)
    ingestion_reconcile(ingestion.workload_id)
    ingestion = fresh(ingestion)
    assert (ingestion.state, ingestion.state_reason, ingestion.state_detail) == ("failed", "exit_nonzero", expected)
    assert DatasetVersion.objects.count() == 0


def test_one_that_never_ran_fails_from_the_queue() -> None:
    ingestion = IngestionFactory.create()
    workload_to(ingestion.workload, WorkloadState.FAILED, reason="exceeds_quota", detail="asks for 1 of 0 cores")
    ingestion_reconcile(ingestion.workload_id)
    ingestion = fresh(ingestion)
    assert [step.to_state for step in ingestion.story()] == ["failed"]
    assert (ingestion.state_reason, ingestion.state_detail) == ("exceeds_quota", "asks for 1 of 0 cores")


def test_cancelling_stops_the_workload_and_the_state_follows() -> None:
    ingestion = IngestionFactory.create()
    ingestion_cancel(ingestion, actor=TESTER)
    ingestion_reconcile(ingestion.workload_id)
    ingestion = fresh(ingestion)
    assert (ingestion.workload.state, ingestion.state, ingestion.state_reason) == (
        "cancelled", "cancelled", "cancelled_by_user",
    )  # fmt: skip
    assert AuditEvent.objects.filter(action="ingestion.cancelled").count() == 1
    with pytest.raises(Conflict):
        ingestion_cancel(ingestion, actor=TESTER)


def test_cancelling_one_that_runs_waits_until_its_job_is_gone() -> None:
    ingestion = IngestionFactory.create()
    running(ingestion)
    ingestion_cancel(ingestion, actor=TESTER)
    ingestion_reconcile(ingestion.workload_id)
    assert (fresh(ingestion).state, fresh(ingestion).workload.state) == ("running", "stopping")
    workload_to(fresh(ingestion).workload, WorkloadState.CANCELLED, reason="cancelled_by_user")
    ingestion_reconcile(ingestion.workload_id)
    assert fresh(ingestion).state == "cancelled"


def test_a_file_that_is_not_there_fails_it() -> None:
    ingestion = IngestionFactory.create()
    attempt = succeeded(ingestion, dataset_result(FILES), FILES)
    store().delete(f"attempts/{attempt.pk}/dataset/part-00001.parquet")
    ingestion_reconcile(ingestion.workload_id)
    ingestion = fresh(ingestion)
    assert (ingestion.state, ingestion.state_reason) == ("failed", "bad_result")
    assert ingestion.state_detail == "part-00001.parquet is not in the object store."
    assert DatasetVersion.objects.count() == 0


@pytest.mark.parametrize(
    "content, expected",
    [(b"PAR", "part-00000.parquet has 3 bytes; the job said 4."),
     (b"XXXX", "part-00000.parquet does not have the SHA-256 that the job said.")],
)  # fmt: skip
def test_a_file_that_differs_fails_it(content: bytes, expected: str) -> None:
    ingestion = IngestionFactory.create()
    attempt = succeeded(ingestion, dataset_result(FILES), FILES)
    store().put(f"attempts/{attempt.pk}/dataset/part-00000.parquet", [content])
    ingestion_reconcile(ingestion.workload_id)
    assert (fresh(ingestion).state_reason, fresh(ingestion).state_detail) == ("bad_result", expected)


def test_a_store_that_is_away_decides_nothing(monkeypatch: pytest.MonkeyPatch, objects: Path) -> None:
    ingestion = IngestionFactory.create()
    succeeded(ingestion, dataset_result(FILES), FILES)

    def away(self: ObjectStore, path: str) -> int:
        raise StorageUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(ObjectStore, "size", away)
        with pytest.raises(StorageUnavailable):
            ingestion_reconcile(ingestion.workload_id)
    assert fresh(ingestion).state == "running"
    ingestion_reconcile(ingestion.workload_id)
    assert fresh(ingestion).state == "succeeded"
