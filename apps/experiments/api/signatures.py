"""`GET …/{id}/signature`: what a model takes. For model versions here, for endpoints in the app above."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.experiments.api import examples
from apps.experiments.api.examples import shown_as
from apps.experiments.selectors.signatures import signature_of

INPUT_TYPES = ("number", "category")
VALUE = {"oneOf": [{"type": "number"}, {"type": "string"}, {"type": "boolean"}], "nullable": True}


@extend_schema_field(VALUE)
class ValueField(serializers.JSONField):
    """A number, text, a truth, or null."""


@extend_schema_field({"type": "object", "additionalProperties": VALUE, "nullable": True})
class RecordField(serializers.JSONField):
    """Values by column."""


class InputColumnSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(INPUT_TYPES)
    categories = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="That training saw; null: any text, or a number"
    )
    typical = ValueField(allow_null=True, help_text="What stands in where the value is missing; null: nothing does")


class LabelShape(serializers.Serializer[Any]):
    column = serializers.CharField()
    classes = serializers.ListField(child=serializers.CharField(), help_text="The second is the positive one")


@shown_as(examples.SIGNATURE)
class SignatureSerializer(serializers.Serializer[Any]):
    """What a model takes, raw: as before cleaning."""

    model_version = serializers.UUIDField()
    inputs = InputColumnSerializer(many=True, help_text="In the order of the data")
    label = LabelShape(allow_null=True)  # type: ignore[assignment]  # a field, which the class takes out of the way
    example = RecordField(allow_null=True, help_text="A record of the held-out part; null: none was kept")


class SignatureMixin:
    """For the viewset of model versions."""

    @extend_schema(summary="What a model version takes", responses=SignatureSerializer)
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def signature(self: Any, request: Request, pk: str) -> Response:
        """Columns with their types, classes, and a real record to begin from. 404 where there is no preprocessor."""
        return Response(SignatureSerializer(signature_of(self.get_object())).data)
