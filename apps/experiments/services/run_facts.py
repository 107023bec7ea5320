"""What code tells of its run while it goes: parameters, labels, inputs, outputs. Points of metrics go elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction

from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.events import emit
from apps.experiments.models import Run, RunInput
from apps.experiments.states import RunKind

NAME_LABEL: Final = "mlflow.runName"
NOTES_LABEL: Final = "mlflow.note.content"
COLUMNS: Final = {NAME_LABEL: "name", NOTES_LABEL: "notes"}
"""Labels that are columns of a run."""
FACTS_MOST: Final = 10_000
"""Parameters that a run may have, and labels, and inputs."""
NAME_CHARACTERS_MOST: Final = 250


class Labels(NamedTuple):
    """Labels, and those of them that are columns."""

    labels: dict[str, str]
    columns: dict[str, str]


class Said(NamedTuple):
    """A dataset that code says it read: `document` as `RunInput` has it."""

    name: str
    document: dict[str, Any]


def labels_split(labels: Mapping[str, str]) -> Labels:
    """Which of them are columns of the run. Raises Invalid for a name that none can have."""
    columns = {COLUMNS[key]: text for key, text in labels.items() if key in COLUMNS}
    name = columns.get("name")
    if name is not None and not 1 <= len(name) <= NAME_CHARACTERS_MOST:
        raise Invalid(f"The name of a run has 1 to {NAME_CHARACTERS_MOST} characters, not {len(name)}.")
    return Labels({key: text for key, text in labels.items() if key not in COLUMNS}, columns)


def run_change(run_id: UUID) -> Run:
    """The run, locked for a change.

    Raises:
        NotFound: there is none.
        Invalid: it is deleted.
    """
    rows: Any = Run.objects.select_for_update(of=("self",), no_key=True).select_related("project")
    run: Run | None = rows.filter(pk=run_id).first()
    if run is None:
        raise NotFound(f"Run with id={run_id.hex} not found")
    if run.deleted_at is not None:
        raise Invalid(f"The run {run_id.hex} must be in the 'active' state. Current state is deleted.")
    return run


@transaction.atomic
def run_facts_log(
    *,
    run_id: UUID,
    parameters: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    actor: Actor,
) -> None:
    """Parameters and labels of one batch: all of them, or none. A parameter is written once; the same value again
    changes nothing, also where one is the other as text.

    Raises:
        NotFound: there is no such run.
        Invalid: it is deleted, a parameter has another value already, or there are too many.
        Conflict: parameters of a run whose job has ended.
    """
    run = run_change(run_id)
    changed = facts_put(run, parameters or {}, labels or {})
    if changed:
        run.save(update_fields=sorted(changed))
        emit("run.told", run, payload={"changed": sorted(changed)})


def run_parameters_log(*, run_id: UUID, parameters: Mapping[str, Any], actor: Actor) -> None:
    """As `run_facts_log`, parameters alone."""
    run_facts_log(run_id=run_id, parameters=parameters, actor=actor)


def facts_put(run: Run, parameters: Mapping[str, Any], labels: Mapping[str, str]) -> set[str]:
    """Enter them into the object; returns the columns that changed. Raises as `run_facts_log`; then it is of no use."""
    return _parameters_put(run, parameters) | _labels_put(run, labels)


def _parameters_put(run: Run, parameters: Mapping[str, Any]) -> set[str]:
    """The columns that changed."""
    for key, value in parameters.items():
        if key in run.parameters and text_of(run.parameters[key]) != text_of(value):
            raise Invalid(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with"
                f" value='{text_of(run.parameters[key])}' for run ID='{run.pk.hex}'. Attempted logging new value"
                f" '{text_of(value)}'."
            )
    fresh = {key: value for key, value in parameters.items() if key not in run.parameters}
    if not fresh:
        return set()
    if run.kind != RunKind.TRACKED and run.is_terminal:
        raise Conflict(f"The job of run {run.name} has ended; its parameters are those it ran with.")
    if len(run.parameters) + len(fresh) > FACTS_MOST:
        raise Invalid(f"A run has at most {FACTS_MOST} parameters.")
    run.parameters = {**run.parameters, **fresh}
    if run.kind == RunKind.TRACKED:
        return {"parameters"}
    logged = set(run.provenance.get("logged_parameters", ())) | set(fresh)
    run.provenance = {**run.provenance, "logged_parameters": sorted(logged)}
    return {"parameters", "provenance"}


def text_of(value: Any) -> str:
    """A parameter as text: `0.01`, `true`, `[1, 2]`, and text as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _labels_put(run: Run, labels: Mapping[str, str]) -> set[str]:
    put = labels_split(labels)
    changed = {name for name, text in put.columns.items() if getattr(run, name) != text}
    for name in changed:
        setattr(run, name, put.columns[name])
    wanted = {**run.labels, **put.labels}
    if wanted != run.labels:
        if len(wanted) > FACTS_MOST:
            raise Invalid(f"A run has at most {FACTS_MOST} tags.")
        run.labels = wanted
        changed.add("labels")
    return changed


@transaction.atomic
def run_label_delete(*, run_id: UUID, key: str, actor: Actor) -> None:
    """Take a label off; of notes the text.

    Raises:
        NotFound: there is no such run, or it does not have the label.
        Invalid: the run is deleted, or it is the name, which every run has.
    """
    run = run_change(run_id)
    if key == NAME_LABEL:
        raise Invalid(f"{NAME_LABEL} is the name of the run: give it another.")
    if key == NOTES_LABEL and run.notes:
        run.notes = ""
    elif key in run.labels:
        run.labels = {name: text for name, text in run.labels.items() if name != key}
    else:
        raise NotFound(f"No tag with name: {key} in run with id {run_id.hex}")
    run.save(update_fields=["notes", "labels"])
    emit("run.told", run, payload={"changed": ["labels"]})


@transaction.atomic
def run_inputs_log(*, run_id: UUID, datasets: Sequence[Said], actor: Actor) -> None:
    """Datasets that the run says it read; one of the same name and digest is there once, with the tags of both; of a
    tag that both have the first value counts.

    Raises:
        NotFound: there is no such run.
        Invalid: it is deleted, or has too many.
    """
    run = run_change(run_id)
    known: dict[tuple[str, Any], RunInput] = {
        (each.name, each.document.get("digest")): each
        for each in RunInput.objects.filter(run=run, dataset_version=None).order_by("id")
    }
    fresh: dict[tuple[str, Any], RunInput] = {}
    again: list[RunInput] = []
    for said in datasets:
        at = (said.name, said.document.get("digest"))
        found = known.get(at) or fresh.get(at)
        if found is None:
            fresh[at] = RunInput(run=run, name=said.name, document=said.document, **_scope(run))
        else:
            tags = {**said.document.get("tags", {}), **found.document.get("tags", {})}
            found.document = {**found.document, "tags": tags}
            again += [found] if at in known else []
    if len(known) + len(fresh) > FACTS_MOST:
        raise Invalid(f"A run has at most {FACTS_MOST} inputs.")
    RunInput.objects.bulk_update(again, ["document"])
    RunInput.objects.bulk_create(fresh.values())
    emit("run.told", run, payload={"changed": ["inputs"]})


def _scope(run: Run) -> dict[str, UUID]:
    return {"project_id": run.project_id, "organisation_id": run.organisation_id, "team_id": run.team_id}


@transaction.atomic
def run_outputs_log(*, run_id: UUID, models: Sequence[tuple[str, int]], actor: Actor) -> None:
    """Models that the run says it made, and at which step; one that is named again has the new step.

    Raises:
        NotFound: there is no such run.
        Invalid: it is deleted, or has too many.
    """
    run = run_change(run_id)
    steps = {each["model"]: each["step"] for each in run.outputs} | dict(models)
    if len(steps) > FACTS_MOST:
        raise Invalid(f"A run has at most {FACTS_MOST} outputs.")
    run.outputs = [{"model": model, "step": step} for model, step in steps.items()]
    run.save(update_fields=["outputs"])
    emit("run.told", run, payload={"changed": ["outputs"]})
