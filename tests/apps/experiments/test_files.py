"""Artifacts and checkpoints count once the store holds what was announced; a later attempt continues from one."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db import IntegrityError
from uuid6 import uuid7

from apps.common.errors import Forbidden, Invalid
from apps.common.models import Event
from apps.common.storage import store
from apps.experiments.models import Artifact, Checkpoint
from apps.experiments.services.files import (
    NotTheAnnouncedFile,
    artifact_register,
    checkpoint_register,
    checkpoint_resume,
)
from apps.quotas.models import Attempt, Workload
from tests.support.concurrency import Thread
from tests.support.factories.experiments import CheckpointFactory, MetricBatchFactory, next_attempt, run_of, started
from tests.support.factories.quotas import AttemptFactory

pytestmark = pytest.mark.django_db


def announced(attempt: Attempt, content: bytes, name: str = "artifacts/model/model.onnx") -> dict[str, Any]:
    """Write a file as the job does; what it says about it."""
    stored = store().put(f"attempts/{attempt.pk}/{name}", [content])
    return {
        "attempt": attempt,
        "uri": f"bedplate://{stored.path}",
        "sha256": stored.sha256,
        "size_bytes": stored.size_bytes,
        "metadata": {},
    }


class TestArtifacts:
    def test_a_file_that_is_there_is_noted(self) -> None:
        attempt = started()
        said = announced(attempt, b"onnx")
        artifact = artifact_register(name="model", kind="model", **{**said, "metadata": {"features": ["a"]}})
        stored = Artifact.objects.get()
        assert stored.pk == artifact.pk
        assert (stored.run_id, stored.project_id) == (run_of(attempt).pk, attempt.project_id)
        assert (stored.name, stored.kind, stored.size_bytes) == ("model", "model", 4)
        assert stored.sha256 == hashlib.sha256(b"onnx").hexdigest()
        assert stored.path == f"attempts/{attempt.pk}/artifacts/model/model.onnx"
        assert stored.metadata == {"features": ["a"]}

    def test_announced_again_it_is_the_same(self) -> None:
        said = announced(started(), b"onnx")
        first = artifact_register(name="model", kind="model", **said)
        assert artifact_register(name="model", kind="model", **said).pk == first.pk
        assert Artifact.objects.count() == 1
        assert Event.objects.filter(kind="artifact.registered").count() == 1

    def test_the_last_word_about_a_path_counts(self) -> None:
        attempt = started()
        first = artifact_register(name="model", kind="model", **announced(attempt, b"one"))
        again = artifact_register(name="model", kind="model", **announced(attempt, b"second"))
        assert (again.pk, Artifact.objects.get().size_bytes) == (first.pk, 6)

    @pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size_bytes": 3}])
    def test_another_digest_or_size_is_refused(self, change: dict[str, Any]) -> None:
        said = announced(started(), b"onnx")
        with pytest.raises(NotTheAnnouncedFile):
            artifact_register(name="model", kind="model", **{**said, **change})
        assert Artifact.objects.count() == 0

    def test_a_file_that_is_not_there_is_refused(self) -> None:
        said = announced(started(), b"onnx")
        store().delete(said["uri"].removeprefix("bedplate://"))
        with pytest.raises(NotTheAnnouncedFile):
            artifact_register(name="model", kind="model", **said)

    def test_a_folder_is_no_file(self) -> None:
        attempt = started()
        said = announced(attempt, b"onnx")
        with pytest.raises(NotTheAnnouncedFile):
            artifact_register(name="m", kind="model", **{**said, "uri": f"bedplate://attempts/{attempt.pk}/artifacts"})

    @pytest.mark.parametrize(
        "uri",
        [
            "bedplate://attempts/{other}/artifacts/model/model.onnx",
            "bedplate://attempts/{own}",
            "bedplate://attempts/{own}/",
            "bedplate://attempts/{own}x/model.onnx",
            "bedplate://sources/secret.csv",
        ],
    )
    def test_only_files_of_the_attempt_itself_are_taken(self, uri: str) -> None:
        attempt, other = started(), started()
        announced(other, b"theirs")
        said = {**announced(attempt, b"onnx"), "uri": uri.format(own=attempt.pk, other=other.pk)}
        with pytest.raises(Forbidden):
            artifact_register(name="model", kind="model", **said)

    @pytest.mark.parametrize("uri", ["bedplate://attempts/{own}/../x", "file:///etc/passwd", "bedplate:///etc/passwd"])
    def test_no_address_leaves_the_store(self, uri: str) -> None:
        attempt = started()
        said = {**announced(attempt, b"onnx"), "uri": uri.format(own=attempt.pk)}
        with pytest.raises(Invalid):
            artifact_register(name="model", kind="model", **said)

    def test_a_link_to_a_file_of_another_attempt_is_not_followed(self) -> None:
        attempt, other = started(), started()
        theirs = announced(other, b"theirs")
        announced(attempt, b"onnx")
        link = store().local_path(f"attempts/{attempt.pk}/artifacts/link")
        assert link is not None
        link.symlink_to(store().local_path(theirs["uri"].removeprefix("bedplate://")) or "")
        uri = f"bedplate://attempts/{attempt.pk}/artifacts/link"
        with pytest.raises(Forbidden):
            artifact_register(name="model", kind="model", **{**theirs, "attempt": attempt, "uri": uri})

    def test_a_job_that_is_no_run_has_none(self) -> None:
        attempt = AttemptFactory.create()
        with pytest.raises(Forbidden):
            artifact_register(name="model", kind="model", **announced(attempt, b"onnx"))

    def test_metadata_is_bounded_and_plain(self) -> None:
        said = announced(started(), b"onnx")
        artifact = artifact_register(name="model", kind="model", **{**said, "metadata": {"a": "\x00b"}})
        assert artifact.metadata == {"a": "b"}
        with pytest.raises(Invalid):
            artifact_register(name="model", kind="model", **{**said, "metadata": {"a": "b" * 70_000}})

    def test_the_database_keeps_one_row_per_path(self) -> None:
        attempt = started()
        CheckpointFactory.create(run=run_of(attempt), attempt=attempt)
        with pytest.raises(IntegrityError):
            CheckpointFactory.create(run=run_of(attempt), attempt=attempt)


@pytest.mark.django_db(transaction=True)
def test_two_that_announce_the_same_at_once_make_one() -> None:
    said = announced(started(), b"onnx")
    twins = [Thread(lambda: artifact_register(name="model", kind="model", **said).pk) for _ in range(4)]
    assert {twin.join() for twin in twins} == {Artifact.objects.get().pk}


class TestCheckpoints:
    def test_one_counts_once_it_is_acknowledged(self) -> None:
        attempt = started()
        assert checkpoint_resume(attempt=attempt) is None
        said = announced(attempt, b"state", "checkpoints/step-5.pt")
        checkpoint = checkpoint_register(step=5, **{**said, "metadata": {"epoch": 1}})
        assert (checkpoint.step, checkpoint.metadata, checkpoint.project_id) == (5, {"epoch": 1}, attempt.project_id)
        found = checkpoint_resume(attempt=attempt)
        assert found == checkpoint
        assert Workload.objects.get(pk=attempt.workload_id).checkpoint_at == checkpoint.acknowledged_at
        assert checkpoint_register(step=5, **said).pk == checkpoint.pk
        assert Event.objects.filter(kind="checkpoint.acknowledged").count() == 1

    def test_a_damaged_one_is_not_acknowledged(self) -> None:
        attempt = started()
        said = announced(attempt, b"state", "checkpoints/step-5.pt")
        store().put(f"attempts/{attempt.pk}/checkpoints/step-5.pt", [b"other"])
        with pytest.raises(NotTheAnnouncedFile):
            checkpoint_register(step=5, **said)
        assert Checkpoint.objects.count() == 0
        assert Workload.objects.get(pk=attempt.workload_id).checkpoint_at is None

    def test_the_highest_step_of_the_latest_attempt_is_the_latest(self) -> None:
        first = started()
        for step in (5, 20, 10):
            checkpoint_register(step=step, **announced(first, b"1", f"checkpoints/step-{step}.pt"))
        second = next_attempt(first)
        found = checkpoint_resume(attempt=second)
        assert found is not None
        assert found.step == 20
        # It went on from an older one of its own accord: what it says last is what counts.
        checkpoint_register(step=7, **announced(second, b"2", "checkpoints/step-7.pt"))
        found = checkpoint_resume(attempt=next_attempt(second))
        assert found is not None
        assert found.step == 7

    def test_one_whose_file_is_gone_is_passed_over(self) -> None:
        attempt = started()
        for step in (5, 10):
            checkpoint_register(step=step, **announced(attempt, b"1", f"checkpoints/step-{step}.pt"))
        store().delete(f"attempts/{attempt.pk}/checkpoints/step-10.pt")
        found = checkpoint_resume(attempt=attempt)
        assert found is not None
        assert found.step == 5
        store().delete(f"attempts/{attempt.pk}/checkpoints/step-5.pt")
        assert checkpoint_resume(attempt=attempt) is None

    def test_checkpoints_of_other_runs_are_not_seen(self) -> None:
        other = started()
        checkpoint_register(step=5, **announced(other, b"1", "checkpoints/step-5.pt"))
        assert checkpoint_resume(attempt=started()) is None
        with pytest.raises(Forbidden):
            checkpoint_resume(attempt=AttemptFactory.create(id=uuid7()))


class TestResuming:
    def test_points_after_the_step_leave_the_summary(self) -> None:
        first = started()
        MetricBatchFactory.create(attempt=first, points=[(1, 4.0), (2, 2.0), (3, 9.0)])
        MetricBatchFactory.create(attempt=first, key="auc", points=[(3, 0.9)])
        checkpoint_register(step=2, **announced(first, b"1", "checkpoints/step-2.pt"))
        run = run_of(first)
        run.attempt_starts = {"1": None}
        run.save()

        second = next_attempt(first)
        checkpoint_resume(attempt=second)
        run.refresh_from_db()
        assert run.attempt_starts == {"1": None, "2": 2}
        assert run.summary == {
            "loss": {
                "last": 2.0,
                "last_step": 2,
                "last_time": 1002.0,
                "min": 2.0,
                "min_step": 2,
                "max": 4.0,
                "max_step": 1,
                "mean": 3.0,
                "sum": 6.0,
                "count": 2,
            }
        }
        assert Event.objects.filter(kind="run.resumed").count() == 1
        checkpoint_resume(attempt=second)
        assert Event.objects.filter(kind="run.resumed").count() == 1

    def test_an_attempt_that_looks_at_its_own_checkpoint_supersedes_nothing(self) -> None:
        attempt = started()
        checkpoint_register(step=2, **announced(attempt, b"1", "checkpoints/step-2.pt"))
        checkpoint_resume(attempt=attempt)
        assert run_of(attempt).attempt_starts == {}

    def test_one_that_sent_points_before_it_asked_is_corrected(self) -> None:
        first = started()
        MetricBatchFactory.create(attempt=first, points=[(1, 1.0), (2, 2.0)])
        checkpoint_register(step=1, **announced(first, b"1", "checkpoints/step-1.pt"))
        second = next_attempt(first)
        MetricBatchFactory.create(attempt=second, key="epoch", points=[(1, 0.0)])
        run = run_of(first)
        run.attempt_starts = {"1": None, "2": None}
        run.save()
        checkpoint_resume(attempt=second)
        run.refresh_from_db()
        assert run.attempt_starts == {"1": None, "2": 1}
        assert (sorted(run.summary), run.summary["loss"]["count"]) == (["epoch", "loss"], 1)
