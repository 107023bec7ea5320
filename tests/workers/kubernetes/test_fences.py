"""The second fence: as much as quotas can ever let through, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.kubernetes.kinds import QUOTAS
from tests.support.kubernetes.server import KubernetesServer
from tests.workers.kubernetes.cases import NAMESPACE, SITE, TENANT
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.connection import connection_from_kubeconfig
from workers.backends.kubernetes.fences import fences
from workers.backends.kubernetes.site import Fence, Operators
from workers.backends.shares import Amount, Share

LABELS = {"organisation": "acme", "team": "risk", "project": "credit-risk"}
LAB = Share(
    "pool", "lab", None, {"cpu": Amount(64_000), "memory": Amount(1 << 40)}, {"H200": Amount(8), "A100": Amount(4)}
)
FLAVORS = ("H200", "A100", "mig-1g.10gb")
COMPUTE = {"cpu": Amount(2000, 500), "memory": Amount(1 << 30)}


def queue(devices: dict[str, Amount]) -> Share:
    return Share("queue", "credit-risk", ("pool", "lab"), COMPUTE, devices, labels=LABELS)


@pytest.mark.parametrize(
    ("devices", "gpus"),
    [
        ({}, 0),
        ({"H200": Amount(2, 1)}, 3),
        ({"H200": Amount(2)}, 8),
        ({"H200": Amount(2, 1), "A100": Amount(1, 0)}, 4),
        ({"": Amount(2, 3)}, 5),
        ({"": Amount(2)}, 12),
        ({"": Amount(2, 0), "H200": Amount(8, 0)}, 2),
        ({"": Amount(6, 0), "H200": Amount(2, 0), "A100": Amount(1, 0)}, 3),
    ],
)
def test_a_fence_is_what_quotas_can_let_through(devices: dict[str, Amount], gpus: int) -> None:
    (found,) = fences((LAB, queue(devices)), FLAVORS, SITE)
    slices = found[1].devices["nvidia.com/mig-1g.10gb"]
    bounds = {"nvidia.com/gpu": gpus, "nvidia.com/mig-1g.10gb": slices}
    assert found == (TENANT, Fence(cpu_millis=2500, memory_bytes=1 << 40, devices=bounds))


def test_launchers_of_mpi_come_on_top() -> None:
    site = replace(SITE, operators=Operators(gangs="mpi"))
    assert fences((LAB, queue({"H200": Amount(2, 0)})), ("H200",), site) == [
        (TENANT, Fence(devices={"nvidia.com/gpu": 2}))
    ]


def test_fences_stand_in_the_namespaces_that_there_are() -> None:
    with KubernetesServer() as server:
        backend = KubernetesBackend("kubernetes/lab", connection_from_kubeconfig(server.kubeconfig()), SITE)
        backend.mirror((LAB, queue({"": Amount(1, 0)})), ("H200",))
        assert server.all(QUOTAS) == []
        server.namespace(NAMESPACE)
        for gpus in (1, 3):
            backend.mirror((LAB, queue({"": Amount(gpus, 0)})), ("H200",))
            assert server.get(QUOTAS, "bedplate-fence", NAMESPACE)["spec"]["hard"] == {
                "requests.cpu": "2500m",
                "requests.memory": "1099511627776",
                "limits.memory": "1099511627776",
                "requests.nvidia.com/gpu": str(gpus),
            }
        backend.close()
