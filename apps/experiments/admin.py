"""The experiments app in the admin: everything is read-only, services write."""

from __future__ import annotations

from django.contrib import admin

from apps.common.admin import ReadOnlyAdmin
from apps.experiments.models import Artifact, Checkpoint, Experiment, ModelAlias, ModelVersion, RegisteredModel, Run


@admin.register(Experiment)
class ExperimentAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "created_at")
    list_select_related = ("project",)
    search_fields = ("name",)
    list_filter = ("project",)


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("name", "experiment", "project", "state", "state_reason", "started_at", "ended_at")
    list_select_related = ("experiment", "project")
    search_fields = ("name",)
    list_filter = ("state", "project")


@admin.register(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "run", "size_bytes", "created_at")
    list_select_related = ("run",)
    search_fields = ("name", "path", "sha256")
    list_filter = ("kind", "project")


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ("step", "run", "size_bytes", "acknowledged_at")
    list_select_related = ("run",)
    search_fields = ("path", "sha256")
    list_filter = ("project",)


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "versions_made", "created_at")
    list_select_related = ("project",)
    search_fields = ("name",)
    list_filter = ("project",)


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = ("model", "number", "state", "state_reason", "run", "created_at")
    list_select_related = ("model", "run")
    search_fields = ("model__name", "digest")
    list_filter = ("state", "project")


@admin.register(ModelAlias)
class ModelAliasAdmin(ReadOnlyAdmin):
    list_display = ("name", "model", "version", "created_at")
    list_select_related = ("model", "version__model")
    search_fields = ("name", "model__name")
    list_filter = ("project",)
