"""Governed data: ingested, profiled, cleaned, versioned, with its lineage."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy

from apps.access.services.commands import command_register
from apps.common.messages import register_faults
from workers.contracts.faults import FAULTS


class DatasetsConfig(AppConfig):
    name = "apps.datasets"
    label = "datasets"
    verbose_name = gettext_lazy("Datasets")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Name the commands that may be asked for by an approval request, and what data jobs say of their input."""
        register_faults(FAULTS)
        command_register("dataset_version.publish", "apps.datasets.services.approvals.override_arguments_check")
