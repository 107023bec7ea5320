"""What nobody names in the object store goes, a day after its attempt; everything that is named stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from uuid6 import uuid7

from apps.common import clock
from apps.common.storage import store
from apps.datasets.selectors import sources_known
from apps.quotas.models import Attempt, Pulse
from tests.support.factories.datasets import DatasetVersionFactory, IngestionFactory, SourceFactory
from tests.support.factories.experiments import ArtifactFactory, CheckpointFactory
from tests.support.factories.quotas import AttemptFactory, WorkloadFactory
from workers.dispatch.objects import objects_sweep, uploads_sweep
from workers.tasks.owners import NAMERS

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1, minutes=1)


@pytest.fixture(autouse=True)
def root(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """An empty store."""
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    (tmp_path / "objects").mkdir()
    return tmp_path / "objects"


def over(since: timedelta = DAY, **kwargs: Any) -> Attempt:
    return AttemptFactory.create(ended_at=clock.db_now() - since, **kwargs)


def wrote(attempt: Attempt, *names: str) -> list[str]:
    paths = [f"attempts/{attempt.pk}/{name}" for name in names]
    for path in paths:
        store().put(path, [b"x"])
    return paths


def left(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir() or path.is_symlink())


def test_what_is_not_named_goes_and_what_is_stays(root: Path) -> None:
    attempt = over()
    kept = wrote(attempt, "artifacts/model.onnx", "checkpoints/step-50.pt", "data/part-0.parquet", "data/fitted.json")
    ArtifactFactory.create(attempt=attempt, path=kept[0])
    CheckpointFactory.create(attempt=attempt, path=kept[1])
    manifest = {"prefix": f"attempts/{attempt.pk}/data/", "files": [{"name": "part-0.parquet"}]}
    DatasetVersionFactory.create(manifest=manifest)
    wrote(attempt, "checkpoints/step-99.pt", "artifacts/x.onnx.0123.part", "deep/er/file")
    assert objects_sweep(NAMERS) == 1
    assert left(root) == sorted(kept)
    assert not (root / "attempts" / str(attempt.pk) / "deep").exists()
    wrote(attempt, "late")
    assert objects_sweep(NAMERS) == 0, "once is enough: nothing writes there any more"


def test_what_is_open_or_young_or_of_nobody_known_is_left_alone(root: Path) -> None:
    running = AttemptFactory.create(workload=WorkloadFactory.create(state="pending"))
    kept = [*wrote(running, "a"), *wrote(over(timedelta(hours=23)), "b")]
    store().put(f"attempts/{uuid7()}/c", [b"x"])
    assert objects_sweep(NAMERS) == 0
    assert len(left(root)) == len(kept) + 1


def test_what_a_job_wrote_whose_owner_is_not_done_with_it_stays(root: Path) -> None:
    workload = WorkloadFactory.create(state="succeeded")
    attempt = over(workload=workload)
    IngestionFactory.create(workload=workload, project=workload.project, state="running")
    kept = wrote(attempt, "data/part-0.parquet")
    assert objects_sweep(NAMERS) == 1
    assert left(root) == kept


def test_a_link_is_removed_and_never_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    attempt = over()
    wrote(attempt, "a")
    folder = root / "attempts" / str(attempt.pk)
    (folder / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "precious")
    assert objects_sweep(NAMERS) == 1
    assert (outside / "precious").read_text() == "x"
    assert left(root) == []


def test_an_attempt_that_wrote_nothing_is_looked_at_once(root: Path) -> None:
    over()
    assert (objects_sweep(NAMERS), objects_sweep(NAMERS)) == (1, 0)


def upload(root: Path, source_id: UUID, seconds_ago: float) -> None:
    store().put(f"sources/{source_id}/people.csv", [b"x"])
    for path in [*(root / "sources" / str(source_id)).iterdir(), root / "sources" / str(source_id)]:
        at = path.stat().st_mtime - seconds_ago
        os.utime(path, (at, at))


def test_uploads_that_never_became_a_source_go_after_a_day(root: Path) -> None:
    known, forgotten, young = SourceFactory.create().pk, uuid7(), uuid7()
    upload(root, known, 90_000)
    upload(root, forgotten, 90_000)
    upload(root, young, 3600)
    (root / "sources" / "something else").mkdir()
    assert uploads_sweep(sources_known) == [forgotten]
    assert {path.name for path in (root / "sources").iterdir()} == {str(known), str(young), "something else"}
    upload(root, forgotten, 90_000)
    assert uploads_sweep(sources_known) == [], "it was done within the hour"
    Pulse.objects.update(at=clock.db_now() - timedelta(minutes=61))
    assert uploads_sweep(sources_known) == [forgotten]
