"""Addresses of MLflow's registry, of logged models and of files: taken up by `urls.py`."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, URLResolver, path

from apps.experiments.api.mlflow import artifacts, logged_models, registry, versions

Patterns = list[URLPattern | URLResolver]

REGISTRY: Final[Patterns] = [
    path("registered-models/create", registry.CreateView.as_view()),
    path("registered-models/get", registry.GetView.as_view()),
    path("registered-models/rename", registry.RenameView.as_view()),
    path("registered-models/update", registry.UpdateView.as_view()),
    path("registered-models/delete", registry.DeleteView.as_view()),
    path("registered-models/search", registry.ModelsSearchView.as_view()),
    path("registered-models/get-latest-versions", registry.LatestVersionsView.as_view()),
    path("registered-models/set-tag", registry.SetTagView.as_view()),
    path("registered-models/delete-tag", registry.DeleteTagView.as_view()),
    path("registered-models/alias", registry.AliasView.as_view()),
    path("model-versions/create", versions.CreateView.as_view()),
    path("model-versions/get", versions.GetView.as_view()),
    path("model-versions/update", versions.UpdateView.as_view()),
    path("model-versions/delete", versions.DeleteView.as_view()),
    path("model-versions/search", versions.VersionsSearchView.as_view()),
    path("model-versions/set-tag", versions.SetTagView.as_view()),
    path("model-versions/delete-tag", versions.DeleteTagView.as_view()),
    path("model-versions/transition-stage", versions.StageView.as_view()),
    path("model-versions/get-download-uri", versions.DownloadUriView.as_view()),
]
LOGGED_MODELS: Final[Patterns] = [
    path("logged-models", logged_models.CreateView.as_view()),
    path("logged-models/search", logged_models.LoggedModelsSearchView.as_view()),
    path("logged-models/<str:model_id>", logged_models.ModelView.as_view()),
    path("logged-models/<str:model_id>/tags", logged_models.TagsView.as_view()),
    path("logged-models/<str:model_id>/tags/<path:key>", logged_models.TagView.as_view()),
    path("logged-models/<str:model_id>/params", logged_models.ParamsView.as_view()),
    path("logged-models/<str:model_id>/artifacts/directories", artifacts.LoggedModelListView.as_view()),
    path("logged-models/<str:model_id>/artifacts/files", artifacts.LoggedModelFileView.as_view()),
]
ARTIFACT_LISTS: Final[Patterns] = [
    path("artifacts/list", artifacts.RunListView.as_view()),
    path("get-artifact", artifacts.RunFileView.as_view()),
]
ARTIFACTS: Final[Patterns] = [
    path("artifacts", artifacts.ProxyListView.as_view()),
    path("artifacts/<path:path>", artifacts.ProxyFileView.as_view()),
    path("presigned/<path:path>", artifacts.PresignedView.as_view()),
    path("mpu/create/<path:path>", artifacts.MultipartCreateView.as_view()),
    path("mpu/complete/<path:path>", artifacts.MultipartCompleteView.as_view()),
    path("mpu/abort/<path:path>", artifacts.MultipartAbortView.as_view()),
]
