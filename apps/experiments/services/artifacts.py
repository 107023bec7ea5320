"""Files of runs and of logged models that come through the server, by name, in folders where wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.access.models import Project
from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid, NotFound, QuotaExceeded
from apps.common.events import emit
from apps.common.storage import Stored
from apps.experiments.models import Artifact, LoggedModel, Run
from apps.experiments.models.artifact import NAME
from apps.experiments.services.contents import arrived, content_kept
from apps.experiments.states import ArtifactKind

FOLDERS_MOST: Final = 30
"""One in the other."""
FILES_MOST: Final = 100_000
"""Of one run or one logged model."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose files they are: a run's, or a logged model's."""

    run: Run | None = None
    logged_model: LoggedModel | None = None

    @property
    def row(self) -> Run | LoggedModel:
        found = self.logged_model or self.run
        assert found is not None  # noqa: S101 - it has one
        return found

    @property
    def project(self) -> Project:
        found: Project = self.row.project
        return found

    @property
    def columns(self) -> dict[str, Any]:
        """Of the rows of its files."""
        if self.logged_model is not None:
            return {"logged_model": self.logged_model, "run": self.logged_model.run}
        return {"run": self.run, "logged_model": None}

    def files(self) -> Any:
        """Those that are listed and came through the server."""
        rows = Artifact.objects.filter(deleted_at=None, attempt=None)
        if self.logged_model is not None:
            return rows.filter(logged_model=self.logged_model)
        return rows.filter(run=self.run, logged_model=None)


def name_check(name: str) -> str:
    """The name itself, once it is known to lead nowhere else.

    Raises:
        Invalid: it is empty, absolute, leads out of its folder, is too long or has characters that no name has.
    """
    try:
        NAME(name)
        name.encode()
    except (ValidationError, UnicodeEncodeError):
        text = "a file's name has at most 500 characters, no '..', no empty part, no backslash and no control character"
        raise Invalid(f"{name[:100]!r}: {text}", fields={"name": ["is no name of a file"]}) from None
    if name.count("/") > FOLDERS_MOST:
        raise Invalid(f"{name[:100]!r} lies more than {FOLDERS_MOST} folders deep", fields={"name": ["is too deep"]})
    return name


def artifact_put(
    *, owner: Owner, name: str, chunks: Iterable[bytes], kind: str = ArtifactKind.FILE, sha256: str = "", actor: Actor
) -> Artifact:
    """Take a file as it arrives, in the place of one that has this name. Blocks for as long as the sender sends.

    Nothing of a file that breaks off stays. Outside any transaction.

    Raises:
        Invalid: no such name can be.
        Conflict: a folder has this name, or a file has the name of one of its folders.
        QuotaExceeded: the run has too many files.
        TooLarge, NotAsSaid, StorageUnavailable: as `contents.arrived`.
    """
    name_check(name)
    with arrived(chunks, sha256=sha256) as stored:
        return artifact_keep(owner=owner, name=name, stored=stored, kind=kind, actor=actor)


def artifact_keep(*, owner: Owner, name: str, stored: Stored, kind: str, actor: Actor) -> Artifact:
    """Make an arrived file an artifact; raises as `artifact_put`. The same file again is the same artifact."""
    with content_kept(stored, project_id=owner.project.pk, name=name) as path, transaction.atomic():
        _locked(owner)
        current: Artifact | None = owner.files().filter(name=name).first()
        is_same = current is not None and (current.path, current.size_bytes) == (path, stored.size_bytes)
        if current is not None and is_same and current.gone_at is None and current.tombstoned_at is None:
            return current
        if current is None:
            _room_check(owner, name)
        else:
            current.deleted_at = clock.db_now()
            current.save(update_fields=["deleted_at"])
        made: Artifact = Artifact.objects.create(
            project=owner.project,
            **owner.columns,
            name=name,
            kind=kind,
            path=path,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
        )
        if owner.run is not None:
            payload = {"artifact": str(made.pk), "name": name, "kind": kind}
            emit("artifact.registered", owner.run, noun="run", payload=payload)
    return made


@transaction.atomic
def artifacts_delete(*, owner: Owner, name: str, actor: Actor) -> int:
    """Delete a file, or all below a folder; an empty name is all that came through the server. Their files go by the
    rules for files, after a grace. Returns how many.

    Raises:
        NotFound: there is none of this name.
    """
    _locked(owner)
    rows = owner.files()
    if name:
        rows = rows.filter(name=name) | rows.filter(name__startswith=f"{name}/")
    gone = list(rows.values_list("name", flat=True))
    if not gone and name:
        raise NotFound(f"There is no file {name[:200]!r} that came through the server.")
    if gone:
        rows.update(deleted_at=clock.db_now())
        record(actor, "artifacts.deleted", owner.row, detail={"name": name, "count": len(gone), "files": gone[:100]})
    return len(gone)


def _locked(owner: Owner) -> None:
    """Two files of the same run are noted one after the other."""
    type(owner.row)._default_manager.select_for_update(of=("self",), no_key=True).only("pk").get(pk=owner.row.pk)


def _room_check(owner: Owner, name: str) -> None:
    parts = name.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    files = owner.files()
    if files.filter(name__startswith=f"{name}/").exists():
        raise Conflict(f"{name!r} is the name of a folder")
    taken = files.filter(name__in=above).values_list("name", flat=True).first()
    if taken is not None:
        raise Conflict(f"{taken!r} is the name of a file, so that nothing can lie in it")
    if files.count() >= FILES_MOST:
        raise QuotaExceeded(f"It has {FILES_MOST} files, and more are not taken.")
