"""What stands in a cell: states, times, sizes, links. A column that begins with `n_` is a number, to the right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext, gettext_lazy, ngettext

from apps.common.templatetags.times import ago, duration

NOTHING = "–"
MARKS = {"waiting": "◔", "running": "▶", "stopping": "◧", "succeeded": "✓", "failed": "✕", "cancelled": "⊘"}
TONES = {
    "waiting": "pending queued draft proposed validating loading admitted launching paused",
    "running": "running progressing active",
    "stopping": "stopping draining",
    "succeeded": "succeeded ready published promoted approved completed",
    "failed": "failed rejected denied aborted",
}
"""States of every noun by how they look."""
_UNITS = ((1 << 50, "PiB"), (1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def state_badge(state: str) -> SafeString:
    """A state as icon and word, never colour alone; one that is not known is grey."""
    tone = next((tone for tone, states in TONES.items() if state in states.split()), "cancelled")
    shown = '<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>'
    return format_html(shown, tone, MARKS[tone], word(state))


def word(value: str) -> str:
    """A word of a closed list in the reader's language: `out of memory`."""
    if not value:
        return NOTHING
    plain = value.replace("_", " ")
    said = gettext(value)
    return gettext(plain) if said == value else said


def cores(millis: int) -> str:
    """`1 core`, `0.5 cores`."""
    return ngettext("%(count)s core", "%(count)s cores", 1 if millis == 1000 else 2) % {"count": number(millis / 1000)}


def size(value: int | None) -> str:
    """`1.5 GiB`."""
    if value is None:
        return NOTHING
    for least, unit in _UNITS:
        if value >= least:
            return f"{number(round(value / least, 1))} {unit}"
    return f"{value} B"


def number(value: float) -> str:
    """`2`, `0.25`."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def moment(at: datetime | None) -> SafeString | str:
    """How long ago, with the moment itself on hover; for what may be still to come `until`."""
    if at is None:
        return NOTHING
    exact = date_format(localtime(at), "Y-m-d H:i:s")
    shown = ago(at)
    return format_html('<time datetime="{}" title="{} UTC">{}</time>', at.isoformat(), exact, shown)


def until(at: datetime | None) -> SafeString | str:
    """A moment that may be still to come."""
    if at is None:
        return NOTHING
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), date_format(localtime(at), "Y-m-d H:i"))


def span(start: datetime | None, end: datetime | None) -> str:
    """How long it took."""
    return duration((end - start).total_seconds()) if start and end else NOTHING


def link(row: Any, text: object = "") -> SafeString:
    """To the page of another row."""
    meta = row._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    return format_html('<a class="bp-link" href="{}">{}</a>', url, text or row)


def state_column(name: str = "state", title: str = "state") -> Callable[..., Any]:
    """A column with the badge of a state."""

    @admin.display(description=gettext_lazy(title), ordering=name)
    def state(self: Any, row: Any) -> SafeString:
        return state_badge(str(getattr(row, name)))

    return state


def reason_column(name: str = "state_reason", detail: str = "state_detail") -> Callable[..., Any]:
    """A column with the word for why, and the sentence on hover."""

    @admin.display(description=gettext_lazy("reason"), ordering=name)
    def reason(self: Any, row: Any) -> SafeString | str:
        value = str(getattr(row, name))
        if not value:
            return NOTHING
        return format_html('<span title="{}">{}</span>', getattr(row, detail), word(value))

    return reason


def moment_column(name: str, title: str) -> Callable[..., Any]:
    """A column with how long ago."""

    @admin.display(description=gettext_lazy(title), ordering=name)
    def at(self: Any, row: Any) -> SafeString | str:
        return moment(getattr(row, name))

    return at


def size_column(name: str, title: str) -> Callable[..., Any]:
    """A column with bytes, in readable units."""

    @admin.display(description=gettext_lazy(title), ordering=name)
    def bytes_of(self: Any, row: Any) -> str:
        return size(getattr(row, name))

    return bytes_of


def link_column(name: str, title: str) -> Callable[..., Any]:
    """A column with a link to a related row, which the list selects with its rows."""

    @admin.display(description=gettext_lazy(title), ordering=name)
    def other(self: Any, row: Any) -> SafeString | str:
        found = getattr(row, name)
        return link(found) if found is not None else NOTHING

    return other


def dashboard_column(address: str) -> Callable[..., Any]:
    """A column that opens the row in the dashboard.

    Args:
        address: with `{}` for the row's id.
    """

    @admin.display(description=gettext_lazy("dashboard"))
    def opens(self: Any, row: Any) -> SafeString:
        return dashboard_link(address.format(row.pk))

    return opens


def dashboard_link(url: str) -> SafeString:
    """Opens a page of the dashboard."""
    return format_html('<a class="bp-link" href="{}">{}</a>', url, gettext("open"))
