"""One row of every noun, made by the factories."""

from __future__ import annotations

import importlib
from typing import Any

from django.apps import apps as django_apps
from django.db import models
from factory.django import DjangoModelFactory

APPS = ("access", "quotas", "datasets", "experiments", "deployments")


def factories() -> dict[type[models.Model], type[DjangoModelFactory[Any]]]:
    """Model → its factory (`<Model>Factory`), for all apps."""
    found: dict[type[models.Model], type[DjangoModelFactory[Any]]] = {}
    for app in APPS:
        module = importlib.import_module(f"tests.support.factories.{app}")
        for model in django_apps.get_app_config(app).get_models():
            made = getattr(module, f"{model.__name__}Factory", None)
            if made is not None:
                found[model] = made
    return found


def one_of_everything(project: models.Model) -> dict[type[models.Model], Any]:
    """A row of each noun; those with a `project` column belong to the given one."""
    rows: dict[type[models.Model], Any] = {type(project): project}
    for model, made in factories().items():
        if model in rows:
            continue
        own = any(field.name == "project" for field in model._meta.concrete_fields)
        rows[model] = made.create(project=project) if own else made.create()
    return rows
