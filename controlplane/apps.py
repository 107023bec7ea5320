"""The wiring as a Django app: its management commands, and the Celery app that tasks are sent through."""

from django.apps import AppConfig

from controlplane import celery


class ControlplaneConfig(AppConfig):
    name = "controlplane"
    label = "controlplane"
    verbose_name = "Control plane"

    celery_app = celery.app
