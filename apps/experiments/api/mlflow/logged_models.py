"""`logged-models/…` of MLflow's protocol."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db.models import prefetch_related_objects
from rest_framework.request import Request
from rest_framework.response import Response

from apps.experiments.api.mlflow import wire
from apps.experiments.api.mlflow.artifact_places import logged_model_of, model_writable
from apps.experiments.api.mlflow.base import MlflowView
from apps.experiments.api.mlflow.errors import invalid
from apps.experiments.api.mlflow.experiments import default_of, experiment_of
from apps.experiments.api.mlflow.places import model_artifact_uri
from apps.experiments.api.mlflow.runs import run_of
from apps.experiments.api.mlflow.search import SearchView, page_of, paged
from apps.experiments.api.mlflow.wire import MODEL_PREFIX, ms_of, pairs_of
from apps.experiments.models import LoggedModel, LoggedModelMetric
from apps.experiments.search.grammar import Order, filter_of, order_of
from apps.experiments.search.words import BadSearch, quoted
from apps.experiments.selectors.registry_search import LOGGED, logged_found, points_shown
from apps.experiments.selectors.series import number_said
from apps.experiments.services.logged_models import (
    logged_model_create,
    logged_model_delete,
    logged_model_finalize,
    logged_model_log,
    logged_model_unlabel,
)
from apps.experiments.services.tracked import name_drawn
from apps.experiments.states import LoggedModelState

STATUS_OF: Final = {
    LoggedModelState.PENDING: "LOGGED_MODEL_PENDING",
    LoggedModelState.READY: "LOGGED_MODEL_READY",
    LoggedModelState.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}
WORD_OF: Final = {"pending": "PENDING", "ready": "READY", "failed": "FAILED"}
"""As a filter says it."""
NUMBERS: Final = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}
PARAMS_MOST: Final = 1000
RESULTS_DEFAULT: Final = 100
RESULTS_MOST: Final = 1000
"""On a page; who asks for more is given this many, and where to go on."""


def model_json(model: LoggedModel) -> dict[str, Any]:
    """A model with the points that were fetched with it."""
    made = ms_of(model.created_at)
    return {
        "info": {
            "model_id": f"{MODEL_PREFIX}{model.pk.hex}",
            "experiment_id": model.experiment_id.hex,
            "name": model.name,
            "creation_timestamp_ms": made,
            "last_updated_timestamp_ms": max(made or 0, ms_of(model.state_at) or 0),
            "artifact_uri": model_artifact_uri(model),
            "status": STATUS_OF[LoggedModelState(model.state)],
            "status_message": model.state_detail,
            "model_type": model.kind,
            "source_run_id": model.run_id.hex if model.run_id else "",
            "tags": pairs_of(model.labels),
        },
        "data": {"params": pairs_of(model.parameters), "metrics": [_metric(one) for one in model.metrics.all()]},
    }


def _metric(one: LoggedModelMetric) -> dict[str, Any]:
    dataset = {"dataset_name": one.dataset_name, "dataset_digest": one.dataset_digest} if one.dataset_name else {}
    return {
        "key": one.key,
        "value": number_said(one.value),
        "timestamp": one.time_ms,
        "step": one.step,
        "model_id": f"{MODEL_PREFIX}{one.model_id.hex}",
        "run_id": one.run_id.hex,
        **dataset,
    }


def _shown(model: LoggedModel) -> Response:
    prefetch_related_objects([model], points_shown())
    return Response({"model": model_json(model)})


class CreateView(MlflowView):
    def post(self, request: Request) -> Response:
        asked = self.asked
        experiment = experiment_of(self.caller, asked.text("experiment_id") or wire.DEFAULT_EXPERIMENT)
        self.caller.require_maker(experiment.project)
        run = None
        if asked.text("source_run_id"):
            run = run_of(self.caller, asked.text("source_run_id"))
            self.caller.require_run(run)
            if run.project_id != experiment.project_id:
                raise invalid("Invalid value for parameter 'source_run_id': the run is of another project.")
        elif self.caller.own_run is not None:
            run = self.caller.own_run
        made = logged_model_create(
            experiment=experiment,
            name=asked.text("name") or name_drawn(),
            run=run,
            kind=asked.text("model_type", most=500),
            parameters=asked.pairs("params", most=PARAMS_MOST, value_most=wire.PARAM_CHARACTERS_MOST),
            labels=asked.pairs("tags", most=PARAMS_MOST, value_most=wire.TAG_CHARACTERS_MOST),
            made_by=self.caller.person,
            actor=self.caller.actor,
        )
        return _shown(made)


class OfModelView(MlflowView):
    """Base: about one logged model."""

    def model(self, model_id: str, *, with_deleted: bool = False) -> LoggedModel:
        return logged_model_of(self.caller, model_id, with_deleted=with_deleted)

    def own(self, model_id: str, *, with_deleted: bool = False) -> LoggedModel:
        found = self.model(model_id, with_deleted=with_deleted)
        model_writable(self.caller, found)
        return found


class ModelView(OfModelView):
    """One logged model; `PATCH` says that its files have come, or will not."""

    def get(self, request: Request, model_id: str) -> Response:
        return _shown(self.model(model_id, with_deleted=self.asked.flag("allow_deleted")))

    def patch(self, request: Request, model_id: str) -> Response:
        said = self.asked.values.get("status")
        word = NUMBERS.get(said, "") if isinstance(said, int) else said
        state = next((state for state, text in STATUS_OF.items() if text == word), None)
        if state is None or state == LoggedModelState.PENDING:
            raise invalid(f"Invalid value {str(said)[:100]!r} for parameter 'status' supplied.")
        found = logged_model_finalize(model=self.own(model_id), state=state, actor=self.caller.actor)
        return _shown(found)

    def delete(self, request: Request, model_id: str) -> Response:
        logged_model_delete(model=self.own(model_id, with_deleted=True), actor=self.caller.actor)
        return Response({})


class TagsView(OfModelView):
    http_method_names = ("patch", "post")

    def patch(self, request: Request, model_id: str) -> Response:
        labels = self.asked.pairs("tags", most=PARAMS_MOST, value_most=wire.TAG_CHARACTERS_MOST)
        logged_model_log(model=self.own(model_id), labels=labels)
        return Response({})

    def post(self, request: Request, model_id: str) -> Response:
        return self.patch(request, model_id)


class TagView(OfModelView):
    http_method_names = ("delete",)

    def delete(self, request: Request, model_id: str, key: str = "") -> Response:
        logged_model_unlabel(model=self.own(model_id), key=key)
        return Response({})


class ParamsView(OfModelView):
    http_method_names = ("post",)

    def post(self, request: Request, model_id: str) -> Response:
        parameters = self.asked.pairs("params", most=PARAMS_MOST, value_most=wire.PARAM_CHARACTERS_MOST)
        logged_model_log(model=self.own(model_id), parameters=parameters)
        return Response({})


class LoggedModelsSearchView(SearchView):
    """`POST logged-models/search`."""

    def post(self, request: Request) -> Response:
        asked = self.asked
        try:
            filters = filter_of(asked.text("filter"), LOGGED)
        except BadSearch as error:
            raise invalid(f"Invalid filter: {error}") from error
        orders = [self._order(one) for one in asked.items("order_by")]
        datasets = [(one.needed("dataset_name"), one.text("dataset_digest")) for one in asked.items("datasets")]
        if not asked.texts("experiment_ids"):
            raise asked.lacking("experiment_ids")
        rows = self.caller.rows(LoggedModel.objects.filter(experiment__in=self._experiments(), deleted_at=None))
        size = min(asked.number("max_results", RESULTS_DEFAULT, least=1), RESULTS_MOST)
        asked = wire.Asked({**asked.values, "max_results": size})
        found, token = page_of(
            logged_found(rows, filters, orders, datasets=datasets, status_of=WORD_OF), asked, most=RESULTS_MOST
        )
        return paged("models", [model_json(one) for one in found], token)

    def _experiments(self) -> list[UUID]:
        """Those that are named and can be; what is not there has no models."""
        named = self.asked.texts("experiment_ids")
        found = [wire.uuid_or_none(text) for text in named]
        if wire.DEFAULT_EXPERIMENT in named:
            default = default_of(self.caller)
            found.append(default.pk if default is not None else None)
        return [each for each in found if each is not None]

    @staticmethod
    def _order(one: wire.Asked) -> tuple[Order, str, str]:
        """A clause of the order: the name of a field as a filter would say it, and which way."""
        name = one.needed("field_name")
        try:
            order = order_of(f"{name} {'ASC' if one.flag('ascending', default=True) else 'DESC'}", LOGGED)
        except BadSearch as error:
            raise invalid(f"Invalid order by field: {quoted(name)[:200]}. {error}") from error
        return order, one.text("dataset_name"), one.text("dataset_digest")
