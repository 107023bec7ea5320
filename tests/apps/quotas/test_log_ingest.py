"""Chunks of output through the ASGI app: both forms, hostile bodies, once each, in the order in which they are seen."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import zlib
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction

from apps.common import clock
from apps.quotas.api.ingest import BODY_LIMIT_BYTES, LogIngestApp
from apps.quotas.models import Attempt, LogChunk
from apps.quotas.services.logs import JSON_TEXT_BYTES_MOST, TEXT_BYTES_MOST, log_append
from tests.support.asgi_calls import Answer, post, token_of
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.quotas import WorkloadFactory

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = {"content-type": "text/plain; charset=utf-8"}
DEFLATED = {**TEXT, "content-encoding": "deflate"}
JSON = {"content-type": "application/json"}


@pytest.fixture
async def app() -> AsyncIterator[LogIngestApp]:
    made = LogIngestApp()
    yield made
    await made.close()
    await sync_to_async(connections.close_all)()  # of the thread in which the helpers below run


@sync_to_async
def _attempt() -> Attempt:
    """Of a running workload of two members."""
    found = WorkloadFactory.create(state="running", count_min=2, count_max=2).current_attempt()
    assert isinstance(found, Attempt)
    return found


@pytest.fixture
async def attempt() -> Attempt:
    return await _attempt()


@sync_to_async
def stored(attempt: Attempt) -> list[tuple[int, int, int, int, int, str]]:
    return [
        (chunk.rank, chunk.sequence, chunk.first_line, chunk.lines, chunk.size_bytes, chunk.output())
        for chunk in LogChunk.objects.filter(attempt=attempt).order_by("id")
    ]


def at(sequence: int, rank: int = 0, first_line: int = 1) -> str:
    return f"rank={rank}&sequence={sequence}&first_line={first_line}"


async def send(app: LogIngestApp, attempt: Attempt, body: bytes, query: str = at(0), **headers: str) -> Answer:
    return await post(app, token_of(attempt), body, query=query, headers={**TEXT, **headers})


async def test_the_three_forms_are_kept_alike(app: LogIngestApp, attempt: Attempt) -> None:
    text = "one\n\x1b[31mtwo\x1b[0m\n配额 \n"
    raw, deflated = text.encode(), zlib.compress(text.encode(), 9)
    plain = json.dumps({"rank": 1, "sequence": 2, "first_line": 12, "text": text}).encode()
    assert (await send(app, attempt, raw, at(0, 1, 12)))[0::2] == (200, {})
    assert (await post(app, token_of(attempt), deflated, query=at(1, 1, 12), headers=DEFLATED))[0::2] == (200, {})
    assert (await post(app, token_of(attempt), plain, headers=JSON))[0::2] == (200, {})
    assert await stored(attempt) == [(1, n, 12, 3, len(raw), text) for n in range(3)]
    chunks = [chunk async for chunk in LogChunk.objects.order_by("id")]
    assert bytes(chunks[1].content or b"") == deflated, "as it came"
    assert [chunk.text for chunk in chunks] == [""] * 3
    assert all(chunk.transaction_id for chunk in chunks)
    assert chunks[0].transaction_id < chunks[1].transaction_id < chunks[2].transaction_id


async def test_first_line_may_be_left_out_and_a_last_line_unfinished(app: LogIngestApp, attempt: Attempt) -> None:
    assert (await send(app, attempt, b"a\nb", "rank=0&sequence=3"))[0] == 200
    assert (await send(app, attempt, b"", "rank=0&sequence=4"))[0] == 200
    assert await stored(attempt) == [(0, 3, 0, 2, 3, "a\nb"), (0, 4, 0, 0, 0, "")]


async def test_any_character_can_be_printed(app: LogIngestApp, attempt: Attempt) -> None:
    """NUL goes, half a surrogate pair becomes a question mark, in whichever form it comes."""
    body = json.dumps({"rank": 0, "sequence": 0, "text": " a\x00b\r\x1b[31m\ud800 配额 \n"}).encode()
    assert (await post(app, token_of(attempt), body, headers=JSON))[0] == 200
    assert (await send(app, attempt, b" a\x00b\n", at(1)))[0] == 200
    deflated = zlib.compress(b"\x00\x00c\n")
    assert (await send(app, attempt, deflated, at(2), **{"content-encoding": "deflate"}))[0] == 200
    assert [row[5] for row in await stored(attempt)] == [" ab\r\x1b[31m? 配额 \n", " ab\n", "c\n"]


async def test_a_chunk_is_kept_once_as_it_came_first(app: LogIngestApp, attempt: Attempt) -> None:
    answers = await asyncio.gather(*(send(app, attempt, f"{n}\n".encode(), at(n % 5)) for n in range(25)))
    assert {answer[0] for answer in answers} == {200}
    assert sorted(row[1] for row in await stored(attempt)) == [0, 1, 2, 3, 4]
    before = await stored(attempt)
    assert (await send(app, attempt, b"other\n", at(3)))[0] == 200
    assert await stored(attempt) == before


class TestRefusals:
    @pytest.mark.parametrize(
        "query",
        [
            "", "rank=0", "sequence=0", "rank=-1&sequence=0", "rank=0&sequence=x", "rank=0&sequence=",
            "rank=0&sequence=1.5", "rank=0&rank=1&sequence=0", "rank=0&sequence=99999999999999999999",
            "rank=0&sequence=9223372036854775807", "rank=0&sequence=0&first_line=-3", "rank=2&sequence=0",
            "rank=1000001&sequence=0", "rank=0&sequence=%D9%A3",
        ],
    )  # fmt: skip
    async def test_numbers_that_make_no_sense(self, app: LogIngestApp, attempt: Attempt, query: str) -> None:
        status, headers, answer = await send(app, attempt, b"x\n", query)
        assert (status, headers["content-type"], answer["code"]) == (400, "application/problem+json", "invalid")
        assert await stored(attempt) == []

    async def test_a_member_that_is_none_takes_no_other_chunk_with_it(
        self, app: LogIngestApp, attempt: Attempt
    ) -> None:
        answers = await asyncio.gather(*(send(app, attempt, b"x\n", at(n, rank=n)) for n in range(4)))
        assert [answer[0] for answer in answers] == [200, 200, 400, 400]
        assert answers[3][2]["detail"] == "rank: 3 is not one of this attempt's 2 members"

    async def test_text_that_is_not_utf_8_is_refused_with_its_place(self, app: LogIngestApp, attempt: Attempt) -> None:
        status, _, answer = await send(app, attempt, b"fine \xff\n")
        assert (status, answer["detail"]) == (400, "the text is not UTF-8: byte 5 is 0xff")
        status, _, answer = await send(app, attempt, zlib.compress("é".encode()[:1]), **{"content-encoding": "deflate"})
        assert (status, answer["detail"]) == (400, "the text is not UTF-8: byte 0 is 0xc3")
        assert await stored(attempt) == []

    async def test_a_bomb_is_not_unpacked(self, app: LogIngestApp, attempt: Attempt) -> None:
        bomb = zlib.compress(bytes(1 << 28), 9)
        assert len(bomb) < BODY_LIMIT_BYTES
        status, _, answer = await send(app, attempt, bomb, **{"content-encoding": "deflate"})
        assert (status, answer["code"]) == (413, "too_large")

    async def test_limits_are_of_the_text_as_it_is_kept(self, app: LogIngestApp, attempt: Attempt) -> None:
        most, more = b"x" * TEXT_BYTES_MOST, b"x" * (TEXT_BYTES_MOST + 1)
        deflate = {"content-encoding": "deflate"}
        statuses = [
            (await send(app, attempt, most, at(0)))[0],
            (await send(app, attempt, more, at(1)))[0],
            (await send(app, attempt, zlib.compress(most), at(2), **deflate))[0],
            (await send(app, attempt, zlib.compress(more), at(3), **deflate))[0],
        ]
        assert statuses == [200, 413, 200, 413]
        for size, status in ((JSON_TEXT_BYTES_MOST, 200), (JSON_TEXT_BYTES_MOST + 1, 413)):
            body = json.dumps({"rank": 0, "sequence": size, "text": "x" * size}).encode()
            assert (await post(app, token_of(attempt), body, headers=JSON))[0] == status
        assert [row[4] for row in await stored(attempt)] == [TEXT_BYTES_MOST, TEXT_BYTES_MOST, JSON_TEXT_BYTES_MOST]

    async def test_what_is_not_deflated_is_refused(self, app: LogIngestApp, attempt: Attempt) -> None:
        whole = zlib.compress(b"line\n" * 100)
        raw = zlib.compressobj(wbits=-15)
        bare = raw.compress(b"line\n") + raw.flush()
        wrong = [
            b"",
            b"x",
            bare,
            b"plain text\n",
            whole + b"!",
            whole[:-1] + b"?",
            *(whole[:n] for n in range(len(whole))),
        ]
        statuses = {(await send(app, attempt, body, **{"content-encoding": "deflate"}))[0] for body in wrong}
        assert statuses == {400}
        status, _, answer = await send(app, attempt, b"x\n", **{"content-encoding": "br"})
        assert (status, answer["code"]) == (400, "invalid")
        assert await stored(attempt) == []

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000, b"{}",
            b'{"rank": 0, "sequence": 0, "text": null}', b'{"rank": 2, "sequence": 0, "text": "x"}',
            b'{"rank": -1, "sequence": 0, "text": "x"}', b'{"rank": 0, "sequence": 9223372036854775807, "text": "x"}',
            b'{"rank": 0, "sequence": NaN, "text": "x"}', b'{"rank": 0, "sequence": 0, "text": "x", "first_line": -1}',
        ],
    )  # fmt: skip
    async def test_json_that_is_no_chunk(self, app: LogIngestApp, attempt: Attempt, body: bytes) -> None:
        status, _, answer = await post(app, token_of(attempt), body, headers=JSON)
        assert (status, answer["code"]) == (400, "invalid")
        assert await stored(attempt) == []

    async def test_random_bytes_are_never_our_failure(self, app: LogIngestApp, attempt: Attempt) -> None:
        rng, whole = random.Random(5), zlib.compress(b"line of text\n" * 50)
        statuses = set()
        for sequence in range(200):
            body = bytearray(whole)
            for _ in range(rng.randint(1, 3)):
                body[rng.randrange(len(body))] = rng.randrange(256)
            answer = await send(app, attempt, bytes(body), at(sequence), **{"content-encoding": "deflate"})
            statuses.add(answer[0])
        assert statuses <= {200, 400}

    async def test_who_may_send(self, app: LogIngestApp, attempt: Attempt) -> None:
        for token in ("", "nonsense", token_of(attempt)[:-2] + "xx"):
            status, headers, answer = await post(app, token, b"x\n", query=at(0), headers=TEXT)
            assert (status, answer["code"], headers["www-authenticate"]) == (401, "unauthenticated", "Bearer")
        unknown = token_of(Attempt())
        status, _, answer = await post(app, unknown, b"x\n", query=at(0), headers=TEXT)
        assert (status, answer["code"]) == (401, "attempt_superseded")
        assert (await send(app, attempt, b"x\n"))[0] == 200
        await Attempt.objects.aupdate(ended_at=clock.now())
        status, _, answer = await send(app, attempt, b"y\n", at(1))
        assert (status, answer["code"]) == (401, "attempt_superseded")
        assert (await post(app, token_of(attempt), method="GET"))[0] == 405
        assert [row[5] for row in await stored(attempt)] == ["x\n"]


async def test_a_chunk_waits_for_one_that_got_its_id_before(app: LogIngestApp, attempt: Attempt) -> None:
    holding, release = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            log_append(attempt, rank=0, sequence=0, text="slow\n", first_line=1)
            holding.set()
            release.wait(10)

    thread = Thread(slow)
    await asyncio.to_thread(holding.wait, 10)
    quick = asyncio.create_task(send(app, attempt, b"quick\n", at(0, rank=1)))
    await sync_to_async(wait_until_blocked)()
    assert await stored(attempt) == []
    release.set()
    assert (await quick)[0] == 200
    await asyncio.to_thread(thread.join)
    assert [row[5] for row in await stored(attempt)] == ["slow\n", "quick\n"]


async def test_ids_become_visible_in_order(app: LogIngestApp, attempt: Attempt) -> None:
    """A reader that goes on from the greatest id it saw misses nothing, however many send, through two processes."""
    other, over = LogIngestApp(), asyncio.Event()
    seen: list[int] = []

    async def follow() -> None:
        last = 0
        while True:
            finished = over.is_set()
            async for number in LogChunk.objects.filter(id__gt=last).order_by("id").values_list("id", flat=True):
                seen.append(number)
                last = number
            if finished:
                return

    reader = asyncio.create_task(follow())
    sends = [(app, other)[n % 2] for n in range(120)]
    await asyncio.gather(*(send(one, attempt, b"x\n", at(n // 2, rank=n % 2)) for n, one in enumerate(sends)))
    over.set()
    await reader
    await other.close()
    assert len(seen) == 120
    assert seen == sorted(seen)


async def test_floods_are_refused_and_a_quiet_job_gets_through(app: LogIngestApp, attempt: Attempt) -> None:
    """Sixty large chunks of one job at once: some must be sent again, all arrive, and nobody else waits for them."""
    quiet = await _attempt()
    rng = random.Random(1)
    bodies = [rng.randbytes(500_000).hex().encode() for _ in range(60)]

    async def until_kept(sequence: int, body: bytes) -> list[int]:
        statuses = []
        while 200 not in statuses:
            status, headers, _ = await send(app, attempt, body, at(sequence))
            statuses.append(status)
            if status != 200:
                assert headers["retry-after"] == "1"
                await asyncio.wait([asyncio.create_task(asyncio.to_thread(bytes))])
        return statuses

    flood = [asyncio.create_task(until_kept(sequence, body)) for sequence, body in enumerate(bodies)]
    await asyncio.sleep(0)
    assert (await send(app, quiet, b"hello\n"))[0] == 200
    assert not all(task.done() for task in flood), "it did not wait for the flood"
    statuses = [status for found in await asyncio.gather(*flood) for status in found]
    assert set(statuses) == {200, 429}
    assert sorted(row[1] for row in await stored(attempt)) == list(range(60))
    app.allowance.take("anybody", 64 << 20)  # nothing is held any more
    app.allowance.give_back("anybody", 64 << 20)
