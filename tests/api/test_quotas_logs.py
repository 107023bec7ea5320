"""Output of jobs, read by lines, from the end, by words, or whole."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import User
from apps.common import clock
from apps.common.cursors import cursor_of, visible_up_to
from apps.quotas.models import Attempt, LogChunk, Workload
from apps.quotas.selectors import logs as reading
from apps.quotas.services.log_retention import logs_forget
from apps.quotas.services.logs import chunk_of
from tests.support.factories.access import ProjectFactory, member, token_for
from tests.support.factories.quotas import AttemptFactory, LogChunkFactory, WorkloadFactory

API = "/api/v1"


@pytest.fixture
def workload() -> Workload:
    made: Workload = WorkloadFactory.create(project=ProjectFactory.create(), state="running", name="train risk")
    return made


@pytest.fixture
def user(workload: Workload) -> User:
    return member(workload.project)


@pytest.fixture
def attempt(workload: Workload) -> Attempt:
    found = workload.current_attempt()
    assert found is not None
    return found


def keep(attempt: Attempt, sequence: int, first_line: int, text: str, rank: int = 0) -> LogChunk:
    made = chunk_of(rank=rank, sequence=sequence, first_line=first_line, text=text.encode())
    columns = {name: getattr(made, name) for name in ("lines", "size_bytes", "content")}
    return LogChunk.objects.create(attempt=attempt, rank=rank, sequence=sequence, first_line=first_line, **columns)


def numbered(first: int, last: int) -> str:
    return "".join(f"line {number}\n" for number in range(first, last + 1))


def ask(user: User, workload: Workload, status: int = 200, **query: Any) -> Any:
    client = APIClient()
    client.force_authenticate(user)
    answer = client.get(f"{API}/workloads/{workload.pk}/logs", query)
    assert answer.status_code == status, answer.content
    return answer.json()


def lines(page: Any) -> list[tuple[int, str]]:
    """(number, line) of all that is in a page."""
    return [
        (chunk["first_line"] + number, line)
        for chunk in page["chunks"]
        for number, line in enumerate(chunk["text"].splitlines())
    ]


@pytest.fixture
def hundred(attempt: Attempt) -> list[LogChunk]:
    """Lines 1 to 100 in ten chunks, the last but one kept before an older one; another member and an old attempt."""
    places = [0, 1, 2, 3, 4, 5, 6, 8, 7, 9]
    made = {at: keep(attempt, at, 1 + at * 10, numbered(1 + at * 10, 10 + at * 10)) for at in places}
    keep(attempt, 0, 1, "of another member\n", rank=1)
    return [made[at] for at in range(10)]


@pytest.mark.django_db
class TestLines:
    def test_a_range_has_exactly_its_lines(self, user: User, workload: Workload, hundred: list[LogChunk]) -> None:
        for first, last in ((1, 1), (5, 25), (10, 11), (91, 100), (95, 300), (101, 200)):
            page = ask(user, workload, from_line=first, to_line=last)
            expected = [(number, f"line {number}") for number in range(first, min(last, 100) + 1)]
            assert lines(page) == expected
            assert sum(chunk["lines"] for chunk in page["chunks"]) == len(expected)
            assert page["next_line"] is None
        assert len(lines(ask(user, workload, from_line=41))) == 60
        assert len(lines(ask(user, workload, to_line=41))) == 41
        assert lines(ask(user, workload, from_line=1, rank=1)) == [(1, "of another member")]

    def test_a_range_that_does_not_fit_says_where_it_goes_on(
        self, user: User, workload: Workload, hundred: list[LogChunk], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "TEXT_MOST", 200)
        found, first = [], 7
        while first is not None:
            page = ask(user, workload, from_line=first, to_line=93)
            found += lines(page)
            first = page["next_line"]
        assert found == [(number, f"line {number}") for number in range(7, 94)]

    def test_the_end_has_so_many_lines_and_is_followed(
        self, user: User, workload: Workload, attempt: Attempt, hundred: list[LogChunk]
    ) -> None:
        for count in (1, 10, 11, 35, 100, 5000):
            page = ask(user, workload, tail=count)
            assert lines(page) == [(n, f"line {n}") for n in range(max(101 - count, 1), 101)]
        assert page["next_after"] == max(chunk.pk for chunk in hundred)
        later = keep(attempt, 10, 101, "later\n")
        assert [chunk["id"] for chunk in ask(user, workload, after=page["next_after"], rank=0)["chunks"]] == [later.pk]

    def test_without_output_there_is_nothing(self, user: User, workload: Workload) -> None:
        for query in ({"tail": 5}, {"from_line": 1}, {}):
            assert ask(user, workload, **query)["chunks"] == []
        waiting = WorkloadFactory.create(project=workload.project)
        assert ask(user, waiting, tail=5)["chunks"] == []

    def test_one_attempt_is_chosen_by_its_id(self, user: User, workload: Workload, hundred: list[LogChunk]) -> None:
        first = workload.attempts.get()
        Attempt.objects.update(ended_at=clock.now())
        second = AttemptFactory.create(workload=workload, number=2)
        keep(second, 0, 1, "again\n")
        assert lines(ask(user, workload, tail=1)) == [(1, "again")]
        assert lines(ask(user, workload, tail=1, attempt=first.pk)) == [(100, "line 100")]
        assert lines(ask(user, workload, attempt=second.pk)) == [(1, "again")]
        stranger = AttemptFactory.create()
        keep(stranger, 0, 1, "secret\n")
        for query in ({"tail": 1}, {"from_line": 1}, {}):
            assert ask(user, workload, attempt=stranger.pk, **query)["chunks"] == []

    def test_old_rows_are_read_too(self, user: User, workload: Workload, attempt: Attempt) -> None:
        LogChunkFactory.create(attempt=attempt, sequence=0, first_line=1, text=numbered(1, 5))
        LogChunkFactory.create(attempt=attempt, sequence=1, first_line=6, text=numbered(6, 9))
        assert lines(ask(user, workload, from_line=4, to_line=7)) == [(n, f"line {n}") for n in (4, 5, 6, 7)]
        assert lines(ask(user, workload, tail=5)) == [(n, f"line {n}") for n in (5, 6, 7, 8, 9)]

    @pytest.mark.parametrize(
        "query",
        [
            {"tail": 0}, {"tail": 10_001}, {"from_line": 0}, {"tail": 1, "from_line": 1}, {"tail": 1, "after": 3},
            {"to_line": 3, "search": "x"}, {"attempt": "first"}, {"from_line": 10**20}, {"rank": 2**40},
            {"after": 2**63}, {"search": "x" * 201}, {"plain": "perhaps"},
        ],
    )  # fmt: skip
    def test_a_wrong_question_is_refused(self, user: User, workload: Workload, query: dict[str, Any]) -> None:
        assert ask(user, workload, 400, **query)["code"] == "invalid"

    def test_reading_takes_few_queries(self, user: User, workload: Workload, hundred: list[LogChunk]) -> None:
        for query in ({}, {"tail": 50}, {"from_line": 5, "to_line": 95}, {"search": "line"}):
            with CaptureQueriesContext(connection) as few:
                ask(user, workload, **query)
            assert len(few) <= 4

    def test_the_cursor_of_a_page_is_not_beyond_what_was_visible(self, user: User, workload: Workload) -> None:
        before = visible_up_to()
        cursor = cursor_of(ask(user, workload)["cursor"])
        assert before <= cursor <= visible_up_to()


@pytest.mark.django_db
class TestSearch:
    def test_only_lines_with_the_words_come_each_with_its_number(
        self, user: User, workload: Workload, hundred: list[LogChunk]
    ) -> None:
        page = ask(user, workload, search="line 9")
        assert sorted(lines(page)) == [(n, f"line {n}") for n in (9, *range(90, 100))]
        assert {chunk["lines"] for chunk in page["chunks"]} == {1}
        assert lines(ask(user, workload, search="line 100", rank=0)) == [(100, "line 100")]
        assert lines(ask(user, workload, search="MEMBER")) == []

    def test_a_search_looks_at_so_much_and_goes_on(
        self, user: User, workload: Workload, hundred: list[LogChunk], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "SEARCHED_MOST", 150)
        found: list[Any] = []
        after, last, pages = 0, -1, 0
        while after != last:
            page = ask(user, workload, search="line 100", after=after)
            found += lines(page)
            after, last, pages = page["next_after"], after, pages + 1
        assert found == [(100, "line 100")]
        assert pages > 3

    def test_a_chunk_shows_so_many_matches(
        self, user: User, workload: Workload, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "MATCHES_MOST", 3)
        keep(attempt, 0, 1, "a\n" * 10)
        assert len(ask(user, workload, search="a")["chunks"]) == 3


@pytest.mark.django_db
class TestPlain:
    def test_control_sequences_stay_in_the_store_and_may_be_left_out(
        self, user: User, workload: Workload, attempt: Attempt
    ) -> None:
        text = "\x1b[1;31mred\x1b[0m \x1b]0;title\x07done\x1b[2K\x1b[1A\x1b(B\x1b7 100 %\n"
        keep(attempt, 0, 1, text)
        assert ask(user, workload)["chunks"][0]["text"] == text
        assert ask(user, workload, plain=True)["chunks"][0]["text"] == "red done 100 %\n"
        assert ask(user, workload, plain="true", tail=1)["chunks"][0]["text"] == "red done 100 %\n"

    @pytest.mark.parametrize(
        "text", ["\x1b[" * 50_000, "\x1b]" + "x" * 100_000, "\x1bP" * 50_000, "\x1b[" + "1;" * 50_000, "\x1b" * 50_000]
    )
    def test_hostile_text_costs_no_time(self, text: str) -> None:
        assert len(reading.without_escapes(text)) <= len(text)


def download(user: User, workload: Workload, **query: Any) -> Any:
    client = APIClient()
    client.force_authenticate(user)
    return client.get(f"{API}/workloads/{workload.pk}/logs/download", query)


@pytest.mark.django_db
class TestDownload:
    def test_all_of_a_member_is_one_file(self, user: User, workload: Workload, hundred: list[LogChunk]) -> None:
        answer = download(user, workload)
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        assert answer["Content-Disposition"] == 'attachment; filename="train risk-1-0.log"'
        assert b"".join(answer.streaming_content).decode() == numbered(1, 100)
        assert b"".join(download(user, workload, rank=1).streaming_content) == b"of another member\n"
        assert b"".join(download(user, workload, rank=7).streaming_content) == b""

    def test_it_says_where_lines_are_missing(self, user: User, workload: Workload, attempt: Attempt) -> None:
        keep(attempt, 0, 3, "third\nfourth\n")
        keep(attempt, 1, 5, "fifth")
        keep(attempt, 4, 126, "\x1b[32mlater\x1b[0m\n")
        keep(attempt, 5, 127, "")
        keep(attempt, 6, 128, "last\n")
        expected = (
            "… 2 lines were not kept …\nthird\nfourth\nfifth\n… 120 lines were not kept …\nlater\n"
            "… 1 line was not kept …\nlast\n"
        )
        assert b"".join(download(user, workload, plain=True).streaming_content).decode() == expected

    def test_an_attempt_that_is_not_its_own_is_not_found(self, user: User, workload: Workload) -> None:
        assert download(user, workload, attempt=AttemptFactory.create().pk).status_code == 404
        assert download(user, WorkloadFactory.create(project=workload.project)).status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_under_asgi_a_download_is_read_a_few_chunks_at_a_time() -> None:
    @sync_to_async
    def made() -> tuple[Workload, str]:
        workload = WorkloadFactory.create(state="running")
        attempt = workload.current_attempt()
        content = zlib.compress(b"x" * 99 + b"\n")
        LogChunk.objects.bulk_create(
            LogChunk(attempt=attempt, rank=0, sequence=n, first_line=n + 1, lines=1, size_bytes=100, content=content)
            for n in range(50)
        )
        return workload, token_for(member(workload.project))

    workload, token = await made()
    answer = await AsyncClient().get(
        f"{API}/workloads/{workload.pk}/logs/download", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.is_async
    pieces = [piece async for piece in answer]
    assert [len(piece) for piece in pieces] == [100] * 50
    await sync_to_async(connections.close_all)()


@pytest.mark.django_db
class TestRetention:
    def test_output_goes_so_long_after_the_end_of_its_attempt(self) -> None:
        now = clock.db_now()
        ages = {"running": None, "just ended": 1, "within": 29, "beyond": 31, "long ago": 400}
        for name, days in ages.items():
            attempt = AttemptFactory.create(ended_at=now - timedelta(days=days) if days else None)
            for sequence in range(3):
                keep(attempt, sequence, 1, name)
        LogChunk.objects.update(created_at=now - timedelta(days=500))
        assert logs_forget(days=0) == 0
        assert logs_forget(days=30) == 6
        assert {chunk.output() for chunk in LogChunk.objects.all()} == {"running", "just ended", "within"}
        assert logs_forget(days=30) == 0

    def test_it_goes_in_bounded_statements_and_stops_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("apps.quotas.services.log_retention.AT_ONCE", 4)
        attempt = AttemptFactory.create(ended_at=clock.db_now() - timedelta(days=9))
        for sequence in range(10):
            keep(attempt, sequence, 1, "x\n")
        LogChunk.objects.update(created_at=clock.db_now() - timedelta(days=10))
        assert logs_forget(days=7, seconds=0) == 0
        with CaptureQueriesContext(connection) as queries:
            assert logs_forget(days=7) == 10
        assert len([query for query in queries if query["sql"].startswith("DELETE")]) == 3
