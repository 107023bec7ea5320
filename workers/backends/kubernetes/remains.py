"""What is left of an attempt whose Job or Deployment somebody deleted without what belongs to it (`--cascade=orphan`).

Its Secret, its Service and its policies are then nobody's. Our account may change them, and neither read nor list nor
delete any: it needs no right to other people's. So they are told to belong to something that is not there, and the
garbage collector of the cluster takes them away.
"""

from __future__ import annotations

import logging

from workers.backends.kubernetes import names
from workers.backends.kubernetes.place import Place, Where
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import (
    DISRUPTION_BUDGETS,
    NETWORK_POLICIES,
    SECRETS,
    SERVICES,
)

log = logging.getLogger(__name__)

KINDS = (SECRETS, SERVICES, NETWORK_POLICIES, DISRUPTION_BUDGETS)


def clear(place: Place, where: Where) -> None:
    """Let the cluster remove what is left of an attempt that has no Job or Deployment. What it does not let us change
    (a cluster may want the right to delete for that) is named in the log, and left.

    Raises:
        Unreachable: call again.
    """
    labels = {names.INSTALLATION: names.label_value(place.site.installation), names.ATTEMPT: where.attempt_id}
    nobody = {"apiVersion": "batch/v1", "kind": "Job", "name": where.name, "uid": where.attempt_id}
    needs = [kind for kind in where.operator.needs if place.serves(kind)] if where.operator else []
    for kind in (*KINDS, *needs):
        try:
            place.api.give(kind, where.namespace, where.name, labels=labels, owner=nobody)
        except Refusal as refusal:
            log.warning("left on the cluster: %s %s in %s: %s", kind.kind, where.name, where.namespace, refusal)
    place.memory.note_cleared(where.attempt_id)
