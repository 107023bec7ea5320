"""Sessions of browsers: in the database, and whoever follows something by one is told of its end."""

from __future__ import annotations

import hashlib

from django.contrib.sessions.backends import db

from apps.common.alerts import rights_changed
from apps.common.events import News, emit_many


def session_subject(session_key: str) -> str:
    """What a session is called where others can read it: its key is as good as a password."""
    return "session." + hashlib.sha256(session_key.encode()).hexdigest()[:32]


class SessionStore(db.SessionStore):
    """Django's own; signing out, in whatever page, deletes the row, and that is news."""

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        super().delete(session_key)
        if key:
            emit_many([News("session.ended", session_subject(key))])
            rights_changed(session_subject(key))
