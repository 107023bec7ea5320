"""How an object came to its state, over REST: `GET …/{id}/story`, and why it is in it, sentence by sentence."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.messages import message_of
from apps.common.models import Transition

STEPS_MOST = 1000


class StateMessageField(serializers.Field[Any, Any, Any, Any]):
    """`[{"code", "params"}]` of a detail: `StateMessageField(source="state_detail")`. `apps.common.openapi`
    describes it. With `faults`, its own or of the context, also what data jobs say: see `messages.register_faults`."""

    def __init__(self, *, faults: bool = False, **kwargs: Any) -> None:
        super().__init__(**{"read_only": True, **kwargs})
        self._faults = faults

    def to_representation(self, detail: str) -> list[dict[str, Any]]:
        return message_of(detail, faults=self._faults or bool(self.context.get("faults")))


class StoryStepSerializer(serializers.ModelSerializer[Transition]):
    """One step: from where, to where, why, by whom, when."""

    message = StateMessageField(source="detail")

    class Meta:
        model = Transition
        fields = ("from_state", "to_state", "reason", "detail", "message", "actor_kind", "actor_name", "at")


EXAMPLE = OpenApiExample(
    "Refused",
    [
        {
            "from_state": "queued",
            "to_state": "failed",
            "reason": "exceeds_quota",
            "detail": "Refused: needs 64 × H200, and project vision's quota has none. Raise the quota.",
            "message": [
                {
                    "code": "refused_quota_none",
                    "params": {
                        "needs": [{"resource": "gpus", "value": 64, "flavor": "H200"}],
                        "project": "vision",
                    },
                }
            ],
            "actor_kind": "system",
            "actor_name": "reconcile",
            "at": "2026-03-02T09:30:00Z",
        }
    ],
    response_only=True,
)


class StoryMixin:
    """For a viewset of a noun with a state table."""

    tells_faults = False
    """Whether its details are those of data jobs."""

    @extend_schema(
        summary="Its steps so far, oldest first", responses=StoryStepSerializer(many=True), examples=[EXAMPLE]
    )
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def story(self, request: Request, pk: str) -> Response:
        """Every step through its state table: from where, to where, why, by whom, when."""
        steps = self.get_object().story()[:STEPS_MOST]  # type: ignore[attr-defined]  # of the viewset
        return Response(StoryStepSerializer(steps, many=True, context={"faults": self.tells_faults}).data)
