"""What manifests need to know of an installation and of one of its clusters. Pure: nothing here asks the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

NVIDIA_GPU: Final = "nvidia.com/gpu"
SERVE_PORT: Final = 8080
RENDEZVOUS_PORT: Final = 29_400
METADATA_SERVICES: Final = ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128")
"""Where clouds give a machine's own credentials to whoever asks from it: never for jobs."""


@dataclass(frozen=True, slots=True)
class Toleration:
    """A taint of nodes that pods may ignore."""

    key: str = ""
    """Empty with `operator` Exists: every taint."""
    operator: str = "Exists"
    """`Exists` or `Equal`."""
    value: str = ""
    effect: str = ""
    """Empty: each of `NoSchedule`, `PreferNoSchedule`, `NoExecute`."""
    seconds: int | None = None
    """With `NoExecute`: how long the taint is ignored; None means for ever."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection: an address range, or pods of a namespace."""

    cidr: str = ""
    namespace: str = ""
    """Its name; empty without `cidr`: every namespace."""
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    """Empty: all pods of it."""
    ports: tuple[int, ...] = ()
    """TCP; empty means the port that this hole is made for, or any."""
    excluding: tuple[str, ...] = ()
    """Parts of `cidr` that stay closed."""


@dataclass(frozen=True, slots=True)
class FlavorSite:
    """How one flavor of the pool is asked for on this cluster."""

    resource: str = ""
    """Name of its devices, as nodes offer them; empty means by the flavor's name: that of a MIG profile in it, else
    `nvidia.com/gpu`."""
    tolerations: tuple[Toleration, ...] = ()
    node_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that its nodes have, besides those that the scheduler names."""
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that its pods carry, such as those a Fargate profile selects by."""
    runtime_class: str = ""
    """RuntimeClass of its pods, where a cluster needs one for GPUs (`nvidia`)."""
    fargate: bool = False
    """AWS Fargate: a machine of its own for each pod, without GPUs, DaemonSets and privileges; nodes have no name
    before the pod."""


@dataclass(frozen=True, slots=True)
class Operators:
    """What others' operators on the cluster do for us, by the word for each; empty: nothing. What the cluster has no
    CRD for is refused."""

    queue: str = ""
    """LocalQueue in the namespace of every project: Kueue admits jobs too, after Bedplate."""
    gangs: str = ""
    """Jobs of several members: `mpi` (an MPIJob) or `train` (a TrainJob)."""
    data: str = ""
    """Jobs on data whose engine is Ray: `ray` (a RayJob, with a cluster of its own)."""
    serving: str = ""
    """Served revisions: `kserve` (an InferenceService)."""


@dataclass(frozen=True, slots=True)
class Dcgm:
    """Where NVIDIA's exporter of GPU figures runs: a pod on each node that has GPUs."""

    namespace: str = "gpu-operator"
    labels: str = "app=nvidia-dcgm-exporter"
    """Selects its pods: `name=value`, several with commas between them."""
    port: int = 9400


@dataclass(frozen=True, slots=True)
class ClusterSite:
    """One cluster as an installation uses it. Frozen; two that are equal make equal manifests."""

    installation: str
    """Id of the installation: a UUID or a slug. Several may share a cluster; each sees its own objects only."""
    cluster: str
    """Name of the cluster; its backend is `kubernetes/<cluster>`."""
    runtime_image: str
    """What jobs without an image of their own run in, and what prepares the others."""
    namespace_prefix: str = "bedplate"
    makes_namespaces: bool = True
    """False: namespaces of projects are made by somebody else, and are used as they are."""
    api_url: str = ""
    """The control plane as pods reach it; empty means `LaunchContext.api_url`."""
    image_pull_secrets: tuple[str, ...] = ()
    """Names of Secrets in the project's namespace."""
    image_policy: tuple[str, ...] = ()
    """Registries, or beginnings of repositories (`ghcr.io/acme`), that users' images may come from; empty: any."""
    image_pull_policy: str = ""
    """`Always`, `IfNotPresent`, `Never`; empty is the cluster's own rule."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of every job; a spec may override them."""
    priority_class: str = "bedplate"
    """PriorityClass of all pods; empty: none."""
    flavors: Mapping[str, FlavorSite] = field(default_factory=dict)
    """By the flavor's name in the pool. `""` is for members without a flavor: those that need only CPU."""
    tolerations: tuple[Toleration, ...] = ()
    """Of every pod."""
    scratch_bytes: int = 50 * 1024**3
    """Most in each folder that a member has on its node's disk; 0: no limit but the disk."""
    shared_memory_bytes: int = 0
    """Size of `/dev/shm`, which counts as memory of the member; 0: half of the member's memory."""
    serve_port: int = SERVE_PORT
    rendezvous_port: int = RENDEZVOUS_PORT
    dns: tuple[Peer, ...] = (
        Peer(namespace="kube-system", pod_labels=MappingProxyType({"k8s-app": "kube-dns"})),
        Peer(namespace="kube-system", pod_labels=MappingProxyType({"k8s-app": "node-local-dns"})),
        Peer(cidr="169.254.20.10/32"),  # where that cache of names on the node listens, if no plugin leads to its pod
    )
    api_egress: tuple[Peer, ...] = ()
    """Where the control plane is reached; empty: its port at any address but those of `METADATA_SERVICES`."""
    job_egress: tuple[Peer, ...] = ()
    """What else jobs may connect to: object stores, databases, mirrors of packages."""
    gateways: tuple[Peer, ...] = (Peer(namespace="bedplate"),)
    """Who may connect to replicas of served models."""
    operators: Operators = Operators()
    dcgm: Dcgm | None = None
    """None: nothing is asked of GPUs from outside the jobs."""

    def flavor(self, name: str) -> FlavorSite:
        """How that flavor is asked for; the plain way when nothing is said of it."""
        return self.flavors.get(name, FlavorSite())


@dataclass(frozen=True, slots=True)
class Fence:
    """Upper bounds of one namespace, a second fence behind the quotas of the control plane. None: no bound."""

    cpu_millis: int | None = None
    memory_bytes: int | None = None
    devices: Mapping[str, int] = field(default_factory=dict)
    """By the name that nodes offer them under: `{"nvidia.com/gpu": 8}`."""
    pods: int | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """A project, as labels of its namespace name it."""

    organisation: str
    team: str
    project: str
