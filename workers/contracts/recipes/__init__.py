"""Recipes as plain values: which steps there are, which options they take, what they make of columns. Standard library.

The API asks before anything is created, the job again before it reads: both refuse the same recipe in the same words.
"""

from workers.contracts.recipes.checks import (
    MAX_STEPS,
    Fault,
    Problems,
    StepMisfit,
    by_place,
    faults,
    problems,
    recipe_fit,
    shapes,
    warnings,
)
from workers.contracts.recipes.kind import Kind, Serving
from workers.contracts.recipes.kinds import FAMILIES, FAMILY_OF, KINDS, NAMES
from workers.contracts.recipes.labels import labels_of
from workers.contracts.recipes.options import Option
from workers.contracts.recipes.shape import Misfit, Shape
from workers.contracts.recipes.stored import digest, normalised, secrets_of

__all__ = [
    "FAMILIES",
    "FAMILY_OF",
    "KINDS",
    "MAX_STEPS",
    "NAMES",
    "Fault",
    "Kind",
    "Misfit",
    "Option",
    "Problems",
    "Serving",
    "Shape",
    "StepMisfit",
    "by_place",
    "digest",
    "faults",
    "labels_of",
    "normalised",
    "problems",
    "recipe_fit",
    "secrets_of",
    "shapes",
    "warnings",
]
