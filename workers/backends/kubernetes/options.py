"""From what an administrator said of a cluster to a `ClusterSite`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.backends.kubernetes.site import ClusterSite, Dcgm, FlavorSite, Operators, Peer, Toleration
from workers.contracts.cluster_options import options_checked

_PEERS = ("dns", "api_egress", "job_egress", "gateways")


def site_from_options(
    options: Mapping[str, Any],
    *,
    installation: str,
    cluster: str,
    runtime_image: str,
    namespace_prefix: str = "bedplate",
    api_url: str = "",
    makes_namespaces: bool = True,
) -> ClusterSite:
    """The site of one cluster; what the options do not say is as `ClusterSite` has it.

    Raises:
        OptionsRefused: something in them is not known, or not of its kind.
    """
    said = options_checked(options)
    said |= {name: tuple(map(_peer, said[name])) for name in _PEERS if name in said}
    said |= {name: tuple(said[name]) for name in ("image_pull_secrets", "image_policy") if name in said}
    if "tolerations" in said:
        said["tolerations"] = _tolerations(said["tolerations"])
    if "operators" in said:
        said["operators"] = Operators(**said["operators"])
    if "dcgm" in said:
        said["dcgm"] = Dcgm(**said["dcgm"])
    if "flavors" in said:
        said["flavors"] = {name: _flavor(each) for name, each in said["flavors"].items()}
    return ClusterSite(
        installation=installation,
        cluster=cluster,
        runtime_image=runtime_image,
        namespace_prefix=namespace_prefix,
        api_url=api_url,
        makes_namespaces=makes_namespaces,
        **said,
    )


def _peer(said: dict[str, Any]) -> Peer:
    fields: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in said.items()}
    return Peer(**fields)


def _tolerations(said: list[dict[str, Any]]) -> tuple[Toleration, ...]:
    return tuple(Toleration(**each) for each in said)


def _flavor(said: dict[str, Any]) -> FlavorSite:
    return FlavorSite(**{**said, "tolerations": _tolerations(said.get("tolerations", []))})
