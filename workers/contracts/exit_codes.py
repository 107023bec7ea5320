"""Exit statuses with a meaning that a job and the control plane agree on; all others are the user's."""

COMPLETED = 0
USER_ERROR = 1
"""The user's code or data is at fault; the result file holds `{"error": {"code", "detail"}}` when known."""
PREEMPTED = 83
"""The job was told to stop, wrote its checkpoint and left: relaunch it from there."""
PORT_IN_USE = 84
"""A replica could not listen on its port: start it again on another."""
CONTROL_PLANE_GONE = 85
"""The job gave up because its token is no longer valid: a newer attempt took its place."""
