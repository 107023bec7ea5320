"""Budgets and rates: what superusers set here, services write and audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from apps.common import clock
from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.panel import VisibleAdmin, VisibleRelatedFilter
from apps.common.panel.cells import NOTHING, link_column, moment_column, word
from apps.common.templatetags.panel import resource_name
from apps.quotas.models import Budget, Rate
from apps.quotas.scheduling.budget import figure
from apps.quotas.selectors.budgets import budgets_active
from apps.quotas.services.budgets import budget_change, budget_create, dates_wrong, rate_add, thresholds_checked
from apps.quotas.states import BudgetUnit

if TYPE_CHECKING:
    _BudgetForm = forms.ModelForm[Budget]
else:
    _BudgetForm = forms.ModelForm

SET = ("name", "unit", "amount", "period", "starts_on", "ends_on", "thresholds")


class BudgetForm(_BudgetForm):
    """The service's own rules, said at the form."""

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if found.get("amount") is not None and found["amount"] < 0:
            self.add_error("amount", gettext("It cannot be less than 0."))
        if problem := dates_wrong(found.get("period", ""), found.get("starts_on"), found.get("ends_on")):
            self.add_error("ends_on", problem)
        try:
            thresholds_checked(found.get("thresholds") or [])
        except Invalid as error:
            self.add_error("thresholds", error.detail)
        return found


@admin.register(Budget)
class BudgetAdmin(VisibleAdmin):
    """How much may be spent; whose it is stays. One that is not wanted any more ends on a day."""

    form = BudgetForm
    empty_text = gettext_lazy("No budget is set: what is used is counted, and nothing waits for it.")
    list_display = ("name", "whose", "n_amount", "period_of")
    list_filter = ("unit", "period")
    list_select_related = ("organisation", "team", "project")
    search_fields = ("name", "project__name")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("whose", "standing", *SET) if obj else ("organisation", "team", "project", *SET)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("whose", "standing") if obj else ()

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["choices"] = [("", gettext("Select value")), *((value, word(value)) for value, _ in db_field.choices)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @admin.display(description=gettext_lazy("whose"))
    def whose(self, row: Any) -> str:
        return str(row.project or row.team or row.organisation)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def n_amount(self, row: Any) -> str:
        return _figure(row, row.amount)

    @admin.display(description=gettext_lazy("period"), ordering="period")
    def period_of(self, row: Any) -> str:
        return word(row.period)

    @admin.display(description=gettext_lazy("used up"))
    def standing(self, row: Any) -> str:
        found = budgets_active([row], clock.db_now())
        if not found:
            return NOTHING
        use = found[0].view.use
        told = {"spent": _figure(row, use.spent), "reserved": _figure(row, use.reserved)}
        return gettext("%(spent)s spent, %(reserved)s reserved") % told

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor, wanted = Actor.user(request.user), form.cleaned_data
        if change:
            budget_change(budget=obj, actor=actor, **wanted)
        else:
            obj.pk = budget_create(actor=actor, **wanted).pk


@admin.register(Rate)
class RateAdmin(VisibleAdmin):
    """Prices of an hour, each from a moment on; none is changed, the next one follows it."""

    empty_text = gettext_lazy("No rate is set: budgets and reports count no money.")
    list_display = ("what", "pool_link", "n_price", "since")
    list_filter = ("resource", ("pool", VisibleRelatedFilter))
    list_select_related = ("pool",)
    search_fields = ("flavor", "pool__name")
    pool_link = link_column("pool", "pool")
    since = moment_column("valid_from", "valid from")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("pool", *(("what",) if obj else ("resource", "flavor")), "price", "valid_from")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("what",) if obj else ()

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        named = ((value, resource_name(value)) for value, _ in db_field.choices)
        kwargs["choices"] = [("", gettext("Select value")), *named]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @admin.display(description=gettext_lazy("resource"), ordering="resource")
    def what(self, row: Any) -> str:
        return str(resource_name(row.resource, row.flavor))

    @admin.display(description=gettext_lazy("price of an hour"), ordering="price")
    def n_price(self, row: Any) -> str:
        return f"{row.price.normalize():f} {settings.BEDPLATE_CURRENCY}"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.pk = rate_add(actor=Actor.user(request.user), **form.cleaned_data).pk


def _figure(row: Any, amount: Any) -> str:
    unit = settings.BEDPLATE_CURRENCY if row.unit == BudgetUnit.MONEY else gettext("GPU-hours")
    return f"{figure(amount)} {unit}"
