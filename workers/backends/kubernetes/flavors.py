"""How the devices of a flavor are asked for on a cluster. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from workers.backends.kubernetes.site import NVIDIA_GPU, ClusterSite, Toleration
from workers.contracts.specs import Resources

_MIG: Final = re.compile(
    r"(?:^|[^0-9a-z])(?P<profile>[1-9]g\.[1-9][0-9]*gb(?:\+[a-z]+)*)(?:$|[^0-9a-z])", re.IGNORECASE
)
GPU_TAINT: Final = Toleration(key=NVIDIA_GPU, effect="NoSchedule")
"""With it clusters keep pods that need no GPU away from nodes that have some."""


def mig_resource(flavor: str) -> str:
    """Name of the slices that a flavor is called after (`a100-mig-1g.10gb`), or nothing: it is not called after any."""
    found = _MIG.search(flavor)
    return f"nvidia.com/mig-{found['profile'].lower().replace('+', '.')}" if found else ""


def device_resource(name: str, site: ClusterSite) -> str:
    """What nodes call the devices of a flavor."""
    return site.flavor(name).resource or mig_resource(name) or NVIDIA_GPU


def tolerations(resources: Resources, site: ClusterSite) -> list[dict[str, Any]]:
    """Of a pod that asks for these."""
    flavor = site.flavor(resources.flavor)
    wanted = (*site.tolerations, *flavor.tolerations, *((GPU_TAINT,) if resources.gpus else ()))
    return [_toleration(each) for each in dict.fromkeys(wanted)]


def _toleration(each: Toleration) -> dict[str, Any]:
    said = {"key": each.key, "operator": each.operator, "value": each.value, "effect": each.effect}
    seconds = {} if each.seconds is None else {"tolerationSeconds": each.seconds}
    return {**{name: text for name, text in said.items() if text}, **seconds}
