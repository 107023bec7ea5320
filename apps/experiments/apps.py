"""Experiments: runs and their metrics, artifacts, checkpoints, and the registry of models."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class ExperimentsConfig(AppConfig):
    name = "apps.experiments"
    label = "experiments"
    verbose_name = gettext_lazy("Experiments")
    default_auto_field = "django.db.models.BigAutoField"
