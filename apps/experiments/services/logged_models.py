"""Models as code saved them, before anybody registers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction

from apps.access.models import User
from apps.common import audit, clock
from apps.common.audit import Actor
from apps.common.errors import Invalid, NotFound
from apps.common.states import transition
from apps.experiments.models import Experiment, LoggedModel, Run
from apps.experiments.services.labels import labels_check
from apps.experiments.states import LoggedModelState

PARAMETERS_MOST: Final = 10_000
NAME_MOST: Final = 256


@transaction.atomic
def logged_model_create(
    *,
    experiment: Experiment,
    name: str,
    actor: Actor,
    run: Run | None = None,
    kind: str = "",
    parameters: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    made_by: User | None = None,
) -> LoggedModel:
    """A model whose files are about to come.

    Raises:
        Invalid: the name is none, or the experiment is deleted.
    """
    if not 1 <= len(name) <= NAME_MOST or any(sign in name for sign in "/:.%\"'") or not name.strip():
        text = f"the name of a logged model has 1 to {NAME_MOST} characters, and none of / : . % \" '"
        raise Invalid(text, fields={"name": [text]})
    if experiment.deleted_at is not None:
        raise Invalid(f"The experiment {experiment.name} is deleted; restore it first.")
    made: LoggedModel = LoggedModel.objects.create(
        project=experiment.project,
        experiment=experiment,
        run=run,
        name=name,
        kind=kind,
        parameters=_parameters({}, parameters or {}),
        labels=labels_check(labels or {}),
        made_by=made_by,
    )
    audit.record(actor, "logged_model.created", made)
    return made


@transaction.atomic
def logged_model_finalize(*, model: LoggedModel, state: LoggedModelState, actor: Actor) -> LoggedModel:
    """Its files have come, or will not; said again, it stays.

    Raises:
        IllegalTransition: it ended the other way.
    """
    current = _locked(model)
    if current.state != state:
        transition(current, state, actor=actor)
    return current


@transaction.atomic
def logged_model_log(
    *,
    model: LoggedModel,
    parameters: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> LoggedModel:
    """Parameters, which are written once, and labels, of which the last counts.

    Raises:
        Invalid: a parameter has another value already, or there are too many.
    """
    current = _locked(model)
    current.parameters = _parameters(current.parameters, parameters or {})
    current.labels = labels_check({**current.labels, **(labels or {})})
    current.save(update_fields=["parameters", "labels"])
    return current


@transaction.atomic
def logged_model_unlabel(*, model: LoggedModel, key: str) -> None:
    """Remove a label. Raises NotFound where there is none."""
    current = _locked(model)
    if key not in current.labels:
        raise NotFound(f"No tag with key {key[:250]!r} found for this logged model.")
    current.labels = {name: text for name, text in current.labels.items() if name != key}
    current.save(update_fields=["labels"])


@transaction.atomic
def logged_model_delete(*, model: LoggedModel, actor: Actor) -> None:
    """Take it out of sight; its files go by the rules for files, unless versions of registered models have them."""
    current = _locked(model)
    if current.deleted_at is None:
        current.deleted_at = clock.db_now()
        current.save(update_fields=["deleted_at"])
        audit.record(actor, "logged_model.deleted", current)


def _locked(model: LoggedModel) -> LoggedModel:
    found: LoggedModel = (
        LoggedModel.objects.select_for_update(of=("self",)).select_related("project", "experiment").get(pk=model.pk)
    )
    return found


def _parameters(known: Mapping[str, Any], more: Mapping[str, str]) -> dict[str, Any]:
    for key, text in more.items():
        if key in known and known[key] != text:
            said = f"parameter {key!r} is {str(known[key])[:100]!r} already"
            raise Invalid(f"Changing parameters is not allowed: {said}.", fields={"params": [said]})
    found = {**known, **more}
    if len(found) > PARAMETERS_MOST:
        raise Invalid(f"A logged model has at most {PARAMETERS_MOST} parameters.", fields={"params": ["too many"]})
    return found
