"""The graph of what came of what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.access.permissions import caller
from apps.common.nodes import NodeKinds
from apps.datasets.api.examples import VERSION_ID
from apps.datasets.api.version_examples import LINEAGE
from apps.datasets.selectors.lineage import DEPTH_MOST, EDGES_MOST, lineage_of
from apps.datasets.states import Relation

NOUNS = ("source", "dataset_version", "run", "model_version", "revision")
DIRECTIONS = {"both": ("up", "down"), "up": ("up",), "down": ("down",)}


class NodeRefShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=NOUNS)
    id = serializers.UUIDField()


class LineageNodeShape(serializers.Serializer[Any]):
    """One object. What the caller may not see is hidden: all but kind, id and distance is null."""

    kind = serializers.ChoiceField(choices=NOUNS)
    id = serializers.UUIDField()
    distance = serializers.IntegerField(help_text="Steps from the object asked about: below 0 what it was made of")
    is_hidden = serializers.BooleanField()
    name = serializers.CharField(allow_null=True, help_text="Of versions and revisions that of their parent")
    number = serializers.IntegerField(allow_null=True, help_text="Of versions and revisions")
    state = serializers.CharField(allow_null=True)
    project = serializers.UUIDField(allow_null=True)
    project_name = serializers.CharField(allow_null=True)
    parent_kind = serializers.ChoiceField(choices=("dataset", "experiment", "model", "endpoint"), allow_null=True)
    parent_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField(allow_null=True)


class LineageLinkShape(serializers.Serializer[Any]):
    """`from` relation `to`: the later thing first."""

    from_kind = serializers.ChoiceField(choices=NOUNS)
    from_id = serializers.UUIDField()
    relation = serializers.ChoiceField(choices=Relation.choices)
    to_kind = serializers.ChoiceField(choices=NOUNS)
    to_id = serializers.UUIDField()


class LineageShape(serializers.Serializer[Any]):
    of = NodeRefShape()
    depth = serializers.IntegerField()
    is_cut = serializers.BooleanField(help_text=f"Far edges are left out: over {EDGES_MOST} in one direction")
    nodes = LineageNodeShape(many=True, help_text="The object asked about first")
    edges = LineageLinkShape(many=True)


class LineageQuerySerializer(serializers.Serializer[Any]):
    of = serializers.RegexField(r"^[a-z_]{1,40}:[0-9a-fA-F-]{36}$")
    depth = serializers.IntegerField(min_value=1, max_value=DEPTH_MOST, default=3)
    direction = serializers.ChoiceField(choices=list(DIRECTIONS), default="both")

    def validate_of(self, value: str) -> tuple[str, UUID]:
        kind, _, text = value.partition(":")
        if kind not in self.context["kinds"]:
            raise serializers.ValidationError(f"{kind!r} is not one of {', '.join(self.context['kinds'])}.")
        try:
            return kind, UUID(text)
        except ValueError:
            raise serializers.ValidationError(f"{text!r} is not an id.") from None


class LineageView(APIView):
    """What came of what, over several steps. Addresses say which kinds of objects there are: see controlplane."""

    kinds: NodeKinds = {}

    @extend_schema(
        summary="What an object was made of, and what was made of it",
        parameters=[
            OpenApiParameter(
                "of", OpenApiTypes.STR, required=True,
                description=f"`<kind>:<id>`; the kind is one of {', '.join(NOUNS)}",
                examples=[OpenApiExample("A version", f"dataset_version:{VERSION_ID}")],
            ),
            OpenApiParameter("depth", OpenApiTypes.INT, description=f"Steps each way, 1 to {DEPTH_MOST}; else 3"),
            OpenApiParameter("direction", OpenApiTypes.STR, enum=list(DIRECTIONS), description="`both` if left out"),
        ],
        responses=LineageShape,
        examples=[OpenApiExample("Example", LINEAGE, response_only=True)],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Nodes and edges, nearest first. Nothing is shown beyond what the caller may not see."""
        asked = LineageQuerySerializer(data=request.query_params, context={"kinds": self.kinds})
        asked.is_valid(raise_exception=True)
        kind, object_id = asked.validated_data["of"]
        found = lineage_of(
            caller(request),
            kind,
            object_id,
            depth=asked.validated_data["depth"],
            directions=DIRECTIONS[asked.validated_data["direction"]],
            kinds=self.kinds,
        )
        return Response(found)
