"""What the experiments API takes and gives."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.access.models import Project
from apps.common.api import KnownFields, VisibleRelatedField
from apps.common.storage import uri_of
from apps.common.stories import StateMessageField
from apps.experiments.api import examples
from apps.experiments.api.examples import asked_as, shown_as
from apps.experiments.api.run_shapes import ParametersField, ResultField, RetriesField, SeriesSerializer, SummaryField
from apps.experiments.models import Artifact, Checkpoint, Experiment, Run
from apps.experiments.models.metric import STEP_MOST
from apps.experiments.services.runs import RESOURCES_DEFAULT
from apps.experiments.states import GoalMode
from apps.quotas.states import Reason

STATE = ("state", "state_reason", "state_detail", "state_message", "state_at")
DAY_SECONDS = 24 * 3600
SPAN = ("from_step", "to_step", "from_time", "to_time")
"""A part of a curve."""


@shown_as(examples.EXPERIMENT)
class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    project_name = serializers.CharField(source="project.name", read_only=True)
    runs = serializers.IntegerField(source="run_count", read_only=True, help_text="How many it has")

    class Meta:
        model = Experiment
        fields = ("id", "project", "project_name", "name", "goal_metric", "goal_mode", "runs", "created_at")
        read_only_fields = fields


@asked_as({"project": examples.PROJECT_ID, "name": "risk"})
class ExperimentCreateSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    name = serializers.CharField(max_length=120)
    goal_metric = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        default="",
        help_text="The metric that its runs are compared by",
    )
    goal_mode = serializers.ChoiceField(
        GoalMode.choices,
        required=False,
        allow_blank=True,
        default="",
        help_text="Which way it is better; left out: by its name",
    )


class ResourcesSerializer(KnownFields):
    """What the one member of a run asks for."""

    cpu_millis = serializers.IntegerField(
        min_value=1, max_value=1_000_000, default=RESOURCES_DEFAULT.cpu_millis, help_text="Thousandths of a core"
    )
    memory_bytes = serializers.IntegerField(
        min_value=16 << 20, max_value=1 << 50, default=RESOURCES_DEFAULT.memory_bytes, help_text="At least 16 MiB"
    )
    gpus = serializers.IntegerField(min_value=0, max_value=1024, default=0)
    flavor = serializers.CharField(max_length=60, allow_blank=True, default="", help_text="A kind of GPU; any if empty")


@extend_schema_field(ResourcesSerializer)
class ResourcesField(serializers.JSONField):
    """As they were asked for."""


RUN_NAMES = ("project_name", "experiment_name", "dataset_name", "dataset_version_number", "requested_by_name")
RUN_ROW = (
    "id", "name", "kind", "tags", "labels", "project", "experiment", "dataset_version", "workload", *RUN_NAMES, *STATE,
    "summary", "parameters", "resources", "time_limit_seconds", "count_min", "count_max", "priority_class", "retry_of",
    "requested_by", "created_at", "started_at", "ended_at", "deleted_at",
)  # fmt: skip


RUN_CODE = ("script", "bundle", "command", "image", "requirements", "environment", "seed", "retries")


@shown_as(examples.RUN_ROW)
class RunRowSerializer(serializers.ModelSerializer[Run]):
    """A run in a list: without its script and its result. Takes runs of `selectors.runs.with_names`."""

    project_name = serializers.CharField(read_only=True)
    experiment_name = serializers.CharField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)
    dataset_version_number = serializers.IntegerField(read_only=True, allow_null=True)
    requested_by_name = serializers.CharField(read_only=True)
    state_reason = serializers.ChoiceField(Reason.choices, source="why.reason", read_only=True, allow_blank=True)
    state_detail = serializers.CharField(source="why.detail", read_only=True)
    state_message = StateMessageField(source="why.detail")
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    labels = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="Put on by its code")
    summary = SummaryField(read_only=True)
    parameters = ParametersField(read_only=True)
    resources = ResourcesField(read_only=True)
    priority_class = serializers.SlugRelatedField[Any](
        slug_field="name", read_only=True, allow_null=True, help_text="Null: priority 0"
    )

    class Meta:
        model = Run
        fields: ClassVar[tuple[str, ...]] = RUN_ROW
        read_only_fields: ClassVar[tuple[str, ...]] = RUN_ROW


@shown_as(examples.RUN)
class RunSerializer(RunRowSerializer):
    command = serializers.ListField(child=serializers.CharField(), read_only=True)
    environment = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="Variables")
    retries = RetriesField(read_only=True)
    secrets = serializers.ListField(child=serializers.CharField(), read_only=True)
    result = ResultField(read_only=True, allow_null=True)
    logged_parameters = serializers.SerializerMethodField(help_text="Parameters that the code of the run chose itself")

    class Meta(RunRowSerializer.Meta):
        fields = (*RUN_ROW, *RUN_CODE, "dataset_reference", "secrets", "result", "logged_parameters")
        read_only_fields = fields

    def get_logged_parameters(self, run: Run) -> list[str]:
        return list(run.provenance.get("logged_parameters", ()))


class FiniteField(serializers.FloatField):
    """A number that JSON has."""

    def to_internal_value(self, data: Any) -> float:
        found: float = super().to_internal_value(data)
        if not math.isfinite(found):
            self.fail("invalid")
        return found


@shown_as(examples.SERIES)
class RunMetricsSerializer(serializers.Serializer[Any]):
    series = serializers.DictField(child=SeriesSerializer(), help_text="By key")
    cursor = serializers.CharField(
        help_text="Subscribe from here: nothing is missed. Batches up to `next_after` are in this answer already."
    )
    next_after = serializers.CharField(help_text="The last batch in this answer: `after` of the next question")
    reset = serializers.BooleanField(help_text="Replace what you have; false: add to it")
    more = serializers.BooleanField(help_text="There is more after `next_after` already")


class RunMetricsQuerySerializer(serializers.Serializer[Any]):
    keys = serializers.CharField(
        required=False, default="", help_text="Separated by commas, at most 100; left out: the first 100 of the run"
    )
    points = serializers.IntegerField(min_value=4, max_value=10_000, default=500, help_text="Most points per key")
    member = serializers.IntegerField(
        min_value=0, max_value=1_000_000, required=False, help_text="Only points that this member of the job logged"
    )
    from_step = serializers.IntegerField(min_value=-STEP_MOST, max_value=STEP_MOST, required=False)
    to_step = serializers.IntegerField(min_value=-STEP_MOST, max_value=STEP_MOST, required=False)
    from_time = FiniteField(required=False, help_text="Unix seconds")
    to_time = FiniteField(required=False, help_text="Unix seconds")
    after = serializers.CharField(
        max_length=60, required=False, help_text="`next_after` of an answer: the raw points that came after it"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "after" in attrs and any(name in attrs for name in SPAN):
            raise serializers.ValidationError("after and a range of steps or times go one at a time")
        return attrs


class StoredFileSerializer(serializers.ModelSerializer[Any]):
    """Base of what is shown of a file in the object store."""

    uri = serializers.SerializerMethodField()

    def get_uri(self, file: Artifact | Checkpoint) -> str:
        return uri_of(file.path)


@shown_as(examples.ARTIFACT)
class ArtifactSerializer(StoredFileSerializer):
    class Meta:
        model = Artifact
        fields = (
            "id", "project", "run", "attempt", "name", "kind", "uri", "sha256", "size_bytes", "metadata", "created_at",
        )  # fmt: skip
        read_only_fields = fields


@shown_as(examples.CHECKPOINT)
class CheckpointSerializer(StoredFileSerializer):
    class Meta:
        model = Checkpoint
        fields = (
            "id", "project", "run", "attempt", "step", "uri", "sha256", "size_bytes", "metadata", "acknowledged_at",
            "created_at",
        )  # fmt: skip
        read_only_fields = fields
