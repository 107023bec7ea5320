"""A report as CSV, a few hundred rows in memory at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from django.conf import settings
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from apps.common.streams import saved_as
from apps.common.tables import safe
from apps.quotas.api.budget_serializers import ReportLineSerializer
from apps.quotas.selectors.usage_report import KEYS, POOL, PROJECT, USER, Asked, Line, usage_report

ROWS: Final = 500
NAMED: Final = {PROJECT, USER, POOL}
FIGURES: Final = (
    *("gpu_hours_requested", "gpu_hours_used", "gpu_hours_unpriced", "core_hours_requested", "core_hours_used", "cost"),
)


def usage_csv(request: Request, asked: Asked) -> StreamingHttpResponse:
    """The report as a file to be saved; keys that it is not by have no column."""
    pieces = _Pieces(asked, usage_report(request.user, asked))
    name = f"usage-{asked.since:%Y-%m-%d}-{asked.until:%Y-%m-%d}.csv"
    return saved_as(request, name, pieces.next, content_type="text/csv; charset=utf-8")


def cell(value: Any) -> Any:
    """Text that no spreadsheet computes."""
    return safe(value) if isinstance(value, str) else value


class _Pieces:
    """The text of some rows after the others; nothing at the end."""

    def __init__(self, asked: Asked, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._columns = [
            column for key in KEYS if key in asked.by for column in ((key, f"{key}_name") if key in NAMED else (key,))
        ]
        self._begun = False

    def next(self) -> bytes:
        text = io.StringIO()
        table = csv.writer(text)
        if not self._begun:
            self._begun = True
            table.writerow([*self._columns, *FIGURES, "currency"])
        for line in islice(self._lines, ROWS):
            told = ReportLineSerializer(line).data
            keys = [cell(told[column]) for column in self._columns]
            table.writerow([*keys, *(told[figure] for figure in FIGURES), settings.BEDPLATE_CURRENCY])
        return text.getvalue().encode()
