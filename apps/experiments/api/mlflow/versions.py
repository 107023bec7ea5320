"""`model-versions/…` of MLflow's protocol."""

from __future__ import annotations

from typing import Final

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Forbidden
from apps.experiments.api.mlflow import wire
from apps.experiments.api.mlflow.artifact_places import logged_model_of
from apps.experiments.api.mlflow.base import MlflowView
from apps.experiments.api.mlflow.errors import invalid, missing
from apps.experiments.api.mlflow.places import version_artifact_uri
from apps.experiments.api.mlflow.registry import model_of, with_default
from apps.experiments.api.mlflow.registry_shapes import version_json
from apps.experiments.api.mlflow.runs import run_of
from apps.experiments.api.mlflow.search import SearchView, page_of, paged
from apps.experiments.api.mlflow.sources import made_of
from apps.experiments.api.verified import usable_check
from apps.experiments.models import ModelVersion
from apps.experiments.selectors.registry_search import VERSIONS, versions_found, versions_said
from apps.experiments.services.labels import TEXT_MOST
from apps.experiments.services.registering import Made, model_version_register
from apps.experiments.services.registry import model_version_change, model_version_delete
from apps.experiments.services.stages import ALIAS_OF, STAGES, stage_named, stage_set
from apps.experiments.services.verifying import model_version_verify_soon

RESULTS_DEFAULT: Final = 10_000
RESULTS_MOST: Final = 200_000


class VersionView(MlflowView):
    """Base: a version that `name` and `version` name."""

    def version(self) -> ModelVersion:
        name = self.asked.needed("name")
        if not self.asked.has("version"):
            raise self.asked.lacking("version")
        number = self.asked.number("version", 0, least=0)
        model = model_of(self.caller, name)
        found: ModelVersion | None = (
            versions_said(ModelVersion.objects.filter(model=model, deleted_at=None)).filter(number=number).first()
        )
        if found is None:
            raise missing(f"Model Version (name={name[:300]}, version={number}) not found")
        return found

    def kept(self) -> ModelVersion:
        """The same, which the caller may change: a job what its own run made."""
        found = self.version()
        own = self.caller.own_run
        if self.caller.attempt is not None and found.run is not None and own is not None and found.run_id == own.pk:
            self.caller.require_maker(found.project)
        else:
            self.caller.require_keeper(found.project)
        return found

    def answer(self) -> Response:
        return Response({"model_version": version_json(self.version())})


class CreateView(MlflowView):
    def post(self, request: Request) -> Response:
        """The next version, from files that were logged. Its files are read before it is READY; where loading them
        would run code, it is not until somebody approves."""
        asked = self.asked
        model = model_of(self.caller, asked.needed("name"))
        self.caller.require_maker(model.project)
        made = made_of(
            self.caller,
            asked.needed("source", most=1000),
            run=run_of(self.caller, asked.text("run_id")) if asked.text("run_id") else None,
            model=logged_model_of(self.caller, asked.text("model_id")) if asked.text("model_id") else None,
        )
        if any(file.project_id != model.project_id for file in made.files.values()):
            raise invalid("The files of a version belong to the project of its model.")
        labels = asked.pairs("tags", most=wire.ENTITIES_MOST, value_most=TEXT_MOST)
        described = Made(
            files=made.files,
            run=made.run,
            logged_model=made.logged_model,
            source=made.source,
            description=asked.text("description"),
            labels=labels,
        )
        version = model_version_register(
            model=model, made=described, registered_by=self.caller.person, actor=self.caller.actor
        )
        model_version_verify_soon(version)
        found = versions_said(ModelVersion.objects.filter(pk=version.pk)).get()
        return Response({"model_version": version_json(found)})


class GetView(VersionView):
    def get(self, request: Request) -> Response:
        return self.answer()


class UpdateView(VersionView):
    def patch(self, request: Request) -> Response:
        text = self.asked.text("description")
        model_version_change(version=self.kept(), description=text, actor=self.caller.actor)
        return self.answer()


class DeleteView(VersionView):
    def delete(self, request: Request) -> Response:
        version = self.version()
        self.caller.require_keeper(version.project)
        model_version_delete(version=version, actor=self.caller.actor)
        return Response({})


class SetTagView(VersionView):
    def post(self, request: Request) -> Response:
        key, text = self.asked.key(), self.asked.text("value", most=TEXT_MOST)
        version = self.kept()
        model_version_change(version=version, labels={**version.labels, key: text}, actor=self.caller.actor)
        return Response({})


class DeleteTagView(VersionView):
    def delete(self, request: Request) -> Response:
        key = self.asked.key()
        version = self.kept()
        labels = {name: text for name, text in version.labels.items() if name != key}
        model_version_change(version=version, labels=labels, actor=self.caller.actor)
        return Response({})


class StageView(VersionView):
    """`model-versions/transition-stage`: an alias stands for each stage."""

    def post(self, request: Request) -> Response:
        stage = stage_named(self.asked.needed("stage"))
        if stage is None:
            raise invalid(f"Invalid Model Version stage. Value must be one of {', '.join(STAGES)}.")
        archive = self.asked.flag("archive_existing_versions")
        if archive and stage not in ALIAS_OF:
            raise invalid(
                f"Model version transition cannot archive existing model versions because {stage!r} is not an Active"
                f" stage. Valid stages are {', '.join(ALIAS_OF)}."
            )
        if self.caller.attempt is not None:
            raise Forbidden("A job may register versions; which of them is used, people decide.")
        stage_set(version=self.kept(), stage=stage, archive_existing=archive, actor=self.caller.actor)
        return self.answer()


class DownloadUriView(VersionView):
    def get(self, request: Request) -> Response:
        """Where its files are read, each compared with its digest. Refused where it may not be loaded."""
        version = self.version()
        usable_check(version)
        return Response({"artifact_uri": version_artifact_uri(version)})


class VersionsSearchView(SearchView):
    """`model-versions/search`: of the project that is named, else of all that the caller sees."""

    def get(self, request: Request) -> Response:
        filters, orders = self.terms(VERSIONS)
        rows = self.caller.rows_here(ModelVersion.objects.filter(deleted_at=None, model__deleted_at=None))
        asked = with_default(self.asked, RESULTS_DEFAULT)
        found, token = page_of(versions_found(rows, filters, orders), asked, most=RESULTS_MOST)
        return paged("model_versions", [version_json(one) for one in found], token)

    def post(self, request: Request) -> Response:
        return self.get(request)
