"""`runs/…` of MLflow's protocol: one run, and what its code tells of it. Points of metrics are answered elsewhere."""

from __future__ import annotations

import json
from typing import Any, Final

from rest_framework.request import Request
from rest_framework.response import Response

from apps.experiments.api.mlflow import wire
from apps.experiments.api.mlflow.base import MlflowView
from apps.experiments.api.mlflow.caller import Caller
from apps.experiments.api.mlflow.errors import invalid, missing
from apps.experiments.api.mlflow.experiments import default_of, experiment_of
from apps.experiments.api.mlflow.shapes import STATE_OF, STATUS_NUMBERS, USER_LABEL, run_info_json, run_json
from apps.experiments.api.mlflow.wire import Asked
from apps.experiments.models import Experiment, Run
from apps.experiments.services.experiments import experiment_create
from apps.experiments.services.run_facts import run_facts_log, run_label_delete
from apps.experiments.services.tracked import run_delete, run_restore, run_track, run_update
from apps.experiments.states import RunState

MODEL_HISTORY: Final = "mlflow.log-model.history"
"""The label in which client 2.x keeps what models it logged."""
NOBODY: Final = "unknown"
"""The user of a client that was told none."""
MODEL_FIELDS: Final = {"run_id", "artifact_path", "utc_time_created", "flavors"}
MODEL_BYTES_MOST: Final = 100_000
"""Of all of it together."""


class RunView(MlflowView):
    """Base of the views of one run that `run_id`, or `run_uuid` of old clients, names."""

    def run(self) -> Run:
        """The run, which the caller sees.

        Raises:
            MlflowError: there is none, or none that is visible.
        """
        return run_of(self.caller, self.asked.one_of("run_id", "run_uuid"))

    def own(self) -> Run:
        """The same, to which the caller may write."""
        found = self.run()
        self.caller.require_run(found)
        return found


def run_of(caller: Caller, text: str) -> Run:
    """The run of an id, which the caller sees; raises as `RunView.run`."""
    rows = caller.rows(Run.objects.select_related("project", "requested_by"))
    found: Run | None = rows.filter(pk=wire.run_uuid(text)).first()
    if found is None:
        raise missing(f"Run with id={text} not found")
    return found


class CreateView(MlflowView):
    def post(self, request: Request) -> Response:
        asked = self.asked
        tags = asked.pairs("tags", most=wire.ENTITIES_MOST, value_most=wire.TAG_CHARACTERS_MOST)
        user = asked.text("user_id", most=wire.KEY_CHARACTERS_MOST)
        user = "" if user == NOBODY else user
        name = asked.text("run_name", most=wire.RUN_NAME_CHARACTERS_MOST)
        started_at = asked.moment("start_time")
        run = run_track(
            experiment=self._experiment(asked.text("experiment_id") or wire.DEFAULT_EXPERIMENT),
            actor=self.caller.actor,
            requested_by=self._person(),
            name=name,
            labels={**({USER_LABEL: user} if user else {}), **tags},
            started_at=started_at,
            made_by_run=self.caller.own_run,
        )
        return Response({"run": run_json(run)})

    def _experiment(self, text: str) -> Experiment:
        """The one of this id, in which the caller may make things; `0` is made with the first run."""
        if text == wire.DEFAULT_EXPERIMENT:
            project = self.caller.project
            self.caller.require_maker(project)
            found = default_of(self.caller)
            if found is None:
                name = wire.DEFAULT_EXPERIMENT_NAME
                found = experiment_create(project=project, name=name, actor=self.caller.actor)
            return found
        found = experiment_of(self.caller, text)
        self.caller.require_maker(found.project)
        return found

    def _person(self) -> Any:
        """Who it is, or for whom the job works that makes it."""
        own = self.caller.own_run
        return own.requested_by if own is not None else self.caller.person


class GetView(RunView):
    def get(self, request: Request) -> Response:
        run = self.run()
        return Response({"run": run_json(run, run.inputs.order_by("id"))})


class UpdateView(RunView):
    def post(self, request: Request) -> Response:
        """Status, end and name of a tracked run; of a job's own run the name, the rest is its job's to decide."""
        state, ended_at = state_of(self.asked), self.asked.moment("end_time")
        name = self.asked.text("run_name", most=wire.RUN_NAME_CHARACTERS_MOST)
        run = run_update(run_id=self.own().pk, actor=self.caller.actor, state=state, ended_at=ended_at, name=name)
        return Response({"run_info": run_info_json(run)})


class DeleteView(RunView):
    def post(self, request: Request) -> Response:
        run_delete(run=self.own(), actor=self.caller.actor)
        return Response({})


class RestoreView(RunView):
    def post(self, request: Request) -> Response:
        run_restore(run=self.own(), actor=self.caller.actor)
        return Response({})


class LogParamView(RunView):
    def post(self, request: Request) -> Response:
        key, value = self.asked.key(), self.asked.text("value", most=wire.PARAM_CHARACTERS_MOST)
        run_facts_log(run_id=self.own().pk, parameters={key: value}, actor=self.caller.actor)
        return Response({})


class SetTagView(RunView):
    def post(self, request: Request) -> Response:
        key, value = self.asked.key(), self.asked.text("value", most=wire.TAG_CHARACTERS_MOST)
        run_facts_log(run_id=self.own().pk, labels={key: value}, actor=self.caller.actor)
        return Response({})


class DeleteTagView(RunView):
    def post(self, request: Request) -> Response:
        key = self.asked.key()
        run_label_delete(run_id=self.own().pk, key=key, actor=self.caller.actor)
        return Response({})


class LogModelView(RunView):
    def post(self, request: Request) -> Response:
        """Client 2.x tells what it logged: kept as a label, newest last, one of an artifact path."""
        told = self._told()
        run = self.own()
        known = [each for each in history_of(run) if each.get("artifact_path") != told["artifact_path"]]
        text = json.dumps([*known, told])
        if len(text) > MODEL_BYTES_MOST:
            raise invalid(f"The models of one run may be told in {MODEL_BYTES_MOST} characters, not {len(text)}.")
        run_facts_log(run_id=run.pk, labels={MODEL_HISTORY: text}, actor=self.caller.actor)
        return Response({})

    def _told(self) -> dict[str, Any]:
        try:
            told = json.loads(self.asked.needed("model_json", most=MODEL_BYTES_MOST))
        except ValueError as error:
            raise invalid("Malformed model info: it is not JSON.") from error
        lacking = MODEL_FIELDS - set(told if isinstance(told, dict) else ())
        if lacking:
            raise invalid(f"Model json is missing mandatory fields: {', '.join(sorted(lacking))}.")
        kept: dict[str, Any] = told
        return kept


def history_of(run: Run) -> list[dict[str, Any]]:
    """The models that client 2.x told of."""
    try:
        found = json.loads(run.labels.get(MODEL_HISTORY) or "[]")
    except ValueError:
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def state_of(asked: Asked) -> RunState | None:
    """The state that `status` means, as a word or as a number of the protocol; None where it says nothing."""
    said = asked.values.get("status")
    if said is None:
        return None
    word = STATUS_NUMBERS.get(said, "") if isinstance(said, int) else said
    found = STATE_OF.get(word) if isinstance(word, str) else None
    if found is None:
        words = ", ".join(STATE_OF)
        raise invalid(f"Invalid value {str(said)[:100]!r} for parameter 'status' supplied: it must be one of {words}.")
    return found
