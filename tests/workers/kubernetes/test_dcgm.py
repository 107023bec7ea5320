"""How GPUs are and what they do, as an exporter on each node of a cluster says it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.support.kubernetes.http import Request, Response
from tests.support.kubernetes.kinds import PODS
from tests.support.kubernetes.proxying import Proxy
from tests.support.kubernetes.routing import Target
from tests.support.kubernetes.server import KubernetesServer
from tests.workers.backends.jobs import make_launch, server, shell
from tests.workers.kubernetes.harness import NAME, SITE, KubernetesHarness
from tests.workers.kubernetes.test_dcgm_text import line
from workers.backends.base import BackendUnavailable, DeviceFault, GpuUse, MemberUse, Unsupported
from workers.backends.kubernetes import dcgm, rights
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.check import check_cluster
from workers.backends.kubernetes.connection import connection_from_kubeconfig
from workers.backends.kubernetes.site import Dcgm

PLACE = "gpu-operator"
MEASURED = replace(SITE, dcgm=Dcgm())
UTIL, MEMORY, XID = "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_XID_ERRORS"
MIB = 1 << 20


class Exporters:
    """One on each of the two nodes, with a page that a test writes."""

    def __init__(self, cluster: KubernetesServer) -> None:
        self._cluster = cluster
        cluster.namespace(PLACE)
        for node in ("node-1", "node-2"):
            container = {"name": "exporter", "image": "nvcr.io/nvidia/k8s/dcgm-exporter:4"}
            labels = {"app": "nvidia-dcgm-exporter"}
            spec = {"nodeName": node, "containers": [container]}
            cluster.create(PODS, {"metadata": {"name": f"on-{node}", "labels": labels}, "spec": spec}, PLACE)
            self.say(node, line(UTIL, 0))
        cluster.settle()

    def say(self, node: str, *lines: str) -> None:
        self._cluster.proxied[PLACE, f"on-{node}", 9400, "/metrics"] = "\n".join([*lines, ""])

    def silence(self, node: str) -> None:
        del self._cluster.proxied[PLACE, f"on-{node}", 9400, "/metrics"]

    def since(self, node: str) -> float:
        status = self._cluster.get(PODS, f"on-{node}", PLACE)["status"]["containerStatuses"][0]
        return datetime.fromisoformat(status["state"]["running"]["startedAt"]).timestamp()


@pytest.fixture
def exporters(cluster: KubernetesServer) -> Exporters:
    return Exporters(cluster)


@pytest.fixture
def backend(cluster: KubernetesServer) -> Iterator[KubernetesBackend]:
    made = KubernetesBackend(NAME, connection_from_kubeconfig(cluster.kubeconfig()), MEASURED)
    yield made
    made.close()


def held_by(pod: dict[str, Any]) -> str:
    metadata = pod["metadata"]
    return f',container="main",namespace="{metadata["namespace"]}",pod="{metadata["name"]}"'


def running(cluster: KubernetesServer, backend: KubernetesBackend, count: int = 1) -> tuple[str, list[dict[str, Any]]]:
    """A job that runs: its attempt, and its pods by rank."""
    launch = make_launch(count=count, labels={"organisation": "acme", "team": "risk", "project": "loans"})
    handle = backend.submit(shell("true"), launch)
    cluster.settle()
    namespace = handle.data["namespace"]
    return launch.attempt_id, [cluster.pod_of(job_name(cluster, namespace), rank, namespace) for rank in range(count)]


def job_name(cluster: KubernetesServer, namespace: str) -> str:
    [name] = {pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] for pod in cluster.all(PODS, namespace)}
    return str(name)


class TestFaults:
    def test_what_is_wrong_is_told_of_each_node(self, backend: KubernetesBackend, exporters: Exporters) -> None:
        exporters.say("node-1", line(XID, 79, 3), line(XID, 31, 4), line("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", 2, 5))
        exporters.say(
            "node-2",
            line("DCGM_FI_DEV_ROW_REMAP_PENDING", 1, 0),
            line("DCGM_FI_DEV_ROW_REMAP_FAILURE", 1, 6),
            line("DCGM_FI_DEV_ROW_REMAP_PENDING", 1, 6),
        )
        assert sorted(backend.faults(), key=lambda fault: (fault.node, fault.device)) == [
            DeviceFault("node-1", 3, "xid", exporters.since("node-1"), (79,)),
            DeviceFault("node-1", 5, "ecc", 2.0),
            DeviceFault("node-2", 0, "rows", 1.0),
            DeviceFault("node-2", 6, "rows", 2.0),
        ]

    def test_an_xid_is_the_same_to_whoever_looks(
        self, cluster: KubernetesServer, backend: KubernetesBackend, exporters: Exporters
    ) -> None:
        exporters.say("node-1", line(XID, 79))
        before = backend.faults()
        cluster.advance(3600)
        another = KubernetesBackend(NAME, connection_from_kubeconfig(cluster.kubeconfig()), MEASURED)
        assert another.faults() == before
        another.close()

    @pytest.mark.parametrize("why", ["nobody listens", "too long", "another page", "no exporter"])
    def test_a_node_that_does_not_answer_hides_no_other_and_nothing_is_concluded_of_it(
        self, cluster: KubernetesServer, backend: KubernetesBackend, exporters: Exporters, why: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        exporters.say("node-1", line(XID, 79, 1))
        if why == "nobody listens":
            exporters.silence("node-2")
        elif why == "too long":
            monkeypatch.setattr(dcgm, "PAGE_BYTES_MOST", 1000)
            exporters.say("node-2", *(line(XID, 79, gpu) for gpu in range(8)))
        elif why == "another page":
            exporters.say("node-2", "<html>Welcome</html>")
        else:
            cluster.cluster.delete(PODS, "on-node-2", PLACE, grace=0)
            cluster.settle()
        assert backend.faults() == [
            DeviceFault("node-1", 1, "xid", exporters.since("node-1"), (79,)),
            DeviceFault("node-2", 0, "unseen"),
        ]

    def test_a_page_that_does_not_end_keeps_nobody_waiting(
        self, cluster: KubernetesServer, backend: KubernetesBackend, exporters: Exporters,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        left, pages = threading.Event(), cluster.api.proxy

        def get(target: Target, request: Request) -> Response:
            if target.name != "on-node-2:9400":
                return Proxy.get(pages, target, request)
            return Response(stream=drops())

        def drops() -> Iterator[bytes]:
            while not left.wait(0.02):
                yield b"D"

        monkeypatch.setattr(dcgm, "PAGE_SECONDS_MOST", 0.5)
        monkeypatch.setattr(pages, "get", get)
        exporters.say("node-1", line(XID, 79, 1))
        began = time.monotonic()
        try:
            assert [(fault.node, fault.kind) for fault in backend.faults()] == [("node-1", "xid"), ("node-2", "unseen")]
            assert time.monotonic() - began < 5
        finally:
            left.set()

    def test_parts_of_devices_withhold_nothing(self, backend: KubernetesBackend, exporters: Exporters) -> None:
        exporters.say("node-1", line(XID, 79, 0, ',GPU_I_PROFILE="1g.18gb",GPU_I_ID="7"'))
        assert backend.faults() == []

    def test_other_pods_are_not_asked(
        self, cluster: KubernetesServer, backend: KubernetesBackend, exporters: Exporters
    ) -> None:
        pod = {
            "metadata": {"name": "other"},
            "spec": {"nodeName": "node-1", "containers": [{"name": "a", "image": "b"}]},
        }
        cluster.create(PODS, pod, PLACE)
        cluster.settle()
        backend.faults()
        asked = [each for each in cluster.faults.requests if each.resource == "pods/proxy"]
        assert [(each.verb, each.status) for each in asked] == [("get", 200)] * 2


class TestUse:
    def test_members_by_the_pods_that_hold_devices(
        self, cluster: KubernetesServer, backend: KubernetesBackend, exporters: Exporters
    ) -> None:
        attempt_id, pods = running(cluster, backend, count=2)
        first, second = map(held_by, pods)
        exporters.say("node-1", line(UTIL, 90, 5, first), line(MEMORY, 10, 5, first), line(UTIL, 1, 2, first))
        exporters.say("node-2", line(MEMORY, 7, 0, second), line(UTIL, 50, 1, ',namespace="default",pod="else"'))
        assert sorted(backend.use(), key=lambda each: each.rank) == [
            MemberUse(attempt_id, 0, (GpuUse(0.01, None), GpuUse(0.9, 10 * MIB))),
            MemberUse(attempt_id, 1, (GpuUse(None, 7 * MIB),)),
        ]

    def test_what_has_ended_uses_nothing(
        self, cluster: KubernetesServer, backend: KubernetesBackend, exporters: Exporters
    ) -> None:
        _, [pod] = running(cluster, backend)
        exporters.say("node-1", line(UTIL, 90, 5, held_by(pod)))
        assert len(backend.use()) == 1
        cluster.exit(pod, 0)
        assert backend.use() == []

    def test_servers_and_jobs_of_another_installation_are_left_out(
        self, cluster: KubernetesServer, backend: KubernetesBackend, exporters: Exporters
    ) -> None:
        launch = make_launch(labels={"organisation": "acme", "team": "risk", "project": "served"})
        handle = backend.submit(server(), launch)
        connection = connection_from_kubeconfig(cluster.kubeconfig())
        stranger = KubernetesBackend(NAME, connection, replace(MEASURED, installation="another"))
        _, [pod] = running(cluster, stranger)
        [replica] = cluster.all(PODS, handle.data["namespace"])
        exporters.say("node-1", line(UTIL, 90, 5, held_by(replica)), line(UTIL, 80, 6, held_by(pod)))
        assert backend.use() == []
        assert [each.gpus for each in stranger.use()] == [(GpuUse(0.8, None),)]
        stranger.close()

    def test_where_nobody_holds_anything_no_other_pods_are_listed(
        self, cluster: KubernetesServer, backend: KubernetesBackend, exporters: Exporters
    ) -> None:
        exporters.say("node-1", line(UTIL, 0))
        before = cluster.faults.counts()["list", "pods"]
        assert backend.use() == []
        assert cluster.faults.counts()["list", "pods"] == before + 1


@pytest.mark.parametrize("verb", [KubernetesBackend.faults, KubernetesBackend.use])
class TestBoth:
    def test_nothing_is_asked_unless_the_options_name_an_exporter(
        self, cluster: KubernetesServer, harness: KubernetesHarness, verb: Callable[[KubernetesBackend], object]
    ) -> None:
        with pytest.raises(Unsupported, match="name no exporter"):
            verb(harness.backend)
        assert cluster.faults.requests == []

    def test_a_cluster_that_is_away(
        self, cluster: KubernetesServer, exporters: Exporters, verb: Callable[[KubernetesBackend], object]
    ) -> None:
        connection = connection_from_kubeconfig(cluster.kubeconfig())
        hasty = KubernetesBackend(NAME, connection, MEASURED, patience_seconds=0.3)
        cluster.away()
        with pytest.raises(BackendUnavailable):
            verb(hasty)
        hasty.close()

    @pytest.mark.parametrize("left_out", ["list pods", "get pods/proxy"])
    def test_without_its_rights_it_says_which_and_so_does_the_check(
        self, cluster: KubernetesServer, exporters: Exporters, verb: Callable[[KubernetesBackend], object],
        left_out: str,
    ) -> None:  # fmt: skip
        some = [right for right in rights.of_dcgm(MEASURED) if right.text != left_out]
        rules = [{"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]} for one in some]
        nodes = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
        text = cluster.kubeconfig(cluster.token("reader", rules=nodes))
        cluster.allow("reader", rules, PLACE)
        backend = KubernetesBackend(NAME, connection_from_kubeconfig(text), MEASURED)
        with pytest.raises(BackendUnavailable, match=f'cannot {left_out.split()[0]} resource "{left_out.split()[1]}"'):
            verb(backend)
        backend.close()
        found = check_cluster(connection_from_kubeconfig(text), MEASURED)
        of_it = [problem for problem in found.problems if problem.params.get("namespace") == PLACE]
        assert [problem.sentence for problem in of_it] == [f"The account may not {left_out} in {PLACE}."]

    def test_with_them_it_works(
        self, cluster: KubernetesServer, exporters: Exporters, verb: Callable[[KubernetesBackend], object]
    ) -> None:
        nodes = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
        text = cluster.kubeconfig(cluster.token("reader", rules=nodes))
        given = rights.of_dcgm(MEASURED)
        rules = [{"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]} for one in given]
        cluster.allow("reader", rules, PLACE)
        backend = KubernetesBackend(NAME, connection_from_kubeconfig(text), MEASURED)
        exporters.say("node-1", line(UTIL, 5, 0, ',namespace="others",pod="p"'))
        assert verb(backend) == []
        backend.close()


def test_without_the_option_no_right_is_needed_for_it() -> None:
    assert rights.of_dcgm(SITE) == ()
    assert json.dumps([right.text for right in rights.of_dcgm(MEASURED)]) == '["list pods", "get pods/proxy"]'
