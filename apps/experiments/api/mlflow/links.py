"""Where a browser lands that follows a link which a client of MLflow printed: `<tracking URI>/#/experiments/…`.

What stands after `#` never reaches a server. So the address answers with a page of one script, which says it again as
the query `at`; that is looked up for who has signed in, and leads to a page of the dashboard.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote, urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.experiments.api.mlflow.wire import DEFAULT_EXPERIMENT, DEFAULT_EXPERIMENT_NAME, MODEL_PREFIX, uuid_or_none
from apps.experiments.models import Experiment, LoggedModel, ModelVersion, RegisteredModel

NUMBER_DIGITS_MOST: Final = 9
_RUN: Final = re.compile(r"experiments/[^/]+/runs/(?P<run>[^/]+)(?:/.*)?")
_LOGGED: Final = re.compile(r"experiments/[^/]+/models/(?P<logged>[^/]+)(?:/.*)?")
_EXPERIMENT: Final = re.compile(r"experiments/(?P<experiment>[^/]+)(?:/.*)?")
_MODEL: Final = re.compile(r"models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?(?:/.*)?")


@require_safe
@never_cache
def link(request: HttpRequest, project: str = "") -> HttpResponse:
    """The page of one script; with `at`, the way to what it names."""
    if "at" in request.GET:
        return _led(request, project)
    return render(request, "experiments/mlflow_link.html", {"project": project})


@login_required
def _led(request: HttpRequest, project: str) -> HttpResponse:
    place = request.GET["at"].partition("?")[0].strip("/")
    place = "" if "\x00" in unquote(place) else place
    return HttpResponseRedirect(_address(request.user, project, place))


def _address(user: Any, project: str, place: str) -> str:
    """The dashboard's address of what a link names; what is not there, or not visible, leads to the list of its kind,
    a run to the page that says so."""
    if found := _RUN.fullmatch(place):
        number = uuid_or_none(found["run"])
        return f"/runs/{number}" if number is not None else _list("runs", project)
    if found := _LOGGED.fullmatch(place):
        number = uuid_or_none(found["logged"].removeprefix(MODEL_PREFIX))
        model = LoggedModel.objects.visible_to(user).filter(pk=number, run__isnull=False).first()
        return f"/runs/{model.run_id}?tab=files" if model is not None else _list("runs", project)
    if found := _EXPERIMENT.fullmatch(place):
        return _list("runs", project, experiment=_experiment(user, project, found["experiment"]))
    if found := _MODEL.fullmatch(place):
        return _model_address(user, project, unquote(found["model"]), found["version"] or "")
    return _list("models" if place == "models" else "runs", project)


def _experiment(user: Any, project: str, text: str) -> str:
    """Its id as the dashboard has it; empty where it cannot be."""
    if text != DEFAULT_EXPERIMENT:
        return str(uuid_or_none(text) or "")
    rows = Experiment.objects.visible_to(user).filter(project__name=project, name=DEFAULT_EXPERIMENT_NAME)
    return str(rows.values_list("pk", flat=True).first() or "")


def _model_address(user: Any, project: str, name: str, number: str) -> str:
    rows = RegisteredModel.objects.visible_to(user).filter(name=name, deleted_at=None)
    model = (rows.filter(project__name=project) if project else rows).order_by("id").first()
    if model is None:
        return _list("models", project)
    if number.isascii() and number.isdigit() and len(number) <= NUMBER_DIGITS_MOST:
        version = ModelVersion.objects.filter(model=model, number=int(number), deleted_at=None).first()
        if version is not None:
            return f"/model-versions/{version.pk}"
    return f"/models/{model.pk}"


def _list(kind: str, project: str, **more: str) -> str:
    asked = {name: text for name, text in {"project": project, **more}.items() if text}
    return f"/{kind}?{urlencode(asked)}" if asked else f"/{kind}"
