"""What a preview answers, for the API's document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.common.stories import StateMessageField
from apps.datasets.api.shapes import FittedColumnShape, ScalarField, StepReportShape

CHANGES = ("none", "added", "removed")


class PreviewColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField(help_text="After the step; `unknown` does not occur")
    type_before = serializers.CharField()
    change = serializers.ChoiceField(choices=CHANGES)


class PreviewRowShape(serializers.Serializer[Any]):
    ordinal = serializers.IntegerField()
    change = serializers.ChoiceField(choices=CHANGES)
    values = serializers.ListField(child=ScalarField(allow_null=True), help_text="In the order of `columns`")
    before = serializers.DictField(
        child=ScalarField(allow_null=True), help_text="Place of a changed cell in `values` \u2192 what it held before"
    )


class PreviewTableShape(serializers.Serializer[Any]):
    """Some rows after a step; those that it changed come first in the choice."""

    columns = PreviewColumnShape(many=True, help_text="At most 60, changed ones first in the choice")
    column_count = serializers.IntegerField(help_text="Of all columns after the step")
    rows = PreviewRowShape(many=True, help_text="At most 40")


class NamedColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField()


class PreviewStepShape(StepReportShape):
    fitted = FittedColumnShape(many=True)
    schema = NamedColumnShape(many=True, help_text="All columns after the step")
    table = PreviewTableShape()


class PreviewErrorShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    message = StateMessageField(source="detail")
    step = serializers.IntegerField(help_text="From 1")
    option = serializers.CharField(help_text="Empty where none is at fault")
    column = serializers.CharField(help_text="Empty where none is at fault")


class AdviceShape(serializers.Serializer[Any]):
    """What somebody who writes a recipe should know of a step."""

    step = serializers.IntegerField(help_text="From 1")
    code = serializers.CharField()
    detail = serializers.CharField()
    column = serializers.CharField(help_text="Empty where it is about none")
    params = serializers.DictField(help_text="What `detail` says, to be said in another language")


class PreviewedShape(serializers.Serializer[Any]):
    rows_sampled = serializers.IntegerField()
    row_count = serializers.IntegerField(help_text="Of the version")
    start = PreviewTableShape(help_text="The sample as it is")
    steps = PreviewStepShape(many=True, help_text="As far as they could be applied")
    advice = AdviceShape(many=True)
    error = PreviewErrorShape(allow_null=True, help_text="Why the step after those could not")
    seconds = serializers.FloatField()
