"""Sample rows and differences of versions, for the API's document. The values pass as they are."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.datasets.api.shapes import ScalarField
from apps.datasets.recipes.parsing import COLUMN_TYPES

CHANGES = ("added", "removed", "type_changed", "changed", "same")
STATISTICS = ("null_ratio", "distinct_count", "minimum", "maximum", "mean", "std", "median", "mean_length")


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
