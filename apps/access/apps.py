"""Who may do what: users, teams, projects, roles, tokens, secrets, approvals."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "apps.access"
    label = "access"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Access"
