"""Cohorts: the tree by which a pool is shared, one row a node; moved by choosing another parent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from apps.access.permissions import caller
from apps.common.panel import Verb
from apps.common.panel.cells import link_column, number
from apps.quotas.admin.changing import ChangingAdmin, superuser, told_of
from apps.quotas.models import Cohort
from apps.quotas.services.approvals import change

if TYPE_CHECKING:
    _CohortForm = forms.ModelForm[Cohort]
else:
    _CohortForm = forms.ModelForm


def _remove_effect(cohort: Cohort) -> str:
    return gettext("%(name)s goes with its quotas. One that has something below it stays.") % {"name": cohort.name}


def _remove(cohort: Cohort, data: dict[str, Any], request: HttpRequest) -> str:
    done = change("cohort.delete", {"cohort": str(cohort.pk)}, user=caller(request))
    if done.asked is not None:
        told_of(request, done.asked)
        return gettext("It was asked for.")
    return gettext("%(name)s is gone.") % {"name": cohort.name}


class CohortForm(_CohortForm):
    """A parent is a cohort of the same pool that is not below this one."""

    class Meta:
        model = Cohort
        fields = ("pool", "name", "parent", "team", "weight")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "parent" in self.fields:
            parents: Any = self.fields["parent"]
            parents.queryset = _possible(self.instance)
            parents.label_from_instance = _named
            parents.empty_label = gettext("directly below the pool")


def _possible(cohort: Cohort) -> QuerySet[Cohort]:
    rows = Cohort.objects.select_related("pool").order_by("pool__name", "name")
    if cohort._state.adding:
        return rows
    above = dict(Cohort.objects.filter(pool=cohort.pool_id).values_list("pk", "parent"))
    below, level = {cohort.pk}, {cohort.pk}
    while level:
        level = {pk for pk, parent in above.items() if parent in level} - below
        below |= level
    return rows.filter(pool=cohort.pool_id).exclude(pk__in=below)


def _named(cohort: Cohort) -> str:
    return f"{cohort.pool.name} / {cohort.name}"


@admin.register(Cohort)
class CohortAdmin(ChangingAdmin):
    """Superusers make, change and move them. What is below one moves with it."""

    form = CohortForm
    command_change, command_create, argument = "cohort.change", "cohort.create", "cohort"
    empty_text = gettext_lazy("Every queue is directly below its pool. A cohort shares among its own first.")
    list_display = ("name", "place", "pool_link", "team_link", "n_weight", "n_below", "quotas_link")
    list_filter = ("pool", "team")
    list_select_related = ("pool", "parent", "team")
    search_fields = ("name", "team__name")
    ordering = ("name",)
    pool_link = link_column("pool", "pool")
    team_link = link_column("team", "team")
    verbs = (
        Verb(
            name="remove",
            label=gettext_lazy("Remove cohort"),
            effect=_remove_effect,
            run=_remove,
            authorise=superuser,
            danger=True,
            leaves=False,
        ),
    )

    def said(self, row: Any) -> str:
        return _named(row)

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.annotate(
            cohorts_below=Count("children", distinct=True), queues_below=Count("queues", distinct=True)
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return CohortForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("pool",) if obj else ()

    @admin.display(description=gettext_lazy("below"), ordering="parent__name")
    def place(self, row: Any) -> str:
        return row.parent.name if row.parent else gettext("the pool")

    @admin.display(description=gettext_lazy("weight"), ordering="weight")
    def n_weight(self, row: Any) -> str:
        return number(row.weight)

    @admin.display(description=gettext_lazy("has below it"))
    def n_below(self, row: Any) -> str:
        counts = {"cohorts": row.cohorts_below, "queues": row.queues_below}
        return gettext("%(cohorts)d cohorts, %(queues)d queues") % counts

    @admin.display(description=gettext_lazy("quotas"))
    def quotas_link(self, row: Any) -> SafeString:
        grid = reverse("admin:quotas_resourcepool_quotas", args=[row.pool_id])
        return format_html('<a class="bp-link" href="{}">{}</a>', grid, gettext("open the grid"))
