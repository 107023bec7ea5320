"""Details of states taken apart: every sentence round-trips, alone and beside others."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.common.messages import KINDS, SAID, Part, catalogue, codes, parts_of
from apps.common.stories import StateMessageField
from apps.quotas.scheduling.liveness import moment
from apps.quotas.scheduling.snapshot import Ask
from apps.quotas.scheduling.words import amount, asked, counted
from controlplane.management.commands.message_catalog import DEFAULT, catalogue_text
from tests.architecture.tree import ROOT
from workers.contracts.faults import FAULTS
from workers.contracts.sentences import SENTENCES, say

GIB = 1 << 30
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)
TEXTS = st.from_regex(r"[A-Za-z][a-z ]{0,30}[a-z]", fullmatch=True)
FLAVORS = st.sampled_from(["", "H200", "A100-SXM4-80GB", "RTX-6000"])
UNITS = [1, 1 << 10, 1 << 20, GIB, 1 << 40]


def _of(resource: str, value: float, flavor: str = "") -> dict[str, Any]:
    return {"resource": resource, "value": value, "flavor": flavor}


@st.composite
def _memory(draw: Any) -> int:
    """Bytes that are said exactly: at most one digit after the point."""
    return draw(st.integers(1, 1000)) * draw(st.sampled_from(UNITS))  # type: ignore[no-any-return]


@st.composite
def _amounts(draw: Any) -> tuple[str, Any]:
    cpu, memory = draw(st.integers(1, 10**6)), draw(_memory())
    gpus, flavor = draw(st.integers(0, 64)), draw(FLAVORS)
    share = draw(st.integers(1, 1000)) if gpus == 1 else 1000
    devices = gpus * share
    said = _of("gpus", devices / 1000 if devices % 1000 else devices // 1000, flavor)
    whole = [_of("cpu_millis", cpu), _of("memory_bytes", memory), *([said] if gpus else [])]
    if draw(st.booleans()):
        return asked(Ask(cpu, memory, gpus, flavor, share)), whole
    one, value = draw(st.sampled_from([(whole[0], cpu), (whole[1], memory), (said, devices)]))
    return amount(one["resource"], value, one["flavor"]), [one]


def _times(at: datetime) -> tuple[str, str]:
    return moment(at), at.isoformat().replace("+00:00", "Z")


VALUES: dict[str, st.SearchStrategy[tuple[str, Any]]] = {
    "text": TEXTS.map(lambda text: (text, text)),
    "name": NAMES.map(lambda text: (text, text)),
    "names": st.lists(NAMES, min_size=1, max_size=3).map(lambda names: (", ".join(names), names)),
    "number": st.integers(0, 10**9).map(lambda number: (str(number), number)),
    "bytes": st.integers(0, 10**15).map(lambda number: (str(number), number)),
    "time": st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
    .map(lambda at: at.replace(microsecond=0))
    .map(_times),
    "amounts": _amounts(),
    "members": st.integers(0, 1000).map(lambda number: (counted(number, "member"), number)),
    "workloads": st.integers(0, 1000).map(lambda number: (counted(number, "workload"), number)),
    "first": st.sampled_from([("; first in queue.", True), (".", False)]),
    "place": TEXTS.map(lambda text: (f"line 1 of {text}", f"line 1 of {text}")),
    "quoted": TEXTS.map(lambda text: (repr(text), text)),
    "often": st.sampled_from([(" and again", True), ("", False)]),
}
"""Kind → what is said in English, and what is read back."""


@st.composite
def sentences(draw: Any, only: list[str] | None = None) -> tuple[str, Part]:
    """A sentence and its part."""
    code = draw(st.sampled_from(only or sorted(SENTENCES)))
    drawn = {name: draw(VALUES[kind]) for name, kind in catalogue()[code]["params"].items()}
    said = say(code, **{name: english for name, (english, _) in drawn.items()})
    return said, Part(code, {name: value for name, (_, value) in drawn.items()})


OPEN = [code for code, text in SENTENCES.items() if text.endswith(":text}")]
CLOSED = [code for code in SENTENCES if code not in OPEN]


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_every_sentence_is_taken_apart_exactly(code: str) -> None:
    @settings(UNHURRIED, max_examples=12)
    @given(sentences(only=[code]))
    def round_trip(made: tuple[str, Part]) -> None:
        assert parts_of(made[0]) == (made[1],)

    round_trip()


@UNHURRIED
@given(st.lists(sentences(only=CLOSED), min_size=1, max_size=4), TEXTS)
def test_sentences_are_told_apart_and_from_what_others_say(made: list[tuple[str, Part]], words: str) -> None:
    said, parts = " ".join(text for text, _ in made), tuple(part for _, part in made)
    assert parts_of(said) == parts
    assert parts_of(f"{words}. {said}") == (Part(SAID, {"text": f"{words}."}), *parts)
    assert parts_of(f"{said} {words}.") == (*parts, Part(SAID, {"text": f"{words}."}))


@UNHURRIED
@given(sentences(only=OPEN), sentences(only=["tries_again", "given_up"]))
def test_what_ends_with_the_words_of_others_ends_before_ours(one: Any, other: Any) -> None:
    assert parts_of(f"{one[0]}. {other[0]}") == (
        Part(one[1].code, {**one[1].params, **_with_point(one[1])}),
        other[1],
    )


def _with_point(part: Part) -> dict[str, str]:
    name = list(part.params)[-1]
    return {name: f"{part.params[name]}."}


@UNHURRIED
@given(st.text(max_size=200))
def test_what_others_say_stays_as_it_is(text: str) -> None:
    assert parts_of(text) == ((Part(SAID, {"text": text}),) if text else ())


def test_what_is_shown_of_a_waiting_workload() -> None:
    detail = "1 of 3 members granted. Waiting: project vision's quota of 1.5 GiB of memory is used by 1 workload."
    assert StateMessageField().to_representation(detail) == [
        {"code": "granted", "params": {"has": 1, "wanted": 3}},
        {
            "code": "wait_quota_used",
            "params": {
                "project": "vision",
                "quota": [{"resource": "memory_bytes", "value": 3 * GIB // 2, "flavor": ""}],
                "by": 1,
                "first": False,
            },
        },
    ]
    assert StateMessageField().to_representation("") == []


def test_every_kind_is_tried_and_every_code_is_in_the_list() -> None:
    assert set(VALUES) == set(KINDS)
    assert codes() == sorted([SAID, *SENTENCES, *FAULTS])


def test_the_catalogue_for_translators_is_the_one_of_the_code() -> None:
    assert (ROOT / DEFAULT).read_text() == catalogue_text(), "run manage.py message_catalog"
    assert json.loads(catalogue_text())["tries_again"] == {
        "text": "Tries again in {seconds} s.",
        "params": {"seconds": "number"},
    }
