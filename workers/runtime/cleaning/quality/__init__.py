"""Expectations over Parquet: counted in one pass of SQL, shown by up to twenty rows each."""

from workers.runtime.cleaning.quality.evaluate import evaluate
from workers.runtime.cleaning.quality.job import evaluated_beside, validated

__all__ = ["evaluate", "evaluated_beside", "validated"]
