"""Expectations: written down, changed, put out of use. Every change is audited with what was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from apps.access.models import User
from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid
from apps.common.events import emit
from apps.datasets.models import Dataset, DatasetVersion, Expectation
from apps.datasets.selectors.quality import kept_back_by
from apps.datasets.services.deciders import decider_wanted, may_decide
from apps.datasets.states import Severity, VersionState
from workers.contracts.expectations import KINDS, fits, normalised, problems
from workers.contracts.expectations.fit import Problems

ACTIVE_MOST = 200
"""Of one dataset."""
AUDITED = ("kind", "parameters", "severity", "is_active", "description")


@transaction.atomic
def expectations_create(
    *, dataset: Dataset, wanted: Sequence[Mapping[str, Any]], created_by: User | None, actor: Actor
) -> list[Expectation]:
    """Write expectations down, all or none. Each: `{"kind", "parameters", "severity", "description"}`.

    Raises:
        Invalid: what they take is not what is given, or does not fit the latest version; `fields` has the places,
            with `expectations[2].` before those of several.
        Conflict: the dataset has too many.
    """
    _locked(dataset)
    types = columns_known(dataset)
    found: Problems = {}
    for index, one in enumerate(wanted):
        place = f"expectations[{index}]." if len(wanted) > 1 else ""
        found |= {f"{place}{at}": texts for at, texts in _problems(dataset, one, types).items()}
    _refuse(found)
    _refuse_more(dataset, len(wanted))
    made = []
    for one in wanted:
        expectation: Expectation = Expectation.objects.create(
            project=dataset.project,
            dataset=dataset,
            kind=one["kind"],
            parameters=normalised(one["kind"], one["parameters"]),
            severity=one.get("severity", Severity.BLOCK),
            description=one.get("description", ""),
            created_by=created_by,
            changed_at=clock.db_now(),
        )
        record(actor, "expectation.created", expectation, detail=_told(expectation))
        emit("expectation.created", expectation, payload={"dataset": str(dataset.pk)})
        made.append(expectation)
    return made


@transaction.atomic
def expectation_change(
    expectation: Expectation, *, changes: Mapping[str, Any], changed_by: User | None, actor: Actor
) -> Expectation:
    """Change what is given of `parameters`, `severity`, `is_active` and `description`; the kind stays.

    Results of before say nothing about it any more when its parameters changed.

    Args:
        changed_by: who, for what only some may do; None is the installation itself.

    Raises:
        Invalid: as `expectations_create`.
        Conflict: the dataset has too many active ones.
        ApprovalRequired: it keeps a version back, and would not any more; `changed_by` may not approve that.
    """
    _locked(expectation.dataset)
    current: Expectation = Expectation.objects.select_for_update(of=("self",)).get(pk=expectation.pk)
    before = _told(current)
    kept_back = kept_back_by(current)
    if "parameters" in changes:
        asked = {"kind": current.kind, "parameters": changes["parameters"]}
        _refuse(_problems(current.dataset, asked, columns_known(current.dataset)))
        parameters = normalised(current.kind, changes["parameters"])
        current.revision += parameters != current.parameters
        current.parameters = parameters
    if changes.get("is_active") and not current.is_active:
        _refuse_more(current.dataset, 1)
    for name in ("severity", "is_active", "description"):
        setattr(current, name, changes.get(name, getattr(current, name)))
    if _told(current) == before:
        return current
    if kept_back is not None and _is_loosened(current, before) and not may_decide(changed_by, current.project):
        raise decider_wanted(kept_back, f"This expectation keeps version {kept_back.number} back.", "loosen it")
    current.changed_at = clock.db_now()
    current.save()
    record(actor, "expectation.changed", current, detail={"before": before, "after": _told(current)})
    emit("expectation.changed", current, payload={"dataset": str(current.dataset_id)})
    return current


def columns_known(dataset: Dataset) -> dict[str, str] | None:
    """Column → type of the latest version that was not rejected; None while there is none. One query."""
    versions = DatasetVersion.objects.filter(dataset=dataset).exclude(state=VersionState.REJECTED)
    schema = versions.order_by("-number").values_list("schema", flat=True).first()
    return None if schema is None else {str(column["name"]): str(column["type"]) for column in schema}


def _problems(dataset: Dataset, one: Mapping[str, Any], types: Mapping[str, str] | None) -> Problems:
    found = problems(one.get("kind"), one.get("parameters"), types)
    if found or not KINDS[one["kind"]].refers:
        return found
    return _of_reference(dataset, one["kind"], normalised(one["kind"], one["parameters"]), types)


def _of_reference(
    dataset: Dataset, kind: str, parameters: Mapping[str, Any], types: Mapping[str, str] | None
) -> Problems:
    """Whether the other dataset is there, and has the columns that are held against it."""
    other = dataset
    if parameters["dataset"] not in (None, str(dataset.pk)):
        found = Dataset.objects.filter(pk=parameters["dataset"], project=dataset.project_id).first()
        if found is None:
            return {"parameters.dataset": ["There is no such dataset in the project."]}
        other = found
    theirs = columns_known(other)
    if theirs is None:
        return {}
    if kind == "foreign_key":
        return _of_target(parameters, types, theirs)
    misfits = fits(kind, parameters, theirs)
    return {f"parameters.{name}": [f"In {other.name!r}: {text}"] for name, text in misfits.items()}


def _of_target(parameters: Mapping[str, Any], types: Mapping[str, str] | None, theirs: Mapping[str, str]) -> Problems:
    target, numbers = parameters["target"], {"int64", "float64"}
    if target not in theirs:
        return {"parameters.target": [f"There is no column {target!r} in that dataset."]}
    mine = types.get(parameters["column"]) if types is not None else None
    if mine is None or mine == theirs[target] or {mine, theirs[target]} <= numbers:
        return {}
    return {"parameters.target": [f"Column {target!r} is {theirs[target]}, and {parameters['column']!r} is {mine}."]}


def _refuse(found: Problems) -> None:
    if found:
        raise Invalid("; ".join(f"{at}: {text}" for at, texts in found.items() for text in texts), fields=found)


def _refuse_more(dataset: Dataset, count: int) -> None:
    if Expectation.objects.filter(dataset=dataset, is_active=True).count() + count > ACTIVE_MOST:
        raise Conflict(f"A dataset has at most {ACTIVE_MOST} active expectations.")


def _is_loosened(current: Expectation, before: Mapping[str, Any]) -> bool:
    """Whether what blocked may let through more than before. Other parameters may: nobody can tell by reading them."""
    is_same = current.parameters == before["parameters"]
    return not (is_same and current.is_active and current.severity == Severity.BLOCK)


def _locked(dataset: Dataset) -> None:
    """So that no version is judged by some of the changes only."""
    Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)


def _told(expectation: Expectation) -> dict[str, Any]:
    return {name: getattr(expectation, name) for name in AUDITED}
