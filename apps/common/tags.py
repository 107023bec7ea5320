"""Words that people put on things to find them again."""

from __future__ import annotations

from collections.abc import Iterable

from apps.common.errors import Invalid

TAGS_MOST = 20
TAG_CHARACTERS_MOST = 40


def tags_checked(tags: Iterable[str]) -> list[str]:
    """Tags as they are kept: without blanks around them, sorted, each once. Raises Invalid."""
    found = sorted({tag.strip() for tag in tags})
    wrong = next((tag for tag in found if not tag or len(tag) > TAG_CHARACTERS_MOST or not tag.isprintable()), None)
    if wrong is not None:
        raise Invalid(
            f"tags: {wrong!r} is no tag", fields={"tags": [f"each has 1 to {TAG_CHARACTERS_MOST} characters"]}
        )
    if len(found) > TAGS_MOST:
        raise Invalid(f"tags: more than {TAGS_MOST}", fields={"tags": [f"at most {TAGS_MOST}"]})
    return found
