"""Published versions, recipes and sources do not change; the database itself says no."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from apps.common.errors import Conflict, IllegalTransition, Invalid, NotFound
from apps.common.models import AuditEvent
from apps.datasets.models import DatasetVersion, LineageEdge, Recipe, Source
from apps.datasets.selectors import dataset_input, version_file
from apps.datasets.services.datasets import dataset_create
from apps.datasets.services.lineage import edge_add
from apps.datasets.services.recipes import recipe_create
from apps.datasets.services.versions import version_deprecate
from apps.datasets.states import VersionState
from tests.support.factories.access import ProjectFactory
from tests.support.factories.datasets import (
    TESTER,
    CleaningRunFactory,
    DatasetFactory,
    DatasetVersionFactory,
    IngestionFactory,
    RecipeFactory,
    SourceFactory,
)
from workers.contracts import recipes
from workers.contracts.specs import DataRef

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]

SPLIT = {"kind": "split"}
CONTENT: dict[str, Any] = {
    "digest": "sha256:" + "1" * 64,
    "schema": [],
    "manifest": {"prefix": "elsewhere/", "files": []},
    "row_count": 3,
    "size_bytes": 5,
    "number": 2,
    "splits": {"train": 2},
    "report": [{"step": 1}],
    "preprocessor": {"name": "preprocessor.json"},
}


@pytest.mark.parametrize("state", [VersionState.PUBLISHED, VersionState.DEPRECATED])
@pytest.mark.parametrize("column", CONTENT)
def test_the_database_refuses_to_change_what_was_published(state: str, column: str) -> None:
    version = DatasetVersionFactory.create(state=state)
    before = getattr(version, column)
    with pytest.raises(DatabaseError, match="a published dataset version is immutable"), transaction.atomic():
        DatasetVersion.objects.filter(pk=version.pk).update(**{column: CONTENT[column]})
    version.refresh_from_db()
    assert getattr(version, column) == before


def test_it_refuses_another_origin_too() -> None:
    version = DatasetVersionFactory.create()
    others = {
        "parent": DatasetVersionFactory.create(project=version.project),
        "ingestion": IngestionFactory.create(project=version.project),
        "dataset": DatasetFactory.create(project=version.project),
    }
    for column, other in others.items():
        with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
            DatasetVersion.objects.filter(pk=version.pk).update(**{column: other})


def test_a_draft_may_change() -> None:
    version = DatasetVersionFactory.create(state=VersionState.DRAFT)
    assert DatasetVersion.objects.filter(pk=version.pk).update(row_count=3) == 1


def test_deprecating_leaves_the_content_and_closes_it_to_jobs() -> None:
    version = DatasetVersionFactory.create()
    version_deprecate(version, detail="has a bad branch", actor=TESTER)
    version.refresh_from_db()
    assert (version.state, version.state_detail) == ("deprecated", "has a bad branch")
    assert AuditEvent.objects.get(action="dataset_version.deprecated").detail == {"detail": "has a bad branch"}
    with pytest.raises(Conflict, match="version 1 is deprecated"):
        dataset_input(version, "data")
    with pytest.raises(IllegalTransition):
        version_deprecate(version, actor=TESTER)


def test_a_version_as_an_input_of_a_job() -> None:
    fitted = {"name": "preprocessor.json", "path": "x/preprocessor.json", "sha256": "", "size_bytes": 1}
    version = DatasetVersionFactory.create(preprocessor=fitted)
    uri = f"bedplate://{version.manifest['prefix']}"
    assert dataset_input(version, "data") == DataRef("data", uri, ("part-00000.parquet", "preprocessor.json"))
    plain = DatasetVersionFactory.create()
    assert dataset_input(plain, "data").files == ("part-00000.parquet",)


def test_files_of_a_version_are_those_of_its_manifest() -> None:
    version = DatasetVersionFactory.create()
    file = version_file(version, "part-00000.parquet")
    assert file == {"path": f"{version.manifest['prefix']}part-00000.parquet", "size_bytes": 4, "sha256": "0" * 64}
    for name in ("part-00001.parquet", "preprocessor.json", "../dataset/part-00000.parquet", ""):
        with pytest.raises(NotFound):
            version_file(version, name)


def test_an_origin_makes_one_version_only() -> None:
    ingestion, run = IngestionFactory.create(), CleaningRunFactory.create()
    for origin in ({"ingestion": ingestion}, {"cleaning_run": run}):
        DatasetVersionFactory.create(**origin)
        with pytest.raises(IntegrityError), transaction.atomic():
            DatasetVersionFactory.create(**origin)
    with pytest.raises(IntegrityError, match="dataset_version_one_origin"), transaction.atomic():
        DatasetVersionFactory.create(ingestion=IngestionFactory.create(), cleaning_run=CleaningRunFactory.create())


def test_a_number_is_given_once_in_a_dataset() -> None:
    version = DatasetVersionFactory.create()
    with pytest.raises(IntegrityError, match="dataset_version_number_once"), transaction.atomic():
        DatasetVersionFactory.create(dataset=version.dataset, project=version.project)


def test_a_recipe_and_a_source_do_not_change() -> None:
    recipe, source = RecipeFactory.create(), SourceFactory.create()
    for queryset, change in (
        (Recipe.objects.filter(pk=recipe.pk), {"steps": []}),
        (Recipe.objects.filter(pk=recipe.pk), {"number": 2}),
        (Source.objects.filter(pk=source.pk), {"path": "elsewhere"}),
        (Source.objects.filter(pk=source.pk), {"sha256": "1" * 64}),
    ):
        with pytest.raises(DatabaseError, match="is immutable"), transaction.atomic():
            queryset.update(**change)
    assert Recipe.objects.filter(pk=recipe.pk).update(description="for loans") == 1


def test_a_recipe_of_a_known_name_is_its_next_number() -> None:
    project = ProjectFactory.create()
    made = [
        recipe_create(project=project, name=name, steps=[SPLIT | {"seed": seed}], created_by=None, actor=TESTER)
        for name, seed in (("loans", 1), ("loans", 2), ("people", 1))
    ]
    assert [(recipe.name, recipe.number) for recipe in made] == [("loans", 1), ("loans", 2), ("people", 1)]
    assert made[0].digest == made[2].digest != made[1].digest
    assert made[0].steps == recipes.normalised([SPLIT | {"seed": 1}])


def test_a_recipe_that_no_job_could_follow_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        recipe_create(
            project=ProjectFactory.create(), name="x", steps=[{"kind": "fold"}], created_by=None, actor=TESTER
        )
    assert list(refused.value.fields) == ["steps[0].kind"]
    assert Recipe.objects.count() == 0


def test_a_dataset_s_name_is_its_own_in_the_project() -> None:
    dataset = DatasetFactory.create(name="loans")
    with pytest.raises(Invalid) as refused:
        dataset_create(project=dataset.project, name="loans", created_by=None, actor=TESTER)
    assert refused.value.fields == {"name": ["is taken"]}
    assert dataset_create(project=ProjectFactory.create(), name="loans", created_by=None, actor=TESTER).name == "loans"


def test_an_edge_is_noted_once() -> None:
    version, source = DatasetVersionFactory.create(), SourceFactory.create()
    said = {"from_kind": "dataset_version", "from_id": version.pk, "to_kind": "source", "to_id": source.pk}
    edges = [edge_add(project=version.project, relation="ingested_from", **said) for _ in range(2)]
    assert edges[0] == edges[1] == LineageEdge.objects.get()
    with pytest.raises(IntegrityError, match="lineage_edge_relation"), transaction.atomic():
        edge_add(project=version.project, relation="likes", **said)
