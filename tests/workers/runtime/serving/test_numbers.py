"""A replica whose model predicts a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.waiting import until
from tests.workers.runtime.serving.conftest import Serving, expected_value

RECORD = {"Income": 110, "Debt": 52.5, "Home": "owner"}


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    serving = Serving(tmp_path_factory.mktemp("numbers"), target="Amount")
    with serving.api, serving.start() as process, serving.client() as client:
        process.said("ready")
        until(lambda: client.get("/readyz").status_code == 200)
        yield client


def ask(replica: httpx.Client, *records: Any) -> httpx.Response:
    return replica.post("/predict", json={"records": list(records)})


def figure(replica: httpx.Client, name: str) -> float:
    lines = replica.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).rpartition(" ")[2])


def test_a_record_gets_a_number_of_any_size_and_sign_and_no_label(replica: httpx.Client) -> None:
    records = [RECORD, {"Income": 10, "Debt": 500, "Home": "rent"}, {}]
    expected = [expected_value(110, 52.5, "owner"), expected_value(10, 500, "rent"), expected_value(100, 50, "rent")]
    before = figure(replica, "bedplate_replica_estimates_count"), figure(replica, "bedplate_replica_estimates_sum")
    answer = ask(replica, *records)
    assert answer.json()["model_version"] == "v1"
    assert [list(one) for one in answer.json()["predictions"]] == [["value"]] * 3
    assert [one["value"] for one in answer.json()["predictions"]] == pytest.approx(expected, rel=1e-6)
    assert figure(replica, "bedplate_replica_estimates_count") == before[0] + 3
    assert figure(replica, "bedplate_replica_estimates_sum") == pytest.approx(before[1] + sum(expected))


def test_the_target_may_be_there_and_changes_nothing(replica: httpx.Client) -> None:
    assert ask(replica, RECORD | {"Amount": "?"}).json() == ask(replica, RECORD).json()


@pytest.mark.parametrize(
    ("record", "field"), [({"Income": "much"}, "Income"), ({"Price": 1}, "Price"), ({"Income": 1e300}, "Income")]
)
def test_a_value_that_cannot_be_taken_is_named(replica: httpx.Client, record: dict[str, Any], field: str) -> None:
    answer = ask(replica, RECORD, record)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_record")
    assert (answer.json()["record"], answer.json()["field"]) == (1, field)


def test_a_value_too_large_for_a_number_is_refused(replica: httpx.Client) -> None:
    answer = ask(replica, {"Income": 3e39, "Debt": -1.7e39, "Home": "rent"})
    assert (answer.status_code, answer.json()["record"]) == (422, 0)
    assert answer.json()["detail"] == "record 0: its values are too large to be scored"
