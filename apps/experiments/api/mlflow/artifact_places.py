"""Which file or folder an address below `mlflow-artifacts/` means, and who may touch it.

<experiment>/<run>/artifacts/<name>                 of a run
<experiment>/models/m-<logged model>/artifacts/<name>
versions/<model version>/<name>                     of the registry: read only, and verified
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from apps.common.errors import Forbidden
from apps.experiments.api.mlflow.caller import Caller
from apps.experiments.api.mlflow.errors import invalid, missing
from apps.experiments.api.mlflow.wire import MODEL_PREFIX, logged_model_uuid, uuid_or_none
from apps.experiments.models import LoggedModel, ModelVersion, Run
from apps.experiments.services.artifacts import Owner

_VERSION: Final = re.compile(r"versions/(?P<version>[0-9a-f]{32})(?:/(?P<name>.*))?")
_MODEL: Final = re.compile(r"(?P<experiment>[0-9a-f]{32})/models/m-(?P<model>[0-9a-f]{32})/artifacts(?:/(?P<name>.*))?")
_RUN: Final = re.compile(r"(?P<experiment>[0-9a-f]{32})/(?P<run>[0-9a-f]{32})/artifacts(?:/(?P<name>.*))?")


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder of somebody; the name of the root is empty."""

    name: str
    owner: Owner | None = None
    version: ModelVersion | None = None

    def writable(self, caller: Caller) -> Owner:
        """Whose it is, once it is known that the caller may write there."""
        if self.owner is None:
            raise Forbidden("The files of a model version are fixed.")
        if self.owner.logged_model is not None:
            model_writable(caller, self.owner.logged_model)
        elif self.owner.run is not None:
            caller.require_run(self.owner.run)
        return self.owner


def place_of(caller: Caller, path: str) -> Place:
    """The place of an address, which the caller sees.

    Raises:
        MlflowError: the address has none of the forms, leads elsewhere, or is of nothing that is visible.
    """
    path = path.strip("/")
    if leads_elsewhere(path):
        raise invalid(f"Invalid path {path[:200]!r}: it leads elsewhere.")
    if found := _VERSION.fullmatch(path):
        return Place(found["name"] or "", version=version_of(caller, found["version"]))
    if found := _MODEL.fullmatch(path):
        model = logged_model_of(caller, MODEL_PREFIX + found["model"])
        if model.experiment_id.hex != found["experiment"]:
            raise missing("There is no such place for files.")
        return Place(found["name"] or "", owner=Owner(logged_model=model))
    if found := _RUN.fullmatch(path):
        rows = caller.rows(Run.objects.select_related("project"))
        run = rows.filter(pk=uuid_or_none(found["run"]), experiment=uuid_or_none(found["experiment"])).first()
        if run is None:
            raise missing(f"Run with id={found['run']} not found")
        return Place(found["name"] or "", owner=Owner(run=run))
    raise invalid(
        f"Invalid path {path[:200]!r}: files lie below the artifact_uri of a run, of a logged model or of a version."
    )


def leads_elsewhere(path: str) -> bool:
    """Whether a path has parts that are none, or would lead upward once it is decoded, however often it was encoded.

    Names with `%` are names: client 2 gives pictures such.
    """
    if "\\" in path or "" in path.split("/"):
        return True
    before = ""
    while path != before:
        if any(part in (".", "..") for part in path.replace("\\", "/").split("/")):
            return True
        before, path = path, unquote(path)
    return False


def version_of(caller: Caller, text: str) -> ModelVersion:
    """A version of the registry by its id, which the caller sees."""
    rows = caller.rows(ModelVersion.objects.select_related("project", "model", "artifact", "preprocessor", "run"))
    found: ModelVersion | None = rows.filter(pk=uuid_or_none(text), deleted_at=None).first()
    if found is None:
        raise missing("There is no such model version.")
    return found


def logged_model_of(caller: Caller, text: str, *, with_deleted: bool = False) -> LoggedModel:
    """A logged model by its id on the wire, which the caller sees."""
    number = logged_model_uuid(text)
    rows = caller.rows(LoggedModel.objects.select_related("project", "experiment", "run"))
    if not with_deleted:
        rows = rows.filter(deleted_at=None)
    found: LoggedModel | None = rows.filter(pk=number).first()
    if found is None:
        raise missing(f"Logged model with ID '{text[:100]}' not found.")
    return found


def model_writable(caller: Caller, model: LoggedModel) -> None:
    """Let through who may change a logged model: for a job, one of its own run.

    Raises:
        Forbidden: another's, or the role is too weak.
    """
    caller.require_maker(model.project)
    if caller.attempt is None:
        return
    if model.run is None:
        raise Forbidden("A job may change logged models of its own run, not others.")
    model.run.project = model.project
    caller.require_run(model.run)
