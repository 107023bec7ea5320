"""Where a job finds its inputs and puts its outputs: names of its spec, nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.common.errors import BedplateError, Conflict, Forbidden
from apps.common.storage import ObjectStore, checked, path_of, store, uri_of
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
