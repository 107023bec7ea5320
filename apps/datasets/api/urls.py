"""Addresses of the datasets app, below `/api/v1/`."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from apps.datasets.api.alias_views import VersionAliasViewSet
from apps.datasets.api.comparison_views import VersionComparisonViewSet
from apps.datasets.api.expectation_views import (
    ExpectationKindsView,
    ExpectationViewSet,
    QualityHoldViewSet,
    ValidationRunViewSet,
)
from apps.datasets.api.expression_views import ExpressionCheckView, ExpressionFunctionsView
from apps.datasets.api.form_views import IngestionOptionsView, RecipeStepsView
from apps.datasets.api.job_views import CleaningRunViewSet, IngestionViewSet, ProfileViewSet
from apps.datasets.api.keeping_views import KeepRuleViewSet
from apps.datasets.api.preview_views import PreviewViewSet
from apps.datasets.api.runtime import OpenView, ResolveView
from apps.datasets.api.runtime_files import ObjectView, OutputView, UploadPlaceView
from apps.datasets.api.schedule_views import AllowedOriginViewSet, IngestionScheduleViewSet
from apps.datasets.api.upload_views import UploadViewSet
from apps.datasets.api.version_views import DatasetVersionViewSet
from apps.datasets.api.views import DatasetViewSet, LineageEdgeViewSet, RecipeViewSet, SourceViewSet

router = SimpleRouter(trailing_slash=False)
router.register("datasets", DatasetViewSet, basename="dataset")
router.register("sources", SourceViewSet, basename="source")
router.register("allowed-origins", AllowedOriginViewSet, basename="allowed-origin")
router.register("ingestion-schedules", IngestionScheduleViewSet, basename="ingestion-schedule")
router.register("ingestions", IngestionViewSet, basename="ingestion")
router.register("dataset-versions", DatasetVersionViewSet, basename="dataset-version")
router.register("version-aliases", VersionAliasViewSet, basename="version-alias")
router.register("version-comparisons", VersionComparisonViewSet, basename="version-comparison")
router.register("keep-rules", KeepRuleViewSet, basename="keep-rule")
router.register("profiles", ProfileViewSet, basename="profile")
router.register("previews", PreviewViewSet, basename="preview")
router.register("recipes", RecipeViewSet, basename="recipe")
router.register("cleaning-runs", CleaningRunViewSet, basename="cleaning-run")
router.register("expectations", ExpectationViewSet, basename="expectation")
router.register("validation-runs", ValidationRunViewSet, basename="validation-run")
router.register("quality-holds", QualityHoldViewSet, basename="quality-hold")
router.register("lineage-edges", LineageEdgeViewSet, basename="lineage-edge")

UPLOADS: Any = {"get": "list", "post": "create"}
UPLOAD: Any = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("uploads", UploadViewSet.as_view(UPLOADS), name="upload-list"),
    path("uploads/<uuid:pk>", UploadViewSet.as_view(UPLOAD), name="upload-detail"),
    path("uploads/<uuid:pk>/story", UploadViewSet.as_view({"get": "story"}), name="upload-story"),
    path("expectation-kinds", ExpectationKindsView.as_view(), name="expectation-kinds"),
    path("expressions/check", ExpressionCheckView.as_view(), name="expression-check"),
    path("expression-functions", ExpressionFunctionsView.as_view(), name="expression-functions"),
    path("recipe-steps", RecipeStepsView.as_view(), name="recipe-steps"),
    path("ingestion-options", IngestionOptionsView.as_view(), name="ingestion-options"),
    path("runtime/data/open", OpenView.as_view(), name="runtime-data-open"),
    path("runtime/data/upload", UploadPlaceView.as_view(), name="runtime-data-upload"),
    path("runtime/outputs/<str:output>/<path:path>", OutputView.as_view(), name="runtime-output"),
    path("runtime/objects/<path:path>", ObjectView.as_view(), name="runtime-object"),
    path("runtime/data/resolve", ResolveView.as_view(), name="runtime-data-resolve"),
]
