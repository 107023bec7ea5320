"""Experiments: runs and their metrics, artifacts, checkpoints, and the registry of models."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy

from apps.access.services.commands import command_register


class ExperimentsConfig(AppConfig):
    name = "apps.experiments"
    label = "experiments"
    verbose_name = gettext_lazy("Experiments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Name the commands that may be asked for by an approval request."""
        command_register("model_version.use", "apps.experiments.services.model_approvals.use_arguments_check")
