"""What is said of work that is tried again, or whose data will not come. Part of `sentences.SENTENCES`; see there."""

from __future__ import annotations

from typing import Final

RUNS: Final = {
    "tries_again": "Tries again in {seconds:number} s.",
    "input_rejected": "Version {number:number} of {dataset:name} was rejected and will not be published.",
    "failed_again": "Attempt {failed:number} of {most:number} failed.",
}
