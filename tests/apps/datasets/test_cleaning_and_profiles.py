"""Cleaning runs make the next version; profiles are taken once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.access.services.secrets import secret_set
from apps.common.errors import Conflict, Invalid
from apps.datasets.models import CleaningRun, LineageEdge, Profile
from apps.datasets.services.cleaning import cleaning_run_cancel, cleaning_run_create, cleaning_run_reconcile
from apps.datasets.services.profiles import profile_cancel, profile_create, profile_reconcile
from apps.datasets.states import JobState, VersionState
from apps.quotas.models import Workload
from apps.quotas.states import WorkloadState
from tests.support.factories.datasets import (
    TESTER,
    CleaningRunFactory,
    DatasetFactory,
    DatasetVersionFactory,
    ProfileFactory,
    RecipeFactory,
    dataset_result,
    described,
    fresh,
    part_of,
    succeeded,
    workload_to,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]
FILES = {"part-00000.parquet": b"PAR1"}
FITTED = b'{"format": "bedplate-preprocessor/1"}'
COLUMNS = [{"name": "age", "type": "int64", "null_count": 0}]


def _cleaned(**changes: Any) -> dict[str, Any]:
    fitted = {key: value for key, value in described("preprocessor.json", FITTED).items() if key != "rows"}
    report = [{"step": 1, "kind": "split", "rows_in": 2, "rows_out": 2, "cells_changed": {}, "warnings": []}]
    return dataset_result(FILES, splits={"train": 1, "test": 1}, report=report, preprocessor=fitted, **changes)


def test_a_cleaning_run_reads_the_version_with_the_recipe_s_steps() -> None:
    version = DatasetVersionFactory.create()
    recipe = RecipeFactory.create(project=version.project)
    run = cleaning_run_create(recipe=recipe, input_version=version, requested_by=None, actor=TESTER)
    workload = Workload.objects.get(pk=run.workload_id)
    assert (workload.owner_kind, workload.owner_id) == ("cleaning_run", run.pk)
    assert workload.spec["command"][-1] == "clean"
    assert workload.spec["parameters"] == {"steps": recipe.steps}
    assert workload.spec["inputs"] == [
        {"name": "dataset", "uri": f"bedplate://{version.manifest['prefix']}", "files": ["part-00000.parquet"]}
    ]
    assert [output["name"] for output in workload.spec["outputs"]] == ["dataset"]
    assert (run.output_dataset, run.project) == (version.dataset, version.project)


@pytest.mark.parametrize(
    "step, fault",
    [
        (
            {"kind": "drop_columns", "columns": ["agee"]},
            {"step": 1, "option": "columns", "code": "unknown_column", "column": "agee"},
        ),
        (
            {"kind": "standardise", "columns": ["status"]},
            {"step": 1, "option": "columns", "code": "wrong_type", "column": "status"},
        ),
    ],
)
def test_a_recipe_that_does_not_fit_the_version_makes_nothing(step: dict[str, Any], fault: dict[str, Any]) -> None:
    version = DatasetVersionFactory.create()
    recipe = RecipeFactory.create(project=version.project, steps=[{"kind": "drop_duplicates"}, step])
    with pytest.raises(Invalid, match="step 2 of the recipe") as caught:
        cleaning_run_create(recipe=recipe, input_version=version, requested_by=None, actor=TESTER)
    assert list(caught.value.fields) == ["steps[1].columns"]
    assert [{key: each[key] for key in fault} for each in caught.value.faults] == [fault]
    assert not CleaningRun.objects.exists()
    assert not Workload.objects.exists()


def test_the_secret_of_a_step_comes_to_the_job_and_is_not_in_its_spec() -> None:
    version = DatasetVersionFactory.create()
    steps = [{"kind": "pseudonymise", "columns": ["status"], "secret": "KEY"}]
    recipe = RecipeFactory.create(project=version.project, steps=steps)
    with pytest.raises(Invalid, match="The project has no secret 'KEY'") as caught:
        cleaning_run_create(recipe=recipe, input_version=version, requested_by=None, actor=TESTER)
    assert list(caught.value.fields) == ["steps[0].secret"]

    secret_set(project=version.project, name="KEY", value=b"sixteen bytes or more", actor=TESTER)
    run = cleaning_run_create(recipe=recipe, input_version=version, requested_by=None, actor=TESTER)
    spec = Workload.objects.get(pk=run.workload_id).spec
    assert spec["secrets"] == ["KEY"]
    assert "sixteen" not in json.dumps(spec)


def test_its_good_end_is_the_next_version_of_the_same_dataset() -> None:
    run = CleaningRunFactory.create()
    succeeded(run, _cleaned(), {**FILES, "preprocessor.json": FITTED})
    cleaning_run_reconcile(run.workload_id)
    run = fresh(run)
    version = run.output_version
    assert (run.state, version.state, version.number) == ("succeeded", "published", 2)
    assert (version.dataset, version.parent) == (run.input_version.dataset, run.input_version)
    assert (version.splits, version.report[0]["kind"], version.ingestion) == ({"train": 1, "test": 1}, "split", None)
    assert version.preprocessor == {
        "name": "preprocessor.json",
        "path": part_of(version, "preprocessor.json", FITTED)["path"],
        "sha256": described("", FITTED)["sha256"],
        "size_bytes": len(FITTED),
    }
    edge = LineageEdge.objects.get()
    assert (edge.from_id, edge.relation, edge.to_kind, edge.to_id) == (
        version.pk, "cleaned_from", "dataset_version", run.input_version_id,
    )  # fmt: skip


def test_a_preprocessor_that_is_not_there_fails_it() -> None:
    run = CleaningRunFactory.create()
    succeeded(run, _cleaned(), FILES)
    cleaning_run_reconcile(run.workload_id)
    assert (fresh(run).state, fresh(run).state_detail) == (
        "failed", "preprocessor.json is not in the object store.",
    )  # fmt: skip


def test_the_output_may_go_to_another_dataset_of_the_project() -> None:
    run = CleaningRunFactory.create()
    other = DatasetFactory.create(project=run.project)
    moved = cleaning_run_create(
        recipe=run.recipe, input_version=run.input_version, output_dataset=other, requested_by=None, actor=TESTER
    )
    succeeded(moved, _cleaned(), {**FILES, "preprocessor.json": FITTED})
    cleaning_run_reconcile(moved.workload_id)
    version = fresh(moved).output_version
    assert (version.dataset, version.number, version.parent) == (other, 1, run.input_version)


def test_what_belongs_to_other_projects_is_refused() -> None:
    version = DatasetVersionFactory.create()
    with pytest.raises(Invalid) as refused:
        cleaning_run_create(
            recipe=RecipeFactory.create(), input_version=version, output_dataset=DatasetFactory.create(),
            requested_by=None, actor=TESTER,
        )  # fmt: skip
    assert sorted(refused.value.fields) == ["output_dataset", "recipe"]
    assert (CleaningRun.objects.count(), Workload.objects.count()) == (0, 0)


@pytest.mark.parametrize("state", [VersionState.DRAFT, VersionState.DEPRECATED])
def test_only_published_versions_are_read(state: str) -> None:
    version = DatasetVersionFactory.create(state=state)
    recipe = RecipeFactory.create(project=version.project)
    with pytest.raises(Conflict):
        cleaning_run_create(recipe=recipe, input_version=version, requested_by=None, actor=TESTER)
    with pytest.raises(Conflict):
        profile_create(version=version, requested_by=None, actor=TESTER)
    assert Workload.objects.count() == 0


def test_a_profile_is_taken_once() -> None:
    version = DatasetVersionFactory.create()
    profile, made = profile_create(version=version, requested_by=None, actor=TESTER)
    assert made
    assert profile_create(version=version, requested_by=None, actor=TESTER) == (profile, False)
    succeeded(profile, {"row_count": 2, "columns": COLUMNS})
    profile_reconcile(profile.workload_id)
    done, made = profile_create(version=version, requested_by=None, actor=TESTER)
    assert (done.state, done.result, made) == ("succeeded", {"row_count": 2, "columns": COLUMNS}, False)
    assert (Profile.objects.count(), Workload.objects.count()) == (1, 1)
    assert Workload.objects.get().spec["outputs"] == []


def test_a_profile_for_another_target_is_another() -> None:
    version = DatasetVersionFactory.create()
    first, _ = profile_create(version=version, requested_by=None, actor=TESTER)
    name = version.schema[0]["name"]
    second, made = profile_create(version=version, target=name, requested_by=None, actor=TESTER)
    assert (made, second.target, second.workload.spec["parameters"]) == (True, name, {"target": name})
    assert profile_create(version=version, target=name, requested_by=None, actor=TESTER) == (second, False)
    assert first != second
    with pytest.raises(Invalid, match="has no column 'nowhere'"):
        profile_create(version=version, target="nowhere", requested_by=None, actor=TESTER)


@pytest.mark.parametrize("ended", [JobState.FAILED, JobState.CANCELLED])
def test_a_profile_that_came_to_nothing_is_taken_again(ended: str) -> None:
    failed = ProfileFactory.create(state=ended)
    profile, made = profile_create(version=failed.version, requested_by=None, actor=TESTER)
    assert (made, profile.state, Profile.objects.count()) == (True, "queued", 2)


def test_the_database_keeps_a_second_profile_out() -> None:
    profile = ProfileFactory.create(state=JobState.QUEUED)
    with pytest.raises(IntegrityError, match="profile_once"), transaction.atomic():
        ProfileFactory.create(state=JobState.RUNNING, version=profile.version, project=profile.project)


def test_a_profile_of_other_data_fails() -> None:
    profile = ProfileFactory.create(state=JobState.QUEUED)
    succeeded(profile, {"row_count": 3, "columns": COLUMNS})
    profile_reconcile(profile.workload_id)
    profile = fresh(profile)
    assert (profile.state, profile.state_reason, profile.result) == ("failed", "bad_result", None)


def test_cancelling_them() -> None:
    profile, run = ProfileFactory.create(state=JobState.QUEUED), CleaningRunFactory.create()
    profile_cancel(profile, actor=TESTER)
    cleaning_run_cancel(run, actor=TESTER)
    profile_reconcile(profile.workload_id)
    cleaning_run_reconcile(run.workload_id)
    assert (fresh(profile).state, fresh(run).state) == ("cancelled", "cancelled")


def test_a_failed_cleaning_run_tells_the_step() -> None:
    run = CleaningRunFactory.create()
    error = {"code": "invalid_recipe", "detail": "step 3 (split): there is no column 'Status'", "step": 3}
    workload_to(run.workload, WorkloadState.ADMITTED, WorkloadState.LAUNCHING, WorkloadState.RUNNING)
    run.workload.attempts.create(project=run.project, number=1, handle={}, result={"error": error})
    workload_to(run.workload, WorkloadState.FAILED, reason="exit_nonzero", detail="exit status 1")
    cleaning_run_reconcile(run.workload_id)
    assert fresh(run).state_detail == "step 3 (split): there is no column 'Status'"
