"""What `manage.py verify` says of versions and the jobs that make them: nothing while all is well, else by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.common.audit import Actor
from apps.common.invariants import NamedObject
from apps.datasets.invariants import CHECKS, stored_files
from apps.datasets.models import Dataset, DatasetVersion, Ingestion, Source
from apps.datasets.services.datasets import dataset_create
from apps.datasets.services.ingestions import ingestion_create, ingestion_reconcile
from apps.datasets.services.profiles import profile_create
from apps.datasets.services.recipes import recipe_create
from apps.datasets.services.sources import source_create, source_store
from apps.datasets.services.versions import version_deprecate
from apps.quotas.models import Workload
from tests.support.damage import damage, everything, found, wrong
from tests.support.factories.access import ProjectFactory
from tests.support.factories.datasets import STEPS, dataset_result, pool_ready, succeeded

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")
FILES = {"part-00000.parquet": b"1234"}


class World:
    """An ingestion that succeeded, and one whose end nobody has followed yet, made by services only."""

    def __init__(self) -> None:
        pool_ready()
        project = ProjectFactory.create()
        self.dataset: Dataset = dataset_create(project=project, name="people", created_by=None, actor=ACTOR)
        self.source = self.upload()
        self.ingestion = self.ingest()
        ingestion_reconcile(self.ingestion.workload_id)
        self.version: DatasetVersion = DatasetVersion.objects.get()
        self.late = self.ingest()
        profile_create(version=self.version, requested_by=None, actor=ACTOR)
        recipe_create(project=project, name="r", steps=STEPS, created_by=None, actor=ACTOR)

    def upload(self) -> Source:
        source_id = Source().pk
        stored = source_store(source_id=source_id, name="people.csv", chunks=[b"a\n1\n"])
        return source_create(
            source_id=source_id, dataset=self.dataset, name="people.csv", stored=stored, uploaded_by=None, actor=ACTOR
        )

    def ingest(self) -> Ingestion:
        made = ingestion_create(dataset=self.dataset, source=self.source, options={}, requested_by=None, actor=ACTOR)
        succeeded(made, dataset_result(FILES), FILES)
        return made

    def named(self, text: str) -> str:
        rows: dict[str, Any] = {"dataset": self.dataset, "source": self.source, "ingestion": self.ingestion}
        rows |= {"version": self.version, "late": self.late, "workload": self.late.workload}
        return text.format(**{name: row.pk for name, row in rows.items()}, project=self.dataset.project_id)


@pytest.fixture
def world(db: None) -> World:
    return World()


def test_what_the_services_made_is_well(world: World) -> None:
    ingestion_reconcile(world.late.workload_id)
    version_deprecate(world.version, actor=ACTOR)
    assert everything(CHECKS) == []


def test_the_files_that_rows_name_are_those_of_sources_versions_and_jobs_nobody_followed_yet(world: World) -> None:
    source, late = world.source, world.late.workload.current_attempt()
    (file,) = world.version.manifest["files"]
    described = (file["size_bytes"], file["sha256"])
    version_path = file["path"]
    assert late is not None
    assert list(stored_files()) == [
        NamedObject(f"source {source.pk}", source.path, source.size_bytes, source.sha256),
        NamedObject(f"dataset_version {world.version.pk}", version_path, *described),
        NamedObject(f"ingestion {world.late.pk}", f"attempts/{late.pk}/dataset/part-00000.parquet", *described),
    ]


def test_a_job_that_did_not_follow_its_workload_is_named_once_it_had_the_time(world: World) -> None:
    assert wrong(CHECKS, "ingestion.workload") == []
    (finding,) = found(CHECKS, "ingestion.workload", settled=timedelta())
    workload = Workload.objects.get(pk=world.late.workload_id)
    assert finding.text == (
        f"ingestion {world.late.pk} is queued, and its workload {workload.pk} is succeeded since {workload.state_at}"
    )


CASES = [
    (
        "ingestion.workload",
        "UPDATE datasets_ingestion SET state = 'cancelled' WHERE id = '{late}'",
        "ingestion {late} is cancelled, and its workload {workload} is succeeded",
    ),
    (
        "ingestion.workload",
        "UPDATE quotas_workload SET owner_id = '{dataset}' WHERE id = '{workload}'",
        "the workload {workload} of project {project} says it works for ingestion {dataset}, which is none of its own",
    ),
    (
        "dataset_version.content",
        "UPDATE datasets_datasetversion SET number = 2",
        "dataset {dataset} has 1 versions, the last one number 2",
    ),
    (
        "dataset_version.content",
        "UPDATE datasets_datasetversion SET row_count = 9",
        "version {version} says 9 rows and 4 bytes; its files have 2 and 4",
    ),
    (
        "dataset_version.origin",
        "UPDATE datasets_datasetversion SET ingestion_id = NULL",
        "ingestion {ingestion} has succeeded without a version",
    ),
    (
        "dataset_version.origin",
        "DELETE FROM datasets_lineageedge",
        "version {version} has no lineage to {source}",
    ),
    (
        "recipe.numbers",
        "UPDATE datasets_recipe SET number = 3",
        "project {project} has 1 recipes named r, the last one number 3",
    ),
    (
        "source.audited.created",
        "DELETE FROM common_auditevent WHERE action = 'source.created'",
        "source {source} has no audit row source.created",
    ),
    (
        "dataset_version.audited.published",
        "DELETE FROM common_auditevent WHERE action = 'dataset_version.published'",
        "dataset_version {version} has no audit row dataset_version.published",
    ),
    (
        "dataset_version.story",
        "UPDATE datasets_datasetversion SET state = 'rejected'",
        "dataset_version {version} is rejected, and its story ends in published",
    ),
]


@pytest.mark.parametrize(("name", "statement", "expected"), CASES)
def test_damage_is_found_and_named(world: World, name: str, statement: str, expected: str) -> None:
    damage(world.named(statement))
    assert wrong(CHECKS, name) == [world.named(expected)]


def test_a_profile_without_statistics_is_named(world: World) -> None:
    damage("UPDATE datasets_profile SET state = 'succeeded'")
    (text,) = wrong(CHECKS, "profile.result")
    assert text.endswith(" is succeeded with the result none")
