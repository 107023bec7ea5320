"""Who logs to which run, beside Django: looked up as every view does, and remembered for seconds."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from channels.db import database_sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, InterfaceError

from apps.access.services.tokens import token_used, token_verify
from apps.access.states import TokenScope
from apps.common.asgi_app import TOKEN_SECONDS, TOKENS_MOST
from apps.common.errors import Forbidden, Unauthenticated, Unavailable
from apps.experiments.api.mlflow.caller import Caller, token_of
from apps.experiments.api.mlflow.runs import run_of
from apps.quotas.services.attempt_tokens import PREFIX, attempt_of

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a caller may log to."""

    run_id: UUID
    attempt_id: UUID | None
    """Of the job that calls, where it is its own run."""


class Remembered(Generic[Key, Value]):
    """The last `TOKENS_MOST` answers, each for `TOKEN_SECONDS`. Who asks the same at once shares one question."""

    def __init__(self) -> None:
        self._found: OrderedDict[Key, tuple[Value, float]] = OrderedDict()
        self._asked: dict[Key, asyncio.Future[Value]] = {}

    async def of(self, key: Key, ask: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """The answer; raises what `ask` raises, which is not remembered."""
        known = self._found.get(key)
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.ensure_future(ask())
            asked.add_done_callback(lambda _: self._asked.pop(key, None))
        value = await asyncio.shield(asked)
        self._put(key, value)
        return value

    def _put(self, key: Key, value: Value) -> None:
        self._found[key] = (value, time.monotonic() + TOKEN_SECONDS)
        self._found.move_to_end(key)
        while len(self._found) > TOKENS_MOST:
            self._found.popitem(last=False)


class Callers:
    """One per process. What was refused is looked up again every time."""

    def __init__(self) -> None:
        self._callers: Remembered[str, Caller] = Remembered()
        self._places: Remembered[tuple[str, str], Place] = Remembered()

    async def token(self, header: bytes) -> str:
        """The token of an `Authorization` header, which may write.

        Raises:
            Unauthenticated: there is none, or it is not good.
            Forbidden: it may only read.
        """
        token = token_of(header)
        if token is None:
            raise Unauthenticated
        await self._caller(token)
        return token

    async def place(self, token: str, run: str) -> Place:
        """The run of an id, to which the token may write.

        Raises:
            MlflowError, NotFound: there is no such run, or it is not visible.
            Forbidden: the role is too weak, or it is another's run and a job calls.
        """
        caller = await self._caller(token)
        return await self._places.of((token, run), lambda: _asked(_place, caller, run))

    async def _caller(self, token: str) -> Caller:
        return await self._callers.of(token, lambda: _asked(_caller, token))


async def _asked(question: Any, *words: Any) -> Any:
    """The answer of a function that asks the database. Raises Unavailable, and what it raises."""
    try:
        return await database_sync_to_async(question)(*words)
    except (DatabaseError, InterfaceError) as error:
        raise Unavailable("The database did not answer in time.") from error


def _caller(token: str) -> Caller:
    if token.startswith(PREFIX):
        return Caller(AnonymousUser(), attempt_of(token))
    found = token_verify(token)
    token_used(found)
    if TokenScope.WRITE not in found.scopes:
        scopes = ", ".join(found.scopes)
        raise Forbidden(f"This needs a token with the scope {TokenScope.WRITE}; yours has {scopes}.")
    return Caller(found.user, None)


def _place(caller: Caller, text: str) -> Place:
    run = run_of(caller, text)
    caller.require_run(run)
    own = caller.attempt is not None and caller.attempt.workload_id == run.workload_id
    return Place(run.pk, caller.attempt.pk if own and caller.attempt is not None else None)
