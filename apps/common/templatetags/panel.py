"""Words of the admin panel's templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from apps.common.panel import cells
from apps.common.templatetags.times import duration

register = template.Library()


@register.filter
def seconds(value: float) -> str:
    """`4.3 s`, `1 h 04 m`."""
    return duration(value)


@register.filter
def seconds_ago(value: float) -> str:
    """`4.3 s ago`."""
    return _("just now") if value < 2 else _("%(span)s ago") % {"span": duration(value)}


@register.filter(name="bytes")
def bytes_(value: int) -> str:
    """`1.5 GiB`."""
    return cells.size(value)


@register.filter
def thousands(value: int) -> str:
    """`12,345`."""
    return str(number_format(value, use_l10n=True, force_grouping=True))


@register.filter
def yes_no(value: bool) -> str:
    """In the reader's language."""
    return _("yes") if value else _("no")


@register.filter
def badge(state: str) -> SafeString:
    """A state as icon and word."""
    return cells.state_badge(state)


@register.filter
def said(value: str) -> str:
    """A word of a closed list."""
    return cells.word(value)


@register.filter
def page(row: Any) -> str:
    """The address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


@register.filter
def share(part: float, whole: float) -> float:
    """0 to 100, for a bar."""
    return round(min(100.0, 100.0 * part / whole), 1) if whole else 0.0


@register.filter
def unlocalised(value: float) -> str:
    """A number as SVG wants it, in every language."""
    return f"{value:g}"


@register.filter
def resource_name(resource: str, flavor: str = "") -> str:
    """`CPU`, `Memory`, `GPU`, `H200`."""
    return flavor or _({"cpu_millis": "CPU", "memory_bytes": "Memory", "gpus": "GPU"}.get(resource, resource))


@register.filter
def amount(value: int, resource: str) -> str:
    """An amount of a resource with its unit: `8 cores`, `64 GiB`, `4`."""
    if resource == "cpu_millis":
        return cells.cores(value)
    return cells.size(value) if resource == "memory_bytes" else str(value)
