"""How an object came to its state, over REST: `GET …/{id}/story`."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.models import Transition

STEPS_MOST = 1000


class StoryStepSerializer(serializers.ModelSerializer[Transition]):
    """One step: from where, to where, why, by whom, when."""

    class Meta:
        model = Transition
        fields = ("from_state", "to_state", "reason", "detail", "actor_kind", "actor_name", "at")


EXAMPLE = OpenApiExample(
    "Refused",
    [
        {
            "from_state": "queued",
            "to_state": "failed",
            "reason": "exceeds_quota",
            "detail": "64 GPUs are asked for; the quota is 0.",
            "actor_kind": "system",
            "actor_name": "reconcile",
            "at": "2026-03-02T09:30:00Z",
        }
    ],
    response_only=True,
)


class StoryMixin:
    """For a viewset of a noun with a state table."""

    @extend_schema(
        summary="Its steps so far, oldest first", responses=StoryStepSerializer(many=True), examples=[EXAMPLE]
    )
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def story(self, request: Request, pk: str) -> Response:
        """Every step through its state table: from where, to where, why, by whom, when."""
        steps = self.get_object().story()[:STEPS_MOST]  # type: ignore[attr-defined]  # of the viewset
        return Response(StoryStepSerializer(steps, many=True).data)
