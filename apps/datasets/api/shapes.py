"""What is inside the JSON columns, for the API's document: versions, reports, options. The values pass as they are."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.stories import StateMessageField
from apps.datasets.recipes.parsing import COLUMN_TYPES
from apps.datasets.states import JobState

SCALAR = {"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}], "nullable": True}
JOB_KINDS = ("ingestion", "cleaning_run", "profile")


@extend_schema_field(SCALAR)
class ScalarField(serializers.JSONField):
    """The value of a cell: text (cut after 200 characters), number, true, false or null; times as ISO 8601."""


class ColumnShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=COLUMN_TYPES)
    nullable = serializers.BooleanField(help_text="Whether a value is missing")


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
    column = serializers.CharField(help_text="Empty where none is at fault")
    detail = serializers.CharField()
    params = serializers.DictField(
        required=False, help_text="What `detail` says, to be said in another language; reports of before have none"
    )


class StepReportShape(serializers.Serializer[Any]):
    """What one step of a recipe did."""

    step = serializers.IntegerField(help_text="From 1")
    kind = serializers.CharField()
    parameters = serializers.DictField(help_text="The step's options, all written out")
    rows_in = serializers.IntegerField()
    rows_out = serializers.IntegerField()
    cells_changed = serializers.DictField(child=serializers.IntegerField(), help_text="By column")
    cells_missing = serializers.DictField(child=serializers.IntegerField(), help_text="By column, after the step")
    columns_added = serializers.ListField(child=serializers.CharField())
    columns_removed = serializers.ListField(child=serializers.CharField())
    warnings = WarningShape(many=True)
    seconds = serializers.FloatField()


class FittedColumnShape(serializers.Serializer[Any]):
    """What a step learned of a column from the training rows; which figures there are depends on the step."""

    column = serializers.CharField()
    low = serializers.FloatField(required=False, help_text="Below it a value is an outlier")
    high = serializers.FloatField(required=False, help_text="Above it a value is an outlier")
    replacement = serializers.FloatField(required=False, help_text="What stands for an outlier")
    fill = ScalarField(required=False, help_text="What stands for a missing value")
    mean = serializers.FloatField(required=False)
    std = serializers.FloatField(required=False)
    categories = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="The first 50 values that became columns"
    )
    category_count = serializers.IntegerField(required=False)


class CellChangeShape(serializers.Serializer[Any]):
    column = serializers.CharField()
    before = ScalarField(allow_null=True, help_text="Null, too, where the step added the column")
    after = ScalarField(allow_null=True, help_text="Null, too, where the step removed the column or the row")


class ExampleShape(serializers.Serializer[Any]):
    ordinal = serializers.IntegerField(help_text="Number of the row since ingestion, from 0")
    is_removed = serializers.BooleanField(help_text="The step removed the row; its cells are what it held")
    cells = CellChangeShape(many=True, help_text="At most 12")


class StepDetailShape(StepReportShape):
    fitted = FittedColumnShape(many=True, help_text="At most 500 columns")
    examples = ExampleShape(many=True, help_text="At most 10 rows that the step changed, of those that were watched")


class ReportShape(serializers.Serializer[Any]):
    """The report of a cleaned version in full; of any other version no step."""

    version = serializers.UUIDField()
    recipe = serializers.UUIDField(allow_null=True)
    recipe_name = serializers.CharField(allow_null=True)
    recipe_number = serializers.IntegerField(allow_null=True)
    input_version = serializers.UUIDField(allow_null=True)
    input_version_number = serializers.IntegerField(allow_null=True)
    rows_watched = serializers.IntegerField(
        help_text="Rows, spread over the data, of which the examples are taken; 0 for versions made before there were"
    )
    is_cut = serializers.BooleanField(help_text="Examples or fitted values were left out, because they were too large")
    steps = StepDetailShape(many=True)


class LatestVersionShape(serializers.Serializer[Any]):
    """The published version with the highest number."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    row_count = serializers.IntegerField()
    column_count = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    sensitivity = serializers.CharField()
    published_at = serializers.DateTimeField()


class NewestJobShape(serializers.Serializer[Any]):
    """The job that was asked for last."""

    kind = serializers.ChoiceField(choices=JOB_KINDS)
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=JobState.choices)
    state_reason = serializers.CharField()
    state_detail = serializers.CharField()
    state_message = StateMessageField(source="state_detail", faults=True)
    state_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class NewestProfileShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=JobState.choices)


class JobCountsShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=JOB_KINDS)
    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="In the last seven days")


class SummaryShape(serializers.Serializer[Any]):
    datasets = serializers.IntegerField()
    versions = serializers.IntegerField(help_text="Published ones")
    row_count = serializers.IntegerField(help_text="Of all published versions")
    size_bytes = serializers.IntegerField(help_text="Of all published versions")
    sources = serializers.IntegerField()
    source_bytes = serializers.IntegerField()
    jobs = JobCountsShape(many=True)


@extend_schema_field(ColumnShape(many=True))
class ColumnsField(serializers.JSONField):
    """The schema of a version."""


@extend_schema_field(StepReportShape(many=True))
class ReportField(serializers.JSONField):
    """What each step of a recipe did."""

    def to_representation(self, value: Any) -> Any:
        return [whole_step(step) for step in value]


@extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
class SplitsField(serializers.JSONField):
    """Rows of each part."""


@extend_schema_field(serializers.ListField(child=serializers.DictField()))
class StepsField(serializers.JSONField):
    """Steps, each an object with its `kind` and options: `GET /recipe-steps` has a schema for each kind."""


def whole_step(step: dict[str, Any]) -> dict[str, Any]:
    """A step's report with what reports did not have in earlier times."""
    return {"parameters": {}, "cells_missing": {}, "columns_added": [], "columns_removed": [], **step}
