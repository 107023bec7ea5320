"""What forms are built from: the schema of each kind of step, and of an ingestion's options."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.datasets.api.shapes import ScalarField
from apps.datasets.recipes.forms import INPUTS, parsing_form, step_forms
from apps.datasets.recipes.parsing import TYPES
from workers.contracts.recipes import FAMILIES, NAMES

FORM_TYPES = ("object",)


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
class TypeField(serializers.JSONField):
    """The name of a type, or a list of such names where null is one."""


class WordsShape(serializers.Serializer[Any]):
    title = serializers.CharField()
    description = serializers.CharField()


class ChoiceTitleShape(serializers.Serializer[Any]):
    title = serializers.CharField()


class ChoiceShape(serializers.Serializer[Any]):
    """What a value of an `enum` is called."""

    def get_fields(self) -> dict[str, Any]:
        return {"value": serializers.CharField(), "title": serializers.CharField(), "x-zh-hans": ChoiceTitleShape()}


class PropertyShape(serializers.Serializer[Any]):
    """The JSON Schema of one option; what is not said here (`items`, `pattern`, …) is as JSON Schema has it."""

    def get_fields(self) -> dict[str, Any]:
        number = serializers.FloatField
        return {
            "title": serializers.CharField(required=False, help_text="Not of `kind`"),
            "description": serializers.CharField(required=False),
            "x-zh-hans": WordsShape(required=False),
            "type": TypeField(required=False),
            "const": serializers.CharField(required=False, help_text="Of `kind`"),
            "enum": serializers.ListField(child=ScalarField(allow_null=True), required=False),
            "default": serializers.JSONField(required=False, allow_null=True),
            "x-input": serializers.ChoiceField(choices=INPUTS, required=False),
            "x-column-types": serializers.ListField(child=serializers.ChoiceField(choices=TYPES), required=False),
            "x-choices": ChoiceShape(many=True, required=False),
            "items": serializers.DictField(required=False),
            "additionalProperties": serializers.DictField(required=False),
            "examples": serializers.ListField(child=serializers.CharField(), required=False),
            "pattern": serializers.CharField(required=False),
            "minimum": number(required=False),
            "maximum": number(required=False),
            "exclusiveMinimum": number(required=False),
            "exclusiveMaximum": number(required=False),
            "minLength": serializers.IntegerField(required=False),
            "maxLength": serializers.IntegerField(required=False),
            "minItems": serializers.IntegerField(required=False),
            "maxItems": serializers.IntegerField(required=False),
        }


class FormSchemaShape(serializers.Serializer[Any]):
    """A JSON Schema (2020-12) of an object."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "$schema": serializers.CharField(),
            "type": serializers.ChoiceField(choices=FORM_TYPES),
            "additionalProperties": serializers.BooleanField(),
            "required": serializers.ListField(child=serializers.CharField()),
            "properties": serializers.DictField(child=PropertyShape(), help_text="In the order of a form"),
        }


class StepFormShape(serializers.Serializer[Any]):
    """One kind of step: words for people, and the schema of the whole step, `kind` included."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "kind": serializers.ChoiceField(choices=NAMES),
            "family": serializers.ChoiceField(
                choices=list(FAMILIES), help_text="What it is about, for pages that group"
            ),
            "is_fitted": serializers.BooleanField(
                help_text="It learns from the data: from the training rows where a split comes before it, else from all"
            ),
            "is_once": serializers.BooleanField(help_text="It stands at most once in a recipe"),
            "title": serializers.CharField(),
            "description": serializers.CharField(),
            "x-zh-hans": WordsShape(help_text="Title and description in Simplified Chinese"),
            "schema": FormSchemaShape(),
        }


class StepFormsShape(serializers.Serializer[Any]):
    steps = StepFormShape(many=True)


class RecipeStepsView(APIView):
    """Kinds of cleaning steps."""

    @extend_schema(
        summary="The kinds of steps that a recipe may have, with a schema each",
        responses=StepFormsShape,
        examples=[OpenApiExample("The first", {"steps": step_forms()[:1]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """For forms: title and description in English, beside them in Simplified Chinese."""
        return Response({"steps": step_forms()})


class IngestionOptionsView(APIView):
    """How files are parsed."""

    @extend_schema(
        summary="The schema of an ingestion's options",
        responses=FormSchemaShape,
        examples=[OpenApiExample("Example", parsing_form(), response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """For a form: what `options` of `POST /ingestions` may hold, and what stands for what is left out."""
        return Response(parsing_form())
