"""Signing in with a name and a password, at a bounded rate."""

from __future__ import annotations

import hashlib
import logging
import time

from django.contrib.auth import authenticate
from django.core.cache import cache
from redis.exceptions import RedisError

from apps.access.models import User
from apps.common.audit import Actor, record
from apps.common.errors import RateLimited, Unauthenticated

log = logging.getLogger(__name__)

MOST_FAILURES = 10
WINDOW_SECONDS = 300


def sign_in(*, username: str, password: str, address: str) -> User:
    """The user with that name and password.

    Args:
        address: where the caller comes from; ten failures for one name from one address close that pair for the
            rest of five minutes.

    Raises:
        Unauthenticated: no such user, wrong password or inactive; all look and take the same.
        RateLimited: too many failures; even the right password is not tried.
    """
    counter = "sign-in:" + hashlib.sha256(f"{username.casefold()}\n{address}".encode()).hexdigest()
    _count(counter)
    user = authenticate(username=username, password=password)
    if not isinstance(user, User):
        log.warning("failed sign-in from %s", address)
        raise Unauthenticated("Wrong name or password.")
    _forget(counter)
    record(Actor.user(user), "user.signed_in", user, detail={"address": address})
    return user


def _count(counter: str) -> None:
    """Count before the password is tried, so that many tries at the same moment do not slip through.

    Raises:
        RateLimited: this one is too many.
    """
    now = time.time()
    try:
        cache.add(f"{counter}:since", now, WINDOW_SECONDS)
        cache.add(counter, 0, WINDOW_SECONDS)
        tries = cache.incr(counter)
        since = float(cache.get(f"{counter}:since", now))
    except ValueError:  # the window ended between two of these lines
        return
    except RedisError:
        log.exception("sign-ins are not counted: Redis does not answer")
        return
    if tries > MOST_FAILURES:
        # `since` may be of a process whose clock is another one.
        wait = min(max(1, int(since + WINDOW_SECONDS - now) + 1), WINDOW_SECONDS)
        raise RateLimited(f"Too many failed sign-ins; try again in {wait} seconds.", wait=wait)


def _forget(counter: str) -> None:
    try:
        cache.delete_many([counter, f"{counter}:since"])
    except RedisError:
        log.exception("sign-ins are not counted: Redis does not answer")
