"""Queues and quotas: a project's place in a pool. Many quotas are set in the pool's grid, one here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import INPUT_CLASSES, UnfoldAdminIntegerFieldWidget

from apps.access.permissions import caller
from apps.common.errors import Invalid
from apps.common.panel import Verb, VisibleRelatedFilter
from apps.common.panel.cells import NOTHING, link_column, number
from apps.common.templatetags.panel import amount, resource_name
from apps.quotas.admin.changing import ChangingAdmin, superuser, told_of
from apps.quotas.admin.tree import pool_trees
from apps.quotas.models import Cohort, Queue, Quota, ResourcePool
from apps.quotas.selectors.usage import queue_usages
from apps.quotas.services.approvals import change
from apps.quotas.services.quotas import AMOUNTS, NOMINAL_MOST, quota_check
from apps.quotas.states import Resource

if TYPE_CHECKING:
    _QuotaForm = forms.ModelForm[Quota]
    _QueueForm = forms.ModelForm[Queue]
else:
    _QuotaForm = _QueueForm = forms.ModelForm

POOLS_MOST = 50


class QueueForm(_QueueForm):
    """A queue is put below a cohort of its own pool, or directly below the pool."""

    class Meta:
        model = Queue
        fields = ("cohort", "weight", "running_most", "gpus_per_run_most", "run_seconds_most")
        labels: ClassVar = {
            "running_most": gettext_lazy("Workloads at once, at most"),
            "gpus_per_run_most": gettext_lazy("GPUs of one workload, at most"),
            "run_seconds_most": gettext_lazy("Time limit of one attempt, at most (seconds)"),
        }
        help_texts: ClassVar = {
            "weight": gettext_lazy(
                "Of its share beside its siblings; 0: nothing above its nominal while anybody else wants it."
            ),
            "running_most": gettext_lazy("Empty: as many as there are."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "cohort" in self.fields:
            cohorts: Any = self.fields["cohort"]
            cohorts.queryset = Cohort.objects.filter(pool=self.instance.pool_id).order_by("name")
            cohorts.empty_label = gettext("directly below the pool")


@admin.register(Queue)
class QueueAdmin(ChangingAdmin):
    """A project's place in a pool is made by its first work; superusers move it in the tree and set its caps."""

    form = QueueForm
    command_change, argument = "queue.change", "queue"
    list_display = ("project", "pool_link", "cohort_link", "n_weight", "caps")
    list_filter = ("pool", "cohort")
    list_select_related = ("project", "pool", "cohort")
    search_fields = ("project__name",)
    pool_link = link_column("pool", "pool")
    cohort_link = link_column("cohort", "cohort")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "pool", *QueueForm.Meta.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "pool")

    @admin.display(description=gettext_lazy("caps"))
    def caps(self, row: Any) -> str:
        said = (
            (row.running_most, gettext("%(n)s at once")),
            (row.gpus_per_run_most, gettext("%(n)s GPUs each")),
            (row.run_seconds_most, gettext("%(n)s s each")),
        )
        return ", ".join(text % {"n": most} for most, text in said if most is not None) or NOTHING

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
        fields = ("queue", "cohort", "resource", "flavor", "nominal", "borrowing_limit", "lending_limit", "weight")
        help_texts: ClassVar = {
            "cohort": gettext_lazy("A queue or a cohort, not both."),
            "borrowing_limit": gettext_lazy("How much more of what others leave idle. Empty: all of it."),
            "lending_limit": gettext_lazy("How much of what it leaves idle others may hold. Empty: all of it."),
            "weight": gettext_lazy("Empty: that of its queue or cohort."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.initial.setdefault("borrowing_limit", 0)
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
            if (found["queue"] is None) == (found["cohort"] is None):
                raise forms.ValidationError(gettext("Choose a queue or a cohort, not both."))
        return found


def _remove_effect(quota: Quota) -> str:
    if quota.cohort_id:
        return gettext("The cohort guarantees and limits nothing of this any more.")
    return gettext("The project may use none of this any more. What is admitted stays.")


def _remove(quota: Quota, data: dict[str, Any], request: HttpRequest) -> str:
    done = change("quota.remove", {"quota": str(quota.pk)}, user=caller(request))
    if done.asked is not None:
        told_of(request, done.asked)
        return gettext("It was asked for.")
    return gettext("The quota is gone.")


@admin.register(Quota)
class QuotaAdmin(ChangingAdmin):
    """Superusers set how much; the service writes and audits it."""

    form = QuotaForm
    command_change = command_create = "quota.set"
    verbs = (
        Verb(
            name="remove",
            label=gettext_lazy("Remove quota"),
            effect=_remove_effect,
            run=_remove,
            authorise=superuser,
            danger=True,
            leaves=False,
        ),
    )
    list_display = ("project", "pool", "what", "n_nominal", "n_borrowing", "n_lending")
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

    @admin.display(description=gettext_lazy("borrows at most"), ordering="borrowing_limit")
    def n_borrowing(self, row: Any) -> str:
        return _limit(row, row.borrowing_limit)

    @admin.display(description=gettext_lazy("lends at most"), ordering="lending_limit")
    def n_lending(self, row: Any) -> str:
        return _limit(row, row.lending_limit)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "pool", "what", *AMOUNTS) if obj else QuotaForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "pool", "what") if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        owner = {"cohort": str(obj.cohort_id)} if obj.cohort_id else {"queue": str(obj.queue_id)}
        about = {"resource": obj.resource, "flavor": obj.flavor, "nominal": obj.nominal}
        limits = {name: getattr(obj, name) for name in AMOUNTS[1:] if not change or name in form.changed_data}
        done = self._do(request, {**owner, **about, **limits}, is_change=True)
        if done.row is not None:
            obj.pk = done.row.pk
            obj._state.adding = False


def _limit(quota: Quota, most: int | None) -> str:
    return gettext("all") if most is None else amount(most, quota.resource)
