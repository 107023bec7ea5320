"""What there is to run on, who may use how much of it, and everything that runs."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy

from apps.access.services.commands import command_register
from apps.common.messages import register
from workers.contracts.sentences import SENTENCES


class QuotasConfig(AppConfig):
    name = "apps.quotas"
    label = "quotas"
    verbose_name = gettext_lazy("Quotas")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Name the commands that may be asked for by an approval request, and the sentences that states are told in."""
        register(SENTENCES)
        command_register("quota.set", "apps.quotas.services.approvals.quota_arguments_check", superuser_only=True)
        override = "apps.quotas.services.budget_approvals.override_arguments_check"
        command_register("budget.override", override, superuser_only=True)
