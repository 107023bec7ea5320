"""House rule 11: a noun arrives whole."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps as django_apps
from django.contrib import admin
from django.db import models

from apps.common.states import Stateful
from tests.architecture.tree import APPS, ROOT

NOUNS = [
    model for app in APPS for model in django_apps.get_app_config(app).get_models() if not model._meta.auto_created
]
IDS = [f"{model._meta.app_label}.{model.__name__}" for model in NOUNS]
KERNEL = {"Event", "Transition", "AuditEvent", "IdempotencyKey"}
INNER = {
    "ProjectUserPermission",
    "BudgetHold",
    "LogChunk",
    "LoggedModelMetric",
    "MemberUsage",
    "MetricBatch",
    "MetricRequest",
    "MetricSender",
    "EndpointSecond",
    "EndpointMinute",
    "EndpointPulse",
    "Pulse",
    "QueueHistory",
    "EstimateLevel",
}
"""Rows that are part of another noun: no admin page, factory or README row of their own."""


@pytest.mark.parametrize("model", NOUNS, ids=IDS)
def test_noun_has_a_docstring(model: type[models.Model]) -> None:
    assert model.__doc__
    assert not model.__doc__.startswith(f"{model.__name__}(")


@pytest.mark.parametrize("model", [m for m in NOUNS if m.__name__ not in INNER], ids=lambda m: m.__name__)
def test_noun_is_in_the_admin_and_in_the_readme(model: type[models.Model]) -> None:
    assert admin.site.is_registered(model)
    readme = (ROOT / "apps" / model._meta.app_label / "README.md").read_text()
    assert f"`{model.__name__}`" in readme


@pytest.mark.parametrize("model", [m for m in NOUNS if m.__name__ not in INNER | KERNEL], ids=lambda m: m.__name__)
def test_noun_has_a_factory(model: type[models.Model]) -> None:
    module = importlib.import_module(f"tests.support.factories.{model._meta.app_label}")
    assert f"{model.__name__}Factory" in vars(module)


@pytest.mark.parametrize("model", [m for m in NOUNS if m._meta.app_label != "common"], ids=lambda m: m.__name__)
def test_reads_can_start_at_visible_to(model: type[models.Model]) -> None:
    if model.__name__ in INNER:
        return
    if model.__name__ == "User":
        return
    assert hasattr(model._default_manager.all(), "visible_to"), f"{model.__name__} has no visible_to()"


@pytest.mark.parametrize("model", [m for m in NOUNS if issubclass(m, Stateful)], ids=lambda m: m.__name__)
def test_the_database_refuses_an_unknown_state(model: type[Stateful]) -> None:
    checks = [c for c in model._meta.constraints if isinstance(c, models.CheckConstraint)]
    states = sorted(model.machine.steps)
    assert any(c.condition == models.Q(state__in=states) for c in checks), (
        f"{model.__name__} lacks its state constraint"
    )


@pytest.mark.parametrize("app", APPS)
def test_app_has_its_rooms(app: str) -> None:
    folder = ROOT / "apps" / app
    rooms = (
        {"README.md", "apps.py"} if app == "common" else {"README.md", "apps.py", "admin", "states.py", "api/urls.py"}
    )
    missing = {room for room in rooms if not (folder / room).exists() and not (folder / f"{room}.py").exists()}
    assert missing == set()
