"""Server-rendered pages: the queue, with why everything in it waits."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from apps.quotas.selectors import queue_view


@require_safe
@login_required
def queue_page(request: HttpRequest) -> HttpResponse:
    """What runs and what waits, as far as the reader may see it."""
    holding, waiting = queue_view(request.user)
    return render(request, "quotas/queue.html", {"holding": holding, "waiting": waiting})


urlpatterns = [path("queue", queue_page, name="queue")]
