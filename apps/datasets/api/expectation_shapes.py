"""What is inside expectations and their results, for the API's document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.datasets.api.form_views import FormSchemaShape, PropertyShape, WordsShape
from apps.datasets.api.shapes import ScalarField
from apps.datasets.recipes.expectation_forms import EXPECTATION_INPUTS
from apps.datasets.selectors.proposals import REASONS
from apps.datasets.states import ExpectationKind, Outcome, Severity

PROBLEMS = ("does_not_fit", "unknown_kind", "not_evaluated", "no_reference", "no_target", "not_compared")


class ParametersShape(serializers.Serializer[Any]):
    """Every option of the kind written out; which there are, `GET /expectation-kinds` says."""

    column = serializers.CharField(required=False, allow_null=True)
    columns = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True)
    minimum = ScalarField(required=False, allow_null=True)
    maximum = ScalarField(required=False, allow_null=True)
    values = serializers.ListField(child=ScalarField(), required=False)
    pattern = serializers.CharField(required=False)
    type = serializers.CharField(required=False, help_text="A house type")
    hours = serializers.FloatField(required=False)
    dataset = serializers.UUIDField(required=False, allow_null=True)
    at = serializers.CharField(required=False)
    target = serializers.CharField(required=False)
    psi_most = serializers.FloatField(required=False, allow_null=True)
    ks_most = serializers.FloatField(required=False, allow_null=True)
    expression = serializers.CharField(required=False)
    mostly = serializers.FloatField(required=False, help_text="Share of the rows that is enough")


@extend_schema_field(ParametersShape)
class ParametersField(serializers.JSONField):
    """Options of the kind; those that are left out are as `GET /expectation-kinds` says."""


class ProblemShape(serializers.Serializer[Any]):
    """Why an expectation could not be evaluated."""

    code = serializers.ChoiceField(choices=PROBLEMS)
    detail = serializers.CharField(help_text="A sentence in English")
    params = serializers.DictField(help_text="What the sentence says, to be said in another language")


class ShiftShape(serializers.Serializer[Any]):
    column = serializers.CharField()
    psi = serializers.FloatField(allow_null=True)
    ks = serializers.FloatField(allow_null=True)
    is_beyond = serializers.BooleanField()


class ObservedShape(serializers.Serializer[Any]):
    """Figures of what is not about single rows."""

    rows = serializers.IntegerField(required=False)
    type = serializers.CharField(required=False)
    newest = serializers.CharField(required=False, allow_null=True)
    age_hours = serializers.FloatField(required=False, allow_null=True)
    columns = ShiftShape(many=True, required=False, help_text="The 50 that have shifted farthest")
    compared = serializers.IntegerField(required=False)
    beyond = serializers.IntegerField(required=False)


class ExampleRowShape(serializers.Serializer[Any]):
    ordinal = serializers.IntegerField(help_text="Number of the row since ingestion, from 0")
    values = serializers.DictField(child=ScalarField(allow_null=True), help_text="By column")
    rows = serializers.IntegerField(required=False, help_text="How many rows have these values, of `unique`")


class ResultShape(serializers.Serializer[Any]):
    """What became of one expectation, and the expectation as it was then."""

    expectation = serializers.UUIDField()
    revision = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ExpectationKind.choices)
    parameters = ParametersField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    label = serializers.CharField(help_text="How sentences call it: `between(age)`")  # type: ignore[assignment]
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    rows_checked = serializers.IntegerField(allow_null=True)
    rows_failed = serializers.IntegerField(allow_null=True)
    ratio = serializers.FloatField(allow_null=True, help_text="Of the rows that count, those that fulfil it")
    observed = ObservedShape()
    problem = ProblemShape(allow_null=True)
    examples = ExampleRowShape(many=True, help_text="At most 20")
    seconds = serializers.FloatField()


@extend_schema_field(ResultShape(many=True, allow_null=True))
class ResultsField(serializers.JSONField):
    """Per expectation; null until the run has succeeded."""


class ExpectationPropertyShape(PropertyShape):
    """As of a recipe's step, with fields for a value, for values, and for a dataset beside."""

    def get_fields(self) -> dict[str, Any]:
        return {
            **super().get_fields(),
            "x-input": serializers.ChoiceField(choices=EXPECTATION_INPUTS, required=False),
            "format": serializers.CharField(required=False),
        }


class ExpectationSchemaShape(FormSchemaShape):
    """A JSON Schema (2020-12) of `parameters`."""

    def get_fields(self) -> dict[str, Any]:
        properties = serializers.DictField(child=ExpectationPropertyShape(), help_text="In the order of a form")
        return {**super().get_fields(), "properties": properties}


class ExpectationFormShape(serializers.Serializer[Any]):
    """One kind of expectation: words for people, and the schema of its parameters."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "kind": serializers.ChoiceField(choices=ExpectationKind.choices),
            "is_tolerant": serializers.BooleanField(help_text="A share of the rows may be enough: `mostly`"),
            "title": serializers.CharField(),
            "description": serializers.CharField(),
            "x-zh-hans": WordsShape(help_text="Title and description in Simplified Chinese"),
            "schema": ExpectationSchemaShape(),
        }


class ExpectationFormsShape(serializers.Serializer[Any]):
    kinds = ExpectationFormShape(many=True)


class ProposalShape(serializers.Serializer[Any]):
    """An expectation that the version fulfils now."""

    kind = serializers.ChoiceField(choices=ExpectationKind.choices)
    parameters = ParametersField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    reason = serializers.ChoiceField(choices=REASONS)
    label = serializers.CharField()  # type: ignore[assignment]  # as above
    exists = serializers.BooleanField(help_text="The dataset has an active one with these parameters")


class ProposalsShape(serializers.Serializer[Any]):
    version = serializers.UUIDField()
    dataset = serializers.UUIDField()
    has_profile = serializers.BooleanField(help_text="Without a profile nothing is proposed: `POST /profiles`")
    proposals = ProposalShape(many=True)
