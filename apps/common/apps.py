"""The kernel: state transitions, outbox, audit, errors, storage and API manners. Knows no other app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class CommonConfig(AppConfig):
    name = "apps.common"
    label = "common"
    verbose_name = gettext_lazy("Kernel")
    default_auto_field = "django.db.models.BigAutoField"
