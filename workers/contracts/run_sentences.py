"""What is said of work that is tried again, leaves, or whose data will not come. Part of `sentences.SENTENCES`."""

from __future__ import annotations

from typing import Final

RUNS: Final = {
    "tries_again": "Tries again in {seconds:number} s.",
    "input_rejected": "Version {number:number} of {dataset:name} was rejected and will not be published.",
    "failed_again": "Attempt {failed:number} of {most:number} failed.",
    "left_with": "It left in time, with its checkpoint of {at:time}.",
    "left_anew": "It left in time, has no checkpoint and starts anew: {seconds:number} s of work are lost.",
    "left_late": ("It did not leave as agreed: {seconds:number} s of work since its checkpoint of {at:time} are lost."),
    "left_late_anew": (
        "It did not leave as agreed, has no checkpoint and starts anew: {seconds:number} s of work are lost."
    ),
    "gives_back": (
        "Gives {gives:members} back to project {project:name}, and goes on with {keeps:members} from its checkpoint."
    ),
}
