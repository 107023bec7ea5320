"""The page of the quota grid: superusers set, others see the rows of their projects."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.common.audit import Actor
from apps.common.errors import Invalid, NotFound, StaleState
from apps.quotas.admin.grid import Column, Total, Typed, place_of, rows_of, text_of, typed_of
from apps.quotas.models import Queue, Quota, ResourcePool
from apps.quotas.selectors.usage import pool_capacities, pool_held, queue_usages
from apps.quotas.services.quota_grid import quotas_save
from apps.quotas.states import Resource

ROWS = 50
"""Projects on one page: a form has a thousand fields at most."""


def grid_page(request: HttpRequest, pool: Any, context: dict[str, Any]) -> HttpResponse:
    """GET shows the grid, POST saves what was changed in it: all or nothing."""
    user: Any = request.user
    if request.method == "POST" and not user.is_superuser:
        raise PermissionDenied("Only an administrator of the installation sets quotas; others ask by an approval.")
    columns = columns_of(pool)
    page = _page(request, pool)
    typed = Typed()
    if request.method == "POST":
        named = {queue.pk: str(queue.project.name) for queue in page}
        typed = typed_of(request.POST, named, columns)
        if not typed.errors and _saved(request, pool, typed, columns, named):
            return HttpResponseRedirect(request.get_full_path())
    return _answer(request, pool, columns, page, typed, context)


def columns_of(pool: ResourcePool) -> list[Column]:
    """Cores, memory, all GPUs, each kind of GPU. Two queries."""
    has, simulated = pool_capacities(ResourcePool.objects.filter(pk=pool.pk))
    kinds = sorted({flavor for resource, flavor in has if resource == Resource.GPUS} | set(simulated))
    gpus = sum(has[Resource.GPUS, kind] for kind in kinds)
    found = [Column(str(name), "", has[name, ""]) for name in (Resource.CPU_MILLIS, Resource.MEMORY_BYTES)]
    found.append(Column(str(Resource.GPUS), "", gpus))
    return found + [
        Column(str(Resource.GPUS), kind, has[Resource.GPUS, kind], simulated.get(kind, False)) for kind in kinds
    ]


def _page(request: HttpRequest, pool: ResourcePool) -> Page[Queue]:
    visible = Queue.objects.visible_to(request.user).filter(pool=pool)
    rows = visible.select_related("project", "pool").prefetch_related("quotas").order_by("project__name", "pk")
    return Paginator(rows, ROWS).get_page(request.GET.get("page"))


def _saved(
    request: HttpRequest, pool: ResourcePool, typed: Typed, columns: list[Column], named: dict[Any, str]
) -> bool:
    """Whether everything was saved; what was in the way is in `typed.errors`."""
    if not typed.changes:
        messages.info(request, _("Nothing was changed."))
        return True
    try:
        quotas_save(pool, typed.changes, actor=Actor.user(request.user))
    except StaleState as error:
        titles = {place_of(pk, one.resource, one.flavor): (named[pk], one) for pk in named for one in columns}
        for place, (now,) in error.fields.items():
            project, column = titles[place]
            shown = text_of(column.resource, int(now)) if now else _("none")
            said = _("somebody else set it to %(now)s meanwhile; look and save again.") % {"now": shown}
            typed.errors[place] = f"{project} · {column.title}: {said}"
        return False
    except NotFound as error:
        raise Http404 from error
    except Invalid as error:
        typed.errors[""] = error.detail
        return False
    count = len(typed.changes)
    said = ngettext("%(count)d quota was set.", "%(count)d quotas were set.", count)
    messages.success(request, said % {"count": count})
    return True


def _answer(
    request: HttpRequest,
    pool: ResourcePool,
    columns: list[Column],
    page: Page[Queue],
    typed: Typed,
    context: dict[str, Any],
) -> HttpResponse:
    user: Any = request.user
    context |= {
        "title": _("Quotas of %(pool)s") % {"pool": pool.name},
        "opts": ResourcePool._meta,
        "original": pool,
        "pool": pool,
        "columns": columns,
        "rows": rows_of(queue_usages(page), columns, typed),
        "totals": _totals(pool, columns) if user.is_superuser else [],
        "errors": list(typed.errors.values()),
        "editable": user.is_superuser,
        "page": page,
    }
    return TemplateResponse(request, "quotas/admin/grid.html", context, status=409 if typed.errors else 200)


def _totals(pool: ResourcePool, columns: list[Column]) -> list[Total]:
    """Of all projects, those on other pages too. Two queries."""
    sums = Quota.objects.filter(queue__pool=pool).order_by().values_list("resource", "flavor").annotate(Sum("nominal"))
    nominal = {(resource, flavor): total for resource, flavor, total in sums}
    held = pool_held(ResourcePool.objects.filter(pk=pool.pk))
    found = []
    for column in columns:
        kinds = [key for key in held if key[0] == column.resource and (not column.flavor or key[1] == column.flavor)]
        reserved, used = (sum(held[key][place] for key in kinds) for place in (0, 1))
        found.append(Total(column, nominal.get((column.resource, column.flavor), 0), reserved, used))
    return found
