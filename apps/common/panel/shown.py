"""How a column is shown on the page of its row: links, badges, exact times and amounts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from django.contrib import admin
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext

from apps.common.clock import now
from apps.common.panel.cells import NOTHING, cores, link, size, state_badge, word
from apps.common.panel.names import title
from apps.common.templatetags.times import ago

WORDS = ("state_reason", "reason", "owner_kind", "from_kind", "to_kind", "subject_kind", "noun", "actor_kind")
"""Columns that hold words of a closed list without the column saying so."""
JSON_MOST = 20_000
"""Characters of a JSON value that a page shows."""


@cache
def shown(column: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """A read-only field of that column."""

    @admin.display(description=title(column))
    def show(row: Any) -> Any:
        return _of(column, row)

    show.__name__ = column.name
    return show


def _of(column: models.Field[Any, Any], row: Any) -> Any:
    if column.is_relation:
        other = getattr(row, column.name)
        page: Any = admin.site._registry.get(type(other))
        return NOTHING if other is None else link(other, page.said(other)) if page else str(other)
    value = getattr(row, column.attname)
    if value is None or value in ("", [], {}):
        return NOTHING
    return _plain(column, value)


def _plain(column: models.Field[Any, Any], value: Any) -> Any:
    if column.name in ("state", "from_state", "to_state"):
        return state_badge(str(value))
    if column.flatchoices or column.name in WORDS:
        return word(str(value))
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, datetime):
        return format_html(
            "{} UTC <span class='bp-soft'>{}</span>", _exact(value), ago(value) if value <= now() else ""
        )
    if column.name.endswith("_bytes"):
        return format_html("{} <span class='bp-soft'>{}</span>", size(value), f"{value:,}")
    if column.name == "cpu_millis":
        return cores(value)
    if isinstance(value, dict | list):
        return _json(value)
    return format_html("<code>{}</code>", value) if isinstance(column, models.UUIDField) else str(value)


def _exact(moment: datetime) -> str:
    return date_format(localtime(moment), "Y-m-d H:i:s")


def _json(value: Any) -> SafeString | str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    text = json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)
    return format_html("<pre class='bp-json'>{}{}</pre>", text[:JSON_MOST], " …" if len(text) > JSON_MOST else "")
