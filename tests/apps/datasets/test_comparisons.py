"""Comparisons of versions: asked for once, led by their workload, believed only when they add up."""

from __future__ import annotations

from typing import Any

import pytest

from apps.common.errors import Conflict, Invalid
from apps.common.models import AuditEvent
from apps.datasets.invariants import CHECKS
from apps.datasets.models import DatasetVersion, VersionComparison
from apps.datasets.services.comparisons import comparison_cancel, comparison_create, comparison_reconcile
from apps.datasets.services.reconcile import reconcile_due
from apps.datasets.states import VersionState
from apps.quotas.models import Workload
from tests.support.damage import everything
from tests.support.factories.datasets import TESTER, DatasetVersionFactory, fresh, succeeded

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pool")]
ROWS = {"before": 2, "after": 2, "added": 1, "removed": 1, "changed": 1, "same": 0}
FOUND: dict[str, Any] = {
    "key": ["age"],
    "schema": {"added": [], "removed": [], "type_changed": []},
    "rows": ROWS,
    "columns": [{"name": "status", "changed": 1}],
    "examples": {"added": [], "removed": [], "changed": []},
    "drift": {"columns": []},
}


@pytest.fixture
def pair() -> tuple[DatasetVersion, DatasetVersion]:
    before = DatasetVersionFactory.create(state=VersionState.DEPRECATED)
    return before, DatasetVersionFactory.create(project=before.project, dataset=before.dataset, number=2)


def _ask(pair: tuple[DatasetVersion, DatasetVersion], *key: str) -> tuple[VersionComparison, bool]:
    return comparison_create(before=pair[0], after=pair[1], key=key, requested_by=None, actor=TESTER)


def test_it_is_asked_for_once_per_pair_and_key(pair: tuple[DatasetVersion, DatasetVersion]) -> None:
    first, made = _ask(pair, "status", "age", "age")
    assert (made, first.key, first.state) == (True, ["age", "status"], "queued")
    assert _ask(pair, "age", "status") == (first, False)
    assert _ask(pair)[1], "another key is another comparison"
    assert _ask((pair[1], pair[0]))[1], "and so is the other way round"
    spec = Workload.objects.get(pk=first.workload_id).spec
    assert spec["command"][-1] == "compare"
    assert (spec["parameters"], [ref["name"] for ref in spec["inputs"]]) == (
        {"key": ["age", "status"]}, ["before", "after"],
    )  # fmt: skip
    assert AuditEvent.objects.filter(action="version_comparison.created").count() == 3


def test_what_it_found_is_kept_and_one_that_failed_is_made_anew(pair: tuple[DatasetVersion, DatasetVersion]) -> None:
    bad, _ = _ask(pair, "age")
    succeeded(bad, {**FOUND, "rows": {**ROWS, "same": 1}})
    comparison_reconcile(bad.workload_id)
    assert (fresh(bad).state, fresh(bad).state_reason) == ("failed", "bad_result")
    assert "The job compared 3 rows, the version has 2." in fresh(bad).state_detail

    good, made = _ask(pair, "age")
    assert made
    succeeded(good, FOUND)
    assert reconcile_due() == 1
    assert (fresh(good).state, fresh(good).result) == ("succeeded", FOUND)
    assert _ask(pair, "age") == (fresh(good), False)
    assert everything([check for check in CHECKS if check.name.startswith("version_comparison.")]) == []


@pytest.mark.parametrize(
    "result", [None, {}, {**FOUND, "columns": [{"name": "", "changed": 1}]}, {**FOUND, "rows": {}}]
)
def test_a_result_of_another_form_is_not_believed(
    pair: tuple[DatasetVersion, DatasetVersion], result: dict[str, Any] | None
) -> None:
    asked, _ = _ask(pair)
    succeeded(asked, result)
    comparison_reconcile(asked.workload_id)
    assert (fresh(asked).state_reason, fresh(asked).result) == ("bad_result", None)


def test_what_cannot_be_compared_is_refused(pair: tuple[DatasetVersion, DatasetVersion]) -> None:
    elsewhere = DatasetVersionFactory.create()
    for other, key, field in ((elsewhere, [], "before"), (pair[1], [], "before"), (pair[0], ["colour"], "key"),
                              (pair[0], [f"c{n}" for n in range(21)], "key")):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            _ask((other, pair[1]), *key)
        assert list(refused.value.fields) == [field]
    rejected = DatasetVersionFactory.create(project=pair[0].project, state=VersionState.REJECTED)
    with pytest.raises(Conflict, match="is rejected; its data is not to be looked at"):
        _ask((rejected, pair[1]))
    assert (VersionComparison.objects.count(), Workload.objects.count()) == (0, 0)


def test_a_cancelled_one_can_be_asked_for_again(pair: tuple[DatasetVersion, DatasetVersion]) -> None:
    asked, _ = _ask(pair)
    comparison_cancel(asked, actor=TESTER)
    comparison_reconcile(asked.workload_id)
    assert fresh(asked).state == "cancelled"
    assert _ask(pair)[1]
