"""From a commit to a browser: outbox, publisher, Redis, feed, socket; and who is told what."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction
from django.test import Client
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from apps.access.api.socket import SocketAuthentication
from apps.access.live import ENDS, SUBJECTS
from apps.access.models import ApiToken, Project, User
from apps.access.services.roles import role_grant, role_revoke
from apps.access.services.tokens import token_revoke
from apps.common import feed as feed_module
from apps.common.audit import Actor
from apps.common.events import emit
from apps.common.feed import CHANNEL, QUEUE_MOST, Mailbox, feed
from apps.common.live import MESSAGE_MOST, PROTOCOL, SUBJECTS_MOST, LiveConsumer
from apps.common.models import Event
from apps.common.publisher import CURSOR_KEY, Publisher
from tests.support.concurrency import Thread
from tests.support.factories.access import ProjectFactory, UserFactory, member, token_for
from tests.support.sockets import Headers, Refused
from tests.support.sockets import connected as open_socket
from tests.support.waiting import until

# An open transaction of any database of the server holds the publisher back, and Redis carries a message to every
# listener: these tests need both for themselves.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.alone]
ACTOR = Actor.system("test")
application = SocketAuthentication(LiveConsumer.as_asgi(subjects=SUBJECTS, ends=ENDS))


@pytest.fixture(autouse=True)
def redis() -> Iterator[Any]:
    with Redis.from_url(settings.BEDPLATE_REDIS_URL) as found:
        found.flushdb()
        yield found
        found.flushdb()


@pytest.fixture
def publisher(redis: Any) -> Iterator[Publisher]:
    """One whose cursor is now."""
    found = Publisher(redis)
    assert found.step() == 0
    yield found
    found.release()


def told(redis: Any, publish: Callable[[], Any]) -> list[list[dict[str, Any]]]:
    """The messages that `publish` sends."""
    with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(CHANNEL)
        until(lambda: redis.pubsub_numsub(CHANNEL)[0][1] == 1)
        publish()
        redis.publish(CHANNEL, b"null")
        found: list[list[dict[str, Any]]] = []
        while True:
            message = pubsub.get_message(timeout=5)
            if message is None:
                continue
            if message["data"] == b"null":
                return found
            found.append(json.loads(message["data"]))


# -- publisher ---------------------------------------------------------------------------------------------------


def test_each_event_is_published_once_in_order(redis: Any, publisher: Publisher) -> None:
    project = ProjectFactory.create()
    for number in range(3):
        emit(f"test.n{number}", project, project_id=project.pk, payload={"n": number})
    ((first, second, third),) = told(redis, publisher.step)
    assert [one["kind"] for one in (first, second, third)] == ["test.n0", "test.n1", "test.n2"]
    stored = Event.objects.get(kind="test.n2")
    cursor = f"{stored.transaction_id}-{stored.id}"
    assert (third["subject"], third["payload"], third["cursor"]) == (f"project.{project.pk}", {"n": 2}, cursor)
    assert third["project_id"] == str(project.pk)
    assert redis.get(CURSOR_KEY).decode() == cursor
    assert told(redis, publisher.step) == []


def test_an_event_of_a_slow_transaction_is_not_missed(redis: Any) -> None:
    project = ProjectFactory.create()
    publisher = Publisher(redis)

    def kinds() -> list[str]:
        publisher.leads = False  # the lock went with the connection of the thread before
        return [one["kind"] for batch in told(redis, publisher.step) for one in batch]

    with transaction.atomic():
        emit("test.slow", project)
        Thread(lambda: emit("test.quick", project)).join()
        assert Thread(kinds).join() == []
    assert Thread(kinds).join() == ["test.slow", "test.quick"]


def test_publishing_goes_on_where_it_ended(redis: Any, publisher: Publisher) -> None:
    project = ProjectFactory.create()
    emit("test.one", project)
    publisher.step()
    publisher.release()
    emit("test.two", project)
    (batch,) = told(redis, Publisher(redis).step)
    assert [one["kind"] for one in batch] == ["test.two"]


@pytest.mark.parametrize("stored", [None, f"{2**60}-1"])
def test_without_a_cursor_of_this_database_it_goes_on_from_now(redis: Any, stored: str | None) -> None:
    project = ProjectFactory.create()
    emit("test.before", project)
    if stored:
        redis.set(CURSOR_KEY, stored)
    fresh = Publisher(redis)
    assert fresh.step() == 0
    emit("test.after", project)
    (batch,) = told(redis, fresh.step)
    assert [one["kind"] for one in batch] == ["test.after"]


def test_one_leads_and_the_other_stands_by(redis: Any, publisher: Publisher) -> None:
    emit("test.one", ProjectFactory.create())

    def other() -> tuple[int, bool]:
        second = Publisher(redis)
        return second.step(), second.leads

    assert Thread(other).join() == (0, False)
    assert publisher.step() == 1
    publisher.release()
    assert Thread(other).join() == (0, True)


def test_outages_are_waited_for(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    emit("test.old", ProjectFactory.create())
    monkeypatch.setattr("apps.common.publisher.RETRY_SECONDS", 0.01)
    stop, publisher, failures = threading.Event(), Publisher(redis), iter([RedisConnectionError(), OSError()])
    step = publisher.step

    def flaky() -> int:
        for failure in failures:
            raise failure
        stop.set()
        return step()

    monkeypatch.setattr(publisher, "step", flaky)
    thread = Thread(lambda: publisher.run(stop))
    assert thread.join() is None
    assert stop.is_set()
    assert publisher.leads is False


# -- socket ------------------------------------------------------------------------------------------------------


def connected(headers: Headers | None = None, subprotocols: list[str] | None = None) -> Any:
    return open_socket(application, "/ws/v1/live/", headers, subprotocols)


def bearer(text: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {text}".encode())]


def cookie(user: User, origin: str = "http://localhost") -> list[tuple[bytes, bytes]]:
    client = Client()
    client.force_login(user)
    text = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    return [(b"cookie", text.encode()), (b"origin", origin.encode()), (b"host", b"localhost")]


def off(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Awaitable[Any]:
    return sync_to_async(work)(*args, **kwargs)


async def test_what_happens_reaches_who_follows(publisher: Publisher) -> None:
    project: Project = await off(ProjectFactory.create)
    other: Project = await off(ProjectFactory.create)
    viewer = await off(member, project, "viewer")
    async with connected(bearer(await off(token_for, viewer))) as socket:
        assert await socket.subscribe(f"project.{project.pk}") == "subscribed"
        await off(emit, "test.elsewhere", other)
        await off(emit, "test.here", project, payload={"n": 1})
        await off(publisher.step)
        message = await socket.hear()
        assert (message["type"], message["kind"], message["payload"]) == ("event", "test.here", {"n": 1})
        assert await socket.ask(type="unsubscribe", subject=f"project.{project.pk}") == {
            "type": "unsubscribed",
            "subject": f"project.{project.pk}",
        }
        await off(emit, "test.later", project)
        await off(publisher.step)
        assert await socket.ask(type="ping") == {"type": "pong"}


async def test_missing_and_forbidden_are_refused_with_the_same_words() -> None:
    ours, theirs = await off(ProjectFactory.create), await off(ProjectFactory.create)
    viewer = await off(member, ours, "viewer")
    async with connected(bearer(await off(token_for, viewer))) as socket:
        answers = []
        for key in (
            f"project.{theirs.pk}",
            f"project.{viewer.pk}",
            "project.1",
            "nothing.1",
            "",
            "project." + "A" * 36,
        ):
            answer = await socket.ask(type="subscribe", subject=key)
            assert answer.pop("subject") == key
            answers.append(answer)
        assert answers == [{"type": "refused", "detail": "Not found."}] * len(answers)


@pytest.mark.parametrize("text", ["[]", "[" * 4_000, "nonsense", "{}", '{"type": 1}', '{"type": "shout"}'])
async def test_what_is_no_message_is_said(text: str) -> None:
    async with connected(bearer(await off(lambda: token_for(UserFactory.create())))) as socket:
        await socket.send_text(text)
        assert (await socket.hear())["type"] == "error"
        assert await socket.ask(type="ping") == {"type": "pong"}


async def test_too_large_a_message_ends_the_socket() -> None:
    token = await off(lambda: token_for(UserFactory.create()))
    async with connected(bearer(token)) as socket:
        await socket.send_text("x" * (MESSAGE_MOST + 1))
        assert await socket.closing_code() == 1009
    async with connected(bearer(token)) as socket:
        await socket.send_bytes(b"x")
        assert await socket.closing_code() == 1009


async def test_subscriptions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.live.SUBJECTS_MOST", 2)
    assert SUBJECTS_MOST == 200
    root = await off(lambda: UserFactory.create(is_superuser=True))
    projects = [await off(ProjectFactory.create) for _ in range(3)]
    async with connected(bearer(await off(token_for, root))) as socket:
        subjects = [f"project.{project.pk}" for project in projects]
        assert [await socket.subscribe(one) for one in [*subjects, subjects[0]]] == [
            "subscribed",
            "subscribed",
            "refused",
            "subscribed",
        ]


async def test_who_is_nobody_is_closed_out() -> None:
    gone = await off(lambda: token_for(UserFactory.create(is_active=False)))
    infer = await off(lambda: token_for(UserFactory.create(), "infer"))
    for headers in (bearer("nonsense"), bearer(gone), bearer(infer), [(b"authorization", b"Basic x")]):
        async with connected(headers) as socket:
            assert await socket.closing_code() == 4401


async def test_a_browser_comes_by_session_or_by_token_in_a_subprotocol() -> None:
    user = await off(UserFactory.create)
    async with connected(await off(cookie, user)) as socket:
        assert await socket.ask(type="ping") == {"type": "pong"}
    text = await off(token_for, user)
    async with connected(subprotocols=[PROTOCOL, f"bedplate.token.{text}"]) as socket:
        assert socket.protocol == PROTOCOL
        assert await socket.ask(type="ping") == {"type": "pong"}
    origin_only = [(b"origin", b"http://localhost"), (b"host", b"localhost")]
    async with connected(origin_only) as socket:
        assert await socket.closing_code() == 4401


async def test_another_site_cannot_use_a_visitors_session() -> None:
    headers = await off(cookie, await off(UserFactory.create), "https://evil.example")
    with pytest.raises(Refused):
        async with connected(headers):
            pass


async def test_a_changed_role_ends_the_sockets_of_that_person_only(publisher: Publisher) -> None:
    project = await off(ProjectFactory.create)
    admin, bo = await off(member, project, "admin"), await off(member, project, "viewer")
    async with (
        connected(bearer(await off(token_for, bo))) as theirs,
        connected(bearer(await off(token_for, admin))) as ours,
    ):
        for socket in (theirs, ours):
            assert await socket.subscribe(f"project.{project.pk}") == "subscribed"
        await off(role_grant, project=project, user=bo, role="editor", actor=ACTOR)
        await off(publisher.step)
        assert (await theirs.hear())["kind"] == "project.member_changed"
        assert await theirs.closing_code() == 4403
        assert (await ours.hear())["kind"] == "project.member_changed"
        assert await ours.ask(type="ping") == {"type": "pong"}
    await off(role_revoke, project=project, user=bo, actor=ACTOR)
    async with connected(bearer(await off(token_for, bo))) as socket:
        assert await socket.subscribe(f"project.{project.pk}") == "refused"


async def test_a_revoked_token_ends_its_own_sockets(publisher: Publisher) -> None:
    user = await off(UserFactory.create)
    first, second = await off(token_for, user), await off(token_for, user)
    async with connected(bearer(first)) as one, connected(bearer(second)) as two:
        token = await off(ApiToken.objects.get, prefix=first.split("_")[1])
        await off(token_revoke, token=token, actor=ACTOR)
        await off(publisher.step)
        assert await one.closing_code() == 4403
        assert await two.ask(type="ping") == {"type": "pong"}


# -- feed --------------------------------------------------------------------------------------------------------


async def test_a_slow_socket_gets_a_gap_and_the_newest() -> None:
    box = Mailbox()
    for number in range(QUEUE_MOST + 3):
        box.put({"n": number})
    got = [await box.get() for _ in range(4)]
    assert got == [{"type": "gap"}, {"n": QUEUE_MOST}, {"n": QUEUE_MOST + 1}, {"n": QUEUE_MOST + 2}]


async def test_one_subscription_per_process_that_ends_with_the_last_socket(redis: Any) -> None:
    found = feed({})
    boxes = [Mailbox() for _ in range(3)]
    for box in boxes:
        await found.join(box)
    assert redis.pubsub_numsub(CHANNEL)[0][1] == 1
    for box in boxes:
        found.leave(box)
    await off(until, lambda: redis.pubsub_numsub(CHANNEL)[0][1] == 0)
    assert feed({}) is found


async def test_an_interrupted_subscription_is_taken_up_again_and_told_as_a_gap(
    redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "RETRY_SECONDS", (0.01,))
    found, box = feed({}), Mailbox()
    await found.join(box)
    found.follow(box, "a.1")
    for client in redis.client_list(_type="pubsub"):
        redis.client_kill(client["addr"])
    assert await asyncio.wait_for(box.get(), 5) == {"type": "gap"}
    redis.publish(CHANNEL, b"nonsense")
    redis.publish(CHANNEL, b'[{"kind": "no subject"}]')
    redis.publish(CHANNEL, json.dumps([{"kind": "a.b", "subject": "a.1"}]))
    assert await asyncio.wait_for(box.get(), 5) == {"type": "event", "kind": "a.b", "subject": "a.1"}
    found.leave(box)


async def test_without_redis_a_socket_still_opens(settings: Any) -> None:
    text = await off(lambda: token_for(UserFactory.create()))
    settings.BEDPLATE_REDIS_URL = "redis://127.0.0.1:1/0"
    async with connected(bearer(text)) as socket:
        assert await socket.ask(type="ping") == {"type": "pong"}
