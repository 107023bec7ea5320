"""Which files of runs are kept: the whole truth table, and what the tick does with it."""

from __future__ import annotations

import itertools
import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.common import clock
from apps.common.audit import Actor
from apps.common.deletions import nothing_deleted
from apps.common.errors import Conflict
from apps.common.models import AuditEvent
from apps.common.storage import store
from apps.experiments.models import Artifact, Checkpoint, FileRule, Run
from apps.experiments.selectors.keeping import NEEDS, Facts, reasons_of
from apps.experiments.services.artifacts import Owner, artifact_put, artifacts_delete
from apps.experiments.services.files import checkpoint_resume
from apps.experiments.services.keeping import (
    file_hold_lift,
    file_hold_place,
    file_rule_set,
    files_collect,
    files_delete,
    tombstones_set,
)
from apps.experiments.services.registering import Made, model_version_register
from apps.experiments.services.registry import model_version_archive
from apps.experiments.services.verifying import model_version_verify
from tests.support.concurrency import Thread
from tests.support.factories.access import ProjectFactory
from tests.support.factories.experiments import (
    CheckpointFactory,
    ExperimentFactory,
    RegisteredModelFactory,
    RunFactory,
    started,
    succeeded_run,
)

README = Path(__file__).parents[3] / "apps" / "experiments" / "README.md"
TESTER = Actor.system("test")
GUIDE = [README.parents[2] / "docs" / tongue / "models.md" for tongue in ("en", "zh")]


def published(page: Path) -> dict[str, tuple[str, ...]]:
    """The table between its marks, as reason → needs."""
    rows = re.search(r"<!-- keep-rules -->\n(.*?)<!-- /keep-rules -->", page.read_text(), re.S)
    assert rows is not None
    cells = [
        [cell.strip() for cell in row.strip("|").split("|")] for row in rows[1].splitlines() if row.startswith("| `")
    ]
    return {cell[0].strip("`"): tuple(re.findall(r"`([^`]+)`", cell[1])) for cell in cells}


@pytest.mark.parametrize("page", [README, *GUIDE], ids=lambda page: f"{page.parent.name}/{page.name}")
def test_the_published_table_is_the_one_that_decides(page: Path) -> None:
    assert published(page) == dict(NEEDS)


def test_a_file_is_kept_while_any_reason_holds_and_only_then() -> None:
    """Every combination of facts, against the published table read by itself."""
    names = [one.name for one in fields(Facts)]
    table = published(README)
    columns = {
        reason: [(need.split()[-1], not need.startswith("not ")) for need in needs] for reason, needs in table.items()
    }
    seen = 0
    for values in itertools.product((False, True), repeat=len(names)):
        facts = dict(zip(names, values, strict=True))
        expected = [reason for reason, needs in columns.items() if all(facts[name] is wanted for name, wanted in needs)]
        assert reasons_of(Facts(**facts)) == expected
        seen += 1
    assert seen == 2 ** len(names) == 8192


@pytest.mark.django_db
class TestTick:
    def put(self, run: Run, name: str = "a.txt", content: bytes = b"a") -> Artifact:
        return artifact_put(owner=Owner(run=run), name=name, chunks=[content], actor=TESTER)

    def ended(self, **kwargs: Any) -> Run:
        return RunFactory.create(state="succeeded", ended_at=clock.now(), **kwargs)

    def rule(self, run: Run, **rule: Any) -> FileRule:
        columns = {"keep_checkpoints": 1, "keep_best": False, "keep_days": None, "grace_days": 7, **rule}
        return file_rule_set(project=run.project, changed_by=None, actor=TESTER, **columns)

    def aged(self, row: Artifact | Checkpoint, days: int) -> None:
        """Let the tombstone be so old."""
        type(row).objects.filter(pk=row.pk).update(tombstoned_at=clock.db_now() - timedelta(days=days))

    def test_without_a_rule_only_what_was_deleted_goes_and_after_the_grace(self) -> None:
        run = self.ended()
        kept, gone = self.put(run), self.put(run, "b.txt", b"b")
        artifacts_delete(owner=Owner(run=run), name="b.txt", actor=TESTER)
        assert (tombstones_set(Artifact), files_delete(Artifact)) == (1, 0)
        self.aged(gone, 6)
        assert files_delete(Artifact) == 0
        self.aged(gone, 7)
        assert files_delete(Artifact) == 1
        gone.refresh_from_db()
        assert (gone.gone_at is not None, store().exists(gone.path), store().exists(kept.path)) == (True, False, True)
        event = AuditEvent.objects.get(action="files.collected")
        assert event.detail == {"kind": "artifact", "count": 1, "files": [str(gone.pk)]}

    def test_a_content_that_another_row_has_stays(self) -> None:
        one = self.ended()
        gone = self.put(one)
        other = self.put(self.ended(project=one.project))
        assert gone.path == other.path
        artifacts_delete(owner=Owner(run=one), name="a.txt", actor=TESTER)
        tombstones_set(Artifact)
        self.aged(gone, 8)
        assert files_delete(Artifact) == 0
        gone.refresh_from_db()
        assert gone.gone_at is not None
        assert store().exists(gone.path)

    def test_the_newest_checkpoints_of_a_run_are_kept_and_the_best(self) -> None:
        run = self._run_with_goal()
        rows = [
            CheckpointFactory.with_object(b"%d" % step, run=run, project=run.project, step=step) for step in (1, 2, 3)
        ]
        self.rule(run, keep_best=True)
        tombstones_set(Checkpoint)
        marked = [Checkpoint.objects.get(pk=row.pk).tombstoned_at is not None for row in rows]
        assert marked == [True, False, False]

    def _run_with_goal(self) -> Run:
        project = ProjectFactory.create()
        experiment = ExperimentFactory.create(project=project, goal_metric="val/auc", goal_mode="max")
        summary = {"val/auc": {"max": 0.9, "max_step": 2, "min": 0.1, "min_step": 1}}
        return self.ended(project=project, experiment=experiment, summary=summary)

    def test_nothing_of_a_run_that_goes_on_is_marked_and_it_resumes_from_what_is_there(self) -> None:
        attempt = started()
        run = Run.objects.get(workload=attempt.workload_id)
        own = {"run": run, "project": run.project, "attempt": attempt}
        old = CheckpointFactory.with_object(b"1", **own, step=1)
        new = CheckpointFactory.with_object(b"2", **own, step=2)
        self.rule(run)
        assert tombstones_set(Checkpoint) == 0
        Checkpoint.objects.filter(pk=new.pk).update(gone_at=clock.db_now())
        assert checkpoint_resume(attempt=attempt) == old

    def test_what_a_version_has_is_kept_until_it_is_archived(self) -> None:
        run = self.ended()
        file = self.put(run, "model.onnx", b"\x08\x08")
        model = RegisteredModelFactory.create(project=run.project)
        made = Made(files={"model.onnx": file}, run=run)
        version = model_version_register(model=model, made=made, actor=TESTER, registered_by=None)
        version = model_version_verify(version.pk)
        artifacts_delete(owner=Owner(run=run), name="", actor=TESTER)
        assert tombstones_set(Artifact) == 0
        model_version_archive(version=version, actor=TESTER)
        assert tombstones_set(Artifact) == 1

    def test_a_version_cannot_be_made_of_what_was_collected(self) -> None:
        run = self.ended()
        file = self.put(run, "model.onnx", b"\x08\x08")
        Artifact.objects.filter(pk=file.pk).update(gone_at=clock.db_now())
        model = RegisteredModelFactory.create(project=run.project)
        made = Made(files={"model.onnx": file}, run=run)
        with pytest.raises(Conflict, match=r"not kept any more: model\.onnx"):
            model_version_register(model=model, made=made, actor=TESTER, registered_by=None)

    def test_a_hold_keeps_what_was_deleted_and_takes_back_a_tombstone(self) -> None:
        run = self.ended()
        file = self.put(run)
        artifacts_delete(owner=Owner(run=run), name="a.txt", actor=TESTER)
        assert tombstones_set(Artifact) == 1
        self.aged(file, 30)
        hold = file_hold_place(project=run.project, run=run, reason="audit", placed_by=None, actor=TESTER)
        assert files_delete(Artifact) == 0  # decided anew before anything goes
        tombstones_set(Artifact)
        file.refresh_from_db()
        assert file.tombstoned_at is None
        file_hold_lift(hold, lifted_by=None, actor=TESTER)
        assert tombstones_set(Artifact) == 1
        with pytest.raises(Conflict):
            file_hold_lift(hold, lifted_by=None, actor=TESTER)

    def test_a_deleted_run_can_be_restored_while_its_grace_lasts(self) -> None:
        run = self.ended()
        file = self.put(run)
        Run.objects.filter(pk=run.pk).update(deleted_at=clock.db_now())
        assert tombstones_set(Artifact) == 1
        Run.objects.filter(pk=run.pk).update(deleted_at=None)
        tombstones_set(Artifact)
        file.refresh_from_db()
        assert file.tombstoned_at is None

    def test_one_look_takes_a_bounded_number_of_files_and_those_looked_at_longest_ago(self) -> None:
        run = self.ended()
        for number in range(3):
            self.put(run, f"{number}.txt", b"%d" % number)
        Run.objects.filter(pk=run.pk).update(deleted_at=clock.db_now())
        assert [tombstones_set(Artifact, most=2) for _ in range(2)] == [2, 1]

    def test_work_that_reads_a_file_keeps_it(self) -> None:
        run = self.ended()
        file = self.put(run)
        artifacts_delete(owner=Owner(run=run), name="a.txt", actor=TESTER)
        attempt = started(project=run.project)
        spec = {"inputs": [{"name": "model", "uri": f"bedplate://{file.path}"}]}
        type(attempt.workload).objects.filter(pk=attempt.workload_id).update(spec=spec)
        assert tombstones_set(Artifact) == 0

    def test_a_file_that_comes_again_is_not_the_one_that_is_about_to_go(self) -> None:
        run = self.ended()
        first = self.put(run)
        Artifact.objects.filter(pk=first.pk).update(tombstoned_at=clock.db_now())
        again = self.put(run)
        assert again.pk != first.pk
        self.aged(first, 30)
        files_collect()
        assert store().exists(again.path)

    def test_succeeded_runs_keep_what_their_job_left(self) -> None:
        succeeded_run()
        assert (tombstones_set(Artifact), tombstones_set(Checkpoint)) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_nothing_goes_while_a_backup_copies() -> None:
    run = RunFactory.create(state="succeeded", ended_at=clock.now())
    file = artifact_put(owner=Owner(run=run), name="a.txt", chunks=[b"a"], actor=TESTER)
    Artifact.objects.filter(pk=file.pk).update(
        deleted_at=clock.db_now(), tombstoned_at=clock.db_now() - timedelta(days=30)
    )
    with nothing_deleted():
        assert Thread(lambda: files_delete(Artifact)).join() == 0
    assert files_delete(Artifact) == 1
