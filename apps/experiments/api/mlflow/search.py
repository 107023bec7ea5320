"""`runs/search` and `experiments/search`: filter, order, pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from apps.experiments.api.mlflow import wire
from apps.experiments.api.mlflow.base import MlflowView
from apps.experiments.api.mlflow.errors import invalid
from apps.experiments.api.mlflow.experiments import default_of
from apps.experiments.api.mlflow.shapes import STATUS_OF, experiment_json, run_json
from apps.experiments.api.mlflow.wire import Asked
from apps.experiments.models import Experiment, Run
from apps.experiments.search.grammar import Comparison, Order, Vocabulary, filter_of, order_of
from apps.experiments.search.words import BadSearch
from apps.experiments.selectors.run_search import (
    EXPERIMENTS,
    RUNS,
    experiments_found,
    inputs_of,
    is_last_begun_first,
    latest,
    runs_found,
    with_people,
)

RESULTS_DEFAULT: Final = 1000
ORDERS_MOST: Final = 20
LATEST: Final = 2000
OFFSET_MOST: Final = 10**7
VIEWS: Final = {"ACTIVE_ONLY": False, "DELETED_ONLY": True, "ALL": None}
"""View type → whether what it shows is deleted; None: both."""
VIEW_NUMBERS: Final = {1: "ACTIVE_ONLY", 2: "DELETED_ONLY", 3: "ALL"}


class SearchView(MlflowView):
    """Base: a page of rows that a filter finds."""

    reads = True

    def terms(self, vocabulary: Vocabulary) -> tuple[list[Comparison], list[Order]]:
        """`filter` and `order_by`, read."""
        clauses = self.asked.texts("order_by")
        if len(clauses) > ORDERS_MOST:
            raise invalid(f"'order_by' has at most {ORDERS_MOST} clauses. Got {len(clauses)}.")
        try:
            return filter_of(self.asked.text("filter"), vocabulary), [order_of(each, vocabulary) for each in clauses]
        except BadSearch as error:
            raise invalid(f"Invalid filter or order: {error}") from error


def shown(rows: QuerySet[Any], asked: Asked, name: str) -> QuerySet[Any]:
    """The rows of the view type that the request names: the active ones by default."""
    said = asked.values.get(name, "ACTIVE_ONLY")
    word = VIEW_NUMBERS.get(said, "") if isinstance(said, int) else said
    if not isinstance(word, str) or word not in VIEWS:
        words = ", ".join(VIEWS)
        raise invalid(f"Invalid value {str(said)[:100]!r} for parameter '{name}' supplied: it must be one of {words}.")
    is_deleted = VIEWS[word]
    return rows if is_deleted is None else rows.filter(deleted_at__isnull=not is_deleted)


def page_of(rows: QuerySet[Any], asked: Asked, *, most: int) -> tuple[list[Any], str]:
    """`max_results` rows from `page_token` on, and the token of the next page; empty at the end."""
    size = asked.number("max_results", RESULTS_DEFAULT, least=1, most=most)
    start = _offset(asked.text("page_token"))
    found: Sequence[Any] = list(rows[start : start + size + 1])
    more = len(found) > size
    return list(found[:size]), _token(start + size) if more else ""


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"offset": offset}).encode()).decode()


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        found = json.loads(base64.urlsafe_b64decode(token.encode()))["offset"]
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise invalid("Invalid page token: it is none that this server gave.") from error
    if not isinstance(found, int) or not 0 <= found <= OFFSET_MOST:
        raise invalid("Invalid page token: it is none that this server gave.")
    return found


def paged(name: str, items: list[dict[str, Any]], token: str) -> Response:
    return Response({name: items, **({"next_page_token": token} if token else {})})


class RunsView(SearchView):
    """`POST runs/search`."""

    def post(self, request: Request) -> Response:
        filters, orders = self.terms(RUNS)
        rows, is_one = self._rows()
        found, token = self._page(shown(rows, self.asked, "run_view_type"), filters, orders, is_one=is_one)
        inputs = inputs_of(found) if found else {}
        with_people(found)
        return paged("runs", [run_json(run, inputs.get(run.pk, ())) for run in found], token)

    def _page(
        self, rows: QuerySet[Run], filters: list[Comparison], orders: list[Order], *, is_one: bool
    ) -> tuple[list[Run], str]:
        """The page that is asked for; the first mostly has runs that began lately, and is looked for there first."""
        looks_first = is_one and filters and is_last_begun_first(orders) and not self.asked.text("page_token")
        few = latest(rows, LATEST) if looks_first else None
        if few is not None:
            found, token = page_of(runs_found(few, filters, [], STATUS_OF), self.asked, most=wire.RESULTS_MOST)
            if token:  # it is full, and there are more
                return found, token
        return page_of(runs_found(rows, filters, orders, STATUS_OF), self.asked, most=wire.RESULTS_MOST)

    def _rows(self) -> tuple[QuerySet[Run], bool]:
        """Runs of the experiments that are named, as far as the caller sees them, and whether it is one."""
        named = self.asked.texts("experiment_ids")
        if len(named) > wire.EXPERIMENTS_MOST:
            raise invalid(f"A search may name at most {wire.EXPERIMENTS_MOST} experiments. Got {len(named)}.")
        ids = {found for text in named if (found := wire.uuid_or_none(text)) is not None}
        if wire.DEFAULT_EXPERIMENT in named:
            default = default_of(self.caller)
            ids |= {default.pk} if default is not None else set()
        if len(ids) == 1:
            # Who may see it is asked first: then the index of its runs gives the order, and no other is as good.
            seen = self.caller.rows(Experiment.objects.filter(pk__in=ids)).only("project_id").first()
            runs = Run.objects.none() if seen is None else Run.objects.filter(experiment=seen, project=seen.project_id)
            return runs, True
        rows: QuerySet[Run] = self.caller.rows(Run.objects.all())
        return rows.filter(experiment__in=ids), False


class ExperimentsView(SearchView):
    """`POST experiments/search`, and GET: of the project that is named, else of all that the caller sees."""

    def post(self, request: Request) -> Response:
        filters, orders = self.terms(EXPERIMENTS)
        rows = shown(self.caller.rows_here(Experiment.objects.all()), self.asked, "view_type")
        found, token = page_of(experiments_found(rows, filters, orders), self.asked, most=wire.RESULTS_MOST)
        return paged("experiments", [experiment_json(each) for each in found], token)

    def get(self, request: Request) -> Response:
        return self.post(request)
