"""Where a job finds its inputs and puts its outputs: names of its spec, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.common.errors import Conflict, Forbidden
from apps.common.storage import SCHEME, checked, path_of, store, uri_of
from apps.datasets.models import DatasetVersion
from apps.datasets.models.alias import LATEST
from apps.datasets.selectors import version_manifest
from apps.datasets.selectors.references import reference_parts
from apps.datasets.specs import part_digest, version_ref
from apps.quotas.models import Attempt
from apps.quotas.services.distance import attempt_is_distant, object_place
from workers.contracts.specs import DataRef, JobSpec, Spec


class NotAnInput(Forbidden):
    """The spec of this job does not name it."""

    code, title = "not_an_input", "Not an input or output of this job"


class InputMissing(Conflict):
    """The spec names it, but the object store does not have it any more."""

    code, title = "input_missing", "An input is not in the object store"


def data_resolve(*, attempt: Attempt, name: str, mode: str) -> dict[str, Any]:
    """Paths of an input, or short-lived addresses where the job does not share a disk with the store; the folder of an
    output, made if need be, or none where the job has to send what it writes.

    Args:
        mode: `read` or `write`.

    Raises:
        NotAnInput: the spec has no input (`read`) or output (`write`) of this name.
        InputMissing: a file of the input is not there.
        NoDirectAddress: a remote store that cannot sign.
    """
    spec = attempt.workload.spec_object()
    if mode == "write":
        output_named(spec, name)
        return _folder(attempt, name)
    return _input(attempt, _named(spec.inputs, name, "input"))


def output_named(spec: Spec, name: str) -> DataRef:
    """The output of that name; raises NotAnInput for any other."""
    return _named(spec.outputs if isinstance(spec, JobSpec) else (), name, "output")


def output_path(attempt: Attempt, name: str) -> str:
    """The folder of an output in the store, with a slash at its end."""
    return checked(f"attempts/{attempt.pk}/{name}/")


def data_open(*, attempt: Attempt, reference: str) -> dict[str, Any]:
    """A version that is an input of the job, by the words in which people name it, with its files as `data_resolve`.

    An alias or `latest` means what it meant when the job was asked for: the input that is of that dataset.

    Raises:
        Invalid: it is no reference.
        NotAnInput: the job reads no such version.
    """
    named = reference_parts(reference)
    for ref in attempt.workload.spec_object().inputs:
        for version in _versions_of(ref, named["project"], named["dataset"]):
            if named["version"] in (str(version.number), LATEST) or not named["version"].isdecimal():
                files = {file["name"]: file for file in _input(attempt, ref)["files"]}
                shown = version_manifest(version)
                placed = [{**file, **files[file["name"]], "sha256": file["sha256"]} for file in shown["files"]]
                return {**shown, "files": placed}
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


def _folder(attempt: Attempt, name: str) -> dict[str, Any]:
    path = output_path(attempt, name)
    local = None if attempt_is_distant(attempt) else store().local_path(path)
    if local is not None:
        store().make_folder(path)
    return {"name": name, "uri": uri_of(path), "path": str(local) if local else None}


def _input(attempt: Attempt, ref: DataRef) -> dict[str, Any]:
    root = path_of(ref.uri)
    if ref.paths:  # each from a place of its own: there is no folder that a job could look into
        places = zip(ref.paths, ref.files, strict=True)
        files = [_file(attempt, path, name, part_digest(path)) for path, name in places]
        return {"name": ref.name, "uri": ref.uri, "path": None, "files": files}
    if root.endswith("/"):
        files = [_file(attempt, f"{root}{name}", name) for name in ref.files]
    else:
        files = [_file(attempt, root, root.rsplit("/", 1)[-1], ref.sha256 or part_digest(root))]
    local = None if attempt_is_distant(attempt) else store().local_path(root)
    return {"name": ref.name, "uri": ref.uri, "path": str(local) if local else None, "files": files}


def _file(attempt: Attempt, path: str, name: str, sha256: str = "") -> dict[str, Any]:
    place = object_place(attempt, checked(path), sha256)
    try:
        size = store().size(path)
    except FileNotFoundError:
        raise InputMissing(f"{path} is not in the object store.") from None
    return {"name": name, **place, "size_bytes": size, "sha256": sha256 or None}
