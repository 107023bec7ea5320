"""transition(): the only way a state moves, on real rows."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from django.db import models, transaction
from pytest_django import DjangoAssertNumQueries

from apps.access.models import ApiToken, ApprovalRequest
from apps.access.states import TOKEN, ApprovalState, TokenState
from apps.common.audit import Actor
from apps.common.errors import IllegalTransition, StaleState
from apps.common.models import Event, Transition
from apps.common.states import Move, StateMachine, explain, transition, transition_many
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.access import ApiTokenFactory, ApprovalRequestFactory, UserFactory

ACTOR = Actor("user", "u1", "Ann")


class Light(models.TextChoices):
    RED = "red"
    GREEN = "green"
    BROKEN = "broken"


class Why(models.TextChoices):
    STORM = "storm"


LIGHT = StateMachine("light", Light, {Light.RED: [Light.GREEN, Light.BROKEN], Light.GREEN: [Light.RED]}, reasons=Why)


def test_terminal_states_are_computed_from_the_table() -> None:
    assert LIGHT.terminal == {"broken"}
    assert LIGHT.active == {"red", "green"}
    assert LIGHT.initial == "red"


@pytest.mark.parametrize("to", list(Light))
@pytest.mark.parametrize("start", list(Light))
def test_only_steps_of_the_table_pass(start: str, to: str) -> None:
    if (start, to) in {("red", "green"), ("red", "broken"), ("green", "red")}:
        LIGHT.check(start, to)
    else:
        with pytest.raises(IllegalTransition, match=f"a light does not go from {start} to {to}"):
            LIGHT.check(start, to)


def test_a_reason_is_one_of_the_closed_list() -> None:
    LIGHT.check("red", "broken", "storm")
    with pytest.raises(IllegalTransition, match="'rain' is not a reason of a light"):
        LIGHT.check("red", "broken", "rain")
    with pytest.raises(IllegalTransition, match="'storm' is not a reason of a api_token"):
        TOKEN.check_reason("storm")


@pytest.mark.django_db
def test_a_step_writes_state_story_and_event() -> None:
    approval = ApprovalRequestFactory.create()
    decider = UserFactory.create()
    transition(approval, ApprovalState.APPROVED, actor=ACTOR, detail="fine", decided_by_id=decider.pk)

    stored = ApprovalRequest.objects.get(pk=approval.pk)
    assert (stored.state, stored.state_detail, stored.decided_by_id) == ("approved", "fine", decider.pk)
    assert (approval.state, approval.state_detail, approval.decided_by_id) == ("approved", "fine", decider.pk)
    assert approval.state_at == stored.state_at > stored.created_at
    story = Transition.objects.get()
    assert (story.noun, story.object_id, story.from_state, story.to_state, story.detail) == (
        "approval_request", approval.pk, "pending", "approved", "fine",
    )  # fmt: skip
    assert (story.actor_kind, story.actor_id, story.actor_name) == ("user", "u1", "Ann")
    event = Event.objects.get()
    assert (event.kind, event.subject) == ("approval_request.approved", f"approval_request.{approval.pk}")
    assert event.project_id == approval.project_id
    assert event.payload == {"from": "pending", "state": "approved", "reason": "", "detail": "fine"}


@pytest.mark.django_db
def test_the_refusal_of_a_step_tells_the_story() -> None:
    token = ApiTokenFactory.create()
    transition(token, TokenState.REVOKED, actor=ACTOR)
    with pytest.raises(IllegalTransition) as caught:
        transition(token, TokenState.EXPIRED, actor=ACTOR)
    assert caught.value.detail == ("a api_token does not go from revoked to expired; its story: active → revoked")
    assert caught.value.code == "illegal_transition"


@pytest.mark.django_db
def test_a_step_from_a_state_that_has_gone_is_stale() -> None:
    token = ApiTokenFactory.create()
    other = ApiToken.objects.get(pk=token.pk)
    transition(other, TokenState.EXPIRED, actor=ACTOR)
    with pytest.raises(StaleState) as caught:
        transition(token, TokenState.REVOKED, actor=ACTOR)
    assert caught.value.detail.endswith("is no longer active; its story: active → expired")
    assert token.state == "active"
    assert Transition.objects.count() == Event.objects.count() == 1


@pytest.mark.django_db
def test_values_reach_their_columns_unchanged() -> None:
    token = ApiTokenFactory.create()
    moment = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
    transition(token, TokenState.EXPIRED, actor=ACTOR, expires_at=moment, scopes=["read", "infer"], name='q"\\ ü')
    stored = ApiToken.objects.get(pk=token.pk)
    assert (stored.expires_at, stored.scopes, stored.name) == (moment, ["read", "infer"], 'q"\\ ü')

    approval = ApprovalRequestFactory.create(arguments={"old": 1})
    transition(approval, ApprovalState.DENIED, actor=ACTOR, arguments={"a": [1, {"b": None}]}, applied_at=None)
    assert ApprovalRequest.objects.get(pk=approval.pk).arguments == {"a": [1, {"b": None}]}


@pytest.mark.django_db
def test_a_detail_that_postgresql_cannot_keep_is_cleaned() -> None:
    token = ApiTokenFactory.create()
    transition(token, TokenState.REVOKED, actor=ACTOR, detail="core\x00dump")
    assert Transition.objects.get().detail == token.state_detail == "coredump"


@pytest.mark.django_db
def test_many_move_in_one_statement_and_the_stale_stay(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    user = UserFactory.create()
    tokens = ApiTokenFactory.create_batch(5, user=user)
    stale = tokens[2]
    ApiToken.objects.filter(pk=stale.pk).update(state=TokenState.REVOKED)
    gone = ApiTokenFactory.build(user=user, prefix="x", digest="x")
    moves = [Move(token, TokenState.EXPIRED, detail=token.name) for token in [*tokens, gone]]
    with django_assert_num_queries(1):
        moved = transition_many(moves, actor=ACTOR)
    assert moved == {token.pk for token in tokens if token is not stale}
    assert [token.state for token in tokens] == ["expired", "expired", "active", "expired", "expired"]
    assert ApiToken.objects.get(pk=stale.pk).state == "revoked"
    assert set(Transition.objects.values_list("object_id", "detail")) == {(t.pk, t.name) for t in tokens if t != stale}
    assert Event.objects.count() == 4


@pytest.mark.django_db
def test_one_step_off_the_table_stops_all_of_them() -> None:
    good, bad = ApiTokenFactory.create_batch(2)
    transition(bad, TokenState.REVOKED, actor=ACTOR)
    with pytest.raises(IllegalTransition):
        transition_many([Move(good, TokenState.EXPIRED), Move(bad, TokenState.EXPIRED)], actor=ACTOR)
    assert ApiToken.objects.get(pk=good.pk).state == "active"
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_moves_that_do_not_belong_together_are_refused() -> None:
    one, two = ApiTokenFactory.create_batch(2)
    approval = ApprovalRequestFactory.create()
    wrong: list[list[Move]] = [
        [Move(one, TokenState.EXPIRED), Move(approval, ApprovalState.DENIED)],
        [Move(one, TokenState.EXPIRED, changes={"name": "x"}), Move(two, TokenState.EXPIRED)],
        [Move(one, TokenState.EXPIRED), Move(one, TokenState.EXPIRED)],
    ]
    for moves in wrong:
        with pytest.raises(ValueError, match=r"one model|once at a time"):
            transition_many(moves, actor=ACTOR)
    assert transition_many([], actor=ACTOR) == set()
    assert Transition.objects.count() == 0


@pytest.mark.django_db
def test_a_rolled_back_step_leaves_nothing() -> None:
    token = ApiTokenFactory.create()
    with transaction.atomic():
        transition(token, TokenState.REVOKED, actor=ACTOR)
        assert Event.objects.count() == Transition.objects.count() == 1
        transaction.set_rollback(True)
    assert ApiToken.objects.get(pk=token.pk).state == "active"
    assert Event.objects.count() == Transition.objects.count() == 0


@pytest.mark.django_db
def test_the_database_refuses_an_unknown_state() -> None:
    token = ApiTokenFactory.create()
    with pytest.raises(Exception, match="api_token_state"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(state="asleep")


@pytest.mark.django_db
def test_explain_changes_why_and_tells_it_without_a_story_row() -> None:
    waiting, decided, same = ApprovalRequestFactory.create_batch(3)
    ApprovalRequest.objects.filter(pk=decided.pk).update(state=ApprovalState.DENIED)
    before = ApprovalRequest.objects.get(pk=waiting.pk).state_at
    changed = explain([Move(waiting, "pending", detail="Bo is away"), Move(decided, "pending", detail="x"),
                       Move(same, "pending")])  # fmt: skip
    assert changed == {waiting.pk}
    stored = ApprovalRequest.objects.get(pk=waiting.pk)
    assert (stored.state, stored.state_detail, stored.state_at) == ("pending", "Bo is away", before)
    assert waiting.state_detail == "Bo is away"
    assert Transition.objects.count() == 0
    assert Event.objects.get().payload == {"state": "pending", "reason": "", "detail": "Bo is away"}
    assert explain([Move(waiting, "pending", detail="Bo is away")]) == set()


@pytest.mark.django_db
def test_explain_moves_nothing() -> None:
    approval = ApprovalRequestFactory.create()
    with pytest.raises(ValueError, match="neither a state nor a column"):
        explain([Move(approval, ApprovalState.DENIED, detail="no")])
    with pytest.raises(ValueError, match="neither a state nor a column"):
        explain([Move(approval, "pending", detail="no", changes={"comment": "x"})])
    with pytest.raises(IllegalTransition, match="is not a reason"):
        explain([Move(approval, "pending", reason="rain")])


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_time_exactly_one_wins() -> None:
    token = ApiTokenFactory.create()
    mine, theirs = ApiToken.objects.get(pk=token.pk), ApiToken.objects.get(pk=token.pk)
    with transaction.atomic():
        transition(mine, TokenState.REVOKED, actor=ACTOR)
        thread = Thread(lambda: transition(theirs, TokenState.EXPIRED, actor=ACTOR))
        wait_until_blocked()
    assert isinstance(thread.join(), StaleState)
    assert ApiToken.objects.get(pk=token.pk).state == "revoked"
    assert [step.to_state for step in Transition.objects.all()] == ["revoked"]
    assert [event.kind for event in Event.objects.all()] == ["api_token.revoked"]


@pytest.mark.django_db(transaction=True)
def test_the_waiting_one_wins_when_the_first_gives_up() -> None:
    token = ApiTokenFactory.create()
    mine, theirs = ApiToken.objects.get(pk=token.pk), ApiToken.objects.get(pk=token.pk)
    with transaction.atomic():
        transition(mine, TokenState.REVOKED, actor=ACTOR)
        thread = Thread(lambda: transition(theirs, TokenState.EXPIRED, actor=ACTOR))
        wait_until_blocked()
        transaction.set_rollback(True)
    assert thread.join() is None
    assert [step.to_state for step in Transition.objects.all()] == ["expired"]


@pytest.mark.django_db(transaction=True)
def test_overlapping_moves_in_opposite_order_never_deadlock() -> None:
    user = UserFactory.create()
    for _ in range(20):
        ids = [token.pk for token in ApiTokenFactory.create_batch(20, user=user)]
        barrier = threading.Barrier(2)

        def work(order: list[UUID], barrier: threading.Barrier = barrier) -> set[UUID]:
            found = ApiToken.objects.in_bulk(order)
            barrier.wait(10)
            return transition_many([Move(found[pk], TokenState.REVOKED) for pk in order], actor=ACTOR)

        threads = [Thread(partial(work, ids)), Thread(partial(work, ids[::-1]))]
        first, second = (thread.join() for thread in threads)
        assert first | second == set(ids)
        assert first & second == set()
