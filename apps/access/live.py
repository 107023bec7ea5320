"""Which of this app's objects a browser may follow, which events end a socket, and what a socket's rights are."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib.sessions.models import Session

from apps.access.models import ApiToken, ApprovalRequest, Project, ProjectUserPermission, User
from apps.access.states import TokenState
from apps.common import clock
from apps.common.live_messages import EventTold
from apps.common.mailbox import Who

SUBJECTS: dict[str, Callable[[], Any]] = {
    "project": Project.objects.all,
    "approval_request": ApprovalRequest.objects.all,
}


def _whose_role(event: EventTold) -> str:
    return f"user.{event.payload['user_id']}"


def _itself(event: EventTold) -> str:
    return event.subject


ENDS: dict[str, Callable[[EventTold], str]] = {
    "project.member_changed": _whose_role,
    "user.changed": _itself,
    "api_token.revoked": _itself,
    "api_token.expired": _itself,
    "session.ended": _itself,
}
"""Kind of event → the key of the sockets that it closes; their clients come again and are checked again."""


def stamps(whos: Sequence[Who]) -> list[str]:
    """What the rights of each are now, in short: another stamp means that they have changed; empty: none are left.

    Four queries, however many there are.
    """
    user_ids = {who.user_id for who in whos}
    users = {
        row[0]: row[1:]
        for row in User.objects.filter(pk__in=user_ids, is_active=True).values_list("pk", "password", "is_superuser")
    }
    roles: defaultdict[UUID, list[Any]] = defaultdict(list)
    grants = ProjectUserPermission.objects.filter(user__in=user_ids).order_by("content_object_id", "permission_id")
    for user_id, project_id, permission_id in grants.values_list("user_id", "content_object_id", "permission_id"):
        roles[user_id].append((project_id.hex, permission_id))
    at = clock.db_now()
    active = ApiToken.objects.filter(pk__in={who.token_id for who in whos if who.token_id}, state=TokenState.ACTIVE)
    tokens = {pk for pk, ends in active.values_list("pk", "expires_at") if ends is None or ends > at}
    keys = {who.session_key for who in whos if who.session_key}
    sessions = set(Session.objects.filter(pk__in=keys, expire_date__gt=at).values_list("pk", flat=True))

    def stamp(who: Who) -> str:
        gone = who.user_id not in users or (who.token_id and who.token_id not in tokens)
        if gone or (who.session_key and who.session_key not in sessions):
            return ""
        return hashlib.sha256(repr((users[who.user_id], roles[who.user_id])).encode()).hexdigest()

    return [stamp(who) for who in whos]
