"""`metrics/get-history` of MLflow's protocol, and the two addresses by which its pages read several runs at once."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Final

import msgspec
import numpy as np
from django.http import HttpResponse
from rest_framework.request import Request

from apps.experiments.api.mlflow import wire
from apps.experiments.api.mlflow.base import MlflowView
from apps.experiments.api.mlflow.errors import invalid
from apps.experiments.api.mlflow.runs import RunView, run_of
from apps.experiments.models import Run
from apps.experiments.models.packing import Columns, picked
from apps.experiments.selectors.histories import history_of, sampled_histories
from apps.experiments.selectors.series import Span, said

RUNS_MOST: Final = 100
SAMPLED_MOST: Final = 2500
BULK_MOST: Final = 25_000


class PointOut(msgspec.Struct, omit_defaults=True):
    key: str
    value: float | str
    timestamp: int
    step: int
    run_id: str = ""


class HistoryOut(msgspec.Struct, omit_defaults=True):
    metrics: list[PointOut]
    next_page_token: str = ""


class HistoryView(RunView):
    def get(self, request: Request) -> HttpResponse:
        """All of it at once, or `max_results` of it and where to go on."""
        key = self.asked.needed("metric_key")
        most = self.asked.number("max_results", 0, most=2**31 - 1) if self.asked.has("max_results") else None
        if most == 0:
            raise invalid("Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer.")
        start = _offset(self.asked.text("page_token"))
        columns = history_of(self.run(), key)
        end = len(columns[0]) if most is None else min(start + most, len(columns[0]))
        token = _token(end) if end < len(columns[0]) else ""
        return _answer(_points(key, picked(columns, slice(start, end))), token)


class SampledView(MlflowView):
    def get(self, request: Request) -> HttpResponse:
        """Points of several runs at the same steps, at most `max_results` of each and its ends."""
        asked = self.asked
        runs, key = _runs(self, "run_ids"), asked.needed("metric_key")
        most = asked.number("max_results", SAMPLED_MOST, least=1, most=SAMPLED_MOST)
        if asked.has("start_step") != asked.has("end_step"):
            raise invalid("If either start step or end step are specified, both must be specified.")
        ends = [asked.number(name, 0, least=-wire.INT64_MOST) for name in ("start_step", "end_step")]
        if ends[0] > ends[1]:
            raise invalid(
                f"end_step must be greater than start_step. Found start_step={ends[0]} and end_step={ends[1]}."
            )
        span = Span(from_step=ends[0], to_step=ends[1]) if asked.has("start_step") else Span()
        found = sampled_histories(runs, key, most, span)
        return _answer([point for run in runs for point in _points(key, found[run.pk], run.pk.hex)])


class BulkView(MlflowView):
    def get(self, request: Request) -> HttpResponse:
        """The histories of several runs, at most `max_results` points of each."""
        runs, key = _runs(self, "run_id"), self.asked.needed("metric_key")
        most = self.asked.number("max_results", BULK_MOST, least=1, most=BULK_MOST)
        return _answer(
            [point for run in runs for point in _points(key, picked(history_of(run, key), slice(0, most)), run.pk.hex)]
        )


def _runs(view: MlflowView, name: str) -> list[Run]:
    """The runs of a list of ids, in its order, each once. Raises MlflowError."""
    ids = list(dict.fromkeys(view.asked.texts(name)))
    if not ids:
        raise view.asked.lacking(name)
    if len(ids) > RUNS_MOST:
        raise invalid(f"A request must specify at most {RUNS_MOST} {name}. Received {len(ids)}.")
    wanted = {text: wire.run_uuid(text) for text in ids}
    found = view.caller.rows(Run.objects.only("id", "attempt_starts")).in_bulk(list(wanted.values()))
    for text, pk in wanted.items():
        if pk not in found:
            run_of(view.caller, text)  # says that there is none
    return [found[pk] for pk in wanted.values()]


def _points(key: str, columns: Columns, run_id: str = "") -> Iterator[PointOut]:
    steps, values, times = columns
    stamps = np.rint(times * 1000).clip(-wire.INT64_MOST, wire.INT64_MOST - 1024).astype("<i8")
    return map(PointOut, repeat(key), said(values), stamps.tolist(), steps.tolist(), repeat(run_id))


def _answer(points: Iterable[PointOut], token: str = "") -> HttpResponse:
    body = msgspec.json.encode(HistoryOut(list(points), token))
    return HttpResponse(body, content_type="application/json")


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def _offset(token: str) -> int:
    """Raises MlflowError."""
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode() if token else "0"
    except (binascii.Error, UnicodeError):
        text = ""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise invalid(f"Invalid page token: {token[:100]!r}")
    return int(text)
