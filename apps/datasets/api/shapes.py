"""What is inside the JSON columns, for the API's document: the values themselves pass as they are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class ColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=["int64", "float64", "string", "bool", "timestamp", "date"])
    nullable = serializers.BooleanField()


class DataFileShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    rows = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class FittedShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class WarningShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    column = serializers.CharField()
    detail = serializers.CharField()


class StepReportShape(serializers.Serializer[Any]):
    step = serializers.IntegerField(help_text="From 1")
    kind = serializers.CharField()
    rows_in = serializers.IntegerField()
    rows_out = serializers.IntegerField()
    cells_changed = serializers.DictField(child=serializers.IntegerField(), help_text="By column")
    cells_missing = serializers.DictField(child=serializers.IntegerField(), required=False, help_text="By column")
    warnings = WarningShape(many=True)
    seconds = serializers.FloatField()


class RejectedRowShape(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="In the file, from 1")
    column = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    text = serializers.CharField()


class RejectedShape(serializers.Serializer[Any]):
    count = serializers.IntegerField(required=False)
    samples = RejectedRowShape(many=True, required=False)


class HistogramShape(serializers.Serializer[Any]):
    edges = serializers.ListField(child=serializers.FloatField())
    counts = serializers.ListField(child=serializers.IntegerField())


class TopValueShape(serializers.Serializer[Any]):
    value = serializers.JSONField()
    count = serializers.IntegerField()


class ColumnProfileShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField()
    null_count = serializers.IntegerField()
    distinct_count = serializers.IntegerField()
    minimum = serializers.JSONField(allow_null=True)
    maximum = serializers.JSONField(allow_null=True)
    mean = serializers.FloatField(allow_null=True)
    std = serializers.FloatField(allow_null=True)
    quantiles = serializers.DictField(child=serializers.FloatField(), allow_null=True)
    histogram = HistogramShape(allow_null=True)
    top_values = TopValueShape(many=True)


class ProfileShape(serializers.Serializer[Any]):
    row_count = serializers.IntegerField()
    columns = ColumnProfileShape(many=True)


@extend_schema_field(ColumnShape(many=True))
class ColumnsField(serializers.JSONField):
    """The schema of a version."""


@extend_schema_field(StepReportShape(many=True))
class ReportField(serializers.JSONField):
    """What each step of a recipe did."""


@extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
class SplitsField(serializers.JSONField):
    """Rows of each part."""


@extend_schema_field(RejectedShape)
class RejectedField(serializers.JSONField):
    """Rows that were left out; empty until the ingestion has succeeded."""


@extend_schema_field(ProfileShape)
class ProfileField(serializers.JSONField):
    """Statistics; null until the profile has succeeded."""


@extend_schema_field(serializers.ListField(child=serializers.DictField()))
class StepsField(serializers.JSONField):
    """Steps, each an object with its `kind` and options."""
