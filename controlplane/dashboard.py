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
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from apps.access.api.serializers import MeSerializer
from apps.access.permissions import caller
from apps.common.errors import Unavailable

MANIFEST = "dashboard/manifest.json"
ENTRY = "src/main.tsx"
SCHEMES = ("light", "dark")
SECTIONS = frozenset(
    {
        *("", "datasets", "dataset-versions", "dataset-jobs", "runs", "models", "model-versions"),
        *("endpoints", "quotas", "queue", "workloads", "access"),
    }
)
"""First parts of the addresses that `frontend/src/app/router.tsx` knows."""


class NotBuilt(Unavailable):
    """The dashboard's files are not there."""

    code = "dashboard_not_built"


@cache
def built() -> dict[str, list[str]]:
    """Addresses of the entry's script, of what it imports and of its styles.

    Raises:
        NotBuilt: there is no build; not remembered, so that one made meanwhile is found.
    """
    collected = Path(str(settings.STATIC_ROOT)) / MANIFEST
    found = collected if collected.is_file() else finders.find(MANIFEST)
    if not found:
        raise NotBuilt("The dashboard is not built. Run `make frontend`, then start again.")
    manifest: dict[str, Any] = json.loads(Path(str(found)).read_text(encoding="utf-8"))
    entry = manifest[ENTRY]

    def addresses(files: list[str]) -> list[str]:
        return [static(f"dashboard/{file}") for file in files]

    return {
        "scripts": addresses([entry["file"]]),
        "preloads": addresses([manifest[name]["file"] for name in entry.get("imports", [])]),
        "styles": addresses(entry.get("css", [])),
    }


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
    scheme = request.COOKIES.get("bedplate_theme", "")
    context = {
        **built(),
        "language": "zh-Hans" if (get_language() or "").startswith("zh") else "en",
        "scheme": scheme if scheme in SCHEMES else "",
        "me": MeSerializer(caller(request)).data,
        "nonce": getattr(request, "csp_nonce", ""),
    }
    return render(request, "controlplane/dashboard.html", context)
