"""What a cluster has for jobs, and what others leave of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.kubernetes.kinds import PODS
from tests.support.kubernetes.nodes import NodeSpec
from tests.support.kubernetes.server import KubernetesServer
from tests.workers.backends.jobs import make_launch
from tests.workers.kubernetes.harness import SITE, KubernetesHarness
from workers.backends.base import GpuFacts
from workers.backends.kubernetes import names
from workers.backends.kubernetes.inventory import AskingPod, Node, asked_by, node_facts
from workers.backends.kubernetes.operators import mpi
from workers.backends.kubernetes.quantities import quantity, whole
from workers.backends.kubernetes.seen_objects import read
from workers.backends.kubernetes.site import FlavorSite, Operators, Toleration

GIB = 1024**3
H200 = {"nvidia.com/gpu.product": "NVIDIA-H200", "nvidia.com/gpu.memory": "143771"}


def node(name: str = "n1", **changes: Any) -> Node:
    """A node of 8 cores, 64 GiB and two GPUs."""
    allocatable = {"cpu": "7910m", "memory": "65970697Ki", "nvidia.com/gpu": "2", **changes.get("allocatable", {})}
    return read(
        Node,
        {
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **H200, **changes.get("labels", {})}},
            "spec": {"taints": changes.get("taints"), "unschedulable": changes.get("unschedulable")},
            "status": {
                "allocatable": allocatable,
                "conditions": [{"type": "Ready", "status": changes.get("ready", "True")}],
            },
        },
    )


def pod(on: str = "n1", **spec: Any) -> AskingPod:
    return read(AskingPod, {"spec": {"nodeName": on, **spec}})


def container(**requests: str) -> dict[str, Any]:
    return {"resources": {"requests": {name.replace("_", "."): text for name, text in requests.items()}}}


class TestNodes:
    def test_what_is_allocatable_is_what_there_is(self) -> None:
        (facts,) = node_facts([node()], [], SITE)
        assert (facts.cpu_millis, facts.memory_bytes, facts.ready) == (7910, 65970697 * 1024, True)
        memory = 143771 * 1024**2
        assert facts.gpus == (
            GpuFacts(0, "NVIDIA-H200", "n1/nvidia.com/gpu/0", memory),
            GpuFacts(1, "NVIDIA-H200", "n1/nvidia.com/gpu/1", memory),
        )

    def test_what_others_use_is_taken_off(self) -> None:
        others = [
            pod(containers=[container(cpu="500m", memory="1Gi"), container(cpu="1", memory="256Mi")]),
            pod(containers=[{"resources": {"requests": {"nvidia.com/gpu": "1"}}}]),
            pod("elsewhere", containers=[container(cpu="4")]),
            pod("", containers=[container(cpu="4")]),
        ]
        (facts,) = node_facts([node()], others, SITE)
        assert (facts.cpu_millis, facts.taken_cpu_millis) == (6410, 1500)
        assert (facts.memory_bytes, facts.taken_memory_bytes) == (65970697 * 1024 - 1280 * 1024**2, 1280 * 1024**2)
        assert ([gpu.index for gpu in facts.gpus], facts.taken_gpus) == ([0], 1)

    def test_more_than_there_is_leaves_nothing(self) -> None:
        (facts,) = node_facts([node()], [pod(containers=[container(cpu="100", memory="1Ti")])], SITE)
        assert (facts.cpu_millis, facts.memory_bytes) == (0, 0)

    def test_slices_are_devices_of_their_own(self) -> None:
        slices = {"nvidia.com/mig-1g.10gb": "2", "nvidia.com/gpu": "0"}
        labels = {"nvidia.com/mig-1g.10gb.memory": "9856", "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
        (facts,) = node_facts([node(allocatable=slices, labels=labels)], [], SITE)
        assert [(gpu.index, gpu.model, gpu.memory_bytes) for gpu in facts.gpus] == [
            (0, "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", 9856 * 1024**2),
            (1, "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", 9856 * 1024**2),
        ]

    def test_without_the_labels_of_a_discovery_the_resource_is_the_model(self) -> None:
        bare = read(Node, {"metadata": {"name": "n1"}, "status": {"allocatable": {"nvidia.com/gpu": "1"}}})
        (facts,) = node_facts([bare], [], SITE)
        assert [(gpu.model, gpu.memory_bytes) for gpu in facts.gpus] == [("nvidia.com/gpu", 0)]
        assert (facts.ready, facts.cpu_millis) == (False, 0)

    @pytest.mark.parametrize(
        "changes, ready",
        [
            ({}, True),
            ({"ready": "Unknown"}, False),
            ({"ready": "False"}, False),
            ({"unschedulable": True}, False),
            ({"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]}, True),
            ({"taints": [{"key": "team", "value": "risk", "effect": "NoSchedule"}]}, True),
            ({"taints": [{"key": "team", "value": "other", "effect": "NoSchedule"}]}, False),
            ({"taints": [{"key": "busy", "effect": "PreferNoSchedule"}]}, True),
        ],
    )
    def test_one_that_the_cluster_would_give_us_no_place_on_is_not_ready(
        self, changes: dict[str, Any], ready: bool
    ) -> None:
        flavor = FlavorSite(tolerations=(Toleration(key="team", operator="Equal", value="risk"),))
        (facts,) = node_facts([node(**changes)], [], replace(SITE, flavors={"H200": flavor}))
        assert facts.ready is ready

    def test_taints_and_labels_are_said(self) -> None:
        taints = [{"key": "a", "value": "b", "effect": "NoSchedule"}, {"key": "c", "effect": "NoExecute"}]
        (facts,) = node_facts([node(taints=taints, labels={"topology.kubernetes.io/zone": "z1"})], [], SITE)
        assert facts.taints == ("a=b:NoSchedule", "c:NoExecute")
        assert facts.labels["topology.kubernetes.io/zone"] == "z1"

    def test_what_comes_with_its_pod_is_no_node_to_choose(self) -> None:
        assert node_facts([node(labels={"eks.amazonaws.com/compute-type": "fargate"})], [], SITE) == []


class TestAsked:
    def test_what_runs_before_counts_if_it_is_more(self) -> None:
        asked = asked_by(pod(containers=[container(cpu="1")], initContainers=[container(cpu="3", memory="1Gi")]))
        assert asked == {"cpu": Decimal(3), "memory": Decimal(GIB)}

    def test_what_stays_beside_counts_with_the_others(self) -> None:
        beside = {**container(cpu="2"), "restartPolicy": "Always"}
        asked = asked_by(pod(containers=[container(cpu="1")], initContainers=[beside], overhead={"cpu": "250m"}))
        assert asked == {"cpu": Decimal("3.25")}


@pytest.mark.parametrize(
    "text, amount",
    [
        *[
            ("500m", "0.5"),
            ("2", "2"),
            ("1.5", "1.5"),
            (".5", "0.5"),
            ("1e3", "1000"),
            ("1E", "1e18"),
            ("12E3", "12000"),
        ],
        *[("1Ki", "1024"), ("1.5Gi", "1610612736"), ("3k", "3000"), ("250u", "0.00025"), ("7n", "7e-9")],
    ],
)
def test_amounts_are_read_as_the_cluster_writes_them(text: str, amount: str) -> None:
    assert quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "1 Gi", "1KiB", "Gi", "1.2.3", "0x10", "1mi"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        quantity(text)


def test_amounts_are_rounded_up() -> None:
    assert whole(quantity("100m")) == 1


def test_pods_of_the_installation_are_not_others(harness: KubernetesHarness, cluster: KubernetesServer) -> None:
    cluster.nodes.add(NodeSpec("node-3", cpu="4", memory="16Gi", labels=H200))
    launch = make_launch(nodes=("node-3",))
    harness.run(harness.backend.submit(harness.running(launch), launch))
    strangers = {"containers": [{"name": "c", "image": "i", **container(cpu="1500m", memory="1Gi")}]}
    done = {"phase": "Succeeded"}
    theirs = {"metadata": {"name": "a"}, "spec": {**strangers, "nodeName": "node-3"}, "status": {"phase": "Running"}}
    cluster.cluster.add(PODS, theirs, "default")
    over = {"metadata": {"name": "b"}, "spec": {**strangers, "nodeName": "node-3"}, "status": done}
    cluster.cluster.add(PODS, over, "default")
    facts = {each.name: each for each in harness.backend.discover()}
    assert sorted(facts) == ["node-1", "node-2", "node-3"]
    assert (facts["node-3"].cpu_millis, facts["node-3"].taken_cpu_millis) == (2500, 1500)
    assert len(facts["node-1"].gpus) == 8
    assert {each.ready for each in facts.values()} == {True}


def test_a_node_has_the_name_by_which_pods_are_sent_to_it(
    harness: KubernetesHarness, cluster: KubernetesServer
) -> None:
    """On some clouds its label `kubernetes.io/hostname` is another."""
    cluster.nodes.add(NodeSpec("ip-10-0-0-7.ec2.internal", labels={"kubernetes.io/hostname": "ip-10-0-0-7"}))
    (name,) = {each.name for each in harness.backend.discover()} - {"node-1", "node-2"}
    launch = make_launch(nodes=(name,))
    harness.run(harness.backend.submit(harness.running(launch), launch))
    (pod,) = cluster.all(PODS)
    assert pod["spec"]["nodeName"] == "ip-10-0-0-7.ec2.internal"


@pytest.mark.parametrize(("gangs", "left"), [("mpi", 3500), ("train", 4000)])
def test_a_launcher_is_beside_the_members(
    harness: KubernetesHarness, cluster: KubernetesServer, gangs: str, left: int
) -> None:
    """What it takes of its node was not admitted, so admission must find it gone."""
    cluster.nodes.add(NodeSpec("node-3", cpu="4", memory="16Gi"))
    labels = {names.MANAGED_BY: names.MANAGER, names.INSTALLATION: SITE.installation, mpi.ROLE: "launcher"}
    spec = {"nodeName": "node-3", "containers": [{"name": "l", "image": "i", **container(cpu="500m")}]}
    cluster.cluster.add(
        PODS, {"metadata": {"name": "l", "labels": labels}, "spec": spec, "status": {"phase": "Running"}}, "default"
    )
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    backend = harness.as_account("any", rules, operators=Operators(gangs=gangs))
    assert {each.name: each.cpu_millis for each in backend.discover()}["node-3"] == left
