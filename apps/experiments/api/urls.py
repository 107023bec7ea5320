"""Addresses of the experiments app, below `/api/v1/`. `runtime/metrics` is served by `api/ingest.py`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from apps.experiments.api.again import RunKindsView
from apps.experiments.api.artifact_files import LoggedModelViewSet
from apps.experiments.api.artifact_parts import ArtifactPartView
from apps.experiments.api.artifact_uploads import ArtifactUploadViewSet
from apps.experiments.api.bundles import SourceBundleViewSet
from apps.experiments.api.keeping_views import FileHoldViewSet, FileRuleViewSet
from apps.experiments.api.registry_views import ModelAliasViewSet, ModelVersionViewSet, RegisteredModelViewSet
from apps.experiments.api.runtime import ArtifactsView, CheckpointsView, LatestCheckpointView, LoggedParametersView
from apps.experiments.api.saved_views import SavedViewViewSet
from apps.experiments.api.views import ArtifactViewSet, CheckpointViewSet, ExperimentViewSet, RunViewSet

router = SimpleRouter(trailing_slash=False)
router.register("experiments", ExperimentViewSet, basename="experiment")
router.register("runs", RunViewSet, basename="run")
router.register("saved-views", SavedViewViewSet, basename="saved-view")
router.register("source-bundles", SourceBundleViewSet, basename="source-bundle")
router.register("artifacts", ArtifactViewSet, basename="artifact")
router.register("checkpoints", CheckpointViewSet, basename="checkpoint")
router.register("models", RegisteredModelViewSet, basename="model")
router.register("model-versions", ModelVersionViewSet, basename="model-version")
router.register("model-aliases", ModelAliasViewSet, basename="model-alias")
router.register("logged-models", LoggedModelViewSet, basename="logged-model")
router.register("artifact-uploads", ArtifactUploadViewSet, basename="artifact-upload")
router.register("file-rules", FileRuleViewSet, basename="file-rule")
router.register("file-holds", FileHoldViewSet, basename="file-hold")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("run-kinds", RunKindsView.as_view(), name="run-kinds"),
    path("artifact-parts/<uuid:upload>/<int:number>", ArtifactPartView.as_view(), name="artifact-parts"),
    path("runtime/artifacts", ArtifactsView.as_view(), name="runtime-artifacts"),
    path("runtime/parameters", LoggedParametersView.as_view(), name="runtime-parameters"),
    path("runtime/checkpoints", CheckpointsView.as_view(), name="runtime-checkpoints"),
    path("runtime/checkpoints/latest", LatestCheckpointView.as_view(), name="runtime-checkpoints-latest"),
]
