"""Addresses of MLflow's protocol: at the root, and below `/mlflow/<project>/`, where the address names the project.

Points of metrics (`runs/log-batch`, `runs/log-metric`) are taken beside Django.
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from apps.experiments.api.mlflow import artifacts, experiments, history, inputs, links, runs, search, server
from apps.experiments.api.mlflow.model_urls import ARTIFACT_LISTS, ARTIFACTS, LOGGED_MODELS, REGISTRY

Patterns = list[URLPattern | URLResolver]

TRACKING: Patterns = [
    path("experiments/create", experiments.CreateView.as_view()),
    path("experiments/get", experiments.GetView.as_view()),
    path("experiments/get-by-name", experiments.GetByNameView.as_view()),
    path("experiments/search", search.ExperimentsView.as_view()),
    path("experiments/update", experiments.UpdateView.as_view()),
    path("experiments/delete", experiments.DeleteView.as_view()),
    path("experiments/restore", experiments.RestoreView.as_view()),
    path("experiments/set-experiment-tag", experiments.SetTagView.as_view()),
    path("experiments/delete-experiment-tag", experiments.DeleteTagView.as_view()),
    path("runs/create", runs.CreateView.as_view()),
    path("runs/get", runs.GetView.as_view()),
    path("runs/search", search.RunsView.as_view()),
    path("runs/update", runs.UpdateView.as_view()),
    path("runs/delete", runs.DeleteView.as_view()),
    path("runs/restore", runs.RestoreView.as_view()),
    path("runs/log-parameter", runs.LogParamView.as_view()),
    path("runs/set-tag", runs.SetTagView.as_view()),
    path("runs/delete-tag", runs.DeleteTagView.as_view()),
    path("runs/log-model", runs.LogModelView.as_view()),
    path("runs/log-inputs", inputs.LogInputsView.as_view()),
    path("runs/outputs", inputs.OutputsView.as_view()),
]
METRICS: Patterns = [
    path("metrics/get-history", history.HistoryView.as_view()),
    path("metrics/get-history-bulk-interval", history.SampledView.as_view()),
    path("metrics/get-history-bulk", history.BulkView.as_view()),
]

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
    path("get-artifact", artifacts.RunFileView.as_view()),
]
urlpatterns: Patterns = [
    *PROTOCOL,
    *(
        path(address, links.link)
        for address in ("mlflow", "mlflow/", "mlflow/<slug:project>", "mlflow/<slug:project>/")
    ),
    path("mlflow/<slug:project>/", include(PROTOCOL)),
    re_path(r"^mlflow/(?P<project>[\w-]+)/(?P<rest>.*)", server.nowhere),
]
