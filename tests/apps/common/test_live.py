"""From a commit to a browser: outbox, publisher, Redis, feed, socket; and who is told what."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import OperationalError, transaction
from django.test import Client
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from apps.access.api.socket import SocketAuthentication
from apps.access.live import ENDS, stamps
from apps.access.models import ApiToken, Project, User
from apps.access.services.roles import role_grant, role_revoke
from apps.access.services.tokens import token_create, token_revoke
from apps.common import alerts, clock, rights
from apps.common import feed as feed_module
from apps.common.audit import Actor
from apps.common.events import News, emit, emit_many
from apps.common.feed import Feed, feed
from apps.common.hints import Sender
from apps.common.line import EVENTS_MOST, POINTS_MOST
from apps.common.live import BURST, MESSAGE_MOST, SUBJECTS_MOST, LiveConsumer
from apps.common.live_messages import PROTOCOL, EventTold, PointsTold
from apps.common.mailbox import MESSAGES_MOST, TEXT_MOST, Letter, Mailbox, Who
from apps.common.models import Event
from apps.common.publisher import BATCH, HORIZON_KEY, Publisher
from apps.common.rights import Rules
from apps.common.rounds import CHANNEL, Item, Round, cursor_at, decode, encode
from controlplane.asgi import SUBJECTS as LIVE_SUBJECTS
from controlplane.asgi import TAILS
from tests.support.concurrency import Thread
from tests.support.factories.access import ProjectFactory, UserFactory, member, token_for
from tests.support.factories.quotas import WorkloadFactory
from tests.support.sockets import Headers, Refused
from tests.support.sockets import connected as open_socket
from tests.support.waiting import until

# An open transaction of any database of the server holds the publisher back, and Redis carries a message to every
# listener: these tests need both for themselves.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.alone]
ACTOR = Actor.system("test")
NOBODY = Who(UUID(int=0))
application = SocketAuthentication(
    LiveConsumer.as_asgi(subjects=LIVE_SUBJECTS, rules=Rules(ENDS, stamps, frozenset({"run"})), tails=TAILS)
)


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


def told(redis: Any, publish: Callable[[], Any]) -> list[Round]:
    """The rounds with something in them that `publish` sends."""
    with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(CHANNEL)
        until(lambda: redis.pubsub_numsub(CHANNEL)[0][1] == 1)
        publish()
        redis.publish(CHANNEL, b"null")
        found: list[Round] = []
        while True:
            message = pubsub.get_message(timeout=5)
            if message is None:
                continue
            if message["data"] == b"null":
                return found
            told = decode(message["data"])
            found += [told] if told.items else []


def kinds_in(rounds: list[Round]) -> list[str]:
    return [item.event.kind for told in rounds for item in told.items if item.event]


# -- publisher ---------------------------------------------------------------------------------------------------


def test_each_event_is_published_once_in_order(redis: Any, publisher: Publisher) -> None:
    project = ProjectFactory.create()
    for number in range(3):
        emit(f"test.n{number}", project, project_id=project.pk, payload={"n": number})
    (found,) = told(redis, publisher.step)
    assert kinds_in([found]) == ["test.n0", "test.n1", "test.n2"]
    stored = Event.objects.get(kind="test.n2")
    third = found.items[2]
    assert third.event == EventTold(
        "test.n2",
        f"project.{project.pk}",
        f"{stored.transaction_id}-{stored.id}",
        stored.created_at.isoformat(),
        str(project.pk),
        {"n": 2},
    )
    assert found.since <= found.items[0].t <= third.t < found.horizon
    assert int(redis.get(HORIZON_KEY)) == found.horizon
    assert told(redis, publisher.step) == []


def test_rounds_join_however_many_rows_a_transaction_wrote(
    redis: Any, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = ProjectFactory.create()
    publisher.step()
    for count in (3, BATCH + 2, 2, BATCH - 1, 1, 700):
        emit_many([News(f"test.of{count}", f"project.{project.pk}")] * count)
    rounds: list[Round] = []
    while more := told(redis, publisher.step):
        rounds += more
    assert len(kinds_in(rounds)) == 3 + BATCH + 2 + 2 + BATCH - 1 + 1 + 700
    ids = [item.event.cursor for told in rounds for item in told.items if item.event]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids, key=lambda text: tuple(map(int, text.split("-"))))
    for before, after in pairwise(rounds):
        assert after.since == before.horizon
        assert all(before.horizon <= item.t < after.horizon for item in after.items)


def test_an_event_of_a_slow_transaction_is_not_missed(redis: Any) -> None:
    project = ProjectFactory.create()
    publisher = Publisher(redis)

    def kinds() -> list[str]:
        publisher.leads = False  # the lock went with the connection of the thread before
        return kinds_in(told(redis, publisher.step))

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
    assert kinds_in(told(redis, Publisher(redis).step)) == ["test.two"]


@pytest.mark.parametrize("stored", [None, str(2**60)])
def test_without_a_cursor_of_this_database_it_goes_on_from_now(redis: Any, stored: str | None) -> None:
    project = ProjectFactory.create()
    emit("test.before", project)
    if stored:
        redis.set(HORIZON_KEY, stored)
    fresh = Publisher(redis)
    assert fresh.step() == 0
    emit("test.after", project)
    assert kinds_in(told(redis, fresh.step)) == ["test.after"]


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
    return headers_of(client, origin)


def headers_of(client: Client, origin: str = "http://localhost") -> list[tuple[bytes, bytes]]:
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
        assert (message["type"], message["subject"]) == ("update", f"project.{project.pk}")
        assert [(one["kind"], one["payload"]) for one in message["events"]] == [("test.here", {"n": 1})]
        assert await socket.ask(type="unsubscribe", subject=f"project.{project.pk}") == {
            "type": "unsubscribed",
            "subject": f"project.{project.pk}",
        }
        await off(emit, "test.later", project)
        await off(publisher.step)
        assert await socket.ask(type="ping") == {"type": "pong"}


async def test_a_project_hears_of_what_is_in_it_and_a_pool_only_that_it_moved(publisher: Publisher) -> None:
    workload = await off(WorkloadFactory.create)
    root = await off(lambda: UserFactory.create(is_superuser=True))
    async with connected(bearer(await off(token_for, root))) as socket:
        for subject in (f"pool.{workload.pool_id}", f"project.{workload.project_id}", f"workload.{workload.pk}"):
            assert await socket.subscribe(subject) == "subscribed"
        await off(emit, "workload.submitted", workload, payload={"actor": "x"})
        await off(publisher.step)
        heard = {}
        for _ in range(3):
            message = await socket.hear()
            (heard[message["subject"].partition(".")[0]],) = message["events"]
    assert heard["pool"] == {"kind": "pool.changed", "subject": f"pool.{workload.pool_id}"}
    assert heard["project"] == heard["workload"]
    assert (heard["workload"]["kind"], heard["workload"]["payload"]) == ("workload.submitted", {"actor": "x"})


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


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[" * 4_000,
        "nonsense",
        "{}",
        '{"type": 1}',
        '{"type": "shout"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "subject": 1}',
        '{"type": "subscribe", "subject": "run.1", "after": "yesterday"}',
        '{"type": "subscribe", "subject": "run.1", "after": "99999999999999999999-1"}',
        '{"type": "subscribe", "subject": "' + "x" * 200 + '"}',
        '"\\ud800"',
    ],
)
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


@pytest.fixture
def by_events_alone(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks for another reason than an event of the outbox."""
    settings.BEDPLATE_HINTS = False
    monkeypatch.setattr(rights, "SILENT_SECONDS", 1_000.0)


@pytest.fixture
def by_alerts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No publisher runs, and nobody looks because of its silence."""
    monkeypatch.setattr(rights, "SILENT_SECONDS", 1_000.0)
    monkeypatch.setattr(alerts, "_sender", Sender(alerts._deliver))  # the other one may rest after a test without Redis


@pytest.mark.usefixtures("by_events_alone")
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
        for socket in (theirs, ours):
            assert [one["kind"] for one in (await socket.hear())["events"]] == ["project.member_changed"]
        assert await theirs.closing_code() == 4403
        assert await ours.ask(type="ping") == {"type": "pong"}
    await off(role_revoke, project=project, user=bo, actor=ACTOR)
    async with connected(bearer(await off(token_for, bo))) as socket:
        assert await socket.subscribe(f"project.{project.pk}") == "refused"


@pytest.mark.usefixtures("by_events_alone")
async def test_a_revoked_token_ends_its_own_sockets(publisher: Publisher) -> None:
    user = await off(UserFactory.create)
    first, second = await off(token_for, user), await off(token_for, user)
    async with connected(bearer(first)) as one, connected(bearer(second)) as two:
        token = await off(ApiToken.objects.get, prefix=first.split("_")[1])
        await off(token_revoke, token=token, actor=ACTOR)
        await off(publisher.step)
        assert await one.closing_code() == 4401
        assert await two.ask(type="ping") == {"type": "pong"}


@pytest.mark.usefixtures("by_events_alone")
async def test_a_session_that_ends_ends_its_sockets(publisher: Publisher) -> None:
    user = await off(UserFactory.create)
    client, other = await off(Client), await off(Client)
    for one in (client, other):
        await off(one.force_login, user)
    async with connected(headers_of(client)) as ours, connected(headers_of(other)) as theirs:
        for socket in (ours, theirs):
            assert await socket.ask(type="ping") == {"type": "pong"}
        assert (await off(client.post, "/api/v1/auth/logout")).status_code == 204
        await off(publisher.step)
        assert await ours.closing_code() == 4401
        assert await theirs.ask(type="ping") == {"type": "pong"}


async def test_a_token_that_expires_ends_its_sockets_by_itself() -> None:
    user = await off(UserFactory.create)
    expires_at = clock.now() + timedelta(seconds=0.5)
    made: Any = await off(
        token_create, user=user, name="short", scopes=["read"], expires_at=expires_at, actor=Actor.system("test")
    )
    async with connected(bearer(made[1])) as socket:
        assert await socket.closing_code() == 4401


async def test_rights_are_looked_at_again_when_no_news_come(settings: Any) -> None:
    """Redis is away: nobody tells of the revocation."""
    project = await off(ProjectFactory.create)
    bo, eve = await off(member, project, "viewer"), await off(member, project, "viewer")
    tokens = [await off(token_for, user) for user in (bo, eve)]
    settings.BEDPLATE_REDIS_URL = "redis://127.0.0.1:1/0"
    async with connected(bearer(tokens[0])) as theirs, connected(bearer(tokens[1])) as ours:
        assert await theirs.ask(type="ping") == {"type": "pong"}
        await off(role_revoke, project=project, user=bo, actor=ACTOR)
        assert await theirs.closing_code() == 4403
        assert await ours.ask(type="ping") == {"type": "pong"}


def set_password(user: User) -> None:
    user.set_password("another correct horse")
    user.save()


@pytest.mark.usefixtures("by_alerts_alone")
async def test_rights_that_change_end_a_socket_though_nobody_publishes() -> None:
    project = await off(ProjectFactory.create)
    people = [await off(member, project, role) for role in ("viewer", "viewer", "admin", "viewer")]
    bo, eve, ann, _ = people
    tokens = [await off(token_for, user) for user in people]
    client = await off(Client)
    await off(client.force_login, bo)
    token = await off(ApiToken.objects.get, prefix=tokens[0].split("_")[1])
    async with (
        connected(headers_of(client)) as by_session,
        connected(bearer(tokens[0])) as by_token,
        connected(bearer(tokens[1])) as role_taken,
        connected(bearer(tokens[2])) as password_set,
        connected(bearer(tokens[3])) as untouched,
    ):
        for socket in (by_session, by_token, role_taken, password_set, untouched):
            assert await socket.ask(type="ping") == {"type": "pong"}
        assert (await off(client.post, "/api/v1/auth/logout")).status_code == 204
        assert await by_session.closing_code() == 4401
        await off(token_revoke, token=token, actor=ACTOR)
        assert await by_token.closing_code() == 4401
        await off(role_revoke, project=project, user=eve, actor=ACTOR)
        assert await role_taken.closing_code() == 4403
        await off(set_password, ann)
        assert await password_set.closing_code() == 4403
        assert await untouched.ask(type="ping") == {"type": "pong"}


async def test_rights_are_looked_at_again_while_nobody_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even an alert came: they changed past every service."""
    monkeypatch.setattr(rights, "SILENT_SECONDS", 0.0)
    monkeypatch.setattr(rights, "TICK_SECONDS", 0.02)
    bo, eve = await off(UserFactory.create), await off(UserFactory.create)
    tokens = [await off(token_for, user) for user in (bo, eve)]
    async with connected(bearer(tokens[0])) as theirs, connected(bearer(tokens[1])) as ours:
        assert await theirs.ask(type="ping") == {"type": "pong"}
        await off(ApiToken.objects.filter(user=bo).delete)
        assert await theirs.closing_code() == 4401
        assert await ours.ask(type="ping") == {"type": "pong"}


async def test_who_may_no_longer_is_told_nothing_more_though_it_reads_slowly() -> None:
    box = Mailbox(NOBODY)
    box.put(Letter('"before"'))
    box.close(4403)
    box.put(Letter('"after"'))
    assert await drained(box) == ["before"]


@pytest.mark.usefixtures("by_alerts_alone")
async def test_a_socket_in_doubt_is_closed_where_the_database_does_not_answer() -> None:
    asked = 0

    def read(whos: Sequence[Who]) -> list[str]:
        nonlocal asked
        asked += 1
        if asked > 2:
            raise OperationalError("away")
        return ["same"] * len(whos)

    found = Feed(Rules(stamps=read))
    one, other = (Mailbox(Who(UUID(int=n), keys=frozenset({f"user.{n}"}))) for n in (1, 2))
    for box in (one, other):
        found.boxes.add(box)
        await found.rights.settle(box)
    watching = asyncio.create_task(found.rights.watch())
    found.rights.doubt({"user.1"})
    assert await asyncio.wait_for(one.get(), 5) is None
    assert (one.closing, other.closing) == (1013, 0)
    watching.cancel()


@pytest.mark.usefixtures("by_alerts_alone")
@pytest.mark.parametrize("said", ["alert", "hole"])
async def test_what_is_said_while_a_socket_opens_is_not_missed(said: str) -> None:
    began, may_answer = threading.Event(), threading.Event()

    def read(whos: Sequence[Who]) -> list[str]:
        if began.is_set():
            return ["after"] * len(whos)
        began.set()
        assert may_answer.wait(10)
        return ["before"] * len(whos)

    found, box = Feed(Rules(stamps=read)), Mailbox(Who(UUID(int=1), keys=frozenset({"user.1"})))
    found.boxes.add(box)
    watching, settling = asyncio.create_task(found.rights.watch()), asyncio.create_task(found.rights.settle(box))
    assert await asyncio.to_thread(began.wait, 10)
    if said == "alert":
        found.rights.doubt({"user.1"})
    else:
        found.rights.doubt_all()
    await asyncio.to_thread(until, lambda: not found.rights._wake.is_set(), what="a look at the sockets")
    may_answer.set()
    await settling
    assert await asyncio.wait_for(box.get(), 5) is None
    assert box.closing == 4403
    watching.cancel()


async def test_one_who_talks_too_much_is_shown_out() -> None:
    token = await off(lambda: token_for(UserFactory.create()))
    async with connected(bearer(token)) as socket:
        for _ in range(10_000):
            await socket.send_text('{"type": "subscribe", "subject": "nothing.1"}')
        answers = 0
        while (output := await socket.wire.receive_output(timeout=5))["type"] == "websocket.send":
            answers += 1
        assert output == {"type": "websocket.close", "code": 4429}
        assert answers <= MESSAGES_MOST + BURST


async def test_a_user_has_so_many_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.live.SOCKETS_MOST", 2)
    user, other = await off(UserFactory.create), await off(UserFactory.create)
    first, second = await off(token_for, user), await off(token_for, other)
    async with connected(bearer(first)), connected(bearer(first)), connected(bearer(first)) as third:
        assert await third.closing_code() == 4429
        async with connected(bearer(second)) as theirs:
            assert await theirs.ask(type="ping") == {"type": "pong"}


async def test_many_that_come_at_the_same_moment_are_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.live.SOCKETS_MOST", 2)
    headers = bearer(await off(lambda: token_for(UserFactory.create())))
    everybody_is_in = asyncio.Barrier(6)

    async def come() -> bool:
        async with connected(headers) as socket:
            await socket.send_text('{"type": "ping"}')
            output = await socket.wire.receive_output(timeout=5)
            await everybody_is_in.wait()
            return bool(output["type"] == "websocket.send")

    assert sum(await asyncio.gather(*(come() for _ in range(6)))) == 2


@pytest.mark.usefixtures("by_events_alone")
async def test_another_password_ends_what_is_open(publisher: Publisher) -> None:
    """Whoever sets it: the admin pages and `manage.py changepassword` save the user and nothing else."""
    user = await off(UserFactory.create)
    async with connected(await off(cookie, user)) as socket:
        assert await socket.ask(type="ping") == {"type": "pong"}
        user.set_password("another correct horse")
        await off(user.save)
        await off(publisher.step)
        assert await socket.closing_code() == 4403


async def test_a_session_that_runs_out_ends_its_sockets_by_itself() -> None:
    client = await off(Client)
    await off(client.force_login, await off(UserFactory.create))
    row = Session.objects.filter(pk=client.cookies[settings.SESSION_COOKIE_NAME].value)
    await off(row.update, expire_date=await off(clock.db_now) + timedelta(seconds=0.5))
    async with connected(headers_of(client)) as socket:
        assert await socket.ask(type="ping") == {"type": "pong"}
        assert await socket.closing_code() == 4401


async def test_a_clock_that_is_an_hour_ahead_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    text = await off(lambda: token_for(UserFactory.create()))
    soon = await off(clock.db_now) + timedelta(minutes=30)
    await off(ApiToken.objects.filter(prefix=text.split("_")[1]).update, expires_at=soon)
    monkeypatch.setattr(clock, "now", lambda: soon + timedelta(minutes=30))
    async with connected(bearer(text)) as socket:
        assert await socket.ask(type="ping") == {"type": "pong"}


@pytest.mark.usefixtures("by_events_alone")
async def test_rights_are_looked_at_again_after_a_hole(redis: Any) -> None:
    """What ended them may have been in it."""
    user = await off(UserFactory.create)
    client = await off(Client)
    await off(client.force_login, user)
    headers = headers_of(client)
    async with connected(headers) as by_session, connected(bearer(await off(token_for, user))) as by_token:
        for socket in (by_session, by_token):
            assert await socket.ask(type="ping") == {"type": "pong"}
        await off(Session.objects.all().delete)  # past every service: nobody tells of it
        assert await by_token.ask(type="ping") == {"type": "pong"}
        await off(redis.publish, CHANNEL, encode(Round(2**40, 2**40 + 1)))
        assert (await by_session.hear())["type"] == "gap"
        assert await by_session.closing_code() == 4401
        assert (await by_token.hear())["type"] == "gap"
        assert await by_token.ask(type="ping") == {"type": "pong"}


# -- feed --------------------------------------------------------------------------------------------------------


async def test_a_slow_socket_gets_one_gap_and_the_newest() -> None:
    box = Mailbox(NOBODY)
    box.put(Letter("answer"))
    for number in range(MESSAGES_MOST + 2):
        box.put(Letter(f"news {number}", since=100 + number))
    got = [await box.get() for _ in range(5)]
    lost_from = json.loads(got[0].text) if got[0] else {}
    assert lost_from == {"type": "gap", "cursor": cursor_at(100)}
    assert [one.text for one in got[1:] if one] == [
        "answer",
        f"news {MESSAGES_MOST - 1}",
        f"news {MESSAGES_MOST}",
        f"news {MESSAGES_MOST + 1}",
    ]


async def drained(box: Mailbox) -> list[dict[str, Any]]:
    """Everything in it, parsed."""
    box.close(1)
    return [json.loads(letter.text) for letter in [letter async for letter in _letters(box)]]


async def _letters(box: Mailbox) -> AsyncIterator[Letter]:
    while (letter := await box.get()) is not None:
        yield letter


async def test_a_mailbox_is_bounded_in_bytes() -> None:
    box = Mailbox(NOBODY)
    for number in range(20):
        box.put(Letter(f'"{"x" * (TEXT_MOST // 4)}"', since=10 + number))
    held = await drained(box)
    assert sum(len(one) for one in held if isinstance(one, str)) <= TEXT_MOST
    assert held[0] == {"type": "gap", "cursor": cursor_at(10)}


async def test_what_is_from_before_a_gap_of_a_held_subject_is_not_told_twice() -> None:
    box = Mailbox(NOBODY)
    box.hold("a.1")
    for number in range(MESSAGES_MOST + 1):
        box.tell(Letter('"live"', since=50 + number), "a.1")
    box.tell(Letter('"other"', since=50), "b.1")
    box.put(Letter('"past"', since=20))
    box.release("a.1")
    assert await drained(box) == ["other", "past", {"type": "gap", "subject": "a.1", "cursor": cursor_at(50)}]


async def test_one_subscription_per_process_that_ends_with_the_last_socket(redis: Any) -> None:
    found = feed(Rules())
    boxes = [Mailbox(NOBODY) for _ in range(3)]
    for box in boxes:
        await found.join(box)
    assert redis.pubsub_numsub(CHANNEL)[0][1] == 1
    for box in boxes:
        found.leave(box)
    await off(until, lambda: redis.pubsub_numsub(CHANNEL)[0][1] == 0)
    assert feed(Rules()) is found


def round_of(since: int, horizon: int, *kinds: str, subject: str = "a.1") -> Round:
    items = [Item(since + place, subject, event=EventTold(kind, subject)) for place, kind in enumerate(kinds)]
    return Round(since, horizon, items)


async def heard(box: Mailbox) -> dict[str, Any]:
    letter = await asyncio.wait_for(box.get(), 5)
    assert letter is not None
    message: dict[str, Any] = json.loads(letter.text)
    return message


async def test_the_first_update_comes_at_once_and_what_follows_is_gathered() -> None:
    found, boxes = Feed(Rules()), [Mailbox(NOBODY) for _ in range(2)]
    found.horizon = 10
    for box in boxes:
        found.follow(box, "a.1")
    found.take(round_of(10, 20, "one"))
    for number in range(20, 60, 10):
        found.take(round_of(number, number + 10, f"n{number}", f"m{number}"))
    for box in boxes:
        first, second = await heard(box), await heard(box)
        assert [one["kind"] for one in first["events"]] == ["one"]
        assert [one["kind"] for one in second["events"]] == [f"{x}{n}" for n in range(20, 60, 10) for x in "nm"]
        assert (first["cursor"], second["cursor"]) == (cursor_at(20), cursor_at(60))


async def test_who_joins_hears_what_comes_after_and_hurries_nobody() -> None:
    found, old = Feed(Rules()), Mailbox(NOBODY)
    found.horizon = 10
    found.follow(old, "a.1")
    found.take(round_of(10, 20, "one"))
    newcomers: list[tuple[Mailbox, str]] = []
    for number in range(20, 60, 10):
        found.take(round_of(number, number + 10, f"n{number}"))
        for _ in range(2):
            box = Mailbox(NOBODY)
            newcomers.append((box, found.follow(box, "a.1")))
        assert found.follow(old, "a.1") == cursor_at(20)  # what waits for it is still told
    found.take(round_of(60, 70, "last"))

    first, second = await heard(old), await heard(old)
    assert [[one["kind"] for one in told["events"]] for told in (first, second)] == [
        ["one"],
        ["n20", "n30", "n40", "n50", "last"],
    ]
    for place, (box, cursor) in enumerate(newcomers):
        horizon = 30 + place // 2 * 10
        assert cursor == cursor_at(horizon)
        told = await heard(box)
        kinds = [f"n{number}" for number in range(horizon, 60, 10)] + ["last"]
        assert ([one["kind"] for one in told["events"]], told["cursor"]) == (kinds, cursor_at(70))
    found.take(round_of(70, 80, "together"))
    for box in (old, *(box for box, _ in newcomers)):
        assert [one["kind"] for one in (await heard(box))["events"]] == ["together"]
        assert await drained(box) == []


async def test_who_follows_already_and_asks_for_the_past_is_told_nothing_twice() -> None:
    found, box = Feed(Rules()), Mailbox(NOBODY)
    found.horizon = 10
    found.follow(box, "a.1")
    found.take(round_of(10, 20, "one"))
    found.take(round_of(20, 30, "in its past"))
    assert found.follow(box, "a.1", hold=True) == cursor_at(30)
    found.take(round_of(30, 40, "after"))
    found.lines["a.1"].flush()
    box.release("a.1")
    assert [[one["kind"] for one in told["events"]] for told in await drained(box)] == [["one"], ["after"]]


async def test_who_joins_a_flood_is_told_of_its_own_gap() -> None:
    found, old, new = Feed(Rules()), Mailbox(NOBODY), Mailbox(NOBODY)
    found.horizon = 10
    found.follow(old, "a.1")
    found.take(round_of(10, 20, "one"))
    found.take(Round(20, 30, [Item(20, "a.1", event=EventTold("many", "a.1"))] * (EVENTS_MOST - 1)))
    found.follow(new, "a.1")
    found.take(round_of(30, 40, "two", "three"))
    found.lines["a.1"].flush()
    assert (await drained(old))[1:] == [{"type": "gap", "subject": "a.1", "cursor": cursor_at(20)}]
    assert [one["kind"] for told in await drained(new) for one in told["events"]] == ["two", "three"]


async def test_a_message_is_encoded_once_however_many_follow() -> None:
    found, boxes = Feed(Rules()), [Mailbox(NOBODY) for _ in range(100)]
    found.horizon = 10
    for box in boxes:
        found.follow(box, "a.1")
    found.take(round_of(10, 20, "one"))
    letters = [await box.get() for box in boxes]
    assert len({id(letter.text) for letter in letters if letter}) == 1


async def test_a_hole_between_rounds_is_told_and_a_round_that_comes_again_is_not() -> None:
    found, box = Feed(Rules()), Mailbox(NOBODY)
    found.horizon = 10
    found.boxes.add(box)
    found.follow(box, "a.1")
    found.take(round_of(10, 20, "one"))
    found.take(round_of(10, 20, "one"))  # a publisher that took over begins where the stored horizon was
    found.take(
        Round(5, 30, [Item(8, "a.1", event=EventTold("old", "a.1")), Item(22, "a.1", event=EventTold("new", "a.1"))])
    )
    found.take(round_of(40, 50, "late"))
    found.lines["a.1"].flush()
    messages = await drained(box)
    assert [one["type"] for one in messages] == ["update", "update", "gap", "update"]
    assert messages[2] == {"type": "gap", "cursor": cursor_at(30)}
    told = [[event["kind"] for event in one.get("events", [])] for one in messages]
    assert told == [["one"], ["new"], [], ["late"]]


async def test_a_database_that_begins_anew_is_a_gap() -> None:
    found, box = Feed(Rules()), Mailbox(NOBODY)
    found.horizon = 1_000
    found.boxes.add(box)
    found.follow(box, "a.1")
    found.take(round_of(10, 20, "one"))
    assert [(await heard(box))["type"] for _ in range(2)] == ["gap", "update"]
    assert found.horizon == 20


async def test_more_than_a_message_holds_is_a_gap_or_fetched() -> None:
    found, box = Feed(Rules()), Mailbox(NOBODY)
    found.horizon = 10
    found.follow(box, "a.1")
    found.take(round_of(10, 20, "first"))
    found.take(Round(20, 30, [Item(20, "a.1", event=EventTold("many", "a.1"))] * (EVENTS_MOST + 1)))
    points = PointsTold("loss", 1, 0, [1] * POINTS_MOST, [0.5] * POINTS_MOST, [0.0] * POINTS_MOST)
    few = PointsTold("loss", 1, 0, [1], [0.5], [0.0])
    assert (await heard(box))["events"] == [{"kind": "first", "subject": "a.1"}]
    assert await heard(box) == {"type": "gap", "subject": "a.1", "cursor": cursor_at(20)}
    found.lines["a.1"].flush()
    found.take(Round(30, 40, [Item(30, "a.1", points=points), Item(31, "a.1", points=few)]))
    found.lines["a.1"].flush()
    fetched = await heard(box)
    assert (fetched["points_missing"], "points" in fetched, fetched["cursor"]) == (True, False, cursor_at(40))


async def test_an_interrupted_subscription_is_taken_up_again_and_what_was_missed_is_a_gap(
    redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "RETRY_SECONDS", (0.01,))
    found, box = feed(Rules()), Mailbox(NOBODY)
    await found.join(box)
    found.follow(box, "a.1")
    known = found.horizon
    (client,) = redis.client_list(_type="pubsub")
    redis.client_kill(client["addr"])
    others = [[], [client["addr"]]]
    await asyncio.to_thread(until, lambda: [c["addr"] for c in redis.client_list(_type="pubsub")] not in others)
    redis.publish(CHANNEL, b"nonsense")
    redis.publish(CHANNEL, encode(Round(known + 5, known + 9, [Item(known + 6, "a.1", event=EventTold("a.b", "a.1"))])))
    assert await heard(box) == {"type": "gap", "cursor": cursor_at(known)}
    assert (await heard(box))["events"] == [{"kind": "a.b", "subject": "a.1"}]
    found.leave(box)


async def test_what_nobody_heard_while_the_feed_was_broken_is_a_gap_to_who_was_here(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await off(ProjectFactory.create)
    found, box, other = feed(Rules()), Mailbox(NOBODY), Mailbox(NOBODY)
    await found.join(box)
    found.follow(box, f"project.{project.pk}")
    known = found.horizon
    (reader,) = (task for task in asyncio.all_tasks() if task.get_name() == "live feed")
    with monkeypatch.context() as broken:
        broken.setattr(found, "take", lambda told: 1 / 0)
        await off(emit, "test.fatal", project)
        await off(publisher.step)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(reader, 5)
    await off(emit, "test.lost", project)
    await off(publisher.step)
    await found.join(other)  # the next to come sets it going again
    await off(emit, "test.later", project)
    await off(publisher.step)
    assert await heard(box) == {"type": "gap", "cursor": cursor_at(known)}
    assert [event["kind"] for event in (await heard(box))["events"]] == ["test.later"]
    for one in (box, other):
        found.leave(one)


async def test_a_silent_line_is_told_from_a_dead_one(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "HEARTBEAT_SECONDS", 0.03)
    found, box = feed(Rules()), Mailbox(NOBODY)
    await found.join(box)
    assert await heard(box) == {"type": "heartbeat", "cursor": found.cursor}
    found.leave(box)


async def test_without_redis_a_socket_still_opens(settings: Any) -> None:
    text = await off(lambda: token_for(UserFactory.create()))
    settings.BEDPLATE_REDIS_URL = "redis://127.0.0.1:1/0"
    async with connected(bearer(text)) as socket:
        assert await socket.ask(type="ping") == {"type": "pong"}
