"""Write down every sentence that our own code says about a state, for those who translate them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from apps.common.messages import catalogue

DEFAULT = Path("frontend") / "src" / "i18n" / "messages.catalog.json"


class Command(BaseCommand):
    """Code → English text and the kinds of its parameters, as JSON."""

    help = "Write the catalogue of messages about states, which translations are checked against."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=settings.BASE_DIR / DEFAULT, help="The file; - prints it.")

    def handle(self, *args: Any, **options: Any) -> None:
        text = catalogue_text()
        if str(options["to"]) == "-":
            self.stdout.write(text, ending="")
            return
        options["to"].parent.mkdir(parents=True, exist_ok=True)
        options["to"].write_text(text)
        self.stdout.write(f"{options['to']} has {len(catalogue())} messages.")


def catalogue_text() -> str:
    """The file's content."""
    return json.dumps(catalogue(), indent=2, ensure_ascii=False) + "\n"
