"""Recipes as plain values: which steps there are, which options they take. Pure; the job checks the columns."""

from apps.datasets.recipes.kinds import KINDS, Kind
from apps.datasets.recipes.options import Option
from apps.datasets.recipes.shape import MAX_STEPS, digest, normalised, problems

__all__ = ["KINDS", "MAX_STEPS", "Kind", "Option", "digest", "normalised", "problems"]
