"""What every page of the admin panel is made of: rows start at `visible_to(user)`, verbs call services, words come in
every language. Registers nothing: that is for each app's `admin`; the site is wired in `controlplane/panel/`."""

from apps.common.panel.bases import ReadOnlyAdmin, ReadOnlyInline, VisibleAdmin
from apps.common.panel.filters import VisibleRelatedFilter, WordsFilter, visible_rows
from apps.common.panel.verbs import Verb

__all__ = [
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "Verb",
    "VisibleAdmin",
    "VisibleRelatedFilter",
    "WordsFilter",
    "visible_rows",
]
