"""The page of the quota grid: superusers set, others see the tree of the pool and the rows of their projects."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access.permissions import caller
from apps.common.audit import Actor
from apps.common.errors import BedplateError, NotFound, StaleState
from apps.quotas.admin.grid import Column, Row, Typed, columns_of, name_of, nodes_of, place_of, rows_of, totals_of
from apps.quotas.admin.grid_text import text_of
from apps.quotas.admin.grid_typed import typed_of
from apps.quotas.models import ResourcePool
from apps.quotas.selectors.pool_tree import CohortNode, PoolTree, pool_tree
from apps.quotas.services.quota_grid import quotas_ask, quotas_save
from apps.quotas.services.quota_reclaims import quotas_reclaim
from apps.quotas.services.what_if_answers import reclaims_as_json

FIELDS = 900
"""On one page: a form has a thousand at most, and some are not of cells."""
ROWS = 50
INPUTS = 4
"""Of a cell."""
RECLAIMS_MOST = 20
"""Shown of what would be taken back; the others are counted."""


def grid_page(request: HttpRequest, pool: Any, context: dict[str, Any]) -> HttpResponse:
    """GET shows the grid, POST saves what was changed in it: all or nothing, and what would be taken back of that
    which runs is shown first."""
    user: Any = request.user
    if request.method == "POST" and not user.is_superuser:
        raise PermissionDenied("Only an administrator of the installation sets quotas; others ask by an approval.")
    tree = pool_tree(pool, user)
    columns = columns_of(tree)
    page = _page(request, tree, columns)
    typed = Typed()
    if request.method == "POST":
        named = {
            owner.pk: name_of(owner)
            for node, _depth in page
            for owner in [node.cohort if isinstance(node, CohortNode) else node.queue]
        }
        typed = typed_of(request.POST, named, columns)
        if not typed.errors and _is_seen(request, pool, typed) and _saved(request, pool, typed, columns, named):
            return HttpResponseRedirect(request.get_full_path())
    return _answer(request, tree, columns, page, typed, context)


def _page(request: HttpRequest, tree: PoolTree, columns: list[Column]) -> Page[Any]:
    rows = max(5, min(ROWS, FIELDS // (INPUTS * len(columns))))
    return Paginator(nodes_of(tree), rows).get_page(request.GET.get("page"))


def _is_seen(request: HttpRequest, pool: ResourcePool, typed: Typed) -> bool:
    """Whether who saves has been shown what of that which runs would be taken back, or nothing would."""
    if not typed.changes or request.POST.get("seen") == typed.digest:
        return True
    typed.reclaims = reclaims_as_json(quotas_reclaim(pool, typed.changes))
    return not typed.reclaims


def _saved(
    request: HttpRequest, pool: ResourcePool, typed: Typed, columns: list[Column], named: dict[Any, str]
) -> bool:
    """Whether everything was saved, or asked for; what was in the way is in `typed.errors`."""
    if not typed.changes:
        messages.info(request, _("Nothing was changed."))
        return True
    count = len(typed.changes)
    try:
        if pool.changes_need_approval:
            quotas_ask(pool, typed.changes, user=caller(request))
            said = ngettext(
                "%(count)d quota waits for the decision of another administrator.",
                "%(count)d quotas wait for the decision of another administrator.",
                count,
            )
            messages.info(request, said % {"count": count})
            return True
        quotas_save(pool, typed.changes, actor=Actor.user(request.user))
    except StaleState as error:
        _say_stale(error, typed, columns, named)
        return False
    except NotFound as error:
        raise Http404 from error
    except BedplateError as error:
        typed.errors[""] = error.detail
        return False
    said = ngettext("%(count)d quota was set.", "%(count)d quotas were set.", count)
    messages.success(request, said % {"count": count})
    return True


def _say_stale(error: StaleState, typed: Typed, columns: list[Column], named: dict[Any, str]) -> None:
    titles = {place_of(pk, one.resource, one.flavor): (named[pk], one) for pk in named for one in columns}
    for place, (now,) in error.fields.items():
        owner, column = titles[place]
        shown = text_of(column.resource, int(now)) if now else _("none")
        said = _("somebody else set it to %(now)s meanwhile; look and save again.") % {"now": shown}
        typed.errors[place] = f"{owner} · {column.title}: {said}"


def _answer(
    request: HttpRequest,
    tree: PoolTree,
    columns: list[Column],
    page: Page[Any],
    typed: Typed,
    context: dict[str, Any],
) -> HttpResponse:
    user: Any = request.user
    rows: list[Row] = rows_of(list(page), columns, typed)
    context |= {
        "title": _("Quotas of %(pool)s") % {"pool": tree.pool.name},
        "opts": ResourcePool._meta,
        "original": tree.pool,
        "pool": tree.pool,
        "columns": columns,
        "rows": rows,
        "totals": totals_of(tree, columns) if user.is_superuser else [],
        "errors": list(typed.errors.values()),
        "reclaims": typed.reclaims[:RECLAIMS_MOST],
        "reclaims_more": max(0, len(typed.reclaims) - RECLAIMS_MOST),
        "seen": typed.digest if typed.reclaims else "",
        "editable": user.is_superuser,
        "page": page,
    }
    return TemplateResponse(request, "quotas/admin/grid.html", context, status=409 if typed.errors else 200)
