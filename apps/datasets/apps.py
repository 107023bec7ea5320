"""Governed data: ingested, profiled, cleaned, versioned, with its lineage."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class DatasetsConfig(AppConfig):
    name = "apps.datasets"
    label = "datasets"
    verbose_name = gettext_lazy("Datasets")
    default_auto_field = "django.db.models.BigAutoField"
