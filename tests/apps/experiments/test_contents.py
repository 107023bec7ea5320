"""Files kept by what they hold: whatever order people, ticks and crashes come in, no file goes that a row names."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from apps.common import clock
from apps.common.audit import Actor
from apps.common.storage import ObjectStore, store
from apps.experiments.invariants import CHECKS, stored_files
from apps.experiments.models import Artifact, ArtifactUpload, ModelVersion, Run
from apps.experiments.selectors.files import contents_named
from apps.experiments.services import artifact_uploads, contents
from apps.experiments.services.artifact_uploads import (
    artifact_upload_begin,
    artifact_upload_complete,
    artifact_uploads_expire,
    part_put,
)
from apps.experiments.services.artifacts import Owner, artifact_put, artifacts_delete
from apps.experiments.services.contents import ARRIVING, FOLDER, content_path
from apps.experiments.services.keeping import files_collect
from apps.experiments.services.registering import Made, model_version_register
from apps.experiments.services.tracked import run_delete, run_restore
from apps.quotas.models import Pulse
from tests.support.chance import seeds
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.damage import wrong
from tests.support.factories.access import ProjectFactory
from tests.support.factories.experiments import ExperimentFactory, RegisteredModelFactory, RunFactory
from workers.dispatch.objects import contents_sweep

TESTER = Actor.system("test")
NAMES = ["a.txt", "b.txt", "deep/c.txt"]


class Killed(BaseException):
    """A process that ends in the midst of something."""


@pytest.fixture(autouse=True)
def root(settings: Any, tmp_path: Path) -> Path:
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    (tmp_path / "objects").mkdir()
    return tmp_path / "objects"


def swept() -> None:
    """All sweeps, as if each were due, after every grace."""
    long_ago = clock.db_now() - timedelta(days=400)
    for _ in range(2):
        files_collect()
        Artifact.objects.exclude(tombstoned_at=None).update(tombstoned_at=long_ago)
    Pulse.objects.all().delete()
    contents_sweep(contents_named)


def checked() -> None:
    """Every row whose file is there has it, and it is what the row says."""
    for one in stored_files():
        stored = store().measure(one.path)
        assert (stored.size_bytes, stored.sha256) == (one.size_bytes, one.sha256)
    for check in ("artifact.gone", "artifact.content", "model_version.files", "artifact_upload.artifact"):
        assert wrong(CHECKS, check) == []


class World:
    """Runs of one project whose files have few contents, so that many are shared."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        project = ProjectFactory.create()
        experiment = ExperimentFactory.create(project=project)
        made = {"state": "succeeded", "ended_at": clock.now(), "experiment": experiment, "project": project}
        self.runs: list[Run] = [RunFactory.create(**made, kind="tracked") for _ in range(3)]
        self.model = RegisteredModelFactory.create(project=project)
        self.steps: list[Callable[[], object]] = [
            self.put, self.put, self.put, self.upload, self.delete, self.delete_run, self.register, swept, swept,
        ]  # fmt: skip

    def any_run(self) -> Run:
        return Run.objects.get(pk=self.chance.choice(self.runs).pk)

    def content(self) -> bytes:
        return self.chance.choice([b"", b"x", b"yy"])

    def put(self) -> None:
        name = self.chance.choice(NAMES)
        artifact_put(owner=Owner(run=self.any_run()), name=name, chunks=[self.content()], actor=TESTER)

    def upload(self) -> None:
        upload = artifact_upload_begin(owner=Owner(run=self.any_run()), name=self.chance.choice(NAMES), parts=2)
        for number in (1, 2):
            part_put(upload_id=upload.pk, number=number, chunks=[self.content()])
        artifact_upload_complete(upload=upload, actor=TESTER)

    def delete(self) -> None:
        artifacts_delete(owner=Owner(run=self.any_run()), name="", actor=TESTER)

    def delete_run(self) -> None:
        run = self.any_run()
        if run.deleted_at is None:
            run_delete(run=run, actor=TESTER)
        else:
            run_restore(run=run, actor=TESTER)

    def register(self) -> None:
        files = {one.name: one for one in Artifact.objects.filter(run=self.any_run(), deleted_at=None, gone_at=None)}
        if files:
            model_version_register(model=self.model, made=Made(files=files), actor=TESTER, registered_by=None)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", seeds(8, 200))
def test_whatever_comes_in_whatever_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each step a process may be killed, before or after any of its calls of the store."""
    chance = random.Random(seed)
    world = World(chance)
    killing = {"in": -1}

    def deadly(name: str) -> Callable[..., Any]:
        real = getattr(ObjectStore, name)

        def called(self: ObjectStore, *given: Any, **named: Any) -> Any:
            killing["in"] -= 1
            if killing["in"] == 0:
                raise Killed
            found = real(self, *given, **named)
            if killing["in"] == 1:
                killing["in"] = 0
                raise Killed
            return found

        return called

    for name in ("put", "share", "delete"):
        monkeypatch.setattr(ObjectStore, name, deadly(name))
    for _ in range(14):
        killing["in"] = chance.choice([-1, -1, 1, 2, 3, 4])
        with suppress(Killed):
            chance.choice(world.steps)()
        killing["in"] = -1
        checked()
    monkeypatch.setattr(artifact_uploads, "LEFT_OVER_SECONDS", -1.0)
    ArtifactUpload.objects.filter(state="receiving").update(expires_at=clock.db_now() - timedelta(days=1))
    artifact_uploads_expire()
    swept()
    swept()
    checked()
    assert store().folders(ARRIVING) == []
    named = set(Artifact.objects.filter(gone_at=None).values_list("path", flat=True))
    assert {path for path, _ in store().listing(FOLDER)} == named, "and nothing else is left"


@pytest.mark.django_db
def test_a_run_goes_and_another_keeps_what_both_have() -> None:
    world = World(random.Random(0))
    first, second, _ = world.runs
    for run in (first, second):
        artifact_put(owner=Owner(run=run), name="same.bin", chunks=[b"both"], actor=TESTER)
    own = artifact_put(owner=Owner(run=first), name="own.bin", chunks=[b"mine"], actor=TESTER)
    run_delete(run=first, actor=TESTER)
    swept()
    left = Artifact.objects.get(run=second)
    assert store().open(left.path).read() == b"both"
    assert not store().exists(own.path)
    assert list(Artifact.objects.filter(run=first, gone_at=None)) == []


@pytest.mark.django_db(transaction=True)
def test_a_sweep_waits_for_who_gives_a_content_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is there without a row, and its row comes in a moment."""
    run = RunFactory.create(state="succeeded", ended_at=clock.now())
    store().put(content_path(run.project_id, "0" * 64, "x.txt"), [b"of nobody"])
    seen: list[Any] = []
    real = contents._is_kept

    def in_the_midst(path: str, size_bytes: int) -> bool:
        found = real(path, size_bytes)
        seen.append(Thread(lambda: contents_sweep(contents_named)).join())
        return found

    monkeypatch.setattr(contents, "_is_kept", in_the_midst)
    made = artifact_put(owner=Owner(run=run), name="a.txt", chunks=[b"a"], actor=TESTER)
    assert seen == [[]]
    Pulse.objects.all().delete()
    assert contents_sweep(contents_named) == [content_path(run.project_id, "0" * 64, "x.txt")]
    assert store().open(made.path).read() == b"a"


@pytest.mark.django_db(transaction=True)
def test_who_registers_a_version_holds_off_the_collection_of_its_files() -> None:
    run = RunFactory.create(state="succeeded", ended_at=clock.now())
    file = artifact_put(owner=Owner(run=run), name="a.txt", chunks=[b"a"], actor=TESTER)
    artifacts_delete(owner=Owner(run=run), name="a.txt", actor=TESTER)
    Artifact.objects.update(tombstoned_at=clock.db_now() - timedelta(days=30))
    model = RegisteredModelFactory.create(project=run.project)
    from_now = []

    def registers() -> None:
        model_version_register(model=model, made=Made(files={"a.txt": file}), actor=TESTER, registered_by=None)
        from_now.append(Thread(files_collect))
        wait_until_blocked()

    atomically(registers)
    assert from_now[0].join() == 0
    assert store().exists(ModelVersion.objects.get().files[0]["path"])


def atomically(work: Callable[[], None]) -> None:
    with transaction.atomic():
        work()


@pytest.mark.django_db
def test_what_lies_for_another_database_stays() -> None:
    path = f"{FOLDER}/{uuid4()}/sha256/ab/ab"
    store().put(path, [b"x"])
    Pulse.objects.all().delete()
    assert contents_sweep(contents_named) == []
    assert store().exists(path)
