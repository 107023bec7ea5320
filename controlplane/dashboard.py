"""The page in which the dashboard runs: one for every address that is not the API's, the admin's or a file's.

`make frontend` builds the scripts; this module reads their names from the build's manifest, once per process.
"""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from apps.access.api.serializers import MeSerializer
from apps.access.permissions import caller
from apps.common.errors import Unavailable
from controlplane.looks import reads_chinese, scheme_of

MANIFEST = "dashboard/manifest.json"
ENTRY = "src/main.tsx"
SECTIONS = frozenset(
    {
        *("", "datasets", "dataset-versions", "dataset-jobs", "ingestion-schedules"),
        *("runs", "models", "model-versions"),
        *("endpoints", "quotas", "what-if", "clusters", "queue", "workloads", "access"),
    }
)
"""First parts of the addresses that `frontend/src/app/router.tsx` knows."""
CODE = {
    "": "overview/pages/overview-page",
    "datasets": "datasets/pages/datasets-page",
    "dataset-versions/": "datasets/pages/version-page",
    "runs": "runs/pages/runs-page",
    "runs/": "runs/pages/run-page",
    "models": "models/pages/models-page",
    "endpoints": "endpoints/pages/endpoints-page",
    "endpoints/": "endpoints/pages/endpoint-page",
    "quotas": "quotas/pages/quotas-page",
    "access": "access/pages/access-page",
}
"""What an address shows, below `src/features/`, by its first part (and a slash, where more follows): its code is
fetched beside the shell's instead of after it. For speed only: the router decides what is shown."""


class NotBuilt(Unavailable):
    """The dashboard's files are not there."""

    code = "dashboard_not_built"


@cache
def manifest() -> dict[str, Any]:
    """Of each source its file, what that imports, and its styles, as the build says.

    Raises:
        NotBuilt: there is no build; not remembered, so that one made meanwhile is found.
    """
    collected = Path(str(settings.STATIC_ROOT)) / MANIFEST
    found = collected if collected.is_file() else finders.find(MANIFEST)
    if not found:
        raise NotBuilt("The dashboard is not built. Run `make frontend`, then start again.")
    read: dict[str, Any] = json.loads(Path(str(found)).read_text(encoding="utf-8"))
    return read


@cache
def built(code: str | None, language: str) -> dict[str, list[str]]:
    """Addresses of the scripts and styles of the shell, and of a page of `CODE` with its words (`en`, `zh`)."""
    known = manifest()
    later = []
    if code is not None:
        feature = code.split("/", 1)[0]
        wanted = (f"src/features/{code}.tsx", f"src/features/{feature}/locale/{language}.json")
        later = [name for name in wanted if name in known]
    names = _needed(known, [ENTRY, *later])
    return {
        "scripts": _addresses([known[ENTRY]["file"]]),
        "preloads": _addresses([known[name]["file"] for name in names[1:]]),
        "styles": _addresses([css for name in names for css in known[name].get("css", [])]),
    }


def _needed(known: dict[str, Any], names: list[str]) -> list[str]:
    """Each of these, and all that they import, once: a source before what it imports."""
    found: dict[str, None] = {}
    waiting = names[::-1]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting.extend(reversed(known[name].get("imports", [])))
    return list(found)


def _addresses(files: list[str]) -> list[str]:
    return [static(f"dashboard/{file}") for file in files]


def _code(path: str) -> str | None:
    section, slash, _rest = path.lstrip("/").partition("/")
    return CODE.get(section + slash)


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """The page for every address of it; where there is none, the same page says so to people, a problem to programs.

    Raises:
        Http404: no page has this address.
    """
    if request.path_info.lstrip("/").split("/", 1)[0] in SECTIONS:
        return page(request)
    if not request.user.is_authenticated or "text/html" not in request.headers.get("Accept", ""):
        raise Http404
    answer = page(request)
    answer.status_code = HTTPStatus.NOT_FOUND
    return answer


@never_cache
@ensure_csrf_cookie
@login_required
def page(request: HttpRequest) -> HttpResponse:
    """The page: scripts, the reader's language and theme, and who they are: the first paint waits for no request."""
    chinese = reads_chinese()
    context = {
        **built(_code(request.path_info), "zh" if chinese else "en"),
        "language": "zh-Hans" if chinese else "en",
        "scheme": scheme_of(request),
        "me": MeSerializer(caller(request)).data,
        "nonce": getattr(request, "csp_nonce", ""),
    }
    return render(request, "controlplane/dashboard.html", context)
