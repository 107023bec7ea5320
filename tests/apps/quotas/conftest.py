"""Fixtures of the quotas tests."""

from tests.support.jobs import fake, pool, queue, sent

__all__ = ["fake", "pool", "queue", "sent"]
