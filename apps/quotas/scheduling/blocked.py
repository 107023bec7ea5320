"""Why something does not fit now."""

from __future__ import annotations

from typing import NamedTuple

from apps.quotas.scheduling.snapshot import Key
from apps.quotas.scheduling.tree import Place

CAP, CAP_GPUS, NO_QUOTA, QUOTA = "cap", "cap_gpus", "no_quota", "quota"
PROMISED, MACHINES, KEPT = "promised", "machines", "kept"


class Blocked(NamedTuple):
    """Why something does not fit now.

    `cap`: its queue runs as many workloads as it may; `cap_gpus`: it has as many devices as one may. `no_quota`:
    nothing of a resource is allowed. `quota`: a place bounds it. `promised`: what is left there is kept for another.
    `machines`: no room; `kept`: it is kept for another.
    """

    kind: str
    flavor: str = ""
    key: Key = ("", "")
    place: Place | None = None
    left: float = 0.0
    """Of that resource there."""

    @property
    def by_other(self) -> bool:
        """Whether something that ends sooner might pass."""
        return self.kind in (PROMISED, KEPT)


NEAREST = {KEPT: 0, MACHINES: 1, PROMISED: 2, QUOTA: 3, NO_QUOTA: 4, CAP: 5}
"""Of several kinds of GPU that fail, the one that is nearest to a place is told of."""
