"""Every enum and state table of the deployments app."""

from django.db import models

from apps.common.states import StateMachine
from apps.quotas.states import Reason


class RevisionState(models.TextChoices):
    PENDING = "pending"
    """Its workload waits for quota or room."""
    LOADING = "loading"
    """Its replicas start."""
    READY = "ready"
    """It has been able to answer; `ready_replicas` says how many can at this moment."""
    DRAINING = "draining"
    """It gets no new requests and is being stopped."""
    RETIRED = "retired"
    FAILED = "failed"


REVISION = StateMachine(
    "revision",
    RevisionState,
    {
        RevisionState.PENDING: [RevisionState.LOADING, RevisionState.FAILED, RevisionState.RETIRED],
        RevisionState.LOADING: [
            RevisionState.READY,
            RevisionState.DRAINING,
            RevisionState.FAILED,
            RevisionState.RETIRED,
        ],
        RevisionState.READY: [RevisionState.DRAINING, RevisionState.FAILED, RevisionState.RETIRED],
        RevisionState.DRAINING: [RevisionState.RETIRED, RevisionState.FAILED],
    },
    reasons=Reason,
)

TAKING_REQUESTS = frozenset({RevisionState.PENDING, RevisionState.LOADING, RevisionState.READY})
"""States of a revision that serves or is on its way to: its endpoint has an address at the gateway."""


class EndpointState(models.TextChoices):
    """Derived from the revisions of an endpoint, never stored."""

    SERVING = "serving"
    LOADING = "loading"
    FAILED = "failed"
    STOPPED = "stopped"


class SeenBy(models.TextChoices):
    """Who counted the figures of an endpoint."""

    GATEWAY = "gateway"
    """What callers see: from the request to its answer, tries at other replicas included."""
    REPLICAS = "replicas"
    """Each replica's own time, without the network."""
