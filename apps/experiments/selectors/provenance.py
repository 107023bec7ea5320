"""What a run was made of, as it is shown; and what stands in the way of running exactly the same again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from apps.access.models import Secret
from apps.common.storage import store
from apps.datasets.models import DatasetVersion
from apps.datasets.states import VersionState
from apps.experiments.models import Run, RunInput
from apps.experiments.selectors.images import digest_seen, image_exactly, images_seen
from apps.experiments.specs import DATA, trainer_script
from apps.experiments.states import RunKind
from apps.quotas.models import Attempt
from workers.contracts.images import BadImage

COMPARED: Final = ("python", "platform", "cpu_count", "torch", "gpus", "driver", "git_commit")
"""Of the environment that a job reports, beside its packages."""
OWN_CODE: Final = frozenset({RunKind.SCRIPT, RunKind.BUNDLE, RunKind.IMAGE})
REPEATS: Final = "repeats"
"""Key of `Run.provenance`: the id of the run that this one is exactly the same as."""


def inputs_of(run: Run) -> list[RunInput]:
    """What it reads beside `data`, of what is kept here, with its versions and their datasets. One query."""
    rows = RunInput.objects.filter(run=run, dataset_version__isnull=False)
    return list(rows.select_related("dataset_version__dataset", "dataset_version__project").order_by("id"))


def versions_read(run: Run) -> list[tuple[str, DatasetVersion, str]]:
    """Name, version and reference of all that it reads, `data` first. Two queries."""
    first = []
    if run.dataset_version_id is not None:
        version = DatasetVersion.objects.select_related("dataset", "project").get(pk=run.dataset_version_id)
        first = [(DATA, version, run.dataset_reference)]
    more = [(each.name, each.dataset_version, each.reference) for each in inputs_of(run)]
    return [*first, *((name, version, said) for name, version, said in more if version is not None)]


def provenance_shown(run: Run) -> dict[str, Any]:
    """All of it. Nine queries at most."""
    kept, images = run.provenance, images_seen(run)
    read = versions_read(run)
    repeated = Run.objects.filter(pk=kept[REPEATS]).first() if REPEATS in kept else None
    now, before = environment_of(run), environment_of(repeated) if repeated is not None else None
    digests = kept.get("inputs", {})
    return {
        "kind": run.kind,
        "script_sha256": kept.get("script_sha256", ""),
        "bundle": run.bundle_id,
        "bundle_sha256": kept.get("bundle_sha256", ""),
        "lock_sha256": kept.get("lock_sha256", ""),
        "image_digest": digest_seen(run, images),
        "images_seen": images,
        "git_commit": kept.get("git_commit") or (now or {}).get("git_commit", ""),
        "seed": run.seed,
        "inputs": [
            {
                "name": name,
                "dataset_version": version.pk,
                "dataset_name": version.dataset.name,
                "dataset_version_number": version.number,
                "reference": said,
                "digest": digests.get(name, version.digest),
            }
            for name, version, said in read
        ],
        "environment": now,
        "repeats": repeated.pk if repeated is not None else None,
        "repeats_name": repeated.name if repeated is not None else "",
        "differences": environments_differ(before, now) if before is not None and now is not None else None,
        "obstacles": [{"what": what, "detail": why} for what, why in obstacles(run, read, images)],
    }


def environment_of(run: Run) -> dict[str, Any] | None:
    """What the last of its attempts that said so ran in; None where none has. One query."""
    if run.workload_id is None:
        return None
    told = Attempt.objects.filter(workload=run.workload_id, environment__isnull=False).order_by("-number")
    found: dict[str, Any] | None = told.values_list("environment", flat=True).first()
    return found


def environments_differ(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """What is not the same: `[{"what", "before", "after"}]`, packages as `packages.numpy`. None: it is not there.

    Hosts are not compared: where something runs is no part of what it is.
    """
    pairs = [(name, before.get(name) or None, after.get(name) or None) for name in COMPARED]
    had, has = before.get("packages") or {}, after.get("packages") or {}
    pairs += [(f"packages.{name}", had.get(name), has.get(name)) for name in sorted(had.keys() | has.keys())]
    return [{"what": what, "before": was, "after": now} for what, was, now in pairs if was != now]


def obstacles(run: Run, read: list[tuple[str, DatasetVersion, str]], images: list[str]) -> Iterator[tuple[str, str]]:
    """What is gone or differs, and why, of what it reads and all else. Looks into the store; two queries at most.

    Args:
        images: `images_seen` of it.
    """
    if run.kind == RunKind.TRACKED:
        yield "kind", "ran elsewhere and was tracked here: there is nothing that could be started"
        return
    if run.experiment.deleted_at is not None:
        yield "experiment", "is deleted"
    for name, version, _ in read:
        yield from _of_version(run, name, version)
    if run.bundle is not None and not store().exists(run.bundle.path):
        yield "bundle", "is gone from the object store"
    if run.image:
        try:
            image_exactly(run, images)
        except BadImage as error:
            yield "image", f"cannot be named by its digest: {error}"
    if run.kind not in OWN_CODE and run.script != trainer_script(run.kind):
        yield "script", "of the built-in trainer is another one in this version"
    if run.secrets:
        rows = Secret.objects.filter(project_id=run.project_id, name__in=run.secrets)
        for name in sorted(set(run.secrets) - set(rows.values_list("name", flat=True))):
            yield f"secrets.{name}", "is no secret of the project any more"


def _of_version(run: Run, name: str, version: DatasetVersion) -> Iterator[tuple[str, str]]:
    what = f"inputs.{name}"
    digest = run.provenance.get("inputs", {}).get(name, version.digest)
    if version.data_deleted_at is not None:
        yield what, f"has no data any more: it was deleted on {version.data_deleted_at:%Y-%m-%d}"
    elif version.data_tombstoned_at is not None:
        yield what, "is to be deleted, because no rule keeps it: pin the version first"
    elif version.state != VersionState.PUBLISHED:
        yield what, f"is {version.state}"
    if version.digest != digest:
        yield what, f"has the digest {version.digest} now; it was {digest}"
