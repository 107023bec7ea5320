"""The steps that a recipe may have, by kind."""

from __future__ import annotations

from workers.runtime.cleaning.steps.balance import Balance
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.cleaning.steps.columns import Cast, DropColumns, KeepColumns, RenameColumns, ReorderColumns
from workers.runtime.cleaning.steps.dates import DateParts, ParseDates
from workers.runtime.cleaning.steps.duplicates import DropDuplicates, NearDuplicateImages, NearDuplicateText
from workers.runtime.cleaning.steps.encodings import EncodeLabel, MergeRare, OneHot, OrdinalEncode
from workers.runtime.cleaning.steps.expressions import Derive, FilterRows
from workers.runtime.cleaning.steps.impute import Impute
from workers.runtime.cleaning.steps.missing import MissingValues
from workers.runtime.cleaning.steps.numbers import Discretise, Scale, Standardise
from workers.runtime.cleaning.steps.outliers import Outliers
from workers.runtime.cleaning.steps.privacy import Generalise, Pseudonymise, Redact
from workers.runtime.cleaning.steps.split import Split
from workers.runtime.cleaning.steps.text import MapValues, NormaliseText, ParseQuantities, ReplaceText

_COLUMNS: tuple[type[Step], ...] = (DropColumns, KeepColumns, RenameColumns, ReorderColumns, Cast)
_VALUES: tuple[type[Step], ...] = (
    NormaliseText,
    ReplaceText,
    MapValues,
    ParseQuantities,
    ParseDates,
    DateParts,
    Derive,
)
_ROWS: tuple[type[Step], ...] = (FilterRows, DropDuplicates, NearDuplicateText, NearDuplicateImages, Split, Balance)
_PRIVACY: tuple[type[Step], ...] = (Pseudonymise, Redact, Generalise)
_FEATURES: tuple[type[Step], ...] = (
    MissingValues,
    Outliers,
    Impute,
    Standardise,
    Scale,
    Discretise,
    EncodeLabel,
    MergeRare,
    OrdinalEncode,
    OneHot,
)

STEPS: dict[str, type[Step]] = {
    step.kind: step for family in (_COLUMNS, _VALUES, _ROWS, _PRIVACY, _FEATURES) for step in family
}

__all__ = ["STEPS", "DropColumns", "EncodeLabel", "MissingValues", "Outcome", "Split", "Step"]
