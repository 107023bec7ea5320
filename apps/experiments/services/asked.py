"""What a run asks for, as it was sent: checked as a whole before anything is made, and what is executed then."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypedDict

from apps.access.models import Project
from apps.common.errors import Invalid
from apps.common.storage import uri_of
from apps.datasets.models import DatasetVersion
from apps.datasets.selectors import dataset_input
from apps.experiments.models import SourceBundle
from apps.experiments.services.requests import code_of, script_check, secrets_check
from apps.experiments.specs import (
    ARTIFACTS,
    CHECKPOINTS,
    DATA,
    LOCK_NAME,
    SCRIPT_COMMAND,
    SCRIPT_NAME,
    SEED,
    SOURCE,
    bundle_command,
    run_spec,
)
from apps.experiments.states import RunKind
from apps.quotas.models import PriorityClass, ResourcePool
from apps.quotas.services.containers import container_check
from apps.quotas.services.retrying import policy_of
from workers.contracts.package_lock import BadLock, lock_read
from workers.contracts.specs import DataRef, JobSpec, Resources
from workers.contracts.trainers import TRAINERS
from workers.contracts.variables import variables_wrong

TIME_LIMIT_DEFAULT_SECONDS = 3600
RESOURCES_DEFAULT = Resources(cpu_millis=1000, memory_bytes=2 << 30)
SEED_MOST: Final = 2**31 - 1
INPUTS_MOST: Final = 20
WORDS_MOST: Final = 1_000
COMMAND_BYTES_MOST: Final = 128 << 10
RESERVED: Final = frozenset({SOURCE, CHECKPOINTS, ARTIFACTS})
"""Names that the job has for other things."""
BRINGS_CODE: Final = frozenset({RunKind.BUNDLE, RunKind.IMAGE})
TAKES_MEMBERS: Final = frozenset({RunKind.SCRIPT, *BRINGS_CODE, *TRAINERS})


class NamedVersion(NamedTuple):
    """A dataset version, by the name with which the job asks for it."""

    name: str
    version: DatasetVersion


class Asked(TypedDict, total=False):
    """See `Request`, whose defaults stand where something is left out."""

    kind: str
    script: str
    bundle: SourceBundle | None
    command: Sequence[str]
    image: str
    requirements: str
    dataset_version: DatasetVersion | None
    inputs: Sequence[NamedVersion]
    parameters: Mapping[str, Any]
    environment: Mapping[str, str]
    seed: int | None
    resources: Resources
    secrets: Sequence[str]
    time_limit_seconds: int
    count_min: int
    count_max: int
    priority_class: PriorityClass | None
    retries: Mapping[str, Any]
    tags: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Code, what it reads, and what it holds while it runs."""

    kind: str = RunKind.SCRIPT
    script: str = ""
    bundle: SourceBundle | None = None
    command: Sequence[str] = ()
    """Words, without a shell. Of a bundle, executed in its folder; of an image."""
    image: str = ""
    requirements: str = ""
    """Of a bundle: `workers.contracts.package_lock`."""
    dataset_version: DatasetVersion | None = None
    """What the job reads as `data`; of a bundle or an image it may be left out."""
    inputs: Sequence[NamedVersion] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    resources: Resources = RESOURCES_DEFAULT
    secrets: Sequence[str] = ()
    time_limit_seconds: int = TIME_LIMIT_DEFAULT_SECONDS
    count_min: int = 1
    count_max: int = 1
    priority_class: PriorityClass | None = None
    retries: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()

    def versions(self) -> list[NamedVersion]:
        """All that it reads, `data` first."""
        first = [NamedVersion(DATA, self.dataset_version)] if self.dataset_version is not None else []
        return [*first, *self.inputs]


def request_checked(request: Request, project: Project, pool: ResourcePool | None) -> Request:
    """The request with what a kind brings by itself: a trainer's script, defaults of its parameters.

    Raises:
        Invalid: something that cannot be, by field.
        Unavailable: of an image, while no pool is known.
    """
    wrong: dict[str, list[str]] = {}
    _of_kind_check(request, project, wrong)
    _inputs_check(request, wrong)
    _environment_check(request, wrong)
    if request.seed is not None and not 0 <= request.seed <= SEED_MOST:
        wrong["seed"] = [f"{request.seed} is not between 0 and {SEED_MOST}"]
    if wrong:
        raise Invalid("; ".join(f"{name}: {texts[0]}" for name, texts in wrong.items()), fields=wrong)
    policy_of(request.retries)
    secrets_check(project.pk, request.secrets)
    if request.kind in BRINGS_CODE:
        if request.kind == RunKind.IMAGE:
            container_check(project, pool, request.image)
        return request
    script, parameters = code_of(request.kind, request.script, _seeded(request))
    script_check(script)
    return dataclasses.replace(request, script=script, parameters=parameters)


def request_spec(request: Request, *, unpublished: bool) -> JobSpec:
    """What is executed: of a request that was checked.

    Raises:
        Conflict: a version that is not published (or validating, where `unpublished` is wanted), or has no data.
    """
    refs = tuple(dataset_input(version, name, unpublished=unpublished) for name, version in request.versions())
    command, files = SCRIPT_COMMAND, {SCRIPT_NAME: request.script}
    if request.bundle is not None:
        sha256 = request.bundle.archive_sha256
        refs = (*refs, DataRef(SOURCE, uri_of(request.bundle.path), sha256=sha256))
        command = bundle_command(request.command)
        files = {LOCK_NAME: lock_read(request.requirements).text} if request.requirements.strip() else {}
    elif request.kind == RunKind.IMAGE:
        command, files = tuple(request.command), {}
    seed = {} if request.seed is None else {SEED: str(request.seed)}
    return run_spec(
        command=command, files=files, inputs=refs, parameters=request.parameters, resources=request.resources,
        secrets=request.secrets, time_limit_seconds=request.time_limit_seconds, image=request.image,
        environment={**request.environment, **seed},
    )  # fmt: skip


def _seeded(request: Request) -> Mapping[str, Any]:
    """A trainer's own parameter is the run's seed, unless it is given one beside it."""
    if request.seed is None or request.kind == RunKind.SCRIPT or "seed" in request.parameters:
        return request.parameters
    return {**request.parameters, "seed": request.seed}


def _of_kind_check(request: Request, project: Project, wrong: dict[str, list[str]]) -> None:
    """What a kind needs, and what belongs to another."""
    kind = request.kind
    takes = {
        "script": kind not in BRINGS_CODE,
        "bundle": kind == RunKind.BUNDLE,
        "requirements": kind == RunKind.BUNDLE,
        "image": kind == RunKind.IMAGE,
        "command": kind in BRINGS_CODE,
    }
    for name, is_taken in takes.items():
        given = getattr(request, name)
        if not is_taken and (given.strip() if isinstance(given, str) else given):
            wrong[name] = [f"a run of kind {kind} takes none"]
    needed = [name for name in ("bundle", "image", "command") if takes[name] and not getattr(request, name)]
    for name in needed:
        wrong[name] = [f"a run of kind {kind} needs one"]
    if kind not in BRINGS_CODE and request.dataset_version is None:
        wrong["dataset_version"] = [f"a run of kind {kind} needs one"]
    if request.bundle is not None and request.bundle.project_id != project.pk:
        wrong["bundle"] = ["is one of another project"]
    if kind not in TAKES_MEMBERS and request.count_max != 1:
        wrong["count_max"] = [f"a run of kind {kind} is one process"]
    _command_check(request.command, wrong)
    try:
        lock_read(request.requirements)
    except BadLock as error:
        wrong["requirements"] = [str(error)]


def _command_check(command: Sequence[str], wrong: dict[str, list[str]]) -> None:
    size = sum(len(word.encode("utf-8", "replace")) + 1 for word in command)
    if len(command) > WORDS_MOST or size > COMMAND_BYTES_MOST:
        wrong["command"] = [
            f"{len(command)} words of {size} bytes; a command has at most {WORDS_MOST} of {COMMAND_BYTES_MOST} bytes"
        ]
    elif any("\0" in word for word in command):
        wrong["command"] = ["has a NUL character, which no process can be given"]
    elif command and not all(command):
        wrong["command"] = ["has an empty word"]


def _inputs_check(request: Request, wrong: dict[str, list[str]]) -> None:
    names = [name for name, _ in request.versions()]
    if len(names) > INPUTS_MOST:
        wrong["inputs"] = [f"{len(names)} dataset versions; a run reads at most {INPUTS_MOST}"]
    for name in names:
        if name in RESERVED:
            wrong[f"inputs.{name}"] = ["is the name of something else of the job"]
        elif names.count(name) > 1:
            wrong[f"inputs.{name}"] = ["is there more than once"]


def _environment_check(request: Request, wrong: dict[str, list[str]]) -> None:
    for name, text in variables_wrong(request.environment).items():
        wrong[f"environment.{name[:100]}" if name else "environment"] = [text]
