"""The wiring as a Django app: its management commands, and the Celery app that tasks are sent through."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from controlplane import celery, loading


class ControlplaneConfig(AppConfig):
    name = "controlplane"
    label = "controlplane"
    verbose_name = "Control plane"

    celery_app = celery.app

    def ready(self) -> None:
        loading.end()  # this app is the last


class PanelConfig(AdminConfig):
    """Django's admin with our own site."""

    default_site = "controlplane.panel.site.PanelSite"
