"""Who may do what: users, teams, projects, roles, tokens, secrets, approvals."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class AccessConfig(AppConfig):
    name = "apps.access"
    label = "access"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = gettext_lazy("Access")
