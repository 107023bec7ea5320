"""What the table of runs takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers

from apps.common.stories import StateMessageField
from apps.experiments.api import examples
from apps.experiments.api.examples import shown_as
from apps.experiments.states import GoalMode, RunKind, RunState
from apps.quotas.states import Reason

LIMIT_MOST = 1000
SPARKS_MOST = 200
COLUMNS_MOST = 100
WHERE_MOST = 50
FILE_KIND = OpenApiParameter("kind", enum=["csv", "parquet"], location=OpenApiParameter.PATH)
JSON_TYPES = ("number", "string", "boolean", "array", "object")
FIELDS = (
    "`params.<key>`, `metrics.<key>` (its last value; `:min`, `:max`, `:mean`, `:count`, `:last_step` for others), "
    '`labels.<key>`, a key with other characters in quotes: `params."my key"`'
)


class ManyTexts(serializers.ListField):
    """A query parameter that may come several times."""

    child = serializers.CharField(max_length=500, trim_whitespace=False)


class RunsOfSerializer(serializers.Serializer[Any]):
    """Which runs."""

    project = serializers.UUIDField(required=False)
    experiment = serializers.UUIDField(required=False)


class RunsAskedSerializer(RunsOfSerializer):
    """Which runs, in which order, and what of them."""

    state = serializers.MultipleChoiceField(
        choices=RunState.choices, required=False, help_text="Any of them; several times"
    )
    search = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=200, help_text="Words in the name, all of them"
    )
    tag = ManyTexts(required=False, default=list, max_length=20, help_text="All of them; several times")
    columns = ManyTexts(
        required=False, default=list, max_length=COLUMNS_MOST, help_text=f"Separated by commas: {FIELDS}"
    )
    where = ManyTexts(
        required=False,
        default=list,
        max_length=WHERE_MOST,
        help_text="`metrics.val_auc>0.8`, `params.lr=0.01`, `name~risk`, `created_at>=2026-03-02`, `params.note=null`; "
        "several times, and all must hold. Operators: `= != > >= < <= ~` (~: contains). Also of `name state reason "
        "kind project experiment dataset requested_by tag notes image created_at started_at ended_at "
        "duration_seconds goal seed`",
    )
    filter = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=4000,
        help_text="As clients of MLflow write it: `metrics.auc > 0.8 AND params.opt = 'adam' AND tags.team IS NOT NULL "
        "AND attributes.status = 'FINISHED'`; holds beside `where`. Labels are its tags",
    )
    sort = serializers.CharField(
        required=False,
        default="",
        max_length=300,
        help_text="One field of `where`, with `-` before it downward; rows without it last. Newest first by default",
    )
    deleted = serializers.BooleanField(default=False, help_text="Those that were deleted, and no others")


class RunTableQuerySerializer(RunsAskedSerializer):
    offset = serializers.IntegerField(min_value=0, max_value=10_000_000, default=0)
    limit = serializers.IntegerField(
        min_value=1, max_value=LIMIT_MOST, default=100, help_text=f"At most {SPARKS_MOST} with `spark`"
    )
    spark = serializers.BooleanField(default=False, help_text="With a small curve of each goal metric")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["spark"] and attrs["limit"] > SPARKS_MOST:
            raise serializers.ValidationError({"limit": f"at most {SPARKS_MOST} with spark"})
        return attrs


class GoalSerializer(serializers.Serializer[Any]):
    """Where a run stands by the metric that it is judged by."""

    key = serializers.CharField()
    mode = serializers.ChoiceField(GoalMode.choices, help_text="Which way it is better")
    last = serializers.FloatField(allow_null=True, help_text="Null: it is NaN or infinite")
    last_step = serializers.IntegerField()
    best = serializers.FloatField()


@extend_schema_field(
    {"nullable": True, "oneOf": [{"type": "number"}, {"type": "string"}, {"type": "boolean"}, {}]},
)
class CellField(serializers.JSONField):
    """A parameter, as it was given, or a number of a metric; null: the run has none."""


class RunTableRowSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(RunKind.choices)
    tags = serializers.ListField(child=serializers.CharField())
    project = serializers.UUIDField()
    project_name = serializers.CharField()
    experiment = serializers.UUIDField()
    experiment_name = serializers.CharField()
    dataset_version = serializers.UUIDField(allow_null=True, help_text="Null: it reads none that is kept here")
    dataset_name = serializers.CharField(allow_blank=True)
    dataset_version_number = serializers.IntegerField(allow_null=True)
    workload = serializers.UUIDField(allow_null=True)
    state = serializers.ChoiceField(RunState.choices)
    state_reason = serializers.ChoiceField(Reason.choices, allow_blank=True)
    state_detail = serializers.CharField(allow_blank=True)
    state_message = StateMessageField(source="state_detail")
    state_at = serializers.DateTimeField()
    requested_by_name = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    duration_seconds = serializers.FloatField(allow_null=True, help_text="Until now where it has not ended")
    goal = GoalSerializer(allow_null=True)
    image = serializers.CharField(allow_blank=True)
    seed = serializers.IntegerField(allow_null=True)
    notes = serializers.CharField(allow_blank=True, help_text="Their first 200 characters")
    deleted_at = serializers.DateTimeField(allow_null=True)
    columns = serializers.DictField(child=CellField(allow_null=True), help_text="By name, as it was asked for")
    spark = serializers.ListField(
        child=serializers.FloatField(),
        allow_null=True,
        required=False,
        help_text="Only with `spark=1`: at most 32 values of the goal metric; null without a point",
    )


@shown_as(examples.RUN_TABLE)
class RunTableSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField(help_text="Rows without offset and limit")
    offset = serializers.IntegerField()
    rows = RunTableRowSerializer(many=True)


class RunColumnSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="For `columns`, `sort` and `where`")
    key = serializers.CharField()
    type = serializers.ChoiceField(JSON_TYPES, help_text="Of most runs")
    types = serializers.ListField(child=serializers.ChoiceField(JSON_TYPES))
    runs = serializers.IntegerField(help_text="How many have it")


class MetricColumnSerializer(RunColumnSerializer):
    mode = serializers.ChoiceField(GoalMode.choices, help_text="Which way it is better, by its name")


@shown_as(examples.RUN_COLUMNS)
class RunColumnsSerializer(serializers.Serializer[Any]):
    """The most used first, at most 1,000 of each."""

    parameters = RunColumnSerializer(many=True)
    metrics = MetricColumnSerializer(many=True)
    labels = RunColumnSerializer(many=True)


class ByStateSerializer(serializers.Serializer[Any]):
    """How many are in each state."""

    def get_fields(self) -> dict[str, Any]:
        return {state: serializers.IntegerField() for state in RunState.values}


@shown_as(examples.RUN_NUMBERS)
class RunNumbersSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    by_state = ByStateSerializer()
    failed_last_24_hours = serializers.IntegerField()
