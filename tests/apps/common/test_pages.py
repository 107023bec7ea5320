"""Pages by cursor: every row once, whatever is equal and whatever is written meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient, APIRequestFactory

from apps.access.models import ApiToken, Project, User
from apps.common.errors import Invalid
from apps.common.pages import CursorPagination
from tests.support.factories.access import ApiTokenFactory, ProjectFactory, UserFactory, grant

T0 = datetime(2026, 1, 1, tzinfo=UTC)


class Pages:
    """A list as REST framework pages it, by any columns."""

    def __init__(self, queryset: Any, ordering: list[str], size: int) -> None:
        self.queryset, self.size = queryset, size
        view_filter = type("Filter", (), {"get_ordering": lambda *_: ordering})
        self.view = type("View", (), {"filter_backends": [view_filter]})()

    def page(self, url: str = "/x") -> tuple[list[Any], str | None, str | None]:
        pagination = CursorPagination()
        separator = "&" if "?" in url else "?"
        request: Any = APIRequestFactory().get(f"{url}{separator}page_size={self.size}")
        request.query_params = request.GET
        rows = pagination.paginate_queryset(self.queryset.all(), request, self.view)
        assert rows is not None
        return rows, pagination.get_next_link(), pagination.get_previous_link()

    def forward(self) -> tuple[list[list[Any]], str | None]:
        pages, following, previous = [], "/x", None
        while following:
            rows, following, previous = self.page(following)
            pages.append(rows)
        return pages, previous


@pytest.fixture
def ties() -> list[ApiToken]:
    """Ten tokens in three groups of equal `created_at`; some never expire."""
    user = UserFactory.create()
    tokens = ApiTokenFactory.create_batch(10, user=user)
    for number, token in enumerate(tokens):
        token.created_at = T0 + timedelta(microseconds=number // 4)
        token.expires_at = None if number % 3 == 0 else T0 + timedelta(days=number % 2)
        token.save()
    return list(tokens)


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 2, 3, 4, 10, 11])
@pytest.mark.parametrize(
    "ordering", [["-id"], ["created_at", "-id"], ["-created_at", "-id"], ["expires_at", "id"], ["-expires_at", "-id"]]
)
def test_every_row_once_there_and_back(ties: list[ApiToken], ordering: list[str], size: int) -> None:
    pages = Pages(ApiToken.objects, ordering, size)
    found, previous = pages.forward()
    flat = [row for rows in found for row in rows]
    assert {row.pk for row in flat} == {token.pk for token in ties}
    assert len(flat) == len(ties)
    assert flat == expected(ties, ordering)
    back = found[-1:]
    while previous:
        rows, _, previous = pages.page(previous)
        back.insert(0, rows)
    assert [row for rows in back for row in rows] == flat


def expected(tokens: list[ApiToken], ordering: list[str]) -> list[ApiToken]:
    """Sorted in Python, nulls last."""
    found = list(tokens)
    for name in reversed(ordering):
        column = name.lstrip("-")
        some = [token for token in found if getattr(token, column) is not None]
        none = [token for token in found if getattr(token, column) is None]
        found = sorted(some, key=lambda token, column=column: getattr(token, column), reverse=name[0] == "-") + none  # type: ignore[misc]
    return found


@pytest.mark.django_db
def test_rows_written_meanwhile_do_not_shift_the_next_page() -> None:
    user = UserFactory.create()
    old = ApiTokenFactory.create_batch(6, user=user)
    pages = Pages(ApiToken.objects, ["-id"], 3)
    first, following, _ = pages.page()
    ApiTokenFactory.create_batch(4, user=user)
    ApiToken.objects.filter(pk=first[-1].pk).delete()
    assert following is not None
    second, _, _ = pages.page(following)
    assert [row.pk for row in second] == [token.pk for token in old[2::-1]]


@pytest.mark.django_db
@pytest.mark.parametrize("cursor", ["x", "bm9wZQ", "WzBd", "WzAsIDEsIDIsIDNd", "WzAsIFtdXQ", "WzAsICJub3BlIl0"])
def test_a_cursor_that_no_list_gave_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        Pages(ApiToken.objects, ["-id"], 2).page(f"/x?cursor={cursor}")


def as_superuser() -> APIClient:
    api = APIClient()
    api.force_authenticate(UserFactory.create(is_superuser=True))
    return api


@pytest.mark.django_db
def test_over_http_with_filter_and_order() -> None:
    api = as_superuser()
    for number in range(5):
        ProjectFactory.create(name=f"p{number}")
    url: str | None = "/api/v1/projects?ordering=-name&page_size=2"
    names: list[str] = []
    sizes = []
    while url:
        body = api.get(url).json()
        assert sorted(body) == ["next", "previous", "results"]
        names += [row["name"] for row in body["results"]]
        sizes.append(len(body["results"]))
        url = body["next"]
    assert names == ["p4", "p3", "p2", "p1", "p0"]
    assert sizes == [2, 2, 1]
    assert [row["name"] for row in api.get("/api/v1/projects?name=p3").json()["results"]] == ["p3"]


@pytest.mark.django_db
def test_the_largest_page_is_bounded() -> None:
    api = as_superuser()
    organisation = ProjectFactory.create().organisation
    team = ProjectFactory.create(organisation=organisation).team
    Project.objects.bulk_create(Project(organisation=organisation, team=team, name=f"b{n}") for n in range(600))
    assert len(api.get("/api/v1/projects?page_size=100000").json()["results"]) == 500


@pytest.mark.django_db
def test_filtering_by_a_reference_does_not_tell_whether_it_exists() -> None:
    me = UserFactory.create()
    hidden = ProjectFactory.create()
    api = APIClient()
    api.force_authenticate(me)
    answers = [api.get(f"/api/v1/secrets?project={pk}") for pk in (hidden.pk, me.pk)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json() == {"next": None, "previous": None, "results": []}
    assert api.get("/api/v1/secrets?project=nonsense").status_code == 400


@pytest.mark.django_db
def test_lists_cost_the_same_for_one_row_and_for_many() -> None:
    me: User = UserFactory.create()
    api = APIClient()
    api.force_authenticate(me)
    counts = []
    for more in (1, 20):
        for _ in range(more):
            grant(me, ProjectFactory.create(), "viewer")
        with CaptureQueriesContext(connection) as captured:
            assert api.get("/api/v1/projects").status_code == 200
        counts.append(len(captured))
    assert counts == [1, 1]
