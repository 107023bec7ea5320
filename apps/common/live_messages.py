"""The words of the live socket, `bedplate.live.1`: typed, decoded by them, and described by JSON Schemas made of them.

`LIVE.md` beside this file says how they are used.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

PROTOCOL = "bedplate.live.1"
SUBJECT_LONGEST = 120
CURSOR_LONGEST = 40


class Told(msgspec.Struct, omit_defaults=True):
    """Base of what is told."""


class EventTold(Told):
    """One event of the outbox."""

    kind: str
    """Past tense: `run.succeeded`. `<noun>.changed`, without a payload: something that belongs to it moved."""
    subject: str
    cursor: str = ""
    at: str = ""
    project_id: str | None = None
    payload: dict[str, Any] = {}


class PointsTold(Told):
    """Points of one metric, in the order in which they came: three lists of one length.

    Values that JSON has no number for are `"NaN"`, `"Infinity"` or `"-Infinity"`.
    """

    key: str
    attempt: int
    """Number of the attempt; 0: no attempt sent them."""
    rank: int
    steps: list[int]
    values: list[float | Literal["NaN", "Infinity", "-Infinity"]]
    times: list[float]
    """Unix seconds."""


class LogsTold(Told):
    """There is more output; the API has it."""

    attempt: str
    rank: int
    last_line: int
    """Number of the last line that is kept."""
    after: int
    """Id of the last chunk: reading `after` a lower one finds it."""


# -- from the server ---------------------------------------------------------------------------------------------


class ServerMessage(msgspec.Struct, omit_defaults=True, tag_field="type"):
    """Base of what the server says."""


class Subscribed(ServerMessage, tag="subscribed"):
    """From here on it is told what happens to the subject after `cursor`."""

    subject: str
    cursor: str


class Refused(ServerMessage, tag="refused"):
    """Not followed: missing and forbidden look the same."""

    subject: str
    detail: str


class Unsubscribed(ServerMessage, tag="unsubscribed"):
    subject: str


class Update(ServerMessage, tag="update"):
    """All that happened to a subject since its last update; nothing in between is left out."""

    subject: str
    cursor: str
    """Up to here this subject is told: subscribe with it as `after` to go on."""
    events: list[EventTold] = []
    points: list[PointsTold] = []
    logs: list[LogsTold] = []
    points_missing: bool = False
    """There are points that are not in here: fetch them from the API, `after` the last cursor before this one."""
    logs_missing: bool = False
    """There may be more output than `logs` says."""


class Gap(ServerMessage, tag="gap"):
    """Something was left out after `cursor`: read again, or subscribe anew. Without a subject: of all of them."""

    cursor: str
    subject: str = ""


class Heartbeat(ServerMessage, tag="heartbeat"):
    """Nothing was said for a while; the line is alive, and nothing is missing up to `cursor`."""

    cursor: str


class Pong(ServerMessage, tag="pong"):
    """The answer to a ping."""


class Error(ServerMessage, tag="error"):
    """What was sent is no message; `detail` says where."""

    detail: str


# -- from the client ---------------------------------------------------------------------------------------------

SubjectText = Annotated[str, msgspec.Meta(max_length=SUBJECT_LONGEST)]


class ClientMessage(msgspec.Struct, tag_field="type"):
    """Base of what a client may send."""


class Subscribe(ClientMessage, tag="subscribe"):
    """Follow `<kind>.<id>`; with `after` also hear what happened to it after that cursor."""

    subject: SubjectText
    after: Annotated[str, msgspec.Meta(max_length=CURSOR_LONGEST)] = ""


class Unsubscribe(ClientMessage, tag="unsubscribe"):
    subject: SubjectText


class Ping(ClientMessage, tag="ping"):
    """Answered by `pong`."""


FromServer = Subscribed | Refused | Unsubscribed | Update | Gap | Heartbeat | Pong | Error
FromClient = Subscribe | Unsubscribe | Ping

encoder = msgspec.json.Encoder()
client_decoder = msgspec.json.Decoder(FromClient)


def text_of(message: ServerMessage) -> str:
    """A message as it is sent."""
    return encoder.encode(message).decode()


def schemas() -> dict[str, Any]:
    """JSON Schema 2020-12: `#/$defs/FromClient` and `#/$defs/FromServer` are what may be sent and what comes."""
    (client, server), parts = msgspec.json.schema_components([FromClient, FromServer], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": PROTOCOL,
        "$defs": {**parts, "FromClient": client, "FromServer": server},
    }
