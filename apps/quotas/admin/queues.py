"""Queues and quotas: a project's place in a pool. Many quotas are set in the pool's grid, one here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import INPUT_CLASSES, UnfoldAdminIntegerFieldWidget

from apps.common.audit import Actor
from apps.common.errors import Invalid
from apps.common.panel import ReadOnlyAdmin, VisibleAdmin, VisibleRelatedFilter
from apps.common.panel.cells import link_column, number
from apps.common.templatetags.panel import amount, resource_name
from apps.quotas.admin.tree import pool_trees
from apps.quotas.models import Cohort, Queue, Quota, ResourcePool
from apps.quotas.selectors.usage import queue_usages
from apps.quotas.services.quotas import NOMINAL_MOST, quota_check, quota_set
from apps.quotas.states import Resource

if TYPE_CHECKING:
    _QuotaForm = forms.ModelForm[Quota]
else:
    _QuotaForm = forms.ModelForm

POOLS_MOST = 50


@admin.register(Queue)
class QueueAdmin(ReadOnlyAdmin):
    list_display = ("project", "pool_link", "n_weight")
    list_filter = ("pool",)
    list_select_related = ("project", "pool")
    search_fields = ("project__name",)
    pool_link = link_column("pool", "pool")

    def said(self, row: Any) -> str:
        return f"{row.pool.name} / {row.project.name}"

    @admin.display(description=gettext_lazy("weight"), ordering="weight")
    def n_weight(self, row: Any) -> str:
        return number(row.weight)

    def get_urls(self) -> list[URLPattern]:
        return [path("tree/", self.admin_site.admin_view(self._tree), name="quotas_queue_tree"), *super().get_urls()]

    def _tree(self, request: HttpRequest) -> HttpResponse:
        pools = ResourcePool.objects.visible_to(request.user).order_by("name")[:POOLS_MOST]
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Pools and queues"),
            "trees": pool_trees(request.user, pools),
        }
        return TemplateResponse(request, "quotas/admin/tree.html", context)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        grid = reverse("admin:quotas_resourcepool_quotas", args=[row.pool_id])
        work = f"{reverse('admin:quotas_workload_changelist')}?queue__id__exact={row.pk}"
        return {
            "page_template": "quotas/admin/queue.html",
            "usages": queue_usages(
                Queue.objects.filter(pk=row.pk).select_related("project", "pool").prefetch_related("quotas")
            ),
            "links": [
                {"label": gettext("Quotas of this pool"), "url": grid, "main": True},
                {"label": gettext("Its workloads"), "url": work, "main": False},
            ],
        }


@admin.register(Cohort)
class CohortAdmin(ReadOnlyAdmin):
    list_display = ("name", "pool_link", "parent", "n_weight")
    list_filter = ("pool",)
    list_select_related = ("pool", "parent")
    search_fields = ("name",)
    pool_link = link_column("pool", "pool")

    def said(self, row: Any) -> str:
        return f"{row.pool.name} / {row.name}"

    @admin.display(description=gettext_lazy("weight"), ordering="weight")
    def n_weight(self, row: Any) -> str:
        return number(row.weight)


class QuotaForm(_QuotaForm):
    """The service's own rules, said at the form."""

    nominal = forms.IntegerField(
        label=gettext_lazy("nominal"),
        min_value=0,
        max_value=NOMINAL_MOST,
        help_text=gettext_lazy("cpu_millis: thousandths of a core; memory_bytes: bytes; gpus: devices."),
        widget=UnfoldAdminIntegerFieldWidget(attrs={"class": " ".join(INPUT_CLASSES)}),
    )

    class Meta:
        model = Quota
        fields = ("queue", "resource", "flavor", "nominal")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "queue" in self.fields:
            self.fields["queue"].required = True
        if "resource" in self.fields:
            resource: Any = self.fields["resource"]
            resource.choices = [
                ("", gettext("Select value")),
                *((name, resource_name(name)) for name in Resource.values),
            ]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if not self.errors and self.instance._state.adding:
            try:
                quota_check(found["resource"], found["flavor"], found["nominal"])
            except Invalid as error:
                raise forms.ValidationError(error.detail) from error
        return found


@admin.register(Quota)
class QuotaAdmin(VisibleAdmin):
    """Superusers set how much; the service writes and audits it. A quota is set to 0, never deleted."""

    form = QuotaForm
    list_display = ("project", "pool", "what", "n_nominal")
    list_filter = ("resource", ("queue__pool", VisibleRelatedFilter))
    list_select_related = ("queue__project", "queue__pool", "cohort__pool")
    search_fields = ("queue__project__name", "cohort__name", "flavor")

    def said(self, row: Any) -> str:
        return f"{self.project(row)} · {resource_name(row.resource, row.flavor)}"

    @admin.display(description=gettext_lazy("project"), ordering="queue__project__name")
    def project(self, row: Any) -> str:
        return str(row.queue.project if row.queue else row.cohort)

    @admin.display(description=gettext_lazy("pool"), ordering="queue__pool__name")
    def pool(self, row: Any) -> str:
        return str((row.queue or row.cohort).pool)

    @admin.display(description=gettext_lazy("resource"), ordering="resource")
    def what(self, row: Any) -> str:
        return resource_name(row.resource, row.flavor)

    @admin.display(description=gettext_lazy("nominal"), ordering="nominal")
    def n_nominal(self, row: Any) -> str:
        return amount(row.nominal, row.resource)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "pool", "what", "nominal") if obj else QuotaForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "pool", "what") if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made = quota_set(obj.queue, obj.resource, obj.flavor, obj.nominal, actor=Actor.user(request.user))
        obj.pk = made.pk
        obj._state.adding = False
