"""`experiments/…` of MLflow's protocol."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Invalid
from apps.experiments.api.mlflow import wire
from apps.experiments.api.mlflow.base import MlflowView
from apps.experiments.api.mlflow.caller import Caller
from apps.experiments.api.mlflow.errors import MlflowError, already_there, invalid, missing
from apps.experiments.api.mlflow.places import SCHEME
from apps.experiments.api.mlflow.shapes import experiment_json
from apps.experiments.models import Experiment
from apps.experiments.services.experiments import (
    experiment_create,
    experiment_delete,
    experiment_label,
    experiment_rename,
    experiment_restore,
    experiment_unlabel,
)

TAGS_MOST = 1000
"""Of an experiment that is being made."""


class ExperimentView(MlflowView):
    """Base of the views of one experiment that `experiment_id` names."""

    def experiment(self) -> Experiment:
        """The experiment, which the caller sees; `0` is the one called Default of the project.

        Raises:
            MlflowError: there is none, or none that is visible.
        """
        return experiment_of(self.caller, self.asked.needed("experiment_id"))

    def kept(self) -> Experiment:
        """The same, which the caller may change."""
        found = self.experiment()
        self.caller.require_keeper(found.project)
        return found


class CreateView(MlflowView):
    def post(self, request: Request) -> Response:
        name = name_of(self.asked.needed("name"))
        tags = self.asked.pairs("tags", most=TAGS_MOST, value_most=wire.EXPERIMENT_TAG_CHARACTERS_MOST)
        _location_check(self.asked.text("artifact_location"))
        project = self.caller.project
        self.caller.require_maker(project)
        try:
            made = experiment_create(project=project, name=name, labels=tags, actor=self.caller.actor)
        except Invalid as error:
            is_active = Experiment.objects.filter(project=project, name=name, deleted_at=None).exists()
            stage = "active" if is_active else "deleted"
            raise already_there(f"Experiment {name!r} already exists in {stage} state.") from error
        return Response({"experiment_id": made.pk.hex})


class GetView(ExperimentView):
    def get(self, request: Request) -> Response:
        if self.asked.needed("experiment_id") == wire.DEFAULT_EXPERIMENT:
            found = default_of(self.caller)
            return Response({"experiment": default_json() if found is None else experiment_json(found)})
        return Response({"experiment": experiment_json(self.experiment())})


class GetByNameView(MlflowView):
    def get(self, request: Request) -> Response:
        """Active or deleted; a client makes it on a 404.

        Within a job a name that the project does not have is answered with the experiment of its run: code that says
        `set_experiment` then logs to its run, where clients refuse to log to a run of another experiment.
        """
        name = self.asked.needed("experiment_name")
        rows = self.caller.rows(Experiment.objects.filter(project=self.caller.project))
        found = rows.filter(name=name).first()
        if found is None and self.caller.own_run is not None:
            found = self.caller.own_run.experiment
        if found is None:
            raise missing(f"Could not find experiment with name '{name[:500]}'")
        return Response({"experiment": experiment_json(found)})


class UpdateView(ExperimentView):
    def post(self, request: Request) -> Response:
        name = name_of(self.asked.needed("new_name"))
        found = self.kept()
        if Experiment.objects.filter(project=found.project_id, name=name).exclude(pk=found.pk).exists():
            raise already_there(f"Experiment {name!r} already exists.")
        experiment_rename(experiment=found, name=name, actor=self.caller.actor)
        return Response({})


class DeleteView(ExperimentView):
    def post(self, request: Request) -> Response:
        """Its runs go out of sight with it."""
        found = self.kept()
        if found.deleted_at is not None:
            raise _absent(found.pk.hex)
        experiment_delete(experiment=found, actor=self.caller.actor)
        return Response({})


class RestoreView(ExperimentView):
    def post(self, request: Request) -> Response:
        """With it come the runs that went with it."""
        found = self.kept()
        if found.deleted_at is None:
            raise missing(f"No deleted Experiment with id={found.pk.hex} exists")
        experiment_restore(experiment=found, actor=self.caller.actor)
        return Response({})


class SetTagView(ExperimentView):
    def post(self, request: Request) -> Response:
        key, value = self.asked.key(), self.asked.text("value", most=wire.EXPERIMENT_TAG_CHARACTERS_MOST)
        experiment_label(experiment=self.kept(), key=key, text=value, actor=self.caller.actor)
        return Response({})


class DeleteTagView(ExperimentView):
    def post(self, request: Request) -> Response:
        key = self.asked.key()
        experiment_unlabel(experiment=self.kept(), key=key, actor=self.caller.actor)
        return Response({})


def experiment_of(caller: Caller, text: str) -> Experiment:
    """The experiment of an id; raises as `ExperimentView.experiment`."""
    found: Experiment | None
    if text == wire.DEFAULT_EXPERIMENT:
        found = default_of(caller)
    else:
        rows = caller.rows(Experiment.objects.select_related("project"))
        found = rows.filter(pk=wire.experiment_uuid(text)).first()
    if found is None:
        raise _absent(text)
    return found


def _absent(text: str) -> MlflowError:
    return missing(f"No Experiment with id={text} exists")


def default_of(caller: Caller) -> Experiment | None:
    """The experiment that a client means which names none: of a job that of its run, else the project's Default."""
    if caller.own_run is not None:
        return caller.own_run.experiment
    rows = caller.rows(Experiment.objects.select_related("project"))
    found: Experiment | None = rows.filter(project=caller.project, name=wire.DEFAULT_EXPERIMENT_NAME).first()
    return found


def _location_check(text: str) -> None:
    """Raises for a place that is not ours: files are kept by the rules of the project, and nowhere else."""
    if text and text.strip("/") != SCHEME.strip("/"):
        raise invalid(
            f"Invalid value {text[:100]!r} for parameter 'artifact_location' supplied: files lie in the store of this"
            " installation, so leave it out."
        )


def name_of(text: str) -> str:
    """Raises for a name that no experiment can have."""
    if len(text) > wire.EXPERIMENT_NAME_CHARACTERS_MOST:
        raise wire.too_long("name", text, wire.EXPERIMENT_NAME_CHARACTERS_MOST)
    return text


def default_json() -> dict[str, Any]:
    """The experiment called Default, where nobody has logged to it yet: it is made with its first run."""
    return {
        "experiment_id": wire.DEFAULT_EXPERIMENT,
        "name": wire.DEFAULT_EXPERIMENT_NAME,
        "lifecycle_stage": wire.ACTIVE,
        "tags": [],
    }
