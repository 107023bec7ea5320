"""Endpoints: made with their first revision, stopped."""

from __future__ import annotations

from django.db import transaction

from apps.access.models import Project, User
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.deployments.models import Endpoint
from apps.deployments.services.revisions import revision_create, revision_stop
from apps.deployments.states import REVISION
from apps.experiments.models import ModelVersion
from apps.quotas.states import Reason
from workers.contracts.sentences import say


@transaction.atomic
def endpoint_create(
    *, project: Project, name: str, model_version: ModelVersion, replicas: int, actor: Actor, requested_by: User | None
) -> Endpoint:
    """An address at the gateway and its first revision.

    Raises:
        Invalid: the name is taken, or the model cannot be served.
        Conflict: the model version is not ready.
    """
    # By its path: an address belongs to one endpoint, whatever its project is called later.
    path = f"{project.name}/{name}"
    endpoint: Endpoint
    endpoint, made = Endpoint.objects.get_or_create(path=path, defaults={"project": project, "name": name})
    if not made:
        raise Invalid(f"There is an endpoint {path} already.", fields={"name": ["is taken"]})
    audit.record(actor, "endpoint.created", endpoint, detail={"path": path})
    revision_create(
        endpoint=endpoint, model_version=model_version, replicas=replicas, actor=actor, requested_by=requested_by
    )
    return endpoint


@transaction.atomic
def endpoint_stop(*, endpoint: Endpoint, actor: Actor) -> None:
    """Stop every revision. The address stays taken; a new revision brings it back."""
    locked: Endpoint = Endpoint.objects.select_for_update(of=("self",)).get(pk=endpoint.pk)
    active = list(locked.revisions.filter(state__in=sorted(REVISION.active)).order_by("number"))
    for revision in active:
        revision_stop(
            revision, reason=Reason.CANCELLED_BY_USER, detail=say("stopped_by", actor=actor.name), actor=actor
        )
    if active:
        audit.record(actor, "endpoint.stopped", locked, detail={"revisions": [one.number for one in active]})
