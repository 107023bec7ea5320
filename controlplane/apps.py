"""The wiring as a Django app: its management commands, and the Celery app that tasks are sent through."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from controlplane import celery


class ControlplaneConfig(AppConfig):
    name = "controlplane"
    label = "controlplane"
    verbose_name = "Control plane"

    celery_app = celery.app


class PanelConfig(AdminConfig):
    """Django's admin with our own site."""

    default_site = "controlplane.panel.site.PanelSite"
