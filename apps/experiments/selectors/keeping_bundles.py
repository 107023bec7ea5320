"""Why a source bundle is kept: a pure decision over facts, and what it would do now.

The table is published in the app's README and in the guide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.common import clock
from apps.experiments.models import FileRule, Run, SourceBundle
from apps.experiments.models.retention import GRACE_DAYS
from apps.experiments.selectors.keeping import needs_hold

SHOWN_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """What is known of one source bundle."""

    is_run: bool = False
    """A run executes it, or did, also one that is deleted: it can be restored, and run again."""
    is_recent: bool = False
    """It was sent within the grace: somebody may be about to submit it."""


BUNDLE_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {"run": ("is_run",), "recent": ("is_recent",)}
"""The truth table: reason → what must all be so."""


def bundle_reasons_of(facts: BundleFacts) -> list[str]:
    """Why a bundle is kept; none: it is not."""
    return [reason for reason, needs in BUNDLE_NEEDS.items() if needs_hold(facts, needs)]


def bundle_facts_of(bundles: Sequence[SourceBundle], now: datetime) -> dict[UUID, BundleFacts]:
    """The facts about bundles. Two queries."""
    rules = FileRule.objects.filter(project__in={one.project_id for one in bundles})
    grace = dict(rules.values_list("project_id", "grace_days"))
    run = set(Run.objects.filter(bundle__in=[one.pk for one in bundles]).values_list("bundle_id", flat=True))
    return {
        one.pk: BundleFacts(
            is_run=one.pk in run,
            is_recent=one.sent_at > now - timedelta(days=grace.get(one.project_id, GRACE_DAYS)),
        )
        for one in bundles
    }


def bundles_looked_at(now: datetime) -> Any:
    """Those that no run has and that were not sent within the shortest grace, sent longest ago first."""
    runs = Run.objects.filter(bundle=OuterRef("pk"))
    old = SourceBundle.objects.filter(sent_at__lt=now - timedelta(days=1))
    return old.filter(~Exists(runs)).defer("files").order_by("sent_at", "id")


def archives_named(paths: Sequence[str]) -> set[str]:
    """Those of some paths that a bundle has. One query."""
    return set(SourceBundle.objects.filter(path__in=list(paths)).values_list("path", flat=True))


def bundles_report(project_id: UUID, most: int) -> dict[str, Any]:
    """Bundles and bytes by reason, and what no reason keeps, of the newest. Three queries."""
    files, size = Counter[str](), Counter[str]()
    unkept: list[dict[str, Any]] = []
    rows = list(SourceBundle.objects.filter(project=project_id).defer("files").order_by("-id")[:most])
    facts = bundle_facts_of(rows, clock.db_now())
    for one in rows:
        for reason in bundle_reasons_of(facts[one.pk]) or [""]:
            files[reason] += 1
            size[reason] += one.size_bytes
            if not reason and len(unkept) < SHOWN_MOST:
                unkept.append(
                    {"id": one.pk, "sha256": one.sha256, "size_bytes": one.size_bytes, "sent_at": one.sent_at}
                )
    return {
        "reasons": [{"reason": name, "files": files[name], "bytes": size[name]} for name in BUNDLE_NEEDS],
        "unkept_files": files[""],
        "unkept_bytes": size[""],
        "unkept": unkept,
    }
