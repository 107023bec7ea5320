"""One row of every noun, made by the factories."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps as django_apps
from django.db import models, transaction
from factory.django import DjangoModelFactory
from pytest_django import DjangoDbBlocker

from apps.common.models import AuditEvent
from tests.support.factories.access import ProjectFactory

INNER = {"MetricBatch", "LogChunk", "MemberUsage", "EndpointSecond", "EndpointMinute", "EndpointPulse"}
"""Parts of another noun's row: no list shows them."""
APPS = ("access", "quotas", "datasets", "experiments", "deployments")


def factories() -> dict[type[models.Model], type[DjangoModelFactory[Any]]]:
    """Model → its factory (`<Model>Factory`), for all apps."""
    found: dict[type[models.Model], type[DjangoModelFactory[Any]]] = {}
    for app in APPS:
        module = importlib.import_module(f"tests.support.factories.{app}")
        for model in django_apps.get_app_config(app).get_models():
            made = getattr(module, f"{model.__name__}Factory", None)
            if made is not None and model.__name__ not in INNER:
                found[model] = made
    return found


def one_of_everything(project: models.Model) -> dict[type[models.Model], Any]:
    """A row of each noun; those with a `project` column belong to the given one."""
    audited = AuditEvent.objects.create(
        actor_kind="system",
        action="row.made",
        subject_kind="project",
        subject_id=str(project.pk),
        project_id=project.pk,
    )
    rows: dict[type[models.Model], Any] = {type(project): project, AuditEvent: audited}
    for model, made in factories().items():
        if model in rows:
            continue
        own = any(field.name == "project" for field in model._meta.concrete_fields)
        rows[model] = made.create(project=project) if own else made.create()
    return rows


@pytest.fixture(scope="class")
def everything(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[type[models.Model], Any]]:
    """A row of each noun, made once for the tests of a class: each of them goes back to it at its end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield one_of_everything(ProjectFactory.create())
        transaction.set_rollback(True)
