"""The whole way on a cluster: added, checked, its machines found, a job run, seen, swept; the cluster away and back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.states import Role
from apps.common.audit import Actor
from apps.experiments.models import Run
from apps.experiments.services.runs import run_reconcile
from apps.quotas.models import Cluster, Node, Queue, Workload
from apps.quotas.services.cluster_credentials import Credentials
from apps.quotas.services.clusters import cluster_change, cluster_create
from tests.support.factories.access import member
from tests.support.factories.experiments import ExperimentFactory
from tests.support.factories.quotas import WorkloadFactory, job_spec, make_queue
from tests.support.jobs import Sent, admit, fresh
from tests.support.kubernetes.kinds import PODS
from tests.support.kubernetes.plans import Plan
from tests.support.kubernetes.server import KubernetesServer
from tests.support.waiting import until
from workers.backends.kubernetes.rights import RIGHTS
from workers.dispatch import registry
from workers.dispatch.cluster_settings import cluster_watch
from workers.dispatch.clusters import cluster_check
from workers.dispatch.inventory import inventory_refresh
from workers.dispatch.launch import launch, launch_due
from workers.dispatch.observe import observe, observe_clusters_due
from workers.dispatch.stop import stop_due
from workers.dispatch.sweep import sweep

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")
ALL_BUT_JOBS = [
    {"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb]}
    for right in RIGHTS
    if right.resource != "jobs"
]
DIGEST = "sha256:" + "0123456789abcdef" * 4
JOBS = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "patch", "delete", "watch"]}


@pytest.fixture
def server() -> Iterator[KubernetesServer]:
    with KubernetesServer() as made:
        yield made


@pytest.fixture
def cluster(server: KubernetesServer, settings: Any) -> Iterator[Cluster]:
    """Added by a kubeconfig, checked; the installation is on this machine."""
    settings.BEDPLATE_BACKEND = "fake"
    registry._backends.pop("kubernetes/gpu", None)  # another test's, which stands for a cluster of this name
    given = Credentials("kubeconfig", kubeconfig=server.kubeconfig(server.token(rules=[*ALL_BUT_JOBS, JOBS])))
    made = cluster_create(name="gpu", credentials=given, actor=ACTOR)
    cluster_check(made.pk)
    yield Cluster.objects.get(pk=made.pk)
    for kept in (registry._of_clusters, registry._resting, registry._answered):
        kept.clear()


@pytest.fixture
def place(cluster: Cluster) -> Queue:
    return make_queue(cluster.pool, cores=99, memory=999, gpus=99)


def test_a_check_finds_the_cluster_well_and_its_machines(cluster: Cluster) -> None:
    assert (cluster.healthy, cluster.problems) == (True, [])
    assert cluster.version.startswith("v1.")
    node = Node.objects.get(pool=cluster.pool)
    assert (node.name, len(node.gpus), node.ready) == ("node-1", 8, True)
    assert node.labels["kubernetes.io/hostname"] == "node-1"


def test_what_is_missing_is_listed_right_by_right(server: KubernetesServer, cluster: Cluster) -> None:
    server.allow("bedplate", [*ALL_BUT_JOBS, {**JOBS, "verbs": ["get", "list", "watch", "patch"]}])
    cluster_check(cluster.pk)
    seen = Cluster.objects.get()
    assert not seen.healthy
    assert [(one["code"], one["params"]["verb"], one["params"]["resource"]) for one in seen.problems] == [
        ("missing_permission", "create", "jobs"),
        ("missing_permission", "delete", "jobs"),
    ]


def test_a_job_runs_to_its_end(server: KubernetesServer, place: Queue, sent: Sent) -> None:
    workload = admit(WorkloadFactory.create(queue=place, spec_object=job_spec(gpus=2)))
    launch(workload.pk)
    server.settle()
    observe(workload.pk)
    assert fresh(workload).state == "running"
    [pod] = [pod for pod in server.all(PODS) if pod["metadata"]["labels"]["bedplate.io/workload"] == str(workload.pk)]
    server.exit(pod, 0)
    assert observe_clusters_due() == 1
    assert (fresh(workload).state, fresh(workload).state_reason) == ("succeeded", "completed")
    assert sweep() == []


def test_a_change_of_the_cluster_is_used_from_the_next_launch_on(server: KubernetesServer, place: Queue) -> None:
    cluster_change(
        cluster=place.pool.cluster, options={"image_policy": ["ghcr.io/acme"], "fargate_pods": 3}, actor=ACTOR
    )
    workload = admit(WorkloadFactory.create(queue=place, spec_object=job_spec(image="docker.io/evil/miner")))
    launch(workload.pk)
    assert (fresh(workload).state, fresh(workload).state_reason) == ("failed", "launch_error")
    assert "docker.io/evil/miner" in fresh(workload).state_detail


def test_a_cluster_that_is_away_loses_nothing(server: KubernetesServer, place: Queue) -> None:
    running, begun, waiting = (WorkloadFactory.create(queue=place) for _ in range(3))
    launch(admit(running).pk)
    server.settle()
    observe(running.pk)
    server.away()
    launch(admit(begun).pk)  # it answered a moment ago, so nobody asked first
    registry._answered.clear()
    admit(waiting)
    launch_due()
    assert observe_clusters_due() == 0
    inventory_refresh()
    cluster_check(place.pool.cluster.pk)
    seen = Cluster.objects.get()
    assert (seen.healthy, [one["code"] for one in seen.problems]) == (False, ["unreachable"])
    assert seen.healthy_at is not None
    assert [fresh(one).state for one in (running, begun, waiting)] == ["running", "launching", "pending"]
    assert fresh(waiting).state_reason == "backing_off"
    assert Node.objects.get().ready, "what was seen last stays"
    server.away(False)
    registry._resting.clear()
    cluster_check(place.pool.cluster.pk)
    assert Cluster.objects.get().healthy
    Workload.objects.filter(pk=waiting.pk).update(not_before=None)
    admit(waiting)
    launch_due()
    server.settle()
    observe_clusters_due()
    assert [fresh(one).state for one in (running, begun, waiting)] == ["running", "running", "running"]
    assert len(server.all(PODS)) == 3


def test_an_image_that_is_not_there_is_told_while_it_is_tried(server: KubernetesServer, place: Queue) -> None:
    server.plan(Plan(image_error="ErrImagePull"), container="main")
    workload = WorkloadFactory.create(queue=place)
    launch(admit(workload).pk)
    server.settle()
    observe(workload.pk)
    seen = fresh(workload)
    assert seen.state == "launching"
    assert "image" in seen.state_detail.lower()


def test_what_is_stopped_is_gone(server: KubernetesServer, place: Queue) -> None:
    workload = WorkloadFactory.create(queue=place)
    launch(admit(workload).pk)
    server.settle()
    observe(workload.pk)
    Workload.objects.filter(pk=workload.pk).update(state="stopping", state_reason="cancelled_by_user")
    stop_due()
    server.advance(60)
    server.settle()
    observe_clusters_due()
    assert (fresh(workload).state, fresh(workload).state_reason) == ("cancelled", "cancelled_by_user")


def test_a_watch_hints_at_the_workload_that_moved(server: KubernetesServer, place: Queue) -> None:
    hints: list[str] = []
    stop = threading.Event()
    thread = threading.Thread(target=cluster_watch(place.pool.cluster, hints.append), args=(stop,))
    thread.start()
    try:
        workload = WorkloadFactory.create(queue=place)
        launch(admit(workload).pk)
        until(lambda: str(workload.pk) in hints)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("said", "repeats", "digest"),
    [
        (f"ghcr.io/acme/train@{DIGEST}", f"ghcr.io/acme/train@{DIGEST}", DIGEST),
        (f"docker-pullable://ghcr.io/acme/train@{DIGEST}", f"ghcr.io/acme/train@{DIGEST}", DIGEST),
        (DIGEST, "", ""),
        (f"docker://{DIGEST}", "", ""),
        ("local/train:1", "", ""),
        (f"mirror.example.com/acme/train@{DIGEST}", "", ""),
    ],
    ids=["registry", "docker", "by_hand", "docker_by_hand", "name", "elsewhere"],
)
def test_a_run_of_a_tag_is_repeated_by_the_digest_that_its_node_said(
    server: KubernetesServer, place: Queue, said: str, repeats: str, digest: str
) -> None:
    server.plan(Plan(image_id=said), container="main")
    client = APIClient()
    client.force_authenticate(member(place.project, Role.EDITOR))
    body = {
        "experiment": str(ExperimentFactory.create(project=place.project).pk), "name": "risk", "kind": "image",
        "image": "ghcr.io/acme/train:1", "command": ["python", "-c", "1"], "pool": place.pool.name,
        "resources": {"cpu_millis": 100, "memory_bytes": 64 << 20}, "count_min": 2, "count_max": 2,
    }  # fmt: skip
    answer = client.post("/api/v1/runs", body, format="json")
    assert answer.status_code == 201, answer.content
    run = Run.objects.get(pk=answer.json()["id"])
    launch(admit(run.workload).pk)
    server.settle()
    seen = said.rpartition("//")[2]
    for _ in range(2):  # the second time only its Job is asked
        observe_clusters_due()
        (attempt,) = client.get(f"/api/v1/attempts?workload={run.workload_id}").json()["results"]
        assert [(one["phase"], one["image"]) for one in attempt["members"]] == [("running", seen)] * 2
    registry._of_clusters.clear()  # another worker, which has seen nothing
    for pod in server.all(PODS):
        server.exit(pod)
    server.settle()
    observe_clusters_due()
    run_reconcile(run.workload_id)
    shown = client.get(f"/api/v1/runs/{run.pk}/provenance").json()
    assert (shown["images_seen"], shown["image_digest"]) == ([seen], digest)
    assert [one["what"] for one in shown["obstacles"]] == ([] if repeats else ["image"])
    again = client.post(f"/api/v1/runs/{run.pk}/repeat", {}, format="json")
    if not repeats:
        assert (again.status_code, again.json()["code"]) == (409, "cannot_repeat")
        assert seen in again.json()["fields"]["image"][0]
        return
    assert (again.status_code, again.json()["image"]) == (201, repeats)
    made = Run.objects.select_related("workload").get(pk=again.json()["id"])
    assert (made.workload.pool_id, made.workload.spec["image"]) == (place.pool_id, repeats)
