"""Deployments: endpoints behind the gateway and the revisions that serve them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class DeploymentsConfig(AppConfig):
    name = "apps.deployments"
    label = "deployments"
    verbose_name = gettext_lazy("Deployments")
    default_auto_field = "django.db.models.BigAutoField"
