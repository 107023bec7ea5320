"""Which of this app's objects a browser may follow: kind → rows, from which `.visible_to(user)` is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.deployments.models import Endpoint, Revision

SUBJECTS: dict[str, Callable[[], Any]] = {"endpoint": Endpoint.objects.all, "revision": Revision.objects.all}
