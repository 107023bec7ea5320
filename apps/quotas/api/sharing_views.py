"""How a pool is shared, over REST: its tree is read by everybody who sees it, changed by administrators."""

from __future__ import annotations

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require, require_superuser
from apps.access.states import Role
from apps.common.api import ReadViewSet, once
from apps.common.audit import Actor
from apps.quotas.api import serializers as said
from apps.quotas.api import sharing_serializers as s
from apps.quotas.models import Cohort, ResourcePool
from apps.quotas.selectors.pool_tree import pool_tree
from apps.quotas.services.approvals import Changed, change
from apps.quotas.services.flavors import flavor_share_create
from apps.quotas.services.queues import queue_open

ASKED = {202: s.AskedSerializer}


def told(serializer: Any, body: Any, code: int = 200) -> Any:
    """In the API's document: what is taken and answered, at once or once somebody else has decided."""
    return {"request": body, "responses": {code: serializer, **ASKED}}


def plain(wanted: dict[str, Any]) -> dict[str, Any]:
    """Validated input as the arguments of a command: ids instead of rows."""
    return {name: str(value.pk) if isinstance(value, models.Model) else value for name, value in wanted.items()}


def changed(request: Request, command: str, wanted: dict[str, Any], **about: Any) -> Changed:
    """Do what an administrator wants, or ask for it where a second person decides."""
    comment = wanted.pop("comment", "")
    return change(command, plain({**wanted, **about}), user=caller(request), comment=comment)


def answer(view: Any, done: Changed, code: int = status.HTTP_200_OK) -> tuple[Any, int]:
    """Body and status."""
    if done.asked is not None:
        return s.AskedSerializer({"approval": done.asked}).data, status.HTTP_202_ACCEPTED
    return (view.represent(done.row), code) if done.row is not None else (None, status.HTTP_204_NO_CONTENT)


def _validated(view: Any, serializer: Any, request: Request) -> dict[str, Any]:
    taken = serializer(data=request.data, context=view.get_serializer_context())
    taken.is_valid(raise_exception=True)
    return dict(taken.validated_data)


def patched(view: Any, request: Request, serializer: Any, command: str, name: str) -> Response:
    """The answer to a PATCH of an object that the caller sees."""
    row = view.get_object()
    require_superuser(request.user)
    body, code = answer(view, changed(request, command, _validated(view, serializer, request), **{name: row}))
    return Response(body, status=code)


def created(view: Any, request: Request, serializer: Any, command: str) -> Response:
    """The answer to a POST, once per idempotency key."""
    require_superuser(request.user)
    wanted = _validated(view, serializer, request)
    return once(request, dict(wanted), lambda: answer(view, changed(request, command, wanted), status.HTTP_201_CREATED))


def removed(view: Any, request: Request, command: str, name: str) -> Response:
    """The answer to a DELETE of an object that the caller sees."""
    row = view.get_object()
    require_superuser(request.user)
    body, code = answer(view, changed(request, command, {}, **{name: row}))
    return Response(body, status=code)


@extend_schema_view(list=extend_schema(summary="List cohorts"), retrieve=extend_schema(summary="One cohort"))
class CohortViewSet(ReadViewSet):
    """Nodes of the trees by which pools are shared. Changed by administrators of the installation."""

    queryset = Cohort.objects.select_related("pool", "team").prefetch_related("quotas")
    serializer_class = s.CohortSerializer
    filterset_fields = ["pool", "parent", "team", "name"]

    @extend_schema(summary="Make a cohort", **told(s.CohortSerializer, s.CohortCreateSerializer, 201))
    def create(self, request: Request) -> Response:
        """Without quotas it guarantees nothing and limits nothing."""
        return created(self, request, s.CohortCreateSerializer, "cohort.create")

    @extend_schema(summary="Change or move a cohort", **told(s.CohortSerializer, s.CohortChangeSerializer))
    def partial_update(self, request: Request, pk: str) -> Response:
        """With another parent, all that is below it moves with it. Cycles are refused."""
        return patched(self, request, s.CohortChangeSerializer, "cohort.change", "cohort")

    @extend_schema(summary="Remove a cohort", responses={204: None, **ASKED})
    def destroy(self, request: Request, pk: str) -> Response:
        """With its quotas. One that has something below it is refused: move that first."""
        return removed(self, request, "cohort.delete", "cohort")


class PoolSharing:
    """For the viewset of pools."""

    @extend_schema(summary="The tree by which a pool is shared, in numbers", responses=s.PoolTreeSerializer)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def cohorts(self, request: Request, pk: str) -> Response:
        """Guaranteed, held, borrowed and lent, per node and resource; a warning where more is guaranteed than there is.

        Of projects that you do not see, the numbers are told and no name.
        """
        view: Any = self
        pool: ResourcePool = view.get_object()
        return Response(s.PoolTreeSerializer(pool_tree(pool, request.user)).data)

    @extend_schema(summary="Change how a pool is shared", **told(said.PoolSerializer, s.PolicySerializer))
    def partial_update(self, request: Request, pk: str) -> Response:
        """By administrators of the installation. It counts from the next admission on."""
        return patched(self, request, s.PolicySerializer, "pool.change", "pool")


class FlavorSharing:
    """For the viewset of kinds of GPU."""

    @extend_schema(
        summary="Let a share of a GPU be asked for",
        request=s.FlavorShareSerializer,
        responses={201: said.FlavorSerializer},
    )
    def create(self, request: Request) -> Response:
        """A kind of its own that is a part of one device: what holds it counts for the quotas of the whole kind."""
        view: Any = self
        require_superuser(request.user)
        wanted = _validated(view, s.FlavorShareSerializer, request)

        def make() -> tuple[Any, int]:
            made = flavor_share_create(**wanted, actor=Actor.user(request.user))
            return view.represent(made), status.HTTP_201_CREATED

        return once(request, wanted, make)


class PriorityChanges:
    """For the viewset of priority classes."""

    @extend_schema(summary="Name a priority", **told(said.PriorityClassSerializer, s.PriorityCreateSerializer, 201))
    def create(self, request: Request) -> Response:
        """By administrators of the installation."""
        return created(self, request, s.PriorityCreateSerializer, "priority_class.create")

    @extend_schema(summary="Change a priority", **told(said.PriorityClassSerializer, s.PriorityChangeSerializer))
    def partial_update(self, request: Request, pk: str) -> Response:
        """Workloads keep the priority and the policy with which they were submitted."""
        return patched(self, request, s.PriorityChangeSerializer, "priority_class.change", "priority_class")


class QueueSharing:
    """For the viewset of queues."""

    @extend_schema(
        summary="Give a project a place in a pool",
        request=s.QueueOpenSerializer,
        responses={201: said.QueueSerializer},
    )
    def create(self, request: Request) -> Response:
        """By admins of the project. The place is guaranteed nothing, and free to use what others leave idle."""
        view: Any = self
        wanted = _validated(view, s.QueueOpenSerializer, request)
        require(request.user, wanted["project"], Role.ADMIN)

        def make() -> tuple[Any, int]:
            made = queue_open(**wanted, actor=Actor.user(request.user))
            return view.represent(made), status.HTTP_201_CREATED

        return once(request, wanted, make)

    @extend_schema(summary="Change a queue", **told(said.QueueSerializer, s.QueueChangeSerializer))
    def partial_update(self, request: Request, pk: str) -> Response:
        """Its place in the tree, its weight, and its caps. What is admitted already stays, also beyond a cap."""
        return patched(self, request, s.QueueChangeSerializer, "queue.change", "queue")


class QuotaSharing:
    """For the viewset of quotas."""

    @extend_schema(summary="Set a quota", **told(s.QuotaSerializer, s.QuotaSetSerializer))
    def set(self, request: Request) -> Response:
        """Set one quota, named by queue or cohort, resource and flavor. Repeating it changes nothing.

        One below what is held is accepted: what is admitted stays, until others want what is theirs.
        """
        view: Any = self
        require_superuser(request.user)
        wanted = _validated(view, s.QuotaSetSerializer, request)
        body, code = answer(view, changed(request, "quota.set", wanted))
        return Response(body, status=code)

    @extend_schema(summary="Remove a quota", responses={204: None, **ASKED})
    def destroy(self, request: Request, pk: str) -> Response:
        """A queue that has none of a resource left may use none of it; what is admitted stays."""
        return removed(self, request, "quota.remove", "quota")
