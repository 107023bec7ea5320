"""Names of tables and columns in the reader's language.

They are not in the models, where each would be a migration; the English ones are made from the classes' names.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import models
from django.utils.translation import gettext_lazy

PLURALS: Final = {
    "idle policy": "idle policies",
    "priority class": "priority classes",
    "registered model": "registered models",
    "model alias": "model aliases",
    "version alias": "version aliases",
}
"""Where an `s` is not enough."""
FIELDS: Final = {
    "id": "ID",
    "cpu millis": "CPU (thousandths of a core)",
    "memory bytes": "memory (bytes)",
    "gpu memory bytes": "GPU memory (bytes)",
    "gpu model": "GPU model",
    "gpus": "GPUs",
    "size bytes": "size (bytes)",
    "sha256": "SHA-256",
    "url": "URL",
    "uri": "URI",
}
"""Where the name of a column is no name for people."""


def title(column: models.Field[Any, Any]) -> Any:
    """What a column is called on the page of its row. The API's document calls it as the code does."""
    plain = column.name.replace("_", " ")
    return gettext_lazy(FIELDS[plain]) if plain in FIELDS else column.verbose_name


def name(model: type[models.Model]) -> None:
    """Let the model and its columns be called in the language of whoever reads."""
    meta: Any = model._meta
    if isinstance(meta.verbose_name, str):
        single = meta.verbose_name
        meta.verbose_name = gettext_lazy(single)
        meta.verbose_name_plural = gettext_lazy(PLURALS.get(single, f"{single}s"))
    for column in meta.get_fields():
        if hasattr(column, "verbose_name") and isinstance(column.verbose_name, str):
            column.verbose_name = gettext_lazy(column.verbose_name)
        if isinstance(getattr(column, "help_text", None), str) and column.help_text:
            column.help_text = gettext_lazy(column.help_text)
