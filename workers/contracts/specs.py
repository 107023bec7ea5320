"""What to run: the stored, secret-free description of a job or of a served revision.

A spec is written once, by the pure `specs.py` of the owning app, kept as JSON on the Workload, and read by
the backend that launches it and by the job itself (`BEDPLATE_SPEC_FILE`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Resources:
    """What one member asks for."""

    cpu_millis: int
    """Thousandths of a core."""
    memory_bytes: int
    gpus: int = 0
    flavor: str = ""
    """Name of a GPU kind; empty means any, or none when `gpus` is 0."""


@dataclass(frozen=True, slots=True)
class DataRef:
    """An input or output, named for the job and located for the control plane."""

    name: str
    """What the job calls it: `ctx.input("data")`."""
    uri: str
    """`bedplate://<path in the object store>`; a path that ends in `/` is a folder. For an output it is empty:
    outputs are written under the attempt's own folder, `attempts/<attempt id>/<name>/`."""
    files: tuple[str, ...] = ()
    """For a folder: the files in it that belong to the input, in order, by the names that the job sees."""
    paths: tuple[str, ...] = ()
    """Where each of `files` lies in the object store, when it is not below `uri` under its own name: the parts of a
    dataset version, which versions share. As many as `files`, or none."""
    sha256: str = ""
    """Of an input that is one file; empty where nobody knows it. Who fetches the file compares it."""

    def __post_init__(self) -> None:
        if self.paths and len(self.paths) != len(self.files):
            raise ValueError(f"{len(self.files)} files and {len(self.paths)} paths")


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A command that runs to an end, on `count` members at once."""

    command: tuple[str, ...]
    """First word `python` means the interpreter of the runtime image or environment."""
    resources: Resources
    image: str = ""
    """Container image; empty means the runtime image of the installation (ignored by `local`)."""
    inputs: tuple[DataRef, ...] = ()
    outputs: tuple[DataRef, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    """Plain JSON for the command: `ctx.parameters`."""
    files: dict[str, str] = field(default_factory=dict)
    """Small text files placed in the working folder, by relative name: a user's script."""
    environment: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    """Names of the project's secrets, delivered as files by `LaunchContext`."""
    time_limit_seconds: int = 0
    """Wall-clock limit of one attempt; 0 means none."""

    kind = "job"


@dataclass(frozen=True, slots=True)
class ServingSpec:
    """A server of which `count` replicas are kept alive until it is stopped.

    Each replica listens on `BEDPLATE_SERVE_HOST:BEDPLATE_SERVE_PORT`, answers `health_path` with 200 when ready.
    """

    command: tuple[str, ...]
    resources: Resources
    image: str = ""
    inputs: tuple[DataRef, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    health_path: str = "/readyz"
    start_timeout_seconds: int = 120

    kind = "serving"


Spec = JobSpec | ServingSpec


def spec_to_json(spec: Spec) -> dict[str, Any]:
    """Plain JSON of a spec, with its `kind`; `spec_from_json` is its inverse."""
    fields = asdict(spec)
    for ref in (*fields["inputs"], *fields.get("outputs", ())):
        for key in ("paths", "sha256"):  # what few have, specs of most jobs do not say
            if not ref[key]:
                del ref[key]
    return {"kind": spec.kind, **fields}


def spec_from_json(value: dict[str, Any]) -> Spec:
    """Rebuild a spec.

    Raises:
        ValueError: the kind is unknown.
        TypeError: a field is missing or unknown.
    """
    fields = dict(value)
    kind = fields.pop("kind", None)
    if kind not in ("job", "serving"):
        raise ValueError(f"unknown kind of spec: {kind!r}")
    fields["resources"] = Resources(**fields["resources"])
    for name in ("command", "secrets"):
        fields[name] = tuple(fields.get(name, ()))
    for name in ("inputs", "outputs"):
        if name in fields:
            refs = (dict(ref) for ref in fields[name])
            lists = ("files", "paths")
            fields[name] = tuple(DataRef(**{**ref, **{key: tuple(ref.get(key, ())) for key in lists}}) for ref in refs)
    return JobSpec(**fields) if kind == "job" else ServingSpec(**fields)
