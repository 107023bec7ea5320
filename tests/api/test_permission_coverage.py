"""Every route and method of the API has a case in a permission table."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.support.permissions import Case, context

PREFIXES = ("api/v1/", "api/2.0/")
WITHOUT = (
    "api/v1/runtime/",
    "api/v1/schema",
    "api/v1/docs",
    "api/v1/live/schema",
    "api/v1/auth/login",
    "api/2.0/mlflow/server-info",
    "api/v1/artifact-parts/",
)
"""Jobs and the gateway have tokens of their own, parts of files signed addresses; the rest is for everybody."""
VERBS = ("get", "post", "put", "patch", "delete")


def routes(patterns: Any = None, above: str = "") -> Iterator[tuple[str, str]]:
    """Every (method, route) below the prefixes."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = above + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith(PREFIXES) and not route.startswith(WITHOUT):
            for verb in methods(pattern.callback):
                yield verb.upper(), route


def methods(view: Any) -> list[str]:
    """What a view of REST framework, or a function, answers to."""
    if hasattr(view, "actions"):
        return [verb for verb in VERBS if verb in view.actions]
    cls = getattr(view, "cls", None) or getattr(view, "view_class", None)
    return [verb for verb in VERBS if hasattr(cls, verb)] if cls else ["get"]


def cases() -> list[Case]:
    modules = sorted(path.stem for path in Path(__file__).parent.glob("test_*_permissions.py"))
    return [case for name in modules for case in importlib.import_module(f"tests.api.{name}").CASES]


@pytest.mark.django_db
def test_every_route_has_a_case() -> None:
    around = cache(context)  # one for all cases of a role
    covered = {case.route(around(case.role)) for case in cases()}
    missing = sorted({f"{method} {route}" for method, route in routes() if (method, route) not in covered})
    assert not missing, "no case for:\n" + "\n".join(missing)
