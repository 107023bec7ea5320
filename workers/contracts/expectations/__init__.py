"""Expectations as plain values: which kinds there are, what they take, whether they fit columns. Standard library only.

The API asks before one is saved, the job again before it is evaluated: an expectation outlives the schema that it was
written for, and what does not fit any more is an error of that expectation, never of the job.
"""

from workers.contracts.expectations.fit import fits, problems
from workers.contracts.expectations.kinds import KINDS, NAMES, TOLERANT, Kind
from workers.contracts.expectations.label import columns_of, label
from workers.contracts.expectations.stored import normalised

__all__ = ["KINDS", "NAMES", "TOLERANT", "Kind", "columns_of", "fits", "label", "normalised", "problems"]
