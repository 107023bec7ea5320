"""The experiments app in the admin: everything is read-only, services write; work on it is in the dashboard."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy

from apps.common.panel import ReadOnlyAdmin
from apps.common.panel.cells import (
    NOTHING,
    dashboard_column,
    link_column,
    moment_column,
    reason_column,
    size_column,
    span,
    state_column,
    word,
)
from apps.experiments.models import (
    Artifact,
    ArtifactUpload,
    Checkpoint,
    Experiment,
    FileHold,
    FileRule,
    LoggedModel,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    Run,
    RunInput,
    SavedView,
    SourceBundle,
)


class _Experiments(ReadOnlyAdmin):
    state_said = state_column()
    reason = reason_column()
    made = moment_column("created_at", "when")
    project_link = link_column("project", "project")
    run_link = link_column("run", "run")
    n_size = size_column("size_bytes", "size")


@admin.register(Experiment)
class ExperimentAdmin(_Experiments):
    list_display = ("name", "project_link", "made")
    list_select_related = ("project",)
    search_fields = ("name",)
    list_filter = ("project",)


@admin.register(Run)
class RunAdmin(_Experiments):
    empty_text = gettext_lazy("No run yet. Runs are submitted in the dashboard or by the API.")
    list_display = ("name", "experiment_link", "project_link", "state_said", "reason", "made", "n_took", "open")
    list_select_related = ("experiment", "project")
    search_fields = ("name", "id")
    list_filter = ("state", "project")
    experiment_link = link_column("experiment", "experiment")
    open = dashboard_column("/runs/{}")
    dashboard = "/runs/{}"

    @admin.display(description=gettext_lazy("took"))
    def n_took(self, row: Any) -> str:
        return span(row.started_at, row.ended_at)


@admin.register(Artifact)
class ArtifactAdmin(_Experiments):
    list_display = ("name", "kind_said", "run_link", "n_size", "made")
    list_select_related = ("run",)
    search_fields = ("name", "path", "sha256")
    list_filter = ("kind", "project")

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def kind_said(self, row: Any) -> str:
        return word(row.kind)


@admin.register(Checkpoint)
class CheckpointAdmin(_Experiments):
    list_display = ("n_step", "run_link", "n_size", "arrived")
    list_select_related = ("run",)
    search_fields = ("path", "sha256")
    list_filter = ("project",)
    arrived = moment_column("acknowledged_at", "acknowledged")

    def said(self, row: Any) -> str:
        return f"{row.run.name} / {row.step}"

    @admin.display(description=gettext_lazy("step"), ordering="step")
    def n_step(self, row: Any) -> int:
        return int(row.step)


@admin.register(RegisteredModel)
class RegisteredModelAdmin(_Experiments):
    list_display = ("name", "project_link", "n_versions", "made", "open")
    list_select_related = ("project",)
    search_fields = ("name",)
    list_filter = ("project",)
    open = dashboard_column("/models/{}")
    dashboard = "/models/{}"

    @admin.display(description=gettext_lazy("versions"), ordering="versions_made")
    def n_versions(self, row: Any) -> int:
        return int(row.versions_made)


@admin.register(ModelVersion)
class ModelVersionAdmin(_Experiments):
    list_display = ("of_model", "n_number", "state_said", "reason", "run_link", "made", "open")
    list_select_related = ("model", "run")
    search_fields = ("model__name", "digest")
    list_filter = ("state", "project")
    open = dashboard_column("/model-versions/{}")
    dashboard = "/model-versions/{}"

    @admin.display(description=gettext_lazy("model"), ordering="model__name")
    def of_model(self, row: Any) -> str:
        return str(row.model.name)

    @admin.display(description=gettext_lazy("version"), ordering="number")
    def n_number(self, row: Any) -> int | str:
        return row.number or NOTHING


@admin.register(ModelAlias)
class ModelAliasAdmin(_Experiments):
    list_display = ("name", "model_link", "version_link", "made")
    list_select_related = ("model", "version__model")
    search_fields = ("name", "model__name")
    list_filter = ("project",)
    model_link = link_column("model", "model")
    version_link = link_column("version", "version")


@admin.register(LoggedModel)
class LoggedModelAdmin(_Experiments):
    list_display = ("name", "experiment_link", "run_link", "state_said", "made")
    list_select_related = ("experiment", "run")
    search_fields = ("name", "id")
    list_filter = ("state", "project")
    experiment_link = link_column("experiment", "experiment")


@admin.register(ArtifactUpload)
class ArtifactUploadAdmin(_Experiments):
    list_display = ("name", "run_link", "state_said", "made")
    list_select_related = ("run",)
    search_fields = ("name", "id")
    list_filter = ("state", "project")


@admin.register(FileRule)
class FileRuleAdmin(_Experiments):
    list_display = ("project_link", "changed")
    list_select_related = ("project",)
    list_filter = ("project",)
    changed = moment_column("changed_at", "changed")


@admin.register(FileHold)
class FileHoldAdmin(_Experiments):
    list_display = ("reason_said", "project_link", "run_link", "version_link", "made", "lifted")
    list_select_related = ("project", "run", "model_version__model")
    search_fields = ("reason",)
    list_filter = ("project",)
    version_link = link_column("model_version", "version")
    lifted = moment_column("lifted_at", "lifted")

    @admin.display(description=gettext_lazy("reason"), ordering="reason")
    def reason_said(self, row: Any) -> str:
        return str(row.reason)


@admin.register(SourceBundle)
class SourceBundleAdmin(_Experiments):
    list_display = ("__str__", "project_link", "n_size", "made")
    list_select_related = ("project",)
    search_fields = ("sha256", "id")
    list_filter = ("project",)


@admin.register(RunInput)
class RunInputAdmin(_Experiments):
    list_display = ("name", "run_link", "version_link", "made")
    list_select_related = ("run", "dataset_version__dataset")
    search_fields = ("name", "reference")
    list_filter = ("project",)
    version_link = link_column("dataset_version", "version")


@admin.register(SavedView)
class SavedViewAdmin(_Experiments):
    list_display = ("name", "owner", "project_link", "is_shared", "is_default", "made")
    list_select_related = ("owner", "project")
    search_fields = ("name", "id")
    list_filter = ("project", "is_shared")
