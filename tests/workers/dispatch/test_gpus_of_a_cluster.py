"""A cluster whose exporter tells of its GPUs: what is broken is withheld, and jobs that cannot tell are seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.common.audit import Actor
from apps.quotas.models import Attempt, Cluster, Node, NodeIncident
from apps.quotas.services.cluster_credentials import Credentials
from apps.quotas.services.clusters import cluster_change, cluster_create
from apps.quotas.services.reports import heartbeat
from tests.support.factories.quotas import WorkloadFactory, job_spec, make_queue
from tests.support.jobs import admit, fresh
from tests.support.kubernetes.kinds import PODS
from tests.support.kubernetes.server import KubernetesServer
from tests.workers.dispatch.driving import attempt_of_workload
from tests.workers.kubernetes.test_dcgm_text import line
from workers.dispatch import registry
from workers.dispatch.clusters import cluster_check
from workers.dispatch.idle import idle_watch
from workers.dispatch.inventory import inventory_refresh
from workers.dispatch.launch import launch
from workers.dispatch.observe import observe

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")
PLACE = "gpu-operator"


@pytest.fixture
def server() -> Iterator[KubernetesServer]:
    """Of one node, on which an exporter runs."""
    with KubernetesServer() as made:
        made.namespace(PLACE)
        spec = {"nodeName": "node-1", "containers": [{"name": "exporter", "image": "dcgm-exporter:4"}]}
        metadata = {"name": "exporter", "labels": {"app": "nvidia-dcgm-exporter"}}
        made.create(PODS, {"metadata": metadata, "spec": spec}, PLACE)
        made.settle()
        yield made


@pytest.fixture
def cluster(server: KubernetesServer, settings: Any) -> Iterator[Cluster]:
    settings.BEDPLATE_BACKEND = "fake"
    made = cluster_create(
        name="gpu", credentials=Credentials("kubeconfig", kubeconfig=server.kubeconfig()), options={"dcgm": {}},
        actor=ACTOR,
    )  # fmt: skip
    cluster_check(made.pk)
    yield Cluster.objects.get(pk=made.pk)
    for kept in (registry._of_clusters, registry._resting, registry._answered):
        kept.clear()


def say(server: KubernetesServer, *lines: str) -> None:
    server.proxied[PLACE, "exporter", 9400, "/metrics"] = "\n".join(lines)


def running(server: KubernetesServer, cluster: Cluster) -> tuple[Attempt, str]:
    """A job with two GPUs that runs, and the labels of what it holds."""
    queue = make_queue(cluster.pool, cores=99, memory=999, gpus=99)
    workload = admit(WorkloadFactory.create(queue=queue, spec_object=job_spec(gpus=2)))
    launch(workload.pk)
    server.settle()
    observe(workload.pk)
    [pod] = [pod for pod in server.all(PODS) if pod["metadata"]["labels"].get("bedplate.io/workload")]
    held = f',namespace="{pod["metadata"]["namespace"]}",pod="{pod["metadata"]["name"]}"'
    return attempt_of_workload(workload), held


def test_an_xid_withholds_the_device_and_moves_what_is_on_it(server: KubernetesServer, cluster: Cluster) -> None:
    say(server, line("DCGM_FI_DEV_XID_ERRORS", 0))
    attempt, _ = running(server, cluster)
    inventory_refresh()
    assert NodeIncident.objects.count() == 0
    [device, _] = attempt.workload.assignments[0]["devices"]
    say(server, line("DCGM_FI_DEV_XID_ERRORS", 79, device))
    inventory_refresh()
    incident = NodeIncident.objects.get()
    assert (incident.kind, incident.devices, incident.detail) == (
        "xid",
        [device],
        f"GPU {device} of node node-1 reported XID 79.",
    )
    assert Node.objects.get().cordoned == [device]
    told = fresh(attempt.workload)
    assert (told.state, told.state_reason) == ("stopping", "evicted")


def test_a_job_that_cannot_tell_of_its_gpus_is_seen(server: KubernetesServer, cluster: Cluster) -> None:
    attempt, held = running(server, cluster)
    heartbeat(attempt, rank=0, sample={"cpu_ratio": 0.1, "memory_bytes": 5, "gpus": []})
    say(server, line("DCGM_FI_DEV_GPU_UTIL", 3, 6, held), line("DCGM_FI_DEV_GPU_UTIL", 0, 7, held))
    assert idle_watch() == 0
    gpus = Attempt.objects.get(pk=attempt.pk).usage["0"]["gpus"]
    assert [(gpu["index"], gpu["utilisation_ratio"]) for gpu in gpus] == [
        *zip(attempt.workload.assignments[0]["devices"], [0.03, 0.0], strict=True)
    ]


def test_a_cluster_without_the_option_is_asked_for_nothing(server: KubernetesServer, cluster: Cluster) -> None:
    cluster_change(cluster=cluster, options={}, actor=ACTOR)
    say(server, line("DCGM_FI_DEV_XID_ERRORS", 79))
    server.faults.requests.clear()
    inventory_refresh()
    idle_watch()
    assert NodeIncident.objects.count() == 0
    assert {each.resource for each in server.faults.requests} == {"nodes", "pods"}
