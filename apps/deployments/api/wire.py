"""Figures as they are sent: checked while they are decoded, because they come every second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from apps.common.errors import Invalid, TooLarge
from apps.deployments.services.figures import Counted

FIGURES_MOST = 20_000
SECONDS_MOST = 3_600

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Time = Annotated[float, msgspec.Meta(ge=0, le=2**40)]
Rank = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class FigureIn(msgspec.Struct):
    requests: Count
    caller_errors: Count
    server_errors: Count
    latencies: bytes
    endpoint: str = ""
    revision: str = ""


class SecondIn(msgspec.Struct):
    number: Annotated[int, msgspec.Meta(ge=0, le=2**40)]
    figures: list[FigureIn]


class FiguresIn(msgspec.Struct):
    source: UUID
    sent_at: Time
    seconds: list[SecondIn]
    rank: Rank = 0


_DECODER = msgspec.json.Decoder(FiguresIn)


class FiguresParser(BaseParser):
    """`application/json` → FiguresIn. What does not fit is refused by place."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return _DECODER.decode(stream.read())
        except msgspec.ValidationError as error:
            raise Invalid(str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError(f"JSON parse error - {error}") from error


def taken(request: Request) -> FiguresIn:
    """The body of a request. Raises Invalid for an empty one, which no parser is asked about."""
    sent = request.data
    if not isinstance(sent, FiguresIn):
        raise Invalid("The body is empty.")
    return sent


def counted_in(sent: FiguresIn, *, named: bool) -> list[Counted]:
    """What was sent, one after the other.

    Args:
        named: each figure says whose it is.

    Raises:
        Invalid: an id is none; the place is named.
        TooLarge: more than 20,000 figures or 3,600 seconds.
    """
    if len(sent.seconds) > SECONDS_MOST or sum(len(second.figures) for second in sent.seconds) > FIGURES_MOST:
        raise TooLarge(f"At most {SECONDS_MOST} seconds and {FIGURES_MOST} figures at once.")
    return list(_counted(sent, named))


def _counted(sent: FiguresIn, named: bool) -> Iterator[Counted]:
    nobody = UUID(int=0)
    for at, second in enumerate(sent.seconds):
        for index, one in enumerate(second.figures):
            place = f"seconds[{at}].figures[{index}]"
            endpoint = _id(one.endpoint, f"{place}.endpoint") if named else nobody
            revision = _id(one.revision, f"{place}.revision") if named and one.revision else None
            yield Counted(
                place, second.number, endpoint, revision,
                one.requests, one.caller_errors, one.server_errors, one.latencies,
            )  # fmt: skip


def _id(text: str, place: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(f"{place}: not an id", fields={place: ["not an id"]}) from error
