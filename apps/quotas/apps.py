"""What there is to run on, who may use how much of it, and everything that runs."""

from functools import partial
from typing import Any

from django.apps import AppConfig
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy

from apps.access.services.commands import command_register
from apps.common.messages import register
from workers.contracts.sentences import SENTENCES

COMMANDS = (
    "quota.set",
    "quota.remove",
    "queue.change",
    "cohort.create",
    "cohort.change",
    "cohort.delete",
    "priority_class.create",
    "priority_class.change",
    "pool.change",
)
"""Changes of what shares a pool, as `services.commands.CHANGES`, which cannot be read before there are models."""


def _checked(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = import_string("apps.quotas.services.approvals.arguments_check")(name, arguments)
    return checked


class QuotasConfig(AppConfig):
    name = "apps.quotas"
    label = "quotas"
    verbose_name = gettext_lazy("Quotas")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Name the commands that may be asked for by an approval request, and the sentences that states are told in."""
        register(SENTENCES)
        for name in COMMANDS:
            command_register(name, partial(_checked, name), superuser_only=True)
        override = "apps.quotas.services.budget_approvals.override_arguments_check"
        command_register("budget.override", override, superuser_only=True)
