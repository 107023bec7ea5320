"""What there is to run on: pools, machines, kinds of GPU, and the named priorities."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, Q
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from apps.common.audit import Actor
from apps.common.panel import ReadOnlyAdmin, VisibleAdmin
from apps.common.panel.cells import NOTHING, link_column, moment_column, number, size_column
from apps.quotas.admin.grid_page import grid_page
from apps.quotas.admin.health import NODE_VERBS, incidents_told, node_health
from apps.quotas.admin.tree import pool_trees
from apps.quotas.models import Node, PriorityClass, ResourceFlavor, ResourcePool
from apps.quotas.services.priorities import priority_class_change, priority_class_create


@admin.register(ResourcePool)
class ResourcePoolAdmin(ReadOnlyAdmin):
    """A pool is discovered by its backend; what an administrator sets are the quotas in it."""

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


@admin.register(ResourceFlavor)
class ResourceFlavorAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy("No machine has a GPU, or none is known yet.")
    list_display = ("name", "gpu_model", "n_memory", "kind", "pool_link")
    list_filter = ("pool", "simulated")
    list_select_related = ("pool",)
    search_fields = ("name", "gpu_model")
    n_memory = size_column("gpu_memory_bytes", "memory of a device")
    pool_link = link_column("pool", "pool")

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
class PriorityClassAdmin(VisibleAdmin):
    """Named by superusers, by services; none is deleted, because workloads were submitted with its name."""

    empty_text = gettext_lazy("No priority is named yet: everything waits in the order in which it was asked for.")
    list_display = ("name", "n_value", "order_of")
    fields = ("name", "value")
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

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor, wanted = Actor.user(request.user), form.cleaned_data
        if change:
            priority_class_change(priority_class=obj, **wanted, actor=actor)
        else:
            obj.pk = priority_class_create(**wanted, actor=actor).pk
