"""A client that comes back with its cursor misses nothing and hears nothing twice."""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, transaction
from redis import Redis

from apps.common import replay
from apps.common.cursors import cursor_of, cursor_text, visible_up_to
from apps.common.events import News, emit, emit_many
from apps.common.live_messages import Gap, Update, schemas
from apps.common.models import Event
from apps.common.publisher import Publisher
from apps.common.replay import EVENTS_MOST, news_forget, past_of
from apps.common.rounds import FOLLOWED, cursor_at
from apps.experiments import live as experiments_live
from apps.experiments.models import MetricBatch
from apps.experiments.models.packing import pack
from apps.quotas import live as quotas_live
from apps.quotas.models import LogChunk
from controlplane.asgi import TAILS
from tests.apps.common.test_live import bearer, connected, off
from tests.support.concurrency import Thread
from tests.support.factories.access import ProjectFactory, UserFactory, member, token_for
from tests.support.factories.experiments import RunFactory
from tests.support.factories.quotas import AttemptFactory, WorkloadFactory
from tests.support.sockets import Socket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.alone]


@pytest.fixture(autouse=True)
def redis() -> Any:
    with Redis.from_url(settings.BEDPLATE_REDIS_URL) as found:
        found.flushdb()
        yield found
        found.flushdb()


def horizon() -> int:
    return visible_up_to()[0] + 1


def kinds(past: Update | Gap | None) -> list[str]:
    assert isinstance(past, Update)
    return [event.kind for event in past.events]


def test_the_past_of_a_subject_is_what_was_told_of_it_and_no_more() -> None:
    ours, theirs = ProjectFactory.create(), ProjectFactory.create()
    emit("test.before", ours)
    start = visible_up_to()
    emit("test.ours", ours, project_id=ours.pk)
    emit("test.theirs", theirs, project_id=theirs.pk)
    emit_many([News("thing.moved", "thing.1", ours.pk, {"n": 1}, [f"pool.{ours.pk}"])] * 2)
    now = horizon()
    emit("test.later", ours)
    assert kinds(past_of(f"project.{ours.pk}", start, now, ())) == ["test.ours", "thing.moved", "thing.moved"]
    assert kinds(past_of(f"pool.{ours.pk}", start, now, ())) == ["pool.changed"]
    assert past_of(f"pool.{theirs.pk}", start, now, ()) is None
    one = Event.objects.get(kind="test.ours")
    assert kinds(past_of(f"project.{ours.pk}", (one.transaction_id, one.id), now, ())) == ["thing.moved"] * 2
    assert past_of(f"project.{ours.pk}", (now - 1, 2**63 - 1), now, ()) is None


def test_what_the_outbox_has_no_more_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    project = ProjectFactory.create()
    start = visible_up_to()
    emit("test.one", project)
    emit("test.two", project)
    Event.objects.filter(kind="test.one").delete()
    gap = Gap(cursor_at(start[0] + 1), f"project.{project.pk}")
    assert past_of(f"project.{project.pk}", start, horizon(), ()) == gap
    Event.objects.all().delete()
    assert past_of(f"project.{project.pk}", start, horizon(), ()) == gap
    emit("test.old", project)
    start = visible_up_to()
    emit_many([News("test.many", f"project.{project.pk}")] * (EVENTS_MOST + 1))
    assert isinstance(past_of(f"project.{project.pk}", start, horizon(), ()), Gap)


def test_old_news_go_and_young_ones_stay() -> None:
    project = ProjectFactory.create()
    Event.objects.all().delete()
    for kind in ("test.old", "test.older", "test.young"):
        emit(kind, project)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Event._meta.db_table} SET created_at = now() - interval '61 minutes' WHERE kind <> 'test.young'"
        )
    assert news_forget() == 2
    assert [event.kind for event in Event.objects.all()] == ["test.young"]
    assert news_forget() == 0


def test_points_ride_only_where_somebody_follows(redis: Any) -> None:
    followed, alone = (RunFactory.create(workload=WorkloadFactory.create()) for _ in range(2))
    publisher = Publisher(redis, TAILS)
    publisher.step()
    redis.set(f"{FOLLOWED}run.{followed.pk}", 1, ex=30)
    for run in (followed, alone):
        attempt = AttemptFactory.create(workload=run.workload)
        for sequence, steps in enumerate([[1, 2], list(range(experiments_live.POINTS_MOST + 1))]):
            MetricBatch.objects.create(
                run=run, attempt=attempt, rank=0, sequence=sequence, key="loss", first_step=min(steps),
                last_step=max(steps), count=len(steps), steps=pack("q", steps), values=pack("d", [0.5] * len(steps)),
                times=pack("d", [1.0] * len(steps)),
            )  # fmt: skip
    ids = list(MetricBatch.objects.order_by("id").values_list("id", flat=True))
    items = experiments_live.point_items(ids, publisher._followed)
    told = [(item.subject, item.points.steps if item.points else None, item.points_missing) for item in items]
    assert told == [
        (f"run.{followed.pk}", [1, 2], False),
        (f"run.{followed.pk}", None, True),
        (f"run.{alone.pk}", None, True),
    ]
    assert publisher.step() >= 3
    MetricBatch.objects.filter(pk=ids[0]).update(merged_id=1, merged_transaction_id=1)
    assert [item.points for item in experiments_live.point_items(ids[:1], publisher._followed)] == [None]
    assert experiments_live.has_points_after(str(alone.pk), (0, 0), 2**62)
    assert not experiments_live.has_points_after(str(alone.pk), visible_up_to(), 2**62)


def test_output_is_said_to_be_there_and_not_repeated(redis: Any) -> None:
    attempt = AttemptFactory.create()
    start = visible_up_to()
    chunk = LogChunk.objects.create(attempt=attempt, rank=1, sequence=0, first_line=11, lines=4, text="a\nb\nc\nd\n")
    (item,) = quotas_live.log_items([chunk.pk], lambda subjects: set())
    assert item.subject == f"workload.{attempt.workload_id}"
    assert item.logs is not None
    assert (item.logs.attempt, item.logs.rank, item.logs.last_line, item.logs.after) == (
        str(attempt.pk),
        1,
        14,
        chunk.pk,
    )
    emit("test.old", attempt)
    past = past_of(f"workload.{attempt.workload_id}", start, horizon(), TAILS)
    assert isinstance(past, Gap)
    emit("test.older", attempt)
    start = visible_up_to()
    LogChunk.objects.create(attempt=attempt, rank=1, sequence=1, first_line=15, lines=1, text="e\n")
    past = past_of(f"workload.{attempt.workload_id}", start, horizon(), TAILS)
    assert isinstance(past, Update)
    assert (past.logs_missing, past.points_missing, past.events) == (True, False, [])


async def test_a_client_that_comes_back_hears_what_happened_meanwhile_before_what_happens_now(redis: Any) -> None:
    project = await off(ProjectFactory.create)
    token = await off(lambda: token_for(member(project, "viewer")))
    publisher = Publisher(redis, TAILS)
    subject = f"project.{project.pk}"
    await off(emit, "test.first", project)
    await off(publisher.step)
    async with connected(bearer(token)) as socket:
        assert await socket.subscribe(subject) == "subscribed"
        await off(emit, "test.heard", project)
        await off(publisher.step)
        message = await socket.hear()
        cursor = message["cursor"]
        assert [event["kind"] for event in message["events"]] == ["test.heard"]
    await off(emit, "test.missed", project)
    await off(publisher.step)
    async with connected(bearer(token)) as socket:
        answer = await socket.ask(type="subscribe", subject=subject, after=cursor)
        assert answer["type"] == "subscribed"
        assert cursor_of(answer["cursor"]) >= cursor_of(cursor)
        await off(emit, "test.now", project)
        await off(publisher.step)
        heard = [event["kind"] for _ in range(2) for event in (await socket.hear())["events"]]
        assert heard == ["test.missed", "test.now"]
    await off(publisher.release)


async def test_who_breaks_off_before_the_past_is_told_comes_back_with_what_it_knew(redis: Any) -> None:
    project = await off(ProjectFactory.create)
    token = await off(lambda: token_for(member(project, "viewer")))
    publisher = Publisher(redis, TAILS)
    await off(emit, "test.first", project)
    await off(publisher.step)
    cursor = cursor_text(await off(visible_up_to))
    await off(emit, "test.missed", project)
    await off(publisher.step)
    async with connected(bearer(token)) as socket:
        answer = await socket.ask(type="subscribe", subject=f"project.{project.pk}", after=cursor)
        assert answer["cursor"] == cursor  # not further: the event has not been told yet
        assert [event["kind"] for event in (await socket.hear())["events"]] == ["test.missed"]
    await off(publisher.release)


@pytest.mark.parametrize("breaks_off", [False, True])
async def test_what_a_hole_took_is_told_to_who_asks_after_the_gap_though_news_overtake_it(
    redis: Any, breaks_off: bool
) -> None:
    project = await off(ProjectFactory.create)
    token = await off(lambda: token_for(member(project, "viewer")))
    publisher = Publisher(redis, TAILS)
    subject = f"project.{project.pk}"
    await off(emit, "test.first", project)
    await off(publisher.step)
    async with connected(bearer(token)) as socket:
        assert await socket.subscribe(subject) == "subscribed"
        await off(emit, "test.lost", project)
        await off(publisher.release)  # as after an outage of Redis, which comes back empty
        await off(redis.flushdb)
        assert await off(publisher.step) == 0  # it goes on from now
        await off(emit, "test.now", project)
        assert await off(publisher.step) == 1
        gap, update = await socket.hear(), await socket.hear()
        assert (gap["type"], [event["kind"] for event in update["events"]]) == ("gap", ["test.now"])
        assert cursor_of(update["cursor"]) > cursor_of(gap["cursor"])
        if not breaks_off:
            assert await caught_up(socket, subject, gap["cursor"]) == ["test.lost", "test.now"]
    if breaks_off:
        async with connected(bearer(token)) as socket:
            assert await caught_up(socket, subject, gap["cursor"]) == ["test.lost", "test.now"]
    await off(publisher.release)


async def caught_up(socket: Socket, subject: str, after: str) -> list[str]:
    """Subscribe anew; the events that are told at once."""
    assert (await socket.ask(type="subscribe", subject=subject, after=after)) == {
        "type": "subscribed",
        "subject": subject,
        "cursor": after,
    }
    return [event["kind"] for event in (await socket.hear())["events"]]


def test_a_cursor_of_another_database_is_a_gap_and_one_of_a_process_ahead_is_none() -> None:
    project = ProjectFactory.create()
    subject, behind = f"project.{project.pk}", horizon()
    emit("test.one", project)
    assert past_of(subject, visible_up_to(), behind, ()) is None
    assert past_of(subject, (2**40, 7), behind, ()) == Gap(cursor_at(1), subject)


def test_no_more_is_looked_through_than_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "SEARCHED_MOST", 3)
    project, other = ProjectFactory.create(), ProjectFactory.create()
    emit("test.first", project)
    start = visible_up_to()
    emit_many([News("test.other", f"project.{other.pk}")] * 2)
    assert past_of(f"project.{project.pk}", start, horizon(), ()) is None
    emit("test.other", other)
    assert past_of(f"project.{project.pk}", start, horizon(), ()) == Gap(
        cursor_at(start[0] + 1), f"project.{project.pk}"
    )


async def test_whoever_comes_and_goes_hears_every_event_once(redis: Any) -> None:
    """Transactions overlap and commit in another order than they began; the client reconnects all the time."""
    chance = random.Random(7)
    project = await off(ProjectFactory.create)
    token = await off(lambda: token_for(member(project, "viewer")))
    publisher = Publisher(redis, TAILS)
    subject = f"project.{project.pk}"
    await off(emit, "test.zero", project)
    await off(publisher.step)
    cursor = cursor_text(await off(visible_up_to))
    heard: list[str] = []
    wrote = 0
    for turn in range(25):
        async with connected(bearer(token)) as socket:
            assert (await socket.ask(type="subscribe", subject=subject, after=cursor))["type"] == "subscribed"
            names = [f"test.n{wrote + number}" for number in range(chance.randint(1, 4))]
            await off(_overlapping, project, names, chance.randint(0, len(names) - 1))
            wrote += len(names)
            if chance.random() < 0.8:
                await off(publisher.step)
            if chance.random() < 0.2:
                await off(redis.flushdb)
            await socket.send_text('{"type": "ping"}')
            while (message := await socket.hear())["type"] != "pong":
                if message["type"] == "update":
                    heard += [event["kind"] for event in message["events"]]
                    cursor = message["cursor"]
                else:
                    assert message["type"] == "gap", (turn, message)
    await off(publisher.step)
    async with connected(bearer(token)) as socket:
        assert (await socket.ask(type="subscribe", subject=subject, after=cursor))["type"] == "subscribed"
        await socket.send_text('{"type": "ping"}')
        while (message := await socket.hear())["type"] != "pong":
            heard += [event["kind"] for event in message.get("events", [])]
    assert sorted(heard) == sorted(f"test.n{number}" for number in range(wrote))
    await off(publisher.release)


def _overlapping(project: Any, names: list[str], early: int) -> None:
    """One transaction begins first and commits last."""
    with transaction.atomic():
        emit(names[early], project, project_id=project.pk)
        for name in names[:early] + names[early + 1 :]:
            Thread(lambda name=name: emit(name, project, project_id=project.pk)).join()


async def test_what_is_said_is_what_the_schemas_say(redis: Any) -> None:
    document = schemas()
    from_server = jsonschema.Draft202012Validator({**document, "$ref": "#/$defs/FromServer"})
    from_client = jsonschema.Draft202012Validator({**document, "$ref": "#/$defs/FromClient"})
    project = await sync_to_async(ProjectFactory.create)()
    root = await off(lambda: UserFactory.create(is_superuser=True))
    publisher = Publisher(redis, TAILS)
    await off(publisher.step)
    async with connected(bearer(await off(token_for, root))) as socket:
        for message in (
            {"type": "ping"},
            {"type": "subscribe", "subject": f"project.{project.pk}", "after": "1-1"},
            {"type": "subscribe", "subject": f"run.{uuid4()}"},
            {"type": "unsubscribe", "subject": f"project.{project.pk}"},
        ):
            from_client.validate(message)
            from_server.validate(await socket.ask(**message))
        await off(emit, "test.here", project, payload={"n": [1, {"a": None}]})
    for wrong in ({"type": "shout"}, {"type": "subscribe"}, {"type": "subscribe", "subject": 1}, {}):
        assert not from_client.is_valid(wrong)
    await off(publisher.release)
