"""Endpoints, their revisions and what the gateway is told of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Prefetch, Q, Subquery, Value
from django.db.models.functions import Coalesce

from apps.access.models import User
from apps.deployments.analysis.health import Health, Seen, Status, health_of
from apps.deployments.analysis.replicas import trouble_of
from apps.deployments.models import Endpoint, Revision
from apps.deployments.states import REVISION, TAKING_REQUESTS, EndpointState, RevisionState
from apps.quotas.models import Attempt, Workload
from apps.quotas.selectors import ANSWERING, addresses_in, members_of


@dataclass(frozen=True, slots=True)
class Replicas:
    """Which replicas of a workload can answer now."""

    addresses: list[str] = field(default_factory=list)
    trouble: str = ""
    """What is wrong with the others, for people."""


def replicas_of(workload: Workload) -> Replicas:
    """The ready members of its open attempt, by rank. One query, none where nothing can be ready."""
    return replicas_in(members_of(workload))


def replicas_in(members: Iterable[dict[str, Any]]) -> Replicas:
    """By what was last seen of the members of an attempt."""
    found = list(members)
    return Replicas(addresses_in(found), trouble_of(found))


def with_revisions(endpoints: Any) -> Any:
    """The endpoints with `shown_revisions`: the active ones and the newest, newest first. One more query."""
    shown = Revision.objects.filter(
        Q(state__in=sorted(REVISION.active)) | Q(number=F("endpoint__revisions_made"))
    ).order_by("-number")
    shown = with_names(shown)
    return endpoints.select_related("project").prefetch_related(
        Prefetch("revisions", queryset=shown, to_attr="shown_revisions")
    )


def with_names(revisions: Any) -> Any:
    """Revisions with the names of their model and of who asked for them. No further query."""
    return revisions.annotate(
        model=F("model_version__model_id"),
        model_name=F("model_version__model__name"),
        model_version_number=F("model_version__number"),
        requested_by_name=Coalesce(F("requested_by__username"), Value("")),
    )


def endpoint_health(revisions: Iterable[Revision]) -> Health:
    """How an endpoint is, by its shown revisions."""
    return health_of(
        [
            Seen(
                failed=one.state == RevisionState.FAILED,
                takes_requests=one.state in TAKING_REQUESTS,
                weight=one.weight,
                replicas=one.replicas,
                ready_replicas=one.ready_replicas,
                trouble=_trouble(one),
                since=one.state_at,
            )
            for one in revisions
        ]
    )


def endpoint_numbers(endpoints: Any) -> dict[str, int]:
    """How many there are, in all and by their health. Two queries."""
    found = Counter(endpoint_health(one.shown_revisions).status for one in with_revisions(endpoints))
    return {"total": found.total(), **{str(status): found[status] for status in Status}}


def serving_model(endpoints: Any, *, model: UUID | None, model_version: UUID | None) -> Any:
    """Those endpoints that have an active revision of a model, or of one of its versions."""
    active = Revision.objects.filter(endpoint=OuterRef("pk"), state__in=sorted(REVISION.active))
    if model is not None:
        endpoints = endpoints.filter(Exists(active.filter(model_version__model=model)))
    if model_version is not None:
        endpoints = endpoints.filter(Exists(active.filter(model_version=model_version)))
    return endpoints


def _trouble(revision: Revision) -> str:
    """What is wrong with a revision, for people; its detail alone may say why it waits, which is no error."""
    if revision.state == RevisionState.FAILED:
        return revision.state_detail or revision.state_reason
    partly = revision.state == RevisionState.READY and revision.ready_replicas < revision.replicas
    return revision.trouble or (revision.state_detail if partly else "")


def endpoint_state(revisions: Iterable[Revision]) -> EndpointState:
    """What an endpoint is doing, by its shown revisions."""
    states = [(RevisionState(revision.state), revision.ready_replicas) for revision in revisions]
    if any(state == RevisionState.READY and ready for state, ready in states):
        return EndpointState.SERVING
    if any(state in TAKING_REQUESTS for state, _ in states):
        return EndpointState.LOADING
    if states and states[0][0] == RevisionState.FAILED:
        return EndpointState.FAILED
    return EndpointState.STOPPED


def endpoint_url(endpoint: Endpoint) -> str:
    """Where predictions are asked for; it never changes."""
    return f"{settings.BEDPLATE_GATEWAY_URL}/{endpoint.path}/predict"


def gateway_routes() -> dict[str, Any]:
    """The gateway's table: every endpoint with a revision that serves or is on its way to. One query.

    An endpoint that is still loading has no revisions in it: it exists, and nobody answers yet.
    """
    rows = (
        Revision.objects.filter(state__in=sorted(TAKING_REQUESTS))
        .select_related("endpoint")
        .order_by("endpoint__path", "number")
    )
    endpoints = []
    for endpoint, revisions in groupby(rows, key=attrgetter("endpoint")):
        project, _, name = endpoint.path.partition("/")
        serving = [
            {"revision_id": str(one.pk), "number": one.number, "weight": one.weight, "replicas": one.addresses}
            for one in revisions
            if one.weight
        ]
        endpoints.append({"project": project, "endpoint": name, "endpoint_id": str(endpoint.pk), "revisions": serving})
    return {"endpoints": endpoints}


def may_infer(user: User, endpoint_id: UUID) -> bool:
    """Whether a person may ask an endpoint for predictions: whoever sees it may. One query."""
    return bool(Endpoint.objects.visible_to(user).filter(pk=endpoint_id).exists())


def active_revisions() -> Iterator[tuple[Revision, Workload, Replicas]]:
    """Every active revision with its workload, and what was last seen of its replicas; for the tick. One query."""
    latest = Attempt.objects.filter(workload=OuterRef("workload"), ended_at=None).values("members")[:1]
    rows = (
        Revision.objects.filter(state__in=sorted(REVISION.active), workload__isnull=False)
        .select_related("workload")
        .defer("workload__spec", "workload__assignments")
        .annotate(members=Subquery(latest))
        .order_by("id")
    )
    for revision in rows:
        workload: Workload = revision.workload
        members = revision.members if workload.state in ANSWERING else None
        yield revision, workload, replicas_in(members or ())
