"""Addresses of MLflow's protocol: at the root, and below `/mlflow/<project>/`, where the address names the project.

Points of metrics (`runs/log-batch`, `runs/log-metric`, `metrics/…`) are answered beside Django.
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from apps.experiments.api.mlflow import server

Patterns = list[URLPattern | URLResolver]

TRACKING: Patterns = []
REGISTRY: Patterns = []
"""`registered-models/…`, `model-versions/…`."""
LOGGED_MODELS: Patterns = []
ARTIFACT_LISTS: Patterns = []
"""`artifacts/list`."""
METRICS: Patterns = []
ARTIFACTS: Patterns = []
"""Below `mlflow-artifacts/`."""

MLFLOW: Patterns = [
    *TRACKING,
    *REGISTRY,
    *LOGGED_MODELS,
    *ARTIFACT_LISTS,
    *METRICS,
    path("server-info", server.ServerInfoView.as_view()),
    path("<path:rest>", server.NotOfferedView.as_view()),
]
PROTOCOL: Patterns = [
    *(path(f"{api}/{number}/mlflow/", include(MLFLOW)) for api in ("api", "ajax-api") for number in ("2.0", "3.0")),
    *(path(f"{api}/2.0/mlflow-artifacts/", include(ARTIFACTS)) for api in ("api", "ajax-api")),
    path("version", server.version),
    path("health", server.health),
]
urlpatterns: Patterns = [
    *PROTOCOL,
    path("mlflow/<slug:project>/", include(PROTOCOL)),
    re_path(r"^mlflow/(?P<project>[\w-]+)/(?P<rest>.*)", server.nowhere),
]
