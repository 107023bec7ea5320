"""How the reader wants pages: what the dashboard and the guide ask alike."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import get_language

SCHEMES = ("light", "dark")


def scheme_of(request: HttpRequest) -> str:
    """`light` or `dark` where the reader has chosen one, else empty: as the system has it."""
    scheme = request.COOKIES.get("bedplate_theme", "")
    return scheme if scheme in SCHEMES else ""


def reads_chinese() -> bool:
    """Whether the active language is Chinese; English is the other one."""
    return (get_language() or "").startswith("zh")
