"""What of the control plane itself works, and since when."""

from __future__ import annotations

from django.db import models


class Pulse(models.Model):
    """One thing that is tried again and again: when it last worked, and since when without a gap. Database time.

    Part of how attempts are judged: what we could not hear or see while we were away ourselves counts for nothing.
    """

    name = models.CharField(max_length=60, primary_key=True)
    """`api`: jobs reach the API. `look:<backend>`: every open attempt of that backend was looked at."""
    since = models.DateTimeField(null=True)
    """Empty: it did not work when it was last tried."""
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
