"""What the gateway decides without a network: which revision, which replica, who may call, which settings."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from workers.runtime.gateway.access import GRACE_SECONDS, Access
from workers.runtime.gateway.balancer import Balancer
from workers.runtime.gateway.config import BadSetting, Config, config_from
from workers.runtime.gateway.control_plane import ControlPlaneAway, EndpointRoute, Grant, RevisionRoute


def _route(*revisions: tuple[int, str]) -> EndpointRoute:
    """Revisions of a weight and replicas named by letters: `(90, "ab")`."""
    made = tuple(
        RevisionRoute(f"r{number}", number, weight, tuple(replicas))
        for number, (weight, replicas) in enumerate(revisions, 1)
    )
    return EndpointRoute("p", "e", "id", made)


def _addresses(balancer: Balancer, route: EndpointRoute, count: int, avoid: str = "") -> list[str]:
    choices = [balancer.choose(route, avoid=avoid) for _ in range(count)]
    return [choice.address if choice else "-" for choice in choices]


SPLITS = {
    "one revision": (((100, "a"),), {"a": 100}),
    "nine to one": (((90, "a"), (10, "b")), {"a": 90, "b": 10}),
    "weights need not add up to a hundred": (((3, "a"), (1, "b")), {"a": 75, "b": 25}),
    "a weight of nothing gets nothing": (((100, "a"), (0, "b")), {"a": 100}),
    "a revision without replicas leaves its share": (((50, "a"), (25, ""), (25, "c")), {"a": 67, "c": 33}),
    "replicas share what their revision gets": (((80, "abcd"), (20, "e")), dict.fromkeys("abcde", 20)),
}


@pytest.mark.parametrize(("revisions", "expected"), SPLITS.values(), ids=SPLITS.keys())
def test_a_hundred_requests_are_split_by_weight(
    revisions: tuple[tuple[int, str], ...], expected: dict[str, int]
) -> None:
    assert Counter(_addresses(Balancer(), _route(*revisions), 100)) == expected


def test_the_smaller_share_is_spread_out() -> None:
    chosen = "".join(_addresses(Balancer(), _route((75, "a"), (25, "b")), 8))
    assert chosen == "aabaaaba"


def test_replicas_take_turns_and_those_to_avoid_are_skipped() -> None:
    balancer, route = Balancer(), _route((100, "abc"))
    assert _addresses(balancer, route, 4) == list("abca")
    assert _addresses(balancer, route, 2, avoid="b") == list("ac")
    assert _addresses(balancer, route, 1, avoid="abc") == ["-"]


def test_a_request_stays_with_its_revision_while_it_can() -> None:
    balancer, route = Balancer(), _route((90, "ab"), (10, "c"))
    preferred = balancer.choose(route, avoid="a", prefer="r1")
    other = balancer.choose(route, avoid="ab", prefer="r1")
    assert preferred is not None
    assert other is not None
    assert (preferred.address, other.address) == ("b", "c")


def test_gone_revisions_are_forgotten() -> None:
    balancer = Balancer()
    _addresses(balancer, _route((2, "a"), (1, "b")), 1)
    balancer.keep_only(())
    assert _addresses(balancer, _route((2, "a"), (1, "b")), 3) == list("aba")


class _ControlPlane:
    """Answers as told, and counts."""

    def __init__(self) -> None:
        self.answers: dict[str, Grant | None] = {}
        self.asked: list[str] = []

    async def __call__(self, token: str, endpoint_id: str) -> Grant:
        self.asked.append(token)
        await asyncio.sleep(0)
        answer = self.answers[token]
        if answer is None:
            raise ControlPlaneAway("gone")
        return answer


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_answers_are_remembered_for_as_long_as_they_say_refusals_too() -> None:
    control_plane, clock = _ControlPlane(), _Clock()
    control_plane.answers = {"good": Grant(True, "demo", 10), "bad": Grant(False, "", 5)}
    access = Access(control_plane, clock=clock)

    async def ask() -> list[bool]:
        return [(await access.grant(token, "e")).allowed for token in ("good", "bad")]

    assert asyncio.run(ask()) == [True, False]
    clock.now += 4.9
    assert asyncio.run(ask()) == [True, False]
    assert control_plane.asked == ["good", "bad"]
    clock.now += 0.1
    control_plane.answers["bad"] = Grant(True, "demo", 5)
    assert asyncio.run(ask()) == [True, True]
    assert control_plane.asked == ["good", "bad", "bad"]


def test_a_grant_for_one_endpoint_says_nothing_about_another() -> None:
    control_plane = _ControlPlane()
    control_plane.answers = {"t": Grant(True, "demo", 10)}
    access = Access(control_plane)

    async def ask() -> None:
        for endpoint in ("one", "two", "one"):
            await access.grant("t", endpoint)

    asyncio.run(ask())
    assert control_plane.asked == ["t", "t"]


def test_many_who_ask_the_same_at_once_cause_one_question() -> None:
    control_plane = _ControlPlane()
    control_plane.answers = {"t": Grant(True, "demo", 10)}
    access = Access(control_plane)

    async def ask() -> list[Grant]:
        return await asyncio.gather(*(access.grant("t", "e") for _ in range(50)))

    assert {grant.allowed for grant in asyncio.run(ask())} == {True}
    assert control_plane.asked == ["t"]


def test_the_cache_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    control_plane = _ControlPlane()
    control_plane.answers = dict.fromkeys("abc", Grant(True, "demo", 10))
    access = Access(control_plane, limit=2)

    async def ask() -> None:
        for token in "abaca":  # c takes the place of b
            await access.grant(token, "e")
        await access.grant("b", "e")

    asyncio.run(ask())
    assert control_plane.asked == ["a", "b", "c", "b"]


def test_while_the_control_plane_is_away_old_grants_hold_for_a_time_and_refusals_do_not() -> None:
    control_plane, clock = _ControlPlane(), _Clock()
    control_plane.answers = {"good": Grant(True, "demo", 10), "bad": Grant(False, "", 10)}
    access = Access(control_plane, clock=clock)

    async def ask(token: str) -> bool | None:
        try:
            return (await access.grant(token, "e")).allowed
        except ControlPlaneAway:
            return None

    assert [asyncio.run(ask("good")), asyncio.run(ask("bad"))] == [True, False]
    control_plane.answers = {"good": None, "bad": None, "new": None}
    clock.now += 11
    assert [asyncio.run(ask(token)) for token in ("good", "bad", "new")] == [True, None, None]
    clock.now += GRACE_SECONDS
    assert asyncio.run(ask("good")) is None


GOOD = {"BEDPLATE_JOB_API_URL": "http://127.0.0.1:8000/", "BEDPLATE_GATEWAY_TOKEN": "t"}


def test_settings() -> None:
    assert config_from(GOOD) == Config("http://127.0.0.1:8000", "t", "127.0.0.1", 8001, "INFO", "json")
    more = {
        "BEDPLATE_HOST": "0.0.0.0",
        "BEDPLATE_GATEWAY_PORT": "9",
        "BEDPLATE_LOG_LEVEL": "debug",
        "BEDPLATE_LOG_FORMAT": "text",
    }
    assert config_from(GOOD | more) == Config("http://127.0.0.1:8000", "t", "0.0.0.0", 9, "DEBUG", "text")
    assert "token" not in repr(config_from(GOOD))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("BEDPLATE_JOB_API_URL", "", "BEDPLATE_JOB_API_URL is not set; it takes the address"),
        ("BEDPLATE_JOB_API_URL", "127.0.0.1", "starts with http:// or https://, not '127.0.0.1'"),
        ("BEDPLATE_GATEWAY_TOKEN", "", "BEDPLATE_GATEWAY_TOKEN is not set"),
        ("BEDPLATE_GATEWAY_PORT", "http", "BEDPLATE_GATEWAY_PORT takes a port between 0 and 65535, not 'http'"),
        ("BEDPLATE_GATEWAY_PORT", "65536", "not '65536'"),
        ("BEDPLATE_LOG_LEVEL", "loud", "takes one of DEBUG, INFO, WARNING, ERROR, not 'loud'"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, value: str, says: str) -> None:
    with pytest.raises(BadSetting) as caught:
        config_from(GOOD | {name: value})
    assert says in str(caught.value)
