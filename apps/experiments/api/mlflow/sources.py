"""Where a client says that the files of a new version are: `runs:/…`, `models:/…`, `mlflow-artifacts:/…`."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlparse

from apps.experiments.api.mlflow.artifact_places import logged_model_of, place_of
from apps.experiments.api.mlflow.caller import Caller
from apps.experiments.api.mlflow.errors import invalid, missing
from apps.experiments.api.mlflow.places import SCHEME
from apps.experiments.api.mlflow.runs import run_of
from apps.experiments.api.mlflow.wire import MODEL_PREFIX
from apps.experiments.models import Artifact, LoggedModel, ModelVersion, Run
from apps.experiments.selectors.artifacts import files_below
from apps.experiments.selectors.model_files import files_of
from apps.experiments.services.artifacts import Owner
from apps.experiments.services.registering import Made

_PROXY: Final = "/api/2.0/mlflow-artifacts/artifacts/"
_BY_NUMBER: Final = re.compile(r"(?P<name>[^/]+)/(?P<number>[0-9]{1,9})")


def made_of(caller: Caller, source: str, *, run: Run | None, model: LoggedModel | None) -> Made:
    """The files that a source names, and who made them.

    Args:
        run, model: that the client named beside it.

    Raises:
        MlflowError: a source that leads elsewhere, or to nothing that the caller sees, or to no files.
    """
    copied = _version(caller, source)
    if copied is not None:
        return _copy(copied, source)
    owner, folder = _owner(caller, source)
    files = files_below(owner.row, folder)
    logged = owner.logged_model or model
    if not files and owner.run is not None:
        logged = logged or _logged_as(owner.run, folder)
        files = files_below(logged, "") if logged is not None else {}
    if not files:
        raise invalid(f"Invalid model version source {source[:300]!r}: there are no files.")
    maker = owner.run or (logged.run if logged is not None else None) or run
    return Made(files=files, run=maker, logged_model=logged, source=source)


def _logged_as(run: Run, name: str) -> LoggedModel | None:
    """Client 3.x keeps what `log_model(name=…)` of a run saved as a logged model of that name."""
    found: LoggedModel | None = run.logged_models.filter(name=name, deleted_at=None).order_by("-id").first()
    return found


def _owner(caller: Caller, source: str) -> tuple[Owner, str]:
    parsed = urlparse(source)
    path = unquote(parsed.path)
    if parsed.scheme == "runs":
        run_id, _, folder = path.strip("/").partition("/")
        return Owner(run=run_of(caller, run_id)), _checked(folder)
    if parsed.scheme == "models" and path.strip("/").startswith(MODEL_PREFIX):
        model_id, _, folder = path.strip("/").partition("/")
        return Owner(logged_model=logged_model_of(caller, model_id)), _checked(folder)
    if parsed.scheme == SCHEME.rstrip(":"):
        place = place_of(caller, path)
    elif parsed.scheme in ("http", "https") and _PROXY in path:
        place = place_of(caller, path.partition(_PROXY)[2])
    else:
        raise invalid(
            f"Invalid model version source {source[:300]!r}: it is runs:/…, models:/… or {SCHEME}/… of this server;"
            " files that lie elsewhere are logged first."
        )
    if place.owner is None:
        raise invalid(f"Invalid model version source {source[:300]!r}: name the version as models:/<name>/<number>.")
    return place.owner, place.name


def _version(caller: Caller, source: str) -> ModelVersion | None:
    """`models:/<name>/<number>`: a version that is registered again, under another name or the same."""
    parsed = urlparse(source)
    found = _BY_NUMBER.fullmatch(unquote(parsed.path).strip("/")) if parsed.scheme == "models" else None
    if found is None:
        return None
    rows = caller.rows_here(ModelVersion.objects.select_related("run", "logged_model", "artifact", "preprocessor"))
    version: ModelVersion | None = rows.filter(
        model__name=found["name"], model__deleted_at=None, number=int(found["number"]), deleted_at=None
    ).first()
    if version is None:
        raise missing(f"Model Version (name={found['name'][:100]}, version={found['number']}) not found")
    return version


def _copy(version: ModelVersion, source: str) -> Made:
    """The same files again; each is still an artifact, by its content."""
    names = {(file.path, file.sha256): file.name for file in files_of(version)}
    rows = Artifact.objects.filter(project=version.project_id, path__in=[path for path, _ in names]).order_by("id")
    files = {names[(one.path, one.sha256)]: one for one in rows if (one.path, one.sha256) in names}
    if len(files) < len(names):
        raise invalid(f"Invalid model version source {source[:300]!r}: not all of its files are kept any more.")
    return Made(files=files, run=version.run, logged_model=version.logged_model, source=source)


def _checked(folder: str) -> str:
    stripped = folder.strip("/")
    if any(part in ("", ".", "..") for part in stripped.split("/") if stripped) or "\\" in stripped:
        raise invalid(f"Invalid model version source: {folder[:200]!r} leads elsewhere.")
    return stripped
