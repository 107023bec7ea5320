"""`registered-models/…` of MLflow's protocol."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.experiments.api.mlflow import wire
from apps.experiments.api.mlflow.base import MlflowView
from apps.experiments.api.mlflow.caller import Caller
from apps.experiments.api.mlflow.errors import already_there, invalid, missing, not_offered
from apps.experiments.api.mlflow.registry_shapes import model_json, version_json
from apps.experiments.api.mlflow.search import SearchView, page_of, paged
from apps.experiments.models import ModelAlias, ModelVersion, RegisteredModel
from apps.experiments.models.registry import ALIAS, MODEL_NAME
from apps.experiments.selectors.registry_search import MODELS, PROMPT, models_found, versions_said, with_aliases
from apps.experiments.services.labels import TEXT_MOST
from apps.experiments.services.registry import (
    NameTaken,
    model_alias_delete,
    model_alias_set,
    model_change,
    model_create,
    model_delete,
)
from apps.experiments.services.stages import STAGES, stage_named, stage_of

RESULTS_DEFAULT: Final = 100
RESULTS_MOST: Final = 1000


class ModelView(MlflowView):
    """Base: a model that `name` names, in the project that is named or the caller's only one."""

    def model(self) -> RegisteredModel:
        return model_of(self.caller, self.asked.needed("name"))

    def kept(self) -> RegisteredModel:
        """The same, which the caller may change."""
        found = self.model()
        self.caller.require_keeper(found.project)
        return found


def model_of(caller: Caller, name: str) -> RegisteredModel:
    """The model of a name, which the caller sees.

    Without a project it is the only one of that name that the caller sees.

    Raises:
        MlflowError: there is none; or several, and no project is named.
    """
    rows = with_aliases(RegisteredModel.objects.select_related("project").filter(name=name, deleted_at=None))
    found = list(caller.rows_here(rows)[:2])
    if not found:
        raise missing(f"Registered Model with name={name[:300]} not found")
    if len(found) > 1:
        raise invalid(f"Several projects have a model {name[:300]!r}: end the tracking URI with /mlflow/<project>.")
    model: RegisteredModel = found[0]
    return model


def name_of(text: str) -> str:
    """The name itself, once it is known that a model can have it."""
    try:
        MODEL_NAME(text)
        text.encode()
    except (ValidationError, UnicodeEncodeError):
        raise invalid(
            f"Invalid model name: {text[:300]!r}. A name has 1 to 256 characters, none of them '/', ':' or '\\',"
            " and no blanks at its ends."
        ) from None
    return text


def alias_of(text: str) -> str:
    """The alias itself, once it is known that a version can have it."""
    try:
        ALIAS(text)
    except ValidationError:
        raise invalid(
            f"Invalid alias name: {text[:300]!r}. It has letters, digits, '_' and '-'; 'latest' and version numbers"
            " are reserved."
        ) from None
    return text


class CreateView(MlflowView):
    def post(self, request: Request) -> Response:
        name = name_of(self.asked.needed("name"))
        labels = self.asked.pairs("tags", most=wire.ENTITIES_MOST, value_most=TEXT_MOST)
        if labels.get(PROMPT) == "true":
            raise not_offered("Prompts are not kept here: log their text to a run, mlflow.log_text(…).")
        project = self.caller.project
        self.caller.require_maker(project)
        try:
            made = model_create(
                project=project,
                name=name,
                description=self.asked.text("description"),
                labels=labels,
                actor=self.caller.actor,
            )
        except NameTaken:
            raise already_there(f"Registered Model (name={name}) already exists.") from None
        return Response({"registered_model": model_json(made)})


class GetView(ModelView):
    def get(self, request: Request) -> Response:
        model = self.model()
        return Response({"registered_model": model_json(model, latest_of(model))})


class RenameView(ModelView):
    def post(self, request: Request) -> Response:
        name = name_of(self.asked.needed("new_name"))
        try:
            model_change(model=self.kept(), name=name, actor=self.caller.actor)
        except NameTaken:
            raise already_there(f"Registered Model (name={name}) already exists.") from None
        model = model_of(self.caller, name)
        return Response({"registered_model": model_json(model, latest_of(model))})


class UpdateView(ModelView):
    def patch(self, request: Request) -> Response:
        model = self.kept()
        model_change(model=model, description=self.asked.text("description"), actor=self.caller.actor)
        model = self.model()
        return Response({"registered_model": model_json(model, latest_of(model))})


class DeleteView(ModelView):
    def delete(self, request: Request) -> Response:
        model_delete(model=self.kept(), actor=self.caller.actor)
        return Response({})


class SetTagView(ModelView):
    def post(self, request: Request) -> Response:
        key, text = self.asked.key(), self.asked.text("value", most=TEXT_MOST)
        model = self.kept()
        model_change(model=model, labels={**model.labels, key: text}, actor=self.caller.actor)
        return Response({})


class DeleteTagView(ModelView):
    def delete(self, request: Request) -> Response:
        key = self.asked.key()
        model = self.kept()
        labels = {name: text for name, text in model.labels.items() if name != key}
        model_change(model=model, labels=labels, actor=self.caller.actor)
        return Response({})


class AliasView(ModelView):
    """`registered-models/alias`: which version it points at, set, delete."""

    def get(self, request: Request) -> Response:
        model, name = self.model(), self.asked.needed("alias")
        rows = versions_said(ModelVersion.objects.filter(model=model, deleted_at=None))
        found = rows.filter(aliases__name=name).first()
        if found is None:
            raise invalid(f"Registered model alias {name[:300]} not found.")
        return Response({"model_version": version_json(found)})

    def post(self, request: Request) -> Response:
        name, number = alias_of(self.asked.needed("alias")), self.asked.number("version", 0, least=0)
        model = self.kept()
        version = ModelVersion.objects.filter(model=model, number=number, deleted_at=None).first()
        if version is None:
            raise missing(f"Model Version (name={model.name}, version={number}) not found")
        model_alias_set(model=model, name=name, version=version, actor=self.caller.actor)
        return Response({})

    def delete(self, request: Request) -> Response:
        model = self.kept()
        alias = ModelAlias.objects.filter(model=model, name=self.asked.needed("alias")).first()
        if alias is not None:
            model_alias_delete(alias=alias, actor=self.caller.actor)
        return Response({})


class LatestVersionsView(ModelView):
    """The newest version of each stage; `stages` says of which."""

    reads = True

    def post(self, request: Request) -> Response:
        wanted = [self._stage(text) for text in self.asked.texts("stages")] or list(STAGES)
        found = [one for one in latest_of(self.model()) if _stage(one) in wanted]
        return Response({"model_versions": [version_json(one) for one in found]})

    def get(self, request: Request) -> Response:
        return self.post(request)

    @staticmethod
    def _stage(text: str) -> str:
        found = stage_named(text)
        if found is None:
            raise invalid(f"Invalid Model Version stage: {text[:100]}. Value must be one of {', '.join(STAGES)}.")
        return found


class ModelsSearchView(SearchView):
    """`registered-models/search`: of the project that is named, else of all that the caller sees."""

    def get(self, request: Request) -> Response:
        filters, orders = self.terms(MODELS)
        rows = self.caller.rows_here(RegisteredModel.objects.filter(deleted_at=None))
        asked = with_default(self.asked, RESULTS_DEFAULT)
        found, token = page_of(models_found(rows, filters, orders), asked, most=RESULTS_MOST)
        latest = _latest_of_many(found)
        return paged("registered_models", [model_json(one, latest.get(one.pk, ())) for one in found], token)

    def post(self, request: Request) -> Response:
        return self.get(request)


def with_default(asked: wire.Asked, most: int) -> wire.Asked:
    return asked if asked.has("max_results") else wire.Asked({**asked.values, "max_results": most})


def latest_of(model: RegisteredModel) -> list[ModelVersion]:
    """The newest version of each stage, by number. Three queries."""
    return _latest_of_many([model]).get(model.pk, [])


def _latest_of_many(models: list[Any]) -> dict[Any, list[ModelVersion]]:
    """By model: what is aliased and the newest of all, one of each stage."""
    ids = [model.pk for model in models]
    numbers = ModelVersion.objects.filter(model__in=ids, deleted_at=None).order_by("model", "-number")
    newest = numbers.distinct("model").values("pk")
    staged = ModelAlias.objects.filter(model__in=ids, name__in=("production", "staging")).values("version")
    rows = versions_said(ModelVersion.objects.filter(pk__in=newest.union(staged)))
    found: dict[Any, dict[str, ModelVersion]] = {}
    for one in rows.order_by("number"):
        found.setdefault(one.model_id, {})[_stage(one)] = one
    return {pk: sorted(stages.values(), key=lambda one: one.number) for pk, stages in found.items()}


def _stage(version: ModelVersion) -> str:
    return stage_of(version, (one.name for one in version.aliases.all()))
