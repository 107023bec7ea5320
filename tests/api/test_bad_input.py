"""Whatever comes in, the answer is a problem with a code and a request id: never a 500, never HTML."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from apps.common.parsers import DEPTH_MOST
from tests.support.factories.access import UserFactory

pytestmark = pytest.mark.django_db
ADDRESSES = ["/api/v1/projects", "/api/v1/runs", "/api/v1/recipes", "/api/v1/approvals"]


@pytest.fixture
def caller() -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(UserFactory.create())
    return client


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    body: dict[str, Any] = json.loads(answer.content)
    assert body["code"] == code
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return body


@pytest.mark.parametrize("address", [*ADDRESSES, "/api/v1/auth/login"])
@pytest.mark.parametrize("depth", [DEPTH_MOST + 1, 950, 100_000])
def test_json_that_is_nested_too_deeply_is_refused(caller: APIClient, address: str, depth: int) -> None:
    body = '{"a":' * depth + "1" + "}" * depth
    problem(caller.post(address, body, content_type="application/json"), 400, "parse_error")
    problem(caller.post(address, "[" * depth, content_type="application/json"), 400, "parse_error")


def test_json_of_a_sensible_depth_is_read(caller: APIClient) -> None:
    body = '{"a":' * DEPTH_MOST + "1" + "}" * DEPTH_MOST
    problem(caller.post("/api/v1/projects", body, content_type="application/json"), 400, "invalid")


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"5", b"NaN", b"\xff\xfe", b'{"name":"\\u0000"}'])
@pytest.mark.parametrize("address", ADDRESSES)
def test_bodies_that_are_no_json_object(caller: APIClient, address: str, body: bytes) -> None:
    answer = caller.post(address, body, content_type="application/json")
    problem(answer, 400, json.loads(answer.content)["code"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"name":1e999}', "1e999 is no number that can be kept"),
        (b'{"name":-Infinity}', "-Infinity is no number that can be kept"),
        (b'{"a":{"name":"x","b":1,"name":"y"}}', "the key 'name' is there more than once in one object"),
        (b'{"name":' + b"9" * 5000 + b"}", "a whole number of more than 4300 digits"),
        (b'{"name":"\xff"}', "'utf-8' codec can't decode byte 0xff in position 9: invalid start byte"),
    ],
)
def test_json_that_would_be_understood_as_something_else(caller: APIClient, body: bytes, said: str) -> None:
    answer = caller.post("/api/v1/projects", body, content_type="application/json")
    assert problem(answer, 400, "parse_error")["detail"] == f"JSON parse error - {said}"


@pytest.mark.parametrize("title", ["\0", "\ud800"])
def test_text_that_cannot_be_stored_is_named_by_its_field(caller: APIClient, title: str) -> None:
    body = json.dumps({"name": "fine", "title": f"x{title}"})
    answer = caller.post("/api/v1/projects", body, content_type="application/json")
    assert list(problem(answer, 400, "invalid")["fields"]) == ["title"]


@pytest.mark.parametrize("text", [b"[" * 20_000, b"{}", b'[0,"\\u0000"]', b"[0,[]]", b"\xff"])
def test_cursors_that_no_list_gave(caller: APIClient, text: bytes) -> None:
    cursor = base64.urlsafe_b64encode(text).decode()
    problem(caller.get("/api/v1/runs", {"cursor": cursor}), 400, "invalid")


def test_more_fields_and_files_than_anybody_sends(caller: APIClient) -> None:
    fields = {f"field{number}": "x" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    files = {f"file{number}": SimpleUploadedFile("a", b"x") for number in range(101)}
    problem(caller.post("/api/v1/sources", fields, format="multipart"), 413, "too_large")
    problem(caller.post("/api/v1/sources", files, format="multipart"), 413, "too_large")
    problem(caller.get("/api/v1/runs", fields), 413, "too_large")


def test_a_host_that_is_not_ours() -> None:
    answer = Client(headers={"Host": "elsewhere.example"}).get("/login")
    assert "ALLOWED_HOSTS" not in problem(answer, 400, "invalid")["detail"]


def test_a_form_without_its_csrf_token() -> None:
    answer = Client(enforce_csrf_checks=True).post("/login", {"username": "a", "password": "b"})
    assert "Load its page again" in problem(answer, 403, "forbidden")["detail"]


def test_a_page_of_the_admin_that_is_not_for_writing() -> None:
    browser = Client()
    browser.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    problem(browser.get("/admin/quotas/workload/add/"), 403, "forbidden")


def test_a_wrong_method_body_or_wish_is_named(caller: APIClient) -> None:
    assert problem(caller.patch("/api/v1/runs", {}), 405, "method_not_allowed")["title"] == "Method Not Allowed"
    answer = caller.post("/api/v1/runs", "<run/>", content_type="application/xml")
    assert problem(answer, 415, "unsupported_media_type")["title"] == "Unsupported Media Type"
    problem(caller.get("/api/v1/runs", headers={"Accept": "text/html"}), 406, "not_acceptable")


@pytest.mark.parametrize("address", ["/api/v1/nope", "/api/v1/runs/x", "/api/v1/runs/%00", "/static/nope"])
@pytest.mark.parametrize("accept", ["*/*", "text/html,*/*;q=0.8"])
def test_addresses_that_lead_nowhere(caller: APIClient, address: str, accept: str) -> None:
    problem(caller.get(address, headers={"Accept": accept}), 404, "not_found")
