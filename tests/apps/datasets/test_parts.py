"""Files of versions are kept once by what they hold; whoever is killed on the way loses and leaks nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.common import clock
from apps.common.deletions import LOCK, deleting
from apps.common.errors import StorageUnavailable
from apps.common.storage import ObjectStore, store
from apps.datasets.models import DatasetVersion
from apps.datasets.selectors import dataset_input
from apps.datasets.selectors.parts import parts_named
from apps.datasets.services import ingestions
from apps.datasets.services.ingestions import ingestion_reconcile
from apps.datasets.services.parts import parts_kept
from apps.datasets.services.resolve import data_resolve
from apps.quotas.models import Attempt, Pulse
from tests.support.factories.datasets import (
    DatasetFactory,
    DatasetVersionFactory,
    IngestionFactory,
    SourceFactory,
    dataset_result,
    described,
    fresh,
    part_of,
    succeeded,
)
from workers.contracts.specs import DataRef, JobSpec, Resources, spec_from_json, spec_to_json
from workers.dispatch.objects import objects_sweep, parts_sweep
from workers.tasks.owners import NAMERS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]
FILES = {"part-00000.parquet": b"PAR1 one", "part-00001.parquet": b"PAR1 two"}
SAMPLE = b"{}"


def _done(**files: bytes) -> tuple[Any, Attempt]:
    """An ingestion whose job has left these parts beside `FILES`, and that nobody has followed."""
    ingestion = IngestionFactory.create()
    contents = {**FILES, **{f"{name}.parquet": content for name, content in files.items()}}
    beside = {key: value for key, value in described("sample.json", SAMPLE).items() if key != "rows"}
    result = dataset_result(contents, companions={"sample": beside})
    return ingestion, succeeded(ingestion, result, {**contents, "sample.json": SAMPLE})


def _again(job: Any) -> Any:
    """Another ingestion into the same dataset."""
    source = SourceFactory.create(project=job.project, dataset=job.dataset)
    return IngestionFactory.create(project=job.project, source=source)


def _objects(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_parts_that_two_versions_have_are_kept_once(objects: Path) -> None:
    first, _ = _done()
    again = _again(first)
    more = {**FILES, "part-00002.parquet": b"PAR1 three"}
    for job, files in ((first, FILES), (again, more)):
        if job is again:
            succeeded(again, dataset_result(files), files)
        ingestion_reconcile(job.workload_id)

    old, new = DatasetVersion.objects.order_by("number")
    assert new.manifest["files"] == [part_of(new, name, content) for name, content in more.items()]
    assert new.manifest["files"][:2] == old.manifest["files"]
    assert old.companions["sample"]["path"].endswith(".json")
    kept = {file["path"] for file in [*new.manifest["files"], old.companions["sample"]]}
    assert _objects(objects) == sorted(kept)
    assert parts_named(first.project_id, [*kept, "parts/x"]) == kept


STEPS: list[tuple[str, Callable[[pytest.MonkeyPatch], None]]] = [
    ("before the first part", lambda patch: patch.setattr(ObjectStore, "share", _die)),
    ("before the second part", lambda patch: _die_at(patch, ObjectStore, "share", 2)),
    ("before the version", lambda patch: patch.setattr(ingestions, "version_publish", _die)),
    ("before the lineage", lambda patch: patch.setattr(ingestions, "edge_add", _die)),
]


class Killed(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


def _die(*args: Any, **kwargs: Any) -> Any:
    raise Killed


def _die_at(patch: pytest.MonkeyPatch, owner: Any, name: str, at: int) -> None:
    real, calls = getattr(owner, name), []

    def call(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return _die() if len(calls) == at else real(*args, **kwargs)

    patch.setattr(owner, name, call)


@pytest.mark.parametrize("step, break_it", STEPS, ids=[name for name, _ in STEPS])
def test_who_is_killed_on_the_way_publishes_nothing_and_the_next_one_all(
    step: str, break_it: Callable[[pytest.MonkeyPatch], None], objects: Path
) -> None:
    ingestion, attempt = _done()
    with pytest.MonkeyPatch.context() as patch:
        break_it(patch)
        with pytest.raises(Killed):
            ingestion_reconcile(ingestion.workload_id)
    assert (DatasetVersion.objects.count(), fresh(ingestion).is_terminal) == (0, False)
    assert all(store().exists(f"attempts/{attempt.pk}/dataset/{name}") for name in [*FILES, "sample.json"])

    ingestion_reconcile(ingestion.workload_id)
    version = fresh(ingestion).version
    assert _objects(objects) == sorted(
        file["path"] for file in [*version.manifest["files"], version.companions["sample"]]
    )


def test_first_names_that_could_not_go_are_found_by_the_sweep_of_attempts(objects: Path) -> None:
    ingestion, attempt = _done()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ObjectStore, "delete", _unavailable)
        ingestion_reconcile(ingestion.workload_id)
    assert fresh(ingestion).state == "succeeded"
    left = objects / "attempts" / str(attempt.pk) / "dataset" / "part-00000.parquet"
    assert left.stat().st_nlink == 2, "one file under two names"
    Attempt.objects.filter(pk=attempt.pk).update(ended_at=clock.db_now() - timedelta(days=2))
    assert objects_sweep(NAMERS) == 1
    assert not left.exists()
    assert len(_objects(objects)) == 3


def _unavailable(*args: Any) -> None:
    raise StorageUnavailable("the store is away")


def test_parts_that_no_version_came_to_name_are_swept_and_the_others_stay(objects: Path) -> None:
    ingestion, _ = _done()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingestions, "version_publish", _die)
        with pytest.raises(Killed):
            ingestion_reconcile(ingestion.workload_id)
    version, _ = _done()
    ingestion_reconcile(version.workload_id)
    foreign = "parts/01936f2e-0000-7000-8000-000000000001/ab/abcd.parquet"
    store().put(foreign, [b"of another database"])
    kept = [file["path"] for file in fresh(version).version.manifest["files"]]

    gone = parts_sweep(parts_named)

    assert len(gone) == 3
    assert all(path.startswith(f"parts/{ingestion.project_id}/") for path in gone)
    assert set(_objects(objects)) >= {foreign, *kept}
    assert parts_sweep(parts_named) == [], "it was done within the hour"
    Pulse.objects.all().delete()
    assert parts_sweep(parts_named) == []


def test_nothing_is_deleted_while_a_version_is_about_to_name_its_parts() -> None:
    project = DatasetFactory.create().project
    with parts_kept(project_id=project.pk, prefix="attempts/x/dataset/", files=[]), connection.cursor() as cursor:
        cursor.execute(
            "SELECT mode FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND pid = pg_backend_pid()", [LOCK]
        )
        assert cursor.fetchall() == [("ShareLock",)], "and deleting() wants the lock alone"
    with deleting() as allowed:
        assert allowed


def test_a_damaged_part_is_mended_by_the_next_job_that_has_it(objects: Path) -> None:
    first, _ = _done()
    ingestion_reconcile(first.workload_id)
    (file, *_) = fresh(first).version.manifest["files"]
    (objects / file["path"]).write_bytes(b"PAR")
    again = _again(first)
    succeeded(again, dataset_result(FILES), FILES)
    ingestion_reconcile(again.workload_id)
    assert (objects / file["path"]).read_bytes() == FILES["part-00000.parquet"]


def test_a_job_sees_parts_under_their_own_names(objects: Path) -> None:
    ingestion, attempt = _done()
    ingestion_reconcile(ingestion.workload_id)
    version = fresh(ingestion).version
    ref = dataset_input(version, "data")
    paths = tuple(file["path"] for file in version.manifest["files"])
    assert ref == DataRef("data", f"bedplate://parts/{version.project_id}/", tuple(FILES), paths)
    spec = JobSpec(("python",), Resources(1000, 1 << 30), inputs=(ref,))
    assert spec_from_json(spec_to_json(spec)) == spec
    attempt.workload.spec = spec_to_json(spec)
    answer = data_resolve(attempt=attempt, name="data", mode="read")
    assert answer["path"] is None, "there is no folder with these files alone"
    assert [(file["name"], file["path"]) for file in answer["files"]] == [
        (name, str(objects / path)) for name, path in zip(FILES, paths, strict=True)
    ]
    assert [file["sha256"] for file in answer["files"]] == [Path(path).stem for path in paths]


def test_a_version_of_before_there_were_parts_is_read_from_its_folder() -> None:
    version = DatasetVersionFactory.with_objects(FILES)
    ref = dataset_input(version, "data")
    assert (ref.uri, ref.files, ref.paths) == (f"bedplate://{version.manifest['prefix']}", tuple(FILES), ())
    assert "paths" not in spec_to_json(JobSpec(("python",), Resources(1, 1), inputs=(ref,)))["inputs"][0]
    with pytest.raises(ValueError, match="2 files and 1 paths"):
        DataRef("data", ref.uri, ref.files, ("parts/x",))
