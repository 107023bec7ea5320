"""What a comparison shows of several runs beside their curves: environment, source, data, files, evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Window
from django.db.models.expressions import RawSQL
from django.db.models.functions import RowNumber

from apps.common.errors import NotFound
from apps.experiments.models import Artifact, Run, RunInput
from apps.experiments.selectors.evaluations import evaluation_typed
from apps.experiments.selectors.goals import mode_of
from apps.experiments.selectors.runs import with_names
from apps.quotas.models import Attempt

FILES_MOST: Final = 200
"""Artifacts of one run; the newest."""
_SCRIPT: Final = f"{Run._meta.db_table}.script"
_SOURCE: Final = f"CASE WHEN {_SCRIPT} = '' THEN '' ELSE encode(sha256(convert_to({_SCRIPT}, 'UTF8')), 'hex') END"
GIT_LABEL: Final = "mlflow.source.git.commit"
"""Where clients of MLflow say which commit they run."""


def runs_compared(user: Any, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The runs in this order, each with what can be set beside the others'. Four queries.

    Raises:
        NotFound: one of them is not there for the user; it says not which.
    """
    named = with_names(Run.objects.visible_to(user)).select_related("bundle", "workload", "priority_class")
    digested = named.annotate(script_sha256=RawSQL(_SOURCE, []))  # noqa: S611 - names of our own
    found: dict[UUID, Run] = digested.defer("script").in_bulk(list(ids))
    if len(found) < len(ids):
        raise NotFound("run: not found")
    environments = _environments([run.workload_id for run in found.values() if run.workload_id])
    files = _by_run(_files(list(ids)))
    inputs = _by_run(RunInput.objects.filter(run__in=list(ids)).order_by("name").values(*_INPUT))
    return [
        {
            "run": found[pk],
            "environment": environments.get(found[pk].workload_id),
            "source": _source(found[pk], environments.get(found[pk].workload_id)),
            "inputs": _inputs(found[pk], inputs.get(pk, [])),
            "artifacts": files.get(pk, []),
            "evaluation": _evaluation(found[pk]),
            "modes": {key: mode_of(key) for key in found[pk].summary},
        }
        for pk in ids
    ]


_INPUT: Final = (
    *("run", "name", "reference", "document"),
    *("dataset_version", "dataset_version__number", "dataset_version__dataset__name"),
)
_FILE: Final = ("run", "id", "name", "kind", "size_bytes", "sha256", "created_at")


def _environments(workloads: Sequence[UUID]) -> dict[Any, Any]:
    """By workload what its latest attempt that has said so ran in."""
    said = Attempt.objects.filter(workload__in=workloads, environment__isnull=False)
    latest = said.order_by("workload", "-number").distinct("workload")
    return dict(latest.values_list("workload", "environment"))


def _files(ids: Sequence[UUID]) -> Any:
    place = Window(RowNumber(), partition_by=F("run"), order_by=F("id").desc())
    newest = Artifact.objects.filter(run__in=ids).annotate(place=place).filter(place__lte=FILES_MOST)
    return newest.order_by("name", "-id").values(*_FILE)


def _by_run(rows: Any) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["run"], []).append(row)
    return found


def _source(run: Run, environment: Any) -> dict[str, Any]:
    said = environment.get("git_commit") if isinstance(environment, dict) else ""
    return {
        "script_sha256": run.script_sha256,  # type: ignore[attr-defined]  # annotated
        "bundle": run.bundle_id,
        "bundle_sha256": run.bundle.sha256 if run.bundle else "",
        "command": run.command,
        "image": run.image,
        "git_commit": str(run.provenance.get("git_commit") or said or run.labels.get(GIT_LABEL) or ""),
    }


def _inputs(run: Run, more: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The version that it reads as `data` first, then its others by name."""
    first = {
        "name": "data",
        "reference": run.dataset_reference,
        "dataset_version": run.dataset_version_id,
        "dataset_name": run.dataset_name,  # type: ignore[attr-defined]  # annotated
        "dataset_version_number": run.dataset_version_number,  # type: ignore[attr-defined]  # annotated
        "digest": "",
    }
    return [first] * (run.dataset_version_id is not None) + [
        {
            "name": row["name"],
            "reference": row["reference"],
            "dataset_version": row["dataset_version"],
            "dataset_name": row["dataset_version__dataset__name"] or "",
            "dataset_version_number": row["dataset_version__number"],
            "digest": str(row["document"].get("digest") or ""),
        }
        for row in more
    ]


def _evaluation(run: Run) -> dict[str, Any] | None:
    """As the run reported it; None where it did not."""
    said = run.result.get("evaluation") if isinstance(run.result, dict) else None
    return evaluation_typed(said) if isinstance(said, dict) and said else None
