"""Expressions while they are written: is it one, of which type, which functions there are. Pure: nothing is read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.datasets.api.form_views import WordsShape
from workers.contracts.expressions import FUNCTIONS, LENGTH_MOST, TYPES, ExpressionError, expression

COLUMNS_MOST = 5_000
KNOWN = [*TYPES, "image", "unknown"]


class ExpressionColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, trim_whitespace=False)
    type = serializers.ChoiceField(choices=KNOWN, help_text="`unknown` fits whatever the expression asks for.")


class ExpressionAsked(serializers.Serializer[Any]):
    """An expression, and the columns that it may name."""

    expression = serializers.CharField(max_length=10 * LENGTH_MOST, allow_blank=True, trim_whitespace=False)
    columns = serializers.ListField(child=ExpressionColumnShape(), max_length=COLUMNS_MOST)


class ExpressionProblemShape(serializers.Serializer[Any]):
    """What is wrong. `position` and `end` count characters (code points) from 0; `end` is behind the last one."""

    code = serializers.CharField()
    detail = serializers.CharField()
    position = serializers.IntegerField()
    end = serializers.IntegerField()
    params = serializers.DictField(help_text="What the sentence of `code` names: texts and numbers.")


class ExpressionTold(serializers.Serializer[Any]):
    """Either a type or a problem."""

    type = serializers.ChoiceField(choices=[*TYPES, "unknown"], allow_null=True)
    columns = serializers.ListField(child=serializers.CharField(), help_text="Those that it names, in its order.")
    problem = ExpressionProblemShape(allow_null=True)


class ExpressionFunctionShape(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, Any]:
        return {
            "name": serializers.CharField(),
            "parameters": serializers.ListField(
                child=serializers.CharField(),
                help_text="A type, `number`, `moment` or `any`; `written …` is written out, not computed.",
            ),
            "optional": serializers.IntegerField(help_text="How many of the last parameters may be left out."),
            "is_repeated": serializers.BooleanField(help_text="The last parameter may be repeated."),
            "result": serializers.CharField(help_text="A type; `same` as the argument; `joined`: one that all have."),
            "example": serializers.CharField(),
            "description": serializers.CharField(),
            "x-zh-hans": WordsShape(),
        }


class ExpressionFunctionsShape(serializers.Serializer[Any]):
    functions = ExpressionFunctionShape(many=True)


def functions() -> list[dict[str, Any]]:
    """Every function as the API tells it."""
    return [
        {
            "name": name,
            "parameters": list(found.parameters),
            "optional": found.optional,
            "is_repeated": found.repeated,
            "result": found.result,
            "example": found.example,
            "description": found.says,
            "x-zh-hans": {"title": name, "description": found.says_zh},
        }
        for name, found in FUNCTIONS.items()
    ]


_ASKED = {"expression": "Income > 3 * dept", "columns": [{"name": "Income", "type": "float64"}]}
_TOLD: dict[str, Any] = {
    "type": None,
    "columns": [],
    "problem": {
        "code": "unknown_column",
        "detail": "There is no column 'dept'.",
        "position": 13,
        "end": 17,
        "params": {"column": "'dept'", "hint": ""},
    },
}


class ExpressionCheckView(APIView):
    """Expressions over columns."""

    @extend_schema(
        summary="Check an expression: its type, or what is wrong with it and where",
        request=ExpressionAsked,
        responses=ExpressionTold,
        examples=[
            OpenApiExample("Asked", _ASKED, request_only=True),
            OpenApiExample("Told", _TOLD, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """For an editor, while somebody writes. Nothing is stored, and no data is read."""
        asked = ExpressionAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        types = {column["name"]: column["type"] for column in asked.validated_data["columns"]}
        try:
            found = expression(asked.validated_data["expression"], types)
        except ExpressionError as error:
            return Response({"type": None, "columns": [], "problem": error.to_json()})
        return Response({"type": found.type, "columns": list(found.columns), "problem": None})


class ExpressionFunctionsView(APIView):
    """Functions of expressions."""

    @extend_schema(
        summary="The functions that an expression may call",
        responses=ExpressionFunctionsShape,
        examples=[OpenApiExample("The first", {"functions": functions()[:1]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """For an editor's help: what each takes, gives and does, in English and in Simplified Chinese."""
        return Response({"functions": functions()})
