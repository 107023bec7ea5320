"""In which pool a project's work runs: by what is asked, by what the project says, by what the installation has."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import Project
from apps.common.audit import Actor
from apps.common.errors import Invalid, Unavailable
from apps.common.models import AuditEvent
from apps.quotas.models import Queue, ResourcePool, Workload
from apps.quotas.services.clusters import cluster_delete
from apps.quotas.services.queues import queue_ensure, queue_open, queue_place
from apps.quotas.services.workloads import workload_submit
from tests.support.clusters import make_cluster
from tests.support.factories.access import ProjectFactory, UserFactory
from tests.support.factories.datasets import DatasetVersionFactory
from tests.support.factories.experiments import ExperimentFactory
from tests.support.factories.quotas import ResourcePoolFactory, job_spec

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")


@pytest.fixture
def project(pool: ResourcePool, fake: Any) -> Project:
    """Beside a cluster `gpu` and the pool `local` of the installation's backend."""
    make_cluster("gpu")
    made: Project = ProjectFactory.create()
    return made


def _submit(project: Project, **kwargs: Any) -> str:
    about = {"owner_kind": "run", "owner_id": project.pk, "name": "one", "requested_by": None, "actor": ACTOR}
    workload = workload_submit(project=project, spec=job_spec(), **about, **kwargs)
    return str(Workload.objects.select_related("pool").get(pk=workload.pk).pool.name)


def test_work_runs_where_the_installation_says_until_another_pool_is_asked_for(project: Project, settings: Any) -> None:
    gpu = ResourcePool.objects.get(name="gpu")
    assert _submit(project) == "local"
    assert _submit(project, pool=gpu) == "gpu"
    assert _submit(project) == "local", "asked for once is not for ever"
    settings.BEDPLATE_BACKEND = "kubernetes/gpu"
    assert _submit(project) == "gpu", "one setting moves it all"
    assert Queue.objects.filter(project=project).count() == 2


def test_a_project_that_was_on_this_machine_moves_with_the_setting(project: Project, settings: Any) -> None:
    assert _submit(project) == "local"
    settings.BEDPLATE_BACKEND = "kubernetes/gpu"
    assert _submit(project) == "gpu"
    settings.BEDPLATE_BACKEND = "kubernetes/none"
    assert _submit(project) == "local", "where the installation's own has no machine, the oldest place"
    with CaptureQueriesContext(connection) as asked:
        place = queue_place(project)
    assert (len(asked), place[1]) == (1, ResourcePool.objects.get(name="local").pk)


def test_the_main_queue_of_a_project_goes_before_the_installation(project: Project, settings: Any) -> None:
    gpu, local = (ResourcePool.objects.get(name=name) for name in ("gpu", "local"))
    assert _submit(project) == "local"
    queue = queue_open(project=project, pool=gpu, is_main=True, actor=ACTOR)
    assert queue_open(project=project, pool=gpu, is_main=True, actor=ACTOR) == queue
    assert _submit(project) == "gpu"
    with CaptureQueriesContext(connection) as asked:
        assert queue_place(project) == (queue.pk, gpu.pk)
    assert len(asked) == 1
    queue_open(project=project, pool=local, actor=ACTOR)
    assert _submit(project) == "gpu", "a place is not the main one unless that is said"
    queue_open(project=project, pool=local, is_main=True, actor=ACTOR)
    assert _submit(project) == "local"
    told = AuditEvent.objects.filter(action="queue.made_main").order_by("id").values_list("detail", flat=True)
    assert [(one["before"] and one["before"]["name"], one["after"]["name"]) for one in told] == [
        (None, "gpu"),
        ("gpu", "local"),
    ]


def test_a_pool_whose_cluster_was_removed_takes_nothing_more(project: Project) -> None:
    gpu = ResourcePool.objects.get(name="gpu")
    queue_open(project=project, pool=gpu, is_main=True, actor=ACTOR)
    cluster_delete(cluster=gpu.cluster, actor=ACTOR)
    gpu.refresh_from_db()
    assert _submit(project) == "local"
    with pytest.raises(Invalid, match="gpu has no machines"):
        queue_ensure(project, gpu)
    ResourcePool.objects.filter(name="local").update(backend="removed")
    with pytest.raises(Unavailable):
        queue_ensure(project)


def test_a_pool_of_another_organisation_is_not_for_it(project: Project) -> None:
    theirs = ResourcePoolFactory.create(name="theirs", organisation=UserFactory.create().organisation)
    with pytest.raises(Invalid, match="theirs is not for projects of"):
        _submit(project, pool=theirs)


def test_a_run_and_a_project_ask_for_a_pool_by_its_name(project: Project) -> None:
    client = APIClient()
    client.force_authenticate(UserFactory.create(is_superuser=True))
    version = DatasetVersionFactory.create(project=project, state="published")
    body = {
        "experiment": str(ExperimentFactory.create(project=project).pk),
        "script": "pass",
        "dataset_version": str(version.pk),
    }
    made = client.post("/api/v1/runs", {**body, "name": "there", "pool": "gpu"}, format="json")
    assert made.status_code == 201, made.content
    assert Workload.objects.select_related("pool").get(name="there").pool.name == "gpu"
    wrong = client.post("/api/v1/runs", {**body, "name": "nowhere", "pool": "none"}, format="json")
    assert (wrong.status_code, list(wrong.json()["fields"])) == (400, ["pool"])
    place = {"project": str(project.pk), "pool": "gpu", "is_main": True}
    opened = client.post("/api/v1/queues", place, format="json")
    assert (opened.status_code, opened.json()["is_main"], opened.json()["pool_name"]) == (201, True, "gpu")
    assert client.post("/api/v1/queues", {**place, "pool": "none"}, format="json").status_code == 404
    assert client.post("/api/v1/runs", {**body, "name": "here"}, format="json").status_code == 201
    assert Workload.objects.select_related("pool").get(name="here").pool.name == "gpu"
