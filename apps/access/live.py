"""Which of this app's objects a browser may follow, and which of its events end a socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from apps.access.models import ApprovalRequest, Project

SUBJECTS: dict[str, Callable[[], Any]] = {
    "project": Project.objects.all,
    "approval_request": ApprovalRequest.objects.all,
}


def _whose_role(event: Mapping[str, Any]) -> str:
    return f"user.{event['payload']['user_id']}"


def _itself(event: Mapping[str, Any]) -> str:
    return str(event["subject"])


ENDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "project.member_changed": _whose_role,
    "user.changed": _itself,
    "api_token.revoked": _itself,
    "api_token.expired": _itself,
}
"""Kind of event → the key of the sockets that it closes; their clients come again and are checked again."""
