"""A replica as a process: what it predicts and what it refuses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.workers.runtime.serving.conftest import expected_score

RECORD = {"Income": 110, "Debt": 52.5, "Home": "owner"}


def _predict(replica: httpx.Client, *records: Any) -> httpx.Response:
    return replica.post("/predict", json={"records": list(records)})


def test_raw_records_get_scores_and_labels(replica: httpx.Client) -> None:
    records = [RECORD, {"Income": 80, "Debt": 50, "Home": "rent"}, {"Income": 105, "Debt": 50, "Home": "boat"}]
    answer = _predict(replica, *records)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document["model_version"] == "v1"
    expected = [expected_score(record["Income"], record["Debt"], record["Home"]) for record in records]
    assert [prediction["score"] for prediction in document["predictions"]] == pytest.approx(expected, rel=1e-6)
    assert [prediction["label"] for prediction in document["predictions"]] == ["bad", "good", "bad"]


def test_the_threshold_is_the_revisions_own(replica: httpx.Client) -> None:
    (prediction,) = _predict(replica, {"Income": 101, "Debt": 50, "Home": "boat"}).json()["predictions"]
    assert prediction["score"] == pytest.approx(expected_score(101, 50, "boat"))
    assert 0.5 < prediction["score"] < 0.6
    assert prediction["label"] == "good"


def test_what_is_missing_is_imputed(replica: httpx.Client) -> None:
    answer = _predict(
        replica, {}, {"Income": None, "Debt": "", "Home": "NA"}, {"Income": 100, "Debt": 50, "Home": "rent"}
    )
    scores = [prediction["score"] for prediction in answer.json()["predictions"]]
    assert scores == [pytest.approx(expected_score(100, 50, "rent"), rel=1e-6)] * 3


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"Income": "much", "Debt": 1, "Home": "rent"}, "Income"),
        ({"Income": 1, "Debt": [1], "Home": "rent"}, "Debt"),
        ({"Income": 1, "Debt": {"a": 1}, "Home": "rent"}, "Debt"),
        ({"Income": 10**400, "Debt": 1, "Home": "rent"}, "Income"),
        ({"Income": 1, "Debt": 1, "Home": {}}, "Home"),
        ({"Income": 1, "Debt": 1, "House": "rent"}, "House"),
        ({"Income": 1e300, "Debt": 1, "Home": "rent"}, "Income"),
    ],
)
def test_a_value_that_cannot_be_taken_is_named(replica: httpx.Client, record: dict[str, Any], field: str) -> None:
    answer = _predict(replica, RECORD, RECORD, record)
    document = answer.json()
    assert (answer.status_code, document["code"]) == (422, "invalid_record")
    assert (document["record"], document["field"]) == (2, field)
    assert document["detail"].startswith(f"record 2: {field} is ")
    assert document["request_id"] == answer.headers["x-request-id"]


BODIES = {
    "no JSON": (b"{", 400, "invalid_json"),
    "no UTF-8": (b'{"records": [{"Home": "\xff"}]}', 400, "invalid_json"),
    "nested beyond reason": (b'{"records": [' + b'{"a":' * 5000, 400, "invalid_json"),
    "a list": (b"[]", 422, "invalid"),
    "no records": (b"{}", 422, "invalid"),
    "records of another kind": (b'{"records": [1]}', 422, "invalid"),
    "not one record": (b'{"records": []}', 422, "invalid"),
    "too many records": (b'{"records": [' + b"{}," * 1000 + b"{}]}", 422, "invalid"),
    "too many bytes": (b" " * ((4 << 20) + 1), 413, "too_large"),
}


@pytest.mark.parametrize(("body", "status", "code"), BODIES.values(), ids=BODIES.keys())
def test_a_body_that_cannot_be_used(replica: httpx.Client, body: bytes, status: int, code: str) -> None:
    answer = replica.post("/predict", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_thousand_records_at_once(replica: httpx.Client) -> None:
    assert len(_predict(replica, *[RECORD] * 1000).json()["predictions"]) == 1000


@pytest.mark.parametrize(
    ("method", "path", "content_type", "status"),
    [
        ("POST", "/predict", "text/csv", 415),
        ("POST", "/predict", "", 415),
        ("POST", "/predict", "application/json; charset=utf-8", 200),
        ("GET", "/predict", "application/json", 405),
        ("POST", "/train", "application/json", 404),
    ],
)
def test_other_requests(replica: httpx.Client, method: str, path: str, content_type: str, status: int) -> None:
    headers = {"content-type": content_type} if content_type else {}
    content = b'{"records":[{}]}' if method == "POST" else None
    assert replica.request(method, path, headers=headers, content=content).status_code == status


def test_metrics_count_requests_and_predictions(replica: httpx.Client) -> None:
    def figures() -> dict[str, float]:
        lines = [line for line in replica.get("/metrics").text.splitlines() if line.startswith("bedplate_replica")]
        return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}

    before = figures()
    _predict(replica, RECORD, RECORD, {"Income": 50})
    _predict(replica)
    after = figures()
    grown = {series: value - before.get(series, 0.0) for series, value in after.items() if "_bucket" not in series}
    assert grown['bedplate_replica_requests_total{status="200"}'] == 1
    assert grown['bedplate_replica_requests_total{status="422"}'] == 1
    assert grown['bedplate_replica_predictions_total{label="bad"}'] == 2
    assert grown['bedplate_replica_predictions_total{label="good"}'] == 1
    assert grown["bedplate_replica_request_duration_seconds_count"] == 2
    assert after["bedplate_replica_requests_in_flight"] == 0
