"""The rows of the settings' table about Kubernetes clusters; how to connect to each is kept in the database."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.setting_kinds import IMAGE, variable, whole_number
from controlplane.sharing_settings import SharingEnvironment


@dataclass(frozen=True, slots=True, repr=False)
class ClusterEnvironment(SharingEnvironment):
    """Part of `controlplane.env.Environment`."""

    runtime_image: str = variable(
        IMAGE,
        "bedplate-runtime:local",
        "`bedplate-runtime:local`",
        "What jobs on a cluster run in that bring no image of their own",
    )
    observe_clusters_seconds: int = variable(
        whole_number(1, 3600, "seconds, 1 to 3600"),
        15,
        "`15`",
        "Between two looks at all jobs on clusters; their watches tell of most things before",
    )
