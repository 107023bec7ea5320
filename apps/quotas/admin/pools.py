"""What there is to run on: pools, machines, kinds of GPU, and the named priorities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Max, Q
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from apps.common.audit import Actor
from apps.common.panel import ReadOnlyAdmin
from apps.common.panel.cells import NOTHING, link_column, moment_column, number, size_column, word
from apps.quotas.admin.changing import ChangingAdmin
from apps.quotas.admin.grid_page import grid_page
from apps.quotas.admin.health import NODE_VERBS, incidents_told, node_health
from apps.quotas.admin.tree import pool_trees
from apps.quotas.models import Node, PriorityClass, ResourceFlavor, ResourcePool
from apps.quotas.services.flavors import flavor_share_create
from apps.quotas.services.policies import BOUNDS
from apps.quotas.states import Preemption

if TYPE_CHECKING:
    _ShareForm = forms.ModelForm[ResourceFlavor]
else:
    _ShareForm = forms.ModelForm

POLICY_HELP = {
    "half_life_seconds": gettext_lazy("Seconds after which what a project has held counts half in its share."),
    "entry_penalty_seconds": gettext_lazy("Each admission counts as if it had been held this many seconds already."),
    "ageing_seconds": gettext_lazy("Each time something has waited so many seconds it gains priority."),
    "ageing_points": gettext_lazy("Steps of priority that it gains then; 0: waiting gains nothing."),
    "min_run_seconds": gettext_lazy("What has run for fewer seconds is not stopped for what waits."),
    "reclaim_after_seconds": gettext_lazy(
        "What is guaranteed is taken back from who has borrowed it only for who has waited so many seconds."
    ),
    "preemption_grace_seconds": gettext_lazy(
        "What is stopped for what waits has so many seconds to write its checkpoint; 0: as the installation says."
    ),
    "preemption": gettext_lazy("Whether what runs may be stopped for what waits."),
    "backfill": gettext_lazy("Whether later work may start while the first waits, where that does not delay it."),
    "changes_need_approval": gettext_lazy("Whether another administrator decides changes of what shares it."),
}


@admin.register(ResourcePool)
class ResourcePoolAdmin(ChangingAdmin):
    """A pool is discovered by its backend; what an administrator sets is how it is shared."""

    command_change, argument = "pool.change", "pool"
    fieldsets = (
        (None, {"fields": ("name", "backend", "organisation")}),
        (gettext_lazy("How it is shared"), {"fields": (*BOUNDS, "preemption", "backfill", "changes_need_approval")}),
    )
    readonly_fields = ("name", "backend", "organisation")
    empty_text = gettext_lazy("No machine is known yet. Run manage.py discover, or wait until the worker has run it.")
    list_display = ("name", "backend", "whose", "n_nodes", "n_queues", "heard", "quotas_link")
    list_select_related = ("organisation",)
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .annotate(
                nodes_all=Count("nodes", distinct=True),
                nodes_ready=Count("nodes", filter=Q(nodes__ready=True), distinct=True),
                queues_all=Count("queues", distinct=True),
                heard_at=Max("nodes__seen_at"),
            )
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **{**kwargs, "help_texts": POLICY_HELP})

    def get_urls(self) -> list[URLPattern]:
        grid = self.admin_site.admin_view(self._grid)
        return [path("<uuid:pool_id>/quotas/", grid, name="quotas_resourcepool_quotas"), *super().get_urls()]

    def _grid(self, request: HttpRequest, pool_id: Any) -> Any:
        return grid_page(request, self.get_object(request, str(pool_id)), self.admin_site.each_context(request))

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {
            "page_template": "quotas/admin/pool.html",
            "trees": pool_trees(request.user, [row]),
            "links": [{"label": gettext("Quotas of this pool"), "url": _grid_of(row), "main": True}],
        }

    @admin.display(description=gettext_lazy("for whom"), ordering="organisation")
    def whose(self, row: Any) -> str:
        return str(row.organisation) if row.organisation else gettext("everybody")

    @admin.display(description=gettext_lazy("nodes ready"))
    def n_nodes(self, row: Any) -> str:
        return f"{row.nodes_ready} / {row.nodes_all}"

    @admin.display(description=gettext_lazy("projects"))
    def n_queues(self, row: Any) -> int:
        return int(row.queues_all)

    heard = moment_column("heard_at", "last seen")

    @admin.display(description=gettext_lazy("quotas"))
    def quotas_link(self, row: Any) -> SafeString:
        return format_html('<a class="bp-link" href="{}">{}</a>', _grid_of(row), gettext("open the grid"))


def _grid_of(pool: Any) -> str:
    return reverse("admin:quotas_resourcepool_quotas", args=[pool.pk])


class ShareForm(_ShareForm):
    """A part of a device of a whole kind."""

    class Meta:
        model = ResourceFlavor
        fields = ("share_of", "share_millis", "name")
        help_texts: ClassVar = {
            "share_millis": gettext_lazy("Thousandths of one device: 250 is a quarter."),
            "name": gettext_lazy("Empty: one that says how much of what it is, like H200/4."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "share_of" in self.fields:
            kinds: Any = self.fields["share_of"]
            kinds.queryset = ResourceFlavor.objects.filter(share_of=None).select_related("pool")
            kinds.label_from_instance = lambda kind: f"{kind.pool.name} / {kind.name}"
            kinds.required, self.fields["name"].required = True, False
            self.initial["share_millis"] = 500

    def _get_validation_exclusions(self) -> set[str]:
        """What is wrong with a share, its service says."""
        return {field.name for field in ResourceFlavor._meta.fields}

    def validate_constraints(self) -> None:
        """As above: the row is made by the service."""


@admin.register(ResourceFlavor)
class ResourceFlavorAdmin(ReadOnlyAdmin):
    """Whole kinds are discovered; superusers let shares of them be asked for."""

    empty_text = gettext_lazy("No machine has a GPU, or none is known yet.")
    list_display = ("name", "gpu_model", "n_memory", "kind", "apart", "pool_link")
    list_filter = ("pool", "simulated")
    list_select_related = ("pool", "share_of")
    search_fields = ("name", "gpu_model")
    n_memory = size_column("gpu_memory_bytes", "memory of a device")
    pool_link = link_column("pool", "pool")

    def has_add_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.is_active and user.is_superuser)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else ShareForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return super().get_fields(request, obj) if obj else list(ShareForm.Meta.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return super().get_fields(request, obj) if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made = flavor_share_create(**form.cleaned_data, actor=Actor.user(request.user))
        obj.pk, obj.name = made.pk, made.name

    @admin.display(description=gettext_lazy("apart from others"), ordering="isolated")
    def apart(self, row: Any) -> str:
        if row.isolated:
            return gettext("yes")
        part = {"share": number(row.share_millis / 10), "kind": row.share_of.name if row.share_of else ""}
        return gettext("no: %(share)s %% of a %(kind)s that others share") % part

    @admin.display(description=gettext_lazy("devices are"), ordering="simulated")
    def kind(self, row: Any) -> SafeString | str:
        simulated = format_html('<span class="bp-simulated">{}</span>', gettext("simulated"))
        return simulated if row.simulated else gettext("real")


@admin.register(Node)
class NodeAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy("No machine is known yet. Run manage.py discover, or wait until the worker has run it.")
    list_display = ("name", "pool_link", "health", "n_cores", "n_memory", "devices", "seen")
    list_filter = ("pool", "ready")
    list_select_related = ("pool",)
    search_fields = ("name",)
    n_memory = size_column("memory_bytes", "memory")
    pool_link = link_column("pool", "pool")
    seen = moment_column("seen_at", "last seen")
    verbs = NODE_VERBS

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return incidents_told(row)

    @admin.display(description=gettext_lazy("health"), ordering="ready")
    def health(self, row: Any) -> SafeString:
        return node_health(row)

    @admin.display(description=gettext_lazy("cores"), ordering="cpu_millis")
    def n_cores(self, row: Any) -> str:
        return number(row.cpu_millis / 1000)

    @admin.display(description=gettext_lazy("devices"))
    def devices(self, row: Any) -> str:
        kinds = [str(gpu["flavor"]) for gpu in row.gpus]
        return ", ".join(f"{kinds.count(kind)} × {kind}" for kind in sorted(set(kinds))) or NOTHING


@admin.register(PriorityClass)
class PriorityClassAdmin(ChangingAdmin):
    """Named by superusers, by services; none is deleted, because workloads were submitted with its name."""

    empty_text = gettext_lazy("No priority is named yet: everything waits in the order in which it was asked for.")
    command_change, command_create, argument = "priority_class.change", "priority_class.create", "priority_class"
    list_display = ("name", "n_value", "order_of", "takes")
    fields = ("name", "value", "preemption")
    ordering = ("-value",)
    search_fields = ("name",)

    @admin.display(description=gettext_lazy("value"), ordering="value")
    def n_value(self, row: Any) -> int:
        return int(row.value)

    @admin.display(description=gettext_lazy("what it does"))
    def order_of(self, row: Any) -> str:
        if not row.value:
            return gettext("as everything without a priority")
        ahead = ngettext("%(n)d step before what has none", "%(n)d steps before what has none", abs(row.value))
        behind = ngettext("%(n)d step after what has none", "%(n)d steps after what has none", abs(row.value))
        return (ahead if row.value > 0 else behind) % {"n": abs(row.value)}

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["choices"] = [(value, word(value)) for value in Preemption.values]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @admin.display(description=gettext_lazy("takes the place of"), ordering="preemption")
    def takes(self, row: Any) -> str:
        return gettext("lower priorities") if row.preemption == Preemption.LOWER_PRIORITY else NOTHING
