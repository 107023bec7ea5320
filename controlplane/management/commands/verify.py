"""`manage.py verify`: is everything in this installation as it must be?"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from apps.common.invariants import SETTLED, Level, Outcome
from controlplane.verification import verify

NAME_WIDTH = 34


class Command(BaseCommand):
    help = (
        "Check every invariant of the database and of the object store, changing nothing. The stack may run; the "
        "database must. Exit status 1 when something is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quick", action="store_true", help="read no objects, and not every metric point")
        parser.add_argument("--json", action="store_true", help="one JSON object per check and line")
        parser.add_argument("--examples", type=int, default=5, help="how much of what is wrong is shown; default 5")
        parser.add_argument(
            "--settle",
            type=float,
            default=SETTLED.total_seconds(),
            help=f"seconds that what follows something may lag behind it; default {SETTLED.total_seconds():g}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        settled = timedelta(seconds=options["settle"])
        wrong = count = 0
        for outcome in verify(quick=options["quick"], examples=max(1, options["examples"]), settled=settled):
            count, wrong = count + 1, wrong + (not outcome.is_ok)
            self.stdout.write(_as_json(outcome) if options["json"] else _as_text(outcome))
        if not options["json"]:
            self.stdout.write(
                f"{count} checks, {wrong} found something wrong." if wrong else f"{count} checks, all ok."
            )
        if wrong:
            sys.exit(1)


def _as_text(outcome: Outcome) -> str:
    counts = ", ".join(f"{outcome.found[level]} {level}" for level in Level if outcome.found[level])
    lines = [f"{'ok' if outcome.is_ok else 'WRONG':<6}{outcome.name:<{NAME_WIDTH}} {counts or outcome.holds}"]
    lines += [f"      {finding.level}: {finding.text}" for finding in outcome.examples]
    return "\n".join(lines)


def _as_json(outcome: Outcome) -> str:
    return json.dumps(
        {
            "check": outcome.name,
            "holds": outcome.holds,
            "ok": outcome.is_ok,
            "found": {level: outcome.found[level] for level in Level},
            "examples": [{"level": finding.level, "text": finding.text} for finding in outcome.examples],
            "seconds": round(outcome.seconds, 4),
        },
        ensure_ascii=False,
    )
