"""Server-rendered pages: the list of runs with their state, why, and where they stand."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from apps.common.api import is_uuid
from apps.experiments.selectors.runs import runs_page
from apps.experiments.states import RunState


@require_safe
@login_required
def runs_list(request: HttpRequest) -> HttpResponse:
    """The newest runs that the reader sees; `?state=` narrows, `?before=` goes on."""
    state, before = request.GET.get("state", ""), request.GET.get("before", "")
    if (state and state not in RunState.values) or (before and not is_uuid(before)):
        raise Http404
    rows, older = runs_page(request.user, state=state, before=UUID(before) if before else None)
    shown = {"rows": rows, "older": older, "state": state, "states": RunState.values}
    return render(request, "experiments/runs.html", shown)


urlpatterns = [path("runs", runs_list, name="runs")]
