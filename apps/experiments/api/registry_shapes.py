"""What the registry's API takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.access.models import Project
from apps.common.api import VisibleRelatedField
from apps.common.stories import StateMessageField
from apps.experiments.api import examples
from apps.experiments.api.examples import asked_as, shown_as
from apps.experiments.api.run_shapes import EvaluationField, NumbersField
from apps.experiments.api.serializers import STATE
from apps.experiments.models import ModelAlias, ModelVersion, RegisteredModel, Run
from apps.experiments.models.registry import ALIAS, MODEL_NAME


class LabelsField(serializers.DictField):
    """Keys and texts."""

    child = serializers.CharField(allow_blank=True, max_length=100_000, trim_whitespace=False)


class LatestVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """The newest version of a model, in short."""

    metrics = NumbersField(read_only=True)
    run_name = serializers.CharField(source="run.name", read_only=True, default="")
    registered_by_name = serializers.CharField(source="registered_by.username", read_only=True, default="")

    class Meta:
        model = ModelVersion
        fields = (
            "id", "number", "state", "state_reason", "metrics", "run", "run_name", "registered_by_name", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class AliasInShortSerializer(serializers.ModelSerializer[ModelAlias]):
    """A name, and the version that it points at."""

    number = serializers.IntegerField(source="version.number", read_only=True)

    class Meta:
        model = ModelAlias
        fields = ("id", "name", "version", "number")
        read_only_fields = fields


@shown_as(examples.MODEL)
class RegisteredModelSerializer(serializers.ModelSerializer[RegisteredModel]):
    """Takes models of `selectors.registry.with_latest`."""

    project_name = serializers.CharField(source="project.name", read_only=True)
    latest_version = serializers.SerializerMethodField()
    aliases = AliasInShortSerializer(many=True, read_only=True)

    class Meta:
        model = RegisteredModel
        fields = (
            "id", "project", "project_name", "name", "description", "labels", "versions_made", "latest_version",
            "aliases", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(LatestVersionSerializer(allow_null=True))
    def get_latest_version(self, model: Any) -> Any:
        return LatestVersionSerializer(model.latest[0]).data if model.latest else None


@asked_as({"project": examples.PROJECT_ID, "name": "risk"})
class RegisteredModelCreateSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    name = serializers.CharField(max_length=256, validators=[MODEL_NAME])
    description = serializers.CharField(required=False, default="", allow_blank=True, max_length=100_000)


@asked_as({"name": "risk", "description": "Which loans go bad."})
class RegisteredModelChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=256, validators=[MODEL_NAME], required=False)
    description = serializers.CharField(required=False, allow_blank=True, max_length=100_000, trim_whitespace=False)
    labels = LabelsField(required=False)


VERSION_NAMES = (
    "project_name", "model_name", "run_name", "experiment_name", "dataset_version", "dataset_name",
    "dataset_version_number", "registered_by_name", "aliases",
)  # fmt: skip


@shown_as(examples.MODEL_VERSION)
class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """Takes versions of `selectors.registry.with_names`."""

    project_name = serializers.CharField(read_only=True)
    model_name = serializers.CharField(read_only=True)
    run_name = serializers.CharField(read_only=True, allow_null=True)
    experiment_name = serializers.CharField(read_only=True, allow_null=True)
    dataset_version = serializers.UUIDField(source="dataset_version_id", read_only=True, allow_null=True)
    dataset_name = serializers.CharField(read_only=True, allow_null=True)
    dataset_version_number = serializers.IntegerField(read_only=True, allow_null=True)
    registered_by_name = serializers.CharField(read_only=True)
    state_message = StateMessageField(source="state_detail")
    aliases = serializers.ListField(child=serializers.CharField(), source="alias_names", read_only=True)
    metrics = NumbersField(read_only=True)
    evaluation = EvaluationField(read_only=True)

    class Meta:
        model = ModelVersion
        fields = (
            "id", "project", "model", "number", *VERSION_NAMES, *STATE, "run", "artifact", "preprocessor", "metrics",
            "evaluation", "digest", "manifest", "description", "labels", "source", "logged_model", "approval",
            "registered_by", "created_at",
        )  # fmt: skip
        read_only_fields = fields


@asked_as({"model": examples.MODEL_ID, "run": examples.RUN_ID})
class ModelVersionCreateSerializer(serializers.Serializer[Any]):
    model = VisibleRelatedField(RegisteredModel)
    run = VisibleRelatedField(Run)


@shown_as(examples.MODEL_ALIAS)
class ModelAliasSerializer(serializers.ModelSerializer[ModelAlias]):
    class Meta:
        model = ModelAlias
        fields = ("id", "project", "model", "name", "version", "created_at")
        read_only_fields = fields


@asked_as({"model": examples.MODEL_ID, "name": "champion", "version": examples.MODEL_VERSION_ID})
class ModelAliasSetSerializer(serializers.Serializer[Any]):
    model = VisibleRelatedField(RegisteredModel)
    name = serializers.CharField(max_length=255, validators=[ALIAS])
    version = VisibleRelatedField(ModelVersion)
