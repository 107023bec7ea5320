"""`GET /runs/table`, also as a file, `/runs/columns`, `/runs/summary`: for the viewset of runs."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Invalid
from apps.common.streams import saved_as
from apps.common.tables import pieces_of, table_writer
from apps.experiments.api import table_shapes as shapes
from apps.experiments.api.mlflow.shapes import STATUS_OF
from apps.experiments.search.grammar import Comparison, filter_of
from apps.experiments.search.words import BadSearch
from apps.experiments.selectors.run_counts import run_columns, run_numbers, visible_runs
from apps.experiments.selectors.run_export import run_export
from apps.experiments.selectors.run_fields import conditions_of, fields_of, sort_of
from apps.experiments.selectors.run_search import RUNS
from apps.experiments.selectors.run_table import Asked, run_table

_ENCODER = msgspec.json.Encoder()
BINARY = {(200, "application/octet-stream"): OpenApiTypes.BINARY}


class RunTableMixin:
    """What a page of runs shows."""

    @extend_schema(
        summary="Table of runs",
        parameters=[shapes.RunTableQuerySerializer],
        responses=shapes.RunTableSerializer,
        operation_id="runs_table",
    )
    @action(detail=False, methods=["get"], filter_backends=(), pagination_class=None)
    def table(self: Any, request: Request) -> HttpResponse:
        """A window of it, by offset: any parameter and metric is a column, a filter and an order."""
        query = shapes.RunTableQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = asked_of(query.validated_data)
        rows, total = run_table(request.user, asked)
        # Encoded at once: REST framework would take longer for 1,000 rows than the database for finding them.
        body = _ENCODER.encode({"total": total, "offset": asked.offset, "rows": rows})
        return HttpResponse(body, content_type="application/json")

    @extend_schema(
        summary="Table of runs as a file",
        parameters=[shapes.RunsAskedSerializer, shapes.FILE_KIND],
        responses=BINARY,
        operation_id="runs_table_file",
    )
    @action(
        detail=False,
        methods=["get"],
        filter_backends=(),
        pagination_class=None,
        url_path=r"table\.(?P<kind>csv|parquet)",
    )
    def table_file(self: Any, request: Request, kind: str) -> StreamingHttpResponse:
        """All runs that are meant, with id, name and the columns that are asked for, notes as a whole; as CSV or
        Parquet. 413 (`too_large`) for more than 200,000."""
        query = shapes.RunsAskedSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        columns, rows = run_export(request.user, asked_of(query.validated_data))
        return saved(request, "runs", kind, columns, rows)

    @extend_schema(
        summary="Parameters, metrics and labels that runs have",
        parameters=[shapes.RunsOfSerializer],
        responses=shapes.RunColumnsSerializer,
        operation_id="runs_columns",
    )
    @action(detail=False, methods=["get"], filter_backends=(), pagination_class=None)
    def columns(self: Any, request: Request) -> Response:
        """Which columns a table of these runs can have."""
        return Response(run_columns(_runs_asked(request)))

    @extend_schema(
        summary="How many runs there are",
        parameters=[shapes.RunsOfSerializer],
        responses=shapes.RunNumbersSerializer,
        operation_id="runs_summary",
    )
    @action(detail=False, methods=["get"], filter_backends=(), pagination_class=None, url_path="summary")
    def numbers(self: Any, request: Request) -> Response:
        """By state, and how many failed in the last day."""
        return Response(run_numbers(_runs_asked(request)))


def asked_of(given: dict[str, Any]) -> Asked:
    """The question that a query asks. Raises Invalid, naming what of it is not understood."""
    return Asked(
        project=given.get("project"),
        experiment=given.get("experiment"),
        states=sorted(given.get("state", ())),
        search=given["search"],
        tags=given["tag"],
        where=conditions_of(given["where"]),
        filter=_filter(given["filter"]),
        status_of=STATUS_OF,
        sort=sort_of(given["sort"]) if given["sort"] else None,
        columns=fields_of(given["columns"], "columns"),
        deleted=given["deleted"],
        **{name: given[name] for name in ("offset", "limit", "spark") if name in given},
    )


def _filter(text: str) -> list[Comparison]:
    try:
        return filter_of(text, RUNS)
    except BadSearch as error:
        raise Invalid(f"filter: {error}", fields={"filter": [str(error)]}) from None


def saved(request: Request, name: str, kind: str, columns: Any, rows: Any) -> StreamingHttpResponse:
    """A table as a file; what would be refused is refused before its first byte."""
    writer = table_writer(kind, columns)
    return saved_as(request, f"{name}.{kind}", pieces_of(writer, rows), content_type=writer.content_type)


def _runs_asked(request: Request) -> Any:
    query = shapes.RunsOfSerializer(data=request.query_params)
    query.is_valid(raise_exception=True)
    return visible_runs(request.user, **query.validated_data)
