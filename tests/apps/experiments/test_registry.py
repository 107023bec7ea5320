"""The registry: versions come from succeeded runs, are verified, and are pointed at."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from apps.common.audit import Actor
from apps.common.errors import Conflict, IllegalTransition, Invalid
from apps.common.models import AuditEvent
from apps.common.storage import store
from apps.datasets.models import LineageEdge
from apps.experiments.models import ModelAlias, ModelVersion, RegisteredModel, Run
from apps.experiments.services.reconcile import reconcile_due
from apps.experiments.services.registering import model_version_create
from apps.experiments.services.registry import (
    model_alias_delete,
    model_alias_set,
    model_create,
    model_version_archive,
)
from apps.experiments.services.verifying import model_version_look, model_version_verify
from apps.experiments.states import ArtifactKind, RunState
from tests.support.concurrency import Thread
from tests.support.factories.access import ProjectFactory
from tests.support.factories.experiments import (
    RESULT,
    ArtifactFactory,
    ModelVersionFactory,
    RegisteredModelFactory,
    next_attempt,
    succeeded_run,
)

pytestmark = pytest.mark.django_db
TESTER = Actor.system("test")


def register(run: Run, model: RegisteredModel | None = None) -> ModelVersion:
    model = model or RegisteredModelFactory.create(project=run.project)
    return model_version_create(model=model, run=run, actor=TESTER, registered_by=None)


def test_a_model_s_name_is_taken_once_in_a_project() -> None:
    project = ProjectFactory.create()
    model_create(project=project, name="risk", actor=TESTER)
    with pytest.raises(Invalid):
        model_create(project=project, name="risk", actor=TESTER)
    model_create(project=ProjectFactory.create(), name="risk", actor=TESTER)
    assert AuditEvent.objects.filter(action="registered_model.created").count() == 2


class TestCreate:
    def test_a_version_holds_what_the_run_made(self) -> None:
        run = succeeded_run()
        version = register(run)
        model, preprocessor = run.artifacts.get(kind="model"), run.artifacts.get(kind="preprocessor")
        assert (version.state, version.number, version.project_id) == ("pending", 1, run.project_id)
        assert (version.artifact, version.preprocessor) == (model, preprocessor)
        assert (version.metrics, version.evaluation) == (RESULT["metrics"], RESULT["evaluation"])
        assert version.digest == f"sha256:{model.sha256}"
        edges = LineageEdge.objects.filter(from_kind="model_version", from_id=version.pk)
        assert set(edges.values_list("relation", "to_kind", "to_id")) == {
            ("registered_from", "run", run.pk),
            ("evaluated_on", "dataset_version", run.dataset_version_id),
        }
        assert AuditEvent.objects.get(action="model_version.registered").subject_id == str(version.pk)

    def test_numbers_count_up_by_model(self) -> None:
        run = succeeded_run()
        model = RegisteredModelFactory.create(project=run.project)
        assert [register(run, model).number for _ in range(3)] == [1, 2, 3]
        assert register(run).number == 1

    @pytest.mark.parametrize("state", [state for state in RunState if state != RunState.SUCCEEDED])
    def test_only_a_run_that_succeeded_is_registered(self, state: str) -> None:
        run = succeeded_run()
        run.state = state
        with pytest.raises(Conflict), transaction.atomic():
            register(run)
        assert ModelVersion.objects.count() == 0

    def test_a_run_without_a_model_is_refused(self) -> None:
        run = succeeded_run()
        run.artifacts.filter(kind=ArtifactKind.MODEL).delete()
        with pytest.raises(Conflict, match="kind model"):
            register(run)

    def test_the_model_that_the_result_names_is_taken(self) -> None:
        run = succeeded_run()
        attempt = run.artifacts.first().attempt
        other = ArtifactFactory.with_object(b"other", run=run, project=run.project, attempt=attempt, name="other")
        assert register(run).artifact.name == "model"
        run.result = {**RESULT, "model": {"artifact": "other"}}
        assert register(run).artifact == other
        run.result = {**RESULT, "model": {"artifact": "none"}}
        with pytest.raises(Conflict, match="'none'"):
            register(run)

    def test_the_files_of_the_last_attempt_are_taken_together(self) -> None:
        run = succeeded_run()
        second = next_attempt(run.artifacts.first().attempt)
        again = ArtifactFactory.with_object(b"again", run=run, project=run.project, attempt=second)
        version = register(run)
        assert (version.artifact, version.preprocessor) == (again, None)

    def test_a_result_of_another_shape_gives_no_metrics(self) -> None:
        run = succeeded_run()
        run.result = {"metrics": [1], "evaluation": None, "model": "model"}
        version = register(run)
        assert (version.metrics, version.evaluation) == ({}, {})
        assert not LineageEdge.objects.filter(relation="evaluated_on").exists()


class TestVerify:
    def test_whole_files_make_it_ready(self) -> None:
        version = model_version_verify(register(succeeded_run()).pk)
        assert (version.state, version.state_reason) == ("ready", "")
        assert model_version_verify(version.pk).state == "ready"
        assert [step.to_state for step in version.story()] == ["ready"]

    @pytest.mark.parametrize("kind", ["model", "preprocessor"])
    @pytest.mark.parametrize("content", [b"changed", None])
    def test_a_damaged_file_archives_it(self, kind: str, content: bytes | None) -> None:
        run = succeeded_run()
        version = register(run)
        path = run.artifacts.get(kind=kind).path
        store().delete(path)
        if content is not None:
            store().put(path, [content])
        version = model_version_verify(version.pk)
        assert (version.state, version.state_reason) == ("archived", "file_damaged")
        assert version.state_detail == f"Missing or changed since the run announced it: {kind}."

    def test_the_tick_verifies_what_was_left_pending(self) -> None:
        version = register(succeeded_run())
        assert reconcile_due() == 0
        ModelVersion.objects.update(created_at="2026-03-02T09:30:00Z")
        assert reconcile_due() == 1
        version.refresh_from_db()
        assert version.state == "ready"


class TestAliases:
    def test_an_alias_moves_from_version_to_version(self) -> None:
        version = ModelVersionFactory.create()
        model = version.model
        newer = ModelVersionFactory.create(project=model.project, model=model, number=2)
        first = model_alias_set(model=model, name="champion", version=version, actor=TESTER)
        moved = model_alias_set(model=model, name="champion", version=newer, actor=TESTER)
        assert moved.pk == first.pk
        assert ModelAlias.objects.get().version == newer
        details = AuditEvent.objects.filter(action="model_alias.set").values_list("detail__number", flat=True)
        assert sorted(details) == [1, 2]

    def test_a_version_of_another_model_is_refused(self) -> None:
        version = ModelVersionFactory.create()
        other = RegisteredModelFactory.create(project=version.project)
        with pytest.raises(Invalid):
            model_alias_set(model=other, name="champion", version=version, actor=TESTER)

    @pytest.mark.parametrize("state", ["pending", "archived"])
    def test_only_a_ready_version_is_pointed_at(self, state: str) -> None:
        version = ModelVersionFactory.create(state=state)
        with pytest.raises(Conflict):
            model_alias_set(model=version.model, name="champion", version=version, actor=TESTER)

    def test_a_version_that_is_pointed_at_is_not_archived(self) -> None:
        version = ModelVersionFactory.create()
        alias = model_alias_set(model=version.model, name="champion", version=version, actor=TESTER)
        with pytest.raises(Conflict, match="champion"):
            model_version_archive(version=version, actor=TESTER)
        model_alias_delete(alias=alias, actor=TESTER)
        archived = model_version_archive(version=version, actor=TESTER)
        assert (archived.state, archived.state_reason) == ("archived", "archived_by_user")
        with pytest.raises(IllegalTransition):
            model_version_archive(version=version, actor=TESTER)


@pytest.mark.django_db(transaction=True)
def test_versions_registered_at_once_get_numbers_of_their_own() -> None:
    run = succeeded_run()
    model = RegisteredModelFactory.create(project=run.project)

    def work() -> Any:
        return register(run, model).number

    assert sorted(twin.join() for twin in [Thread(work) for _ in range(4)]) == [1, 2, 3, 4]


def test_a_ready_version_that_could_not_be_loaded_is_looked_at_again() -> None:
    version = model_version_look(register(succeeded_run()).pk)
    assert (version.state, model_version_look(version.pk).state) == ("ready", "ready")
    store().put(version.artifact.path, [b"damaged"])
    version = model_version_look(version.pk)
    assert (version.state, version.state_reason) == ("archived", "file_damaged")
