"""Statistics, sample rows and differences of versions, for the API's document. The values pass as they are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.datasets.api.shapes import ScalarField
from apps.datasets.recipes.parsing import COLUMN_TYPES

FINDINGS = (
    "all_missing",
    "mostly_missing",
    "constant",
    "likely_key",
    "numbers_as_text",
    "blanks_around",
    "far_extreme",
    "one_value_dominates",
)
SEVERITIES = ("info", "warning")
CHANGES = ("added", "removed", "type_changed", "changed", "same")
STATISTICS = ("null_ratio", "distinct_count", "minimum", "maximum", "mean", "std", "median", "mean_length")


class HistogramShape(serializers.Serializer[Any]):
    """Bins of equal width, the last one closed; there is one edge more than counts."""

    edges = serializers.ListField(
        child=serializers.FloatField(), help_text="Of dates and times: seconds since 1970 in UTC"
    )
    counts = serializers.ListField(child=serializers.IntegerField())


class TopValueShape(serializers.Serializer[Any]):
    value = ScalarField()
    count = serializers.IntegerField()


class TextLengthShape(serializers.Serializer[Any]):
    """Characters of the texts that are there."""

    minimum = serializers.IntegerField()
    maximum = serializers.IntegerField()
    mean = serializers.FloatField()
    histogram = HistogramShape()


class FindingShape(serializers.Serializer[Any]):
    """What catches the eye in a column. `figures` are what the sentence of its code needs."""

    code = serializers.ChoiceField(choices=FINDINGS)
    severity = serializers.ChoiceField(choices=SEVERITIES)
    detail = serializers.CharField(help_text="A sentence in English")
    figures = serializers.DictField(child=serializers.FloatField())


class ColumnProfileShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=COLUMN_TYPES)
    null_count = serializers.IntegerField()
    distinct_count = serializers.IntegerField(help_text="Of values that are there")
    minimum = ScalarField(allow_null=True, help_text="Null for text")
    maximum = ScalarField(allow_null=True, help_text="Null for text")
    mean = serializers.FloatField(allow_null=True, help_text="Numbers only, as std and quantiles")
    std = serializers.FloatField(allow_null=True, help_text="Of the population")
    quantiles = serializers.DictField(
        child=serializers.FloatField(), allow_null=True, help_text="0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99"
    )
    histogram = HistogramShape(allow_null=True, help_text="Of numbers, dates and times")
    text_length = TextLengthShape(allow_null=True, help_text="Of text")
    top_values = TopValueShape(many=True, help_text="At most 10, the most frequent first")
    findings = FindingShape(many=True)


class ProfileShape(serializers.Serializer[Any]):
    row_count = serializers.IntegerField()
    columns = ColumnProfileShape(many=True)


@extend_schema_field(ProfileShape)
class ProfileField(serializers.JSONField):
    """Statistics; null until the profile has succeeded."""

    def to_representation(self, value: Any) -> Any:
        """Profiles of earlier times have neither lengths nor findings."""
        beside: dict[str, Any] = {"text_length": None, "findings": []}
        return {**value, "columns": [{**beside, **column} for column in value["columns"]]}


class SampleColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=COLUMN_TYPES)


class SampleRowShape(serializers.Serializer[Any]):
    ordinal = serializers.IntegerField(help_text="Number of the row since ingestion, from 0")
    values = serializers.ListField(child=ScalarField(allow_null=True), help_text="In the order of `columns`")


class SampleShape(serializers.Serializer[Any]):
    """Some rows of a version, as its job wrote them down. Texts are cut after 200 characters, with `…` at their end."""

    version = serializers.UUIDField()
    is_available = serializers.BooleanField(help_text="False for a version whose job wrote no sample: no rows below")
    row_count = serializers.IntegerField(help_text="Of the whole version")
    columns = SampleColumnShape(many=True)
    first = SampleRowShape(many=True, help_text="At most 50, by ordinal; fewer where there are many columns")
    random = SampleRowShape(many=True, help_text="At most 50 of all rows, by ordinal; the same at every look")


class DiffVersionShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    dataset = serializers.UUIDField()
    dataset_name = serializers.CharField()
    number = serializers.IntegerField()
    row_count = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    digest = serializers.CharField()
    created_at = serializers.DateTimeField()
    has_profile = serializers.BooleanField()


class StatisticChangeShape(serializers.Serializer[Any]):
    name = serializers.ChoiceField(choices=STATISTICS)
    before = ScalarField(allow_null=True)
    after = ScalarField(allow_null=True)


class ColumnDiffShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    change = serializers.ChoiceField(choices=CHANGES)
    type_before = serializers.ChoiceField(choices=COLUMN_TYPES, allow_null=True)
    type_after = serializers.ChoiceField(choices=COLUMN_TYPES, allow_null=True)
    nullable_before = serializers.BooleanField(allow_null=True)
    nullable_after = serializers.BooleanField(allow_null=True)
    statistics = StatisticChangeShape(many=True, help_text="Those that differ; none unless both have a profile")


class DiffShape(serializers.Serializer[Any]):
    """What is different in `after`, the version in the path, from `before`, the one it is held against."""

    before = DiffVersionShape()
    after = DiffVersionShape()
    is_same_content = serializers.BooleanField(help_text="The digests are equal")
    columns = ColumnDiffShape(many=True, help_text="In the order of `after`, then those that are gone")
