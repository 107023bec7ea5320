"""Where a job finds its inputs and puts its outputs: names of its spec, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from apps.common.errors import BedplateError, Conflict, Forbidden
from apps.common.storage import SCHEME, ObjectStore, checked, path_of, store, uri_of
from apps.datasets.models import DatasetVersion
from apps.datasets.models.alias import LATEST
from apps.datasets.selectors import version_manifest
from apps.datasets.selectors.references import reference_parts
from apps.datasets.specs import version_ref
from workers.contracts.specs import DataRef, JobSpec, Spec

URL_SECONDS = 3600


class NotAnInput(Forbidden):
    """The spec of this job does not name it."""

    code, title = "not_an_input", "Not an input or output of this job"


class InputMissing(Conflict):
    """The spec names it, but the object store does not have it any more."""

    code, title = "input_missing", "An input is not in the object store"


class NoDirectAddress(BedplateError):
    """The store can give jobs no address of its own."""

    code, status, title = "no_direct_address", 501, "This object store cannot be reached by jobs"


def data_resolve(*, spec: Spec, attempt_id: UUID, name: str, mode: str) -> dict[str, Any]:
    """Paths (in a store that is a folder) or short-lived URLs of an input; the folder of an output, made if need be.

    Args:
        mode: `read` or `write`.

    Raises:
        NotAnInput: the spec has no input (`read`) or output (`write`) of this name.
        InputMissing: a file of the input is not there.
        NoDirectAddress: a remote store that cannot sign, or an output in a remote store.
    """
    if mode == "write":
        outputs = spec.outputs if isinstance(spec, JobSpec) else ()
        _named(outputs, name, "output")
        return _folder(attempt_id, name)
    return _input(_named(spec.inputs, name, "input"))


def data_open(*, spec: Spec, reference: str) -> dict[str, Any]:
    """A version that is an input of the job, by the words in which people name it, with its files as `data_resolve`.

    An alias or `latest` means what it meant when the job was asked for: the input that is of that dataset.

    Raises:
        Invalid: it is no reference.
        NotAnInput: the job reads no such version.
    """
    named = reference_parts(reference)
    for ref in spec.inputs:
        for version in _versions_of(ref, named["project"], named["dataset"]):
            if named["version"] in (str(version.number), LATEST) or not named["version"].isdecimal():
                files = {file["name"]: file for file in _input(ref)["files"]}
                shown = version_manifest(version)
                return {**shown, "files": [{**file, **files[file["name"]]} for file in shown["files"]]}
    raise NotAnInput(f"{reference} is not an input of this job; a job reads its inputs only.")


def _versions_of(ref: DataRef, project: str, dataset: str) -> Iterator[DatasetVersion]:
    """The versions of a dataset that an input may be: those of its files, the newest first."""
    first = {"files": [{"path": ref.paths[0]}]} if ref.paths else {"prefix": ref.uri.removeprefix(SCHEME)}
    versions = DatasetVersion.objects.filter(
        project__name=project, dataset__name=dataset, manifest__contains=first
    ).select_related("project", "dataset")
    for version in versions.order_by("-number"):
        found = version_ref(
            name=ref.name, project_id=version.project_id, manifest=version.manifest, preprocessor=version.preprocessor
        )
        if found == ref:
            yield version


def _named(refs: tuple[DataRef, ...], name: str, what: str) -> DataRef:
    for ref in refs:
        if ref.name == name:
            return ref
    known = ", ".join(ref.name for ref in refs) or "none"
    raise NotAnInput(f"This job has no {what} {name!r}; it has {known}.")


def _folder(attempt_id: UUID, name: str) -> dict[str, Any]:
    path = checked(f"attempts/{attempt_id}/{name}/")
    local = store().local_path(path)
    if local is None:
        raise NoDirectAddress("Jobs can write to a store that is a folder (file://) only.")
    store().make_folder(path)
    return {"name": name, "uri": uri_of(path), "path": str(local)}


def _input(ref: DataRef) -> dict[str, Any]:
    root, objects = path_of(ref.uri), store()
    if ref.paths:  # each from a place of its own: there is no folder that a job could look into
        files = [_file(objects, path, file) for path, file in zip(ref.paths, ref.files, strict=True)]
        return {"name": ref.name, "uri": ref.uri, "path": None, "files": files}
    if root.endswith("/"):
        files = [_file(objects, f"{root}{file}", file) for file in ref.files]
    else:
        files = [_file(objects, root, root.rsplit("/", 1)[-1])]
    local = objects.local_path(root)
    return {"name": ref.name, "uri": ref.uri, "path": str(local) if local else None, "files": files}


def _file(objects: ObjectStore, path: str, name: str) -> dict[str, Any]:
    local = objects.local_path(checked(path))
    try:
        size = objects.size(path)
    except FileNotFoundError:
        raise InputMissing(f"{path} is not in the object store.") from None
    url = None if local else _signed(objects, path)
    return {"name": name, "path": str(local) if local else None, "url": url, "size_bytes": size}


def _signed(objects: ObjectStore, path: str) -> str:
    """A short-lived address of an object in a remote store."""
    try:
        return str(objects.fs.sign(f"{objects.root}/{path}", expiration=URL_SECONDS))
    except NotImplementedError:
        raise NoDirectAddress(f"{objects.fs.protocol} cannot make short-lived addresses.") from None
