"""The database engine while there is no database: commands that need none work, others say what to do."""

from django.db.utils import OperationalError


class NotRunning(OperationalError):
    """The embedded PostgreSQL is not running."""
