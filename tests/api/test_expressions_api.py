"""Expressions checked while they are written."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.support.factories.access import UserFactory
from workers.contracts.expressions import FUNCTIONS

COLUMNS = [{"name": "Income", "type": "float64"}, {"name": "城市", "type": "string"}]


@pytest.fixture
def client(db: None) -> APIClient:
    client = APIClient()
    client.force_authenticate(UserFactory())
    return client


@pytest.mark.parametrize(
    ("text", "kind", "columns", "code", "place"),
    [
        ("Income / 2 > 100", "bool", ["Income"], None, None),
        ("lower(城市)", "string", ["城市"], None, None),
        ("", None, [], "empty", (0, 0)),
        ("城市 = incom", None, [], "unknown_column", (5, 10)),
        ("x" * 3000, None, [], "too_long", (2000, 3000)),
    ],
)
def test_an_expression_has_a_type_or_a_problem_with_a_place(
    client: APIClient, text: str, kind: str | None, columns: list[str], code: str | None, place: tuple[int, int] | None
) -> None:
    told = client.post("/api/v1/expressions/check", {"expression": text, "columns": COLUMNS}, format="json")

    assert told.status_code == 200
    assert (told.data["type"], told.data["columns"]) == (kind, columns)
    problem = told.data["problem"]
    assert (problem and problem["code"]) == code
    assert (problem and (problem["position"], problem["end"])) == place


def test_columns_have_types_that_are_known(client: APIClient) -> None:
    asked = {"expression": "1", "columns": [{"name": "a", "type": "money"}]}
    told = client.post("/api/v1/expressions/check", asked, format="json")

    assert told.status_code == 400


def test_every_function_is_told_in_both_languages(client: APIClient) -> None:
    told = client.get("/api/v1/expression-functions").data["functions"]

    assert [each["name"] for each in told] == list(FUNCTIONS)
    assert all(each["example"] and each["description"] and each["x-zh-hans"]["description"] for each in told)
