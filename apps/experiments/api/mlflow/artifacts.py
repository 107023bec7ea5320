"""Files over MLflow's protocol: `mlflow-artifacts/…` (the proxy of its clients), `artifacts/list`, `get-artifact`."""

from __future__ import annotations

import posixpath
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.addresses import fetch_address
from apps.common.bodies import AnyBodyParser, chunks_of
from apps.common.downloads import download
from apps.common.storage import store
from apps.experiments.api.artifact_parts import part_address
from apps.experiments.api.mlflow.artifact_places import Place, leads_elsewhere, logged_model_of, place_of
from apps.experiments.api.mlflow.base import MlflowView
from apps.experiments.api.mlflow.errors import invalid, missing, not_offered
from apps.experiments.api.mlflow.places import model_artifact_uri, run_artifact_uri
from apps.experiments.api.mlflow.runs import run_of
from apps.experiments.api.mlflow.wire import uuid_or_none
from apps.experiments.api.verified import file_named as version_file
from apps.experiments.api.verified import usable_check, verified_download
from apps.experiments.models import ArtifactUpload
from apps.experiments.selectors.artifacts import Entry, file_named, folder_entries
from apps.experiments.selectors.model_files import version_entries
from apps.experiments.services.artifact_uploads import (
    artifact_upload_begin,
    artifact_upload_cancel,
    artifact_upload_complete,
)
from apps.experiments.services.artifacts import artifact_put, artifacts_delete

NO_ATTEMPT = UUID(int=0)


class ProxyView(MlflowView):
    """Base: an address below `mlflow-artifacts/`."""

    parser_classes: Any = (AnyBodyParser,)

    def place(self, path: str) -> Place:
        return place_of(self.caller, path)


class ProxyListView(ProxyView):
    def get(self, request: Request) -> Response:
        """What lies in a folder; the client joins the names to the folder that it asked for."""
        entries = entries_of(self.place(self.asked.needed("path")))
        return Response({"files": [_entry(one, one.name) for one in entries]})


class ProxyFileView(ProxyView):
    def get(self, request: Request, path: str) -> HttpResponseBase:
        return _sent(request, self.place(path))

    def put(self, request: Request, path: str) -> Response:
        """Taken as it arrives, in the place of a file of this name; nothing of one that breaks off is kept."""
        place = self.place(path)
        owner = place.writable(self.caller)
        if not place.name:
            raise invalid(f"Invalid path {path[:200]!r}: it names no file.")
        artifact_put(owner=owner, name=place.name, chunks=chunks_of(request), actor=self.caller.actor)
        return Response({})

    def delete(self, request: Request, path: str) -> Response:
        place = self.place(path)
        artifacts_delete(owner=place.writable(self.caller), name=place.name, actor=self.caller.actor)
        return Response({})


class PresignedView(ProxyView):
    def get(self, request: Request, path: str) -> Response:
        """Where the store itself gives the file, if it can sign addresses; files of versions come by way of us."""
        place = self.place(path)
        if store().is_local or place.owner is None:
            raise not_offered("This file is downloaded from the server itself.")
        found = file_named(place.owner.row, place.name)
        if found is None:
            raise missing(f"There is no file {place.name[:200]!r}.")
        url = fetch_address(found.path, attempt_id=NO_ATTEMPT)
        return Response({"url": url, "headers": {}, "file_size": found.size_bytes})


class MultipartView(MlflowView):
    """Base of `mlflow-artifacts/mpu/…`: the folder is in the address, the file's name in the body."""

    def file_at(self, folder: str) -> str:
        """The address of the file. Old clients send the whole path that it has at their place."""
        last = posixpath.basename(self.asked.needed("path").replace("\\", "/").rstrip("/"))
        return posixpath.join(folder, last)

    def upload(self, path: str) -> ArtifactUpload:
        """The upload of the body, of the file at this address, to which the caller may write."""
        place = place_of(self.caller, path)
        owner = place.writable(self.caller)
        number = uuid_or_none(self.asked.needed("upload_id"))
        rows = ArtifactUpload.objects.filter(project=owner.project, name=place.name, logged_model=owner.logged_model)
        rows = rows if owner.logged_model is not None else rows.filter(run=owner.run)
        found: ArtifactUpload | None = rows.filter(pk=number).first()
        if found is None:
            raise missing("There is no such upload.")
        return found


class MultipartCreateView(MultipartView):
    def post(self, request: Request, path: str) -> Response:
        place = place_of(self.caller, self.file_at(path))
        owner = place.writable(self.caller)
        parts = self.asked.number("num_parts", 1, least=1)
        upload = artifact_upload_begin(
            owner=owner, name=place.name, parts=parts, started_by=self.caller.person, attempt=self.caller.attempt
        )
        credentials = [
            {"url": part_address(request, upload, number), "part_number": number, "headers": {}}
            for number in range(1, parts + 1)
        ]
        return Response({"upload_id": upload.pk.hex, "credentials": credentials})


class MultipartCompleteView(MultipartView):
    def post(self, request: Request, path: str) -> Response:
        upload = self.upload(self.file_at(path))
        artifact_upload_complete(upload=upload, actor=self.caller.actor)
        return Response({})


class MultipartAbortView(MultipartView):
    def post(self, request: Request, path: str) -> Response:
        artifact_upload_cancel(upload=self.upload(self.file_at(path)), actor=self.caller.actor)
        return Response({})


class RunListView(MlflowView):
    """`artifacts/list`."""

    def get(self, request: Request) -> Response:
        run = run_of(self.caller, self.asked.one_of("run_id", "run_uuid"))
        entries = folder_entries(run, _folder(self.asked.text("path")))
        return Response({"root_uri": run_artifact_uri(run), "files": [_entry(one, one.path) for one in entries]})


class RunFileView(MlflowView):
    """`get-artifact`: a file of a run, by the address that pages of MLflow use."""

    def get(self, request: Request) -> HttpResponseBase:
        run = run_of(self.caller, self.asked.one_of("run_id", "run_uuid"))
        return _file_sent(request, run, _folder(self.asked.needed("path")))


class LoggedModelListView(MlflowView):
    """`logged-models/{id}/artifacts/directories`."""

    def get(self, request: Request, model_id: str) -> Response:
        model = logged_model_of(self.caller, model_id)
        entries = folder_entries(model, _folder(self.asked.text("artifact_directory_path")))
        return Response({"root_uri": model_artifact_uri(model), "files": [_entry(one, one.path) for one in entries]})


class LoggedModelFileView(MlflowView):
    """`logged-models/{id}/artifacts/files`."""

    def get(self, request: Request, model_id: str) -> HttpResponseBase:
        model = logged_model_of(self.caller, model_id)
        return _file_sent(request, model, _folder(self.asked.needed("artifact_file_path")))


def entries_of(place: Place) -> list[Entry]:
    """What lies in a folder; nothing where the place is a file, or nothing."""
    if place.version is not None:
        usable_check(place.version)
        return version_entries(place.version, place.name)
    if place.owner is None:
        return []
    return folder_entries(place.owner.row, place.name)


def _sent(request: Request, place: Place) -> HttpResponseBase:
    if place.version is not None:
        return verified_download(request._request, place.version, version_file(place.version, place.name))
    if place.owner is None:
        raise missing("There is no such file.")
    return _file_sent(request, place.owner.row, place.name)


def _file_sent(request: Request, owner: Any, name: str) -> HttpResponseBase:
    found = file_named(owner, name)
    if found is None:
        raise missing(f"There is no file {name[:200]!r}.")
    last = posixpath.basename(found.name)
    return download(request, found.path, name=last, size_bytes=found.size_bytes, tag=found.sha256)


def _folder(path: str) -> str:
    """A path below a root; raises for one that leads elsewhere."""
    stripped = path.strip("/")
    if path.startswith("/") or (stripped and leads_elsewhere(stripped)):
        raise invalid(f"Invalid path {path[:200]!r}: it leads elsewhere.")
    return stripped


def _entry(entry: Entry, path: str) -> dict[str, Any]:
    size = {} if entry.is_folder else {"file_size": entry.size_bytes}
    return {"path": path, "is_dir": entry.is_folder, **size}
