"""Every error is application/problem+json with a stable code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.test import Client, RequestFactory
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework import exceptions
from rest_framework.test import APIClient

from apps.common import errors
from apps.common.context import request_id
from apps.common.problems import problem_handler, server_error
from tests.support.factories.access import UserFactory


def every_error(base: type[errors.BedplateError] = errors.BedplateError) -> list[type[errors.BedplateError]]:
    return [base, *(inner for child in base.__subclasses__() for inner in every_error(child))]


def test_codes_are_unique() -> None:
    codes = [error.code for error in every_error() if "code" in vars(error)]
    assert len(codes) == len(set(codes))


def test_the_body_of_a_problem() -> None:
    token = request_id.set("r-1")
    try:
        response = problem_handler(errors.Invalid("Two things.", fields={"name": ["too long"]}), {})
    finally:
        request_id.reset(token)
    assert response is not None
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert response.data == {
        "type": "urn:bedplate:problem:invalid",
        "title": "The request is not valid",
        "status": 400,
        "detail": "Two things.",
        "code": "invalid",
        "retryable": False,
        "request_id": "r-1",
        "fields": {"name": ["too long"]},
    }


UNIQUE = IntegrityError("duplicate key")
UNIQUE.__cause__ = type("UniqueViolation", (Exception,), {"sqlstate": "23505"})()
CHECK = IntegrityError("check")
CHECK.__cause__ = type("CheckViolation", (Exception,), {"sqlstate": "23514"})()


@pytest.mark.parametrize(
    "error, status, code",
    [
        (Http404(), 404, "not_found"),
        (PermissionDenied("no"), 403, "forbidden"),
        (ValidationError("no"), 400, "invalid"),
        (exceptions.NotAuthenticated(), 401, "unauthenticated"),
        (exceptions.AuthenticationFailed(), 401, "unauthenticated"),
        (exceptions.PermissionDenied(), 403, "forbidden"),
        (exceptions.NotFound(), 404, "not_found"),
        (exceptions.ParseError(), 400, "parse_error"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.Throttled(3), 429, "rate_limited"),
        (OperationalError("timeout"), 503, "unavailable"),
        (DataError("out of range"), 400, "invalid"),
        (UNIQUE, 409, "conflict"),
        (errors.BackendUnavailable(), 503, "backend_unavailable"),
        (errors.StaleState(), 409, "stale_state"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_known_errors(error: Exception, status: int, code: str) -> None:
    response = problem_handler(error, {})
    assert response is not None
    assert (response.status_code, response.data["code"], response.data["status"]) == (status, code, status)


@pytest.mark.parametrize("error", [RuntimeError(), CHECK], ids=["RuntimeError", "CheckViolation"])
def test_our_own_faults_stay_500(error: Exception) -> None:
    assert problem_handler(error, {}) is None


def test_headers_that_a_status_calls_for() -> None:
    wait = problem_handler(errors.RateLimited(wait=7), {})
    who = problem_handler(errors.AttemptSuperseded(), {})
    assert wait is not None
    assert who is not None
    assert wait["Retry-After"] == "7"
    assert who["WWW-Authenticate"] == "Bearer"
    assert [errors.RateLimited(wait=1).retryable, errors.StaleState().retryable, errors.Conflict().retryable] == [
        True,
        True,
        False,
    ]


def test_nested_fields_are_named_by_their_path() -> None:
    detail: Any = {"spec": {"files": [{}, {"name": ["missing"]}]}, "non_field_errors": ["both"]}
    response = problem_handler(exceptions.ValidationError(detail), {})
    assert response is not None
    assert response.data["fields"] == {"spec.files.1.name": ["missing"], "": ["both"]}


@pytest.mark.django_db
def test_over_http(client: Client) -> None:
    unknown = client.get("/api/v1/no-such-thing")
    assert (unknown.status_code, unknown["Content-Type"]) == (404, "application/problem+json")
    assert unknown.json()["code"] == "not_found"
    anonymous = client.get("/api/v1/projects")
    assert (anonymous.status_code, anonymous["WWW-Authenticate"]) == (401, "Bearer")
    assert anonymous["Content-Type"] == "application/problem+json"
    assert anonymous.json()["request_id"] == anonymous["X-Request-ID"]


@pytest.mark.django_db
def test_text_that_postgresql_cannot_keep_is_the_callers_fault() -> None:
    api = APIClient()
    api.force_authenticate(UserFactory.create())
    answer = api.post("/api/v1/tokens", {"name": "a\x00b", "scopes": ["read"]})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_a_disk_without_room_is_retryable_and_named() -> None:
    class DiskFull(Exception):
        sqlstate = "53100"

    database = OperationalError()
    database.__cause__ = DiskFull()
    for error, said in {
        OSError(28, "No space left on device"): "A disk of the control plane is full",
        database: "The disk of the database is full",
    }.items():
        response = problem_handler(error, {})
        assert response is not None
        assert (response.status_code, response.data["retryable"]) == (503, True)
        assert response.data["detail"].startswith(said)
    assert problem_handler(OSError(5, "Input/output error"), {}) is None


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed"), RedisConnectionError("refused")])
def test_an_outage_is_retryable_and_says_when(error: Exception) -> None:
    response = problem_handler(error, {})
    assert response is not None
    assert (response.status_code, response.data["code"], response.data["retryable"]) == (503, "unavailable", True)
    assert response.headers["Retry-After"] == "1"


def test_an_outage_outside_of_the_api_is_no_500(rf: RequestFactory) -> None:
    try:
        raise OperationalError("gone")
    except OperationalError:
        response = server_error(rf.get("/runs"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert json.loads(response.content)["retryable"] is True


def test_what_is_broken_is_a_500(rf: RequestFactory) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        response = server_error(rf.get("/runs"))
    assert (response.status_code, "Retry-After" in response.headers) == (500, False)
