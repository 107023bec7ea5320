"""Every sentence that our own code says about a state, by its code: said in English, taken apart for other languages.

A placeholder is `{name:kind}`; the kind says what stands there and how `apps.common.messages` reads it back:

    text      anything                              name      one word without spaces
    number    `3`                                   time      `2026-05-05 12:00:00 UTC`
    names     `A100, H200`                          amounts   `2 cores, 4 GiB of memory and 0.5 × H200`
    members   `1 member`, `2 members`               workloads `1 workload`, `2 workloads`
    bytes     `5368709120`                          first     `; first in queue.` or `.`
    often     ` and again` or nothing

A code never changes its meaning: clients translate by it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from workers.contracts.cluster_sentences import CLUSTER
from workers.contracts.run_sentences import RUNS

_ADMISSION: Final = {
    "wait_no_quota": "Waiting: needs {needs:amounts}, and project {project:name} has no quota for it{first:first}",
    "wait_quota_used": (
        "Waiting: project {project:name}'s quota of {quota:amounts} is used by {by:workloads}{first:first}"
    ),
    "wait_quota_left": (
        "Waiting: project {project:name}'s quota of {quota:amounts} has {left:amounts} left beside {by:workloads},"
        " this needs {needs:amounts}{first:first}"
    ),
    "wait_no_machine": "Waiting: no machine is ready{first:first}",
    "wait_members": (
        "Waiting: needs {count:number} members of {asked:amounts}, there is room for {room:number} now{first:first}"
    ),
    "wait_machine": "Waiting: needs {asked:amounts}, no machine has that free now{first:first}",
    "wait_cap": "Waiting: project {project:name} has {by:workloads} at once already, as many as it may{first:first}",
    "wait_cap_none": "Waiting: project {project:name} may have nothing at once, its cap is 0{first:first}",
    "wait_cap_gpus": "Waiting: a workload of project {project:name} may have {most:number} GPUs{first:first}",
    "wait_cohort": (
        "Waiting: needs {needs:amounts}, {cohort:name} has {left:amounts} left for its projects together{first:first}"
    ),
    "wait_pool": "Waiting: needs {needs:amounts}, the pool has {left:amounts} left that nobody keeps{first:first}",
    "wait_borrowed": "To start it, {amount:amounts} of what {holder:name} has borrowed must be given back.",
    "wait_quota_kept": (
        "Waiting: needs {needs:amounts}; what is left of the quota is kept for what came before{first:first}"
    ),
    "wait_kept": "Waiting: needs {asked:amounts}; what is free now is kept for what came before{first:first}",
    "wait_avoids": "Not on {nodes:names}: its last start there took too long.",
    "wait_promised": "Waiting: its place is being freed by others that leave for it.",
    "preempted_by": "Preempted for {what:amounts} of project {project:name}, which have a higher priority.",
    "reclaimed_by": "Taken back: {what:amounts} are guaranteed to project {project:name}.",
    "wait_behind_quota": "Waiting: behind earlier workloads of project {project:name}, which wait for quota.",
    "wait_behind_machine": (
        "Waiting: behind earlier workloads of project {project:name}, which wait for room on the machines."
    ),
    "granted": "{has:number} of {wanted:members} granted.",
    "refused_members": (
        "Refused: needs {count:number} members of {asked:amounts}, the machines here can hold {room:number} at once."
        " Ask for {most:members}."
    ),
    "refused_no_gpu": "Refused: needs {needs:amounts}, and no machine here has a GPU.",
    "refused_no_such_kind": (
        "Refused: needs {needs:amounts}, and no machine here has that kind. Kinds here: {kinds:names}."
    ),
    "refused_no_quota": (
        "Refused: needs {needs:amounts}, and project {project:name} has no quota for it."
        " Ask an administrator for quota."
    ),
    "refused_quota_none": (
        "Refused: needs {needs:amounts}, and project {project:name}'s quota has none. Raise the quota."
    ),
    "refused_cap_gpus": (
        "Refused: needs {needs:amounts}, a workload of project {project:name} may have {most:number} GPUs."
        " Ask for fewer."
    ),
    "refused_cap_seconds": (
        "Refused: its time limit of {asked:text} is more than the {most:text} that a workload of project"
        " {project:name} may run. Ask for less."
    ),
    "refused_cap_no_limit": (
        "Refused: it has no time limit, and a workload of project {project:name} may run {most:text}. Set a time limit."
    ),
    "refused_too_large": (
        "Refused: needs {needs:amounts}, the largest that could run here is {most:amounts}. Ask for {most:amounts}."
    ),
    "refused_above_quota": (
        "Refused: needs {needs:amounts}, the largest that could run here is {most:amounts}."
        " Ask for {most:amounts} or raise the quota."
    ),
    "refused_machine": (
        "Refused: needs {needs:amounts} on one machine, the largest machine here has {most:amounts}."
        " Ask for {most:amounts}."
    ),
    "refused_together": "Refused: no machine here has {asked:amounts} together. Ask for less of one of them.",
}
_LIVENESS: Final = {
    "silent": "Silent: no heartbeat since {since:time}.",
    "silent_until": "If it stays silent it is taken for lost at {at:time}.",
    "lost_silent": "No heartbeat since {since:time}.",
    "queue_timeout": "It waited for longer than the limit of {limit:number} s.",
    "start_timeout": "It did not start within {limit:number} s.",
    "pull_timeout": "Its image was not there within {limit:number} s.",
    "overtime": "The job ran for longer than its limit of {limit:number} s, and its backend did not end it.",
}
_HEALTH: Final = {
    "idle_stopped": "Its GPUs were used for less than {ratio:name} of the time since {since:time}.",
    "moved_off": "Taken off node {node:name}: {why:text}",
    "fault_xid": "GPU {device:number} of node {node:name} reported XID {codes:names}.",
    "fault_ecc": (
        "GPU {device:number} of node {node:name} counted {count:number} errors of its memory that it could not correct."
    ),
    "fault_rows": "GPU {device:number} of node {node:name} needs a reset to replace rows of its memory.",
    "fault_rows_failed": "GPU {device:number} of node {node:name} could not replace rows of its memory.",
    "fault_reset": "GPU {device:number} of node {node:name} must be reset, its driver says.",
    "fault_gone": "GPU {device:number} of node {node:name} does not answer its driver any more.",
    "node_flaps": "Node {node:name} went away {times:number} times within {seconds:number} s.",
    "node_lost": "The backend does not have node {node:name} any more.",
    "node_back": "The backend has node {node:name} again.",
}
_LAUNCH: Final = {
    "not_launched_yet": "Not launched yet: {error:text}",
    "backend_away": "The backend {backend:name} does not answer: {error:text}",
    "not_launched": "It could not be launched.",
}
_BACKENDS: Final = {
    "member_exit": "Member {member:number} ended with exit status {status:number}.",
    "member_signal": "Member {member:number} was ended by {signal:text} (exit status {status:number}).",
    "member_processes": "Member {member:number} wanted more than {most:number} processes and threads at once.",
    "member_memory": "Member {member:number} held {held:bytes} bytes of memory; its limit is {limit:bytes}.",
    "machine_memory": "Member {member:number} was killed: the machine was short of memory.",
    "wrapper_killed": "The wrapper of member {member:number} was killed by {signal:text}.",
    "supervisor_killed": "The supervisor of this job was killed, or the machine restarted.",
    "supervisor_told": "The supervisor of this job was told to end, as when the machine shuts down.",
    "job_not_started": "The job could not be started: {error:text}",
    "job_time_limit": "The job ran for longer than its limit of {limit:number} s.",
    "replica_not_started": "Replica {replica:number} could not be started: {error:text}",
    "replica_not_ready": "Replica {replica:number} was not ready within {limit:number} s.",
    "newer_attempt": "A newer attempt took the place of this one.",
}
_REPLICAS: Final = {
    "replica_completed": "Replica {replica:number} ended by itself and is started again{often:often}.",
    "replica_exit": "Replica {replica:number} ended with an error and is started again{often:often}.",
    "replica_memory": (
        "Replica {replica:number} needed more memory than it may have and is started again{often:often}."
    ),
    "replica_slow": "Replica {replica:number} was not ready in time and is started again{often:often}.",
    "replica_reason": "Replica {replica:number} ended ({reason:name}) and is started again{often:often}.",
    "replica_gone": "Replica {replica:number} ended and is started again{often:often}.",
    "replicas_more": "So it is with {more:number} more.",
}
_RESULTS: Final = {
    "result_no_attempt": "There is no attempt that could have left a result.",
    "result_none": "The job left no result.",
    "result_form": "The job's result is not of the agreed form: {error:text}",
    "result_twice": "The job's result names a {what:name} twice: {names:names}.",
    "result_rows": "The job counted {said:number} rows, its files hold {held:number}.",
    "result_parts": "The parts {parts:text} are not the {rows:number} rows together.",
    "result_compared": "The job compared {said:number} rows, the version has {rows:number}.",
    "result_profile": "The profile is of {said:number} rows, the version has {rows:number}.",
    "append_columns": (
        "The new rows have the columns {found:text}; those of the version that they are appended to are {wanted:text}."
    ),
    "append_ordinals": "The new rows are not numbered on from {first:number}.",
    "file_too_large": "{file:name} has {size:bytes} bytes; at most {most:bytes} are read.",
    "file_form": "{file:name} is not of the agreed form: {error:text}",
    "file_size": "{file:name} has {size:bytes} bytes; the job said {said:bytes}.",
    "file_digest": "{file:name} does not have the SHA-256 that the job said.",
    "file_missing": "{file:name} is not in the object store.",
    "files_damaged": "Missing or changed since the run announced it: {files:names}.",
    "model_runs_code": (
        "Loading it would run code, or nobody can tell: {files:names}. Somebody must approve it, or register it in a"
        " format that holds data only."
    ),
    "model_code_denied": "Its use was denied, because loading it would run code: {comment:text}",
}
_READING: Final = {
    "rejected_ratio": (
        "{count:number} of {rows:number} rows of {file:text} were rejected; a share of at most {most:text} may be"
        " (max_rejected_ratio)."
    ),
    "rejected_rows": (
        "{count:number} of {rows:number} rows of {file:text} were rejected; at most {most:number} may be"
        " (max_rejected_rows)."
    ),
    "not_utf8": (
        "{file:text} is not UTF-8: line {line:number}, byte {byte:number} is {value:name}; say which encoding it has."
    ),
    "not_utf8_guess": (
        "{file:text} is not UTF-8: line {line:number}, byte {byte:number} is {value:name}. It may be {guess:name}, "
        "which its bytes do not settle: say which encoding it has."
    ),
}
_COLLECTING: Final = {
    "upload_digest": "The file has the SHA-256 {found:name}; {said:name} was said at the start.",
    "schedule_failing": "The last {count:number} ingestions failed: {error:text}",
    "schedule_not_allowed": (
        "It asks in the name of {name:name}, who may not ask for ingestions in this project any more."
    ),
}
_ENDINGS: Final = {
    "given_up": "Lost {times:number} times in a row; given up.",
    "vanished": "Its processes are gone without having said why.",
    "token_expired": "It could not reach the control plane with its token any more.",
    "stopped_by": "Stopped by {actor:name}.",
    "revision_follows": "Revision {number:number} takes the requests.",
    "revision_first": "Revision {number:number} was ready first.",
}

_QUALITY: Final = {
    "quality_checked": "Its expectations are being evaluated.",
    "quality_failed": "Fails expectations: {rules:names}.",
    "quality_changed": "Its expectations changed since they were evaluated; validate it again.",
    "quality_unchecked": "Its expectations could not be evaluated: {error:text}",
    "quality_warned": "Published with warnings: {rules:names}.",
    "quality_overridden": "Published by an approved override, although it fails: {rules:names}.",
    "quality_trusted": "Published by an approved override, without having been checked.",
    "hold_checked": "Waiting: the expectations of version {number:number} of {dataset:name} are being evaluated.",
    "hold_failed": (
        "Waiting: version {number:number} of {dataset:name} fails expectations: {rules:names}."
        " Mend the data or the expectations and validate it again, or ask for an override."
    ),
    "hold_unchecked": (
        "Waiting: version {number:number} of {dataset:name} has no results of its expectations."
        " Validate it again, or ask for an override."
    ),
}

_BUDGETS: Final = {
    "budget_used_hours": (
        "Waiting: the {limit:name} GPU-hours of budget {budget:name} are used up until {until:time}: {spent:name} are"
        " spent and {reserved:name} reserved. Raise the budget, or ask for an override."
    ),
    "budget_used_money": (
        "Waiting: the {limit:name} {currency:name} of budget {budget:name} are used up until {until:time}:"
        " {spent:name} are spent and {reserved:name} reserved. Raise the budget, or ask for an override."
    ),
    "budget_left_hours": (
        "Waiting: budget {budget:name} has {left:name} of {limit:name} GPU-hours left until {until:time}, and this"
        " declares {needs:name}. Raise the budget, ask for less, or ask for an override."
    ),
    "budget_left_money": (
        "Waiting: budget {budget:name} has {left:name} of {limit:name} {currency:name} left until {until:time}, and"
        " this declares {needs:name}. Raise the budget, ask for less, or ask for an override."
    ),
    "budget_approval_hours": (
        "Waiting: above {limit:name} GPU-hours of budget {budget:name} work needs approval until {until:time};"
        " {counted:name} are used or reserved, and this declares {needs:name}. An administrator decides."
    ),
    "budget_approval_money": (
        "Waiting: above {limit:name} {currency:name} of budget {budget:name} work needs approval until {until:time};"
        " {counted:name} are used or reserved, and this declares {needs:name}. An administrator decides."
    ),
    "budget_denied": "That it may pass a budget was denied.",
    "budget_expired": "Nobody decided in time whether it may pass a budget.",
    "budget_withdrawn": "The request that it may pass a budget was withdrawn.",
    "approval_needless": "Nothing waits for it any more.",
}

SENTENCES: Final[dict[str, str]] = {
    **_ADMISSION,
    **_LIVENESS,
    **_HEALTH,
    **_LAUNCH,
    **_BACKENDS,
    **CLUSTER,
    **_REPLICAS,
    **_RESULTS,
    **_READING,
    **_COLLECTING,
    **_ENDINGS,
    **_QUALITY,
    **_BUDGETS,
    **RUNS,
}

_PLACEHOLDER: Final = re.compile(r"\{(\w+):\w+\}")


@cache
def _parts(code: str) -> tuple[str, ...]:
    """What stands between the placeholders of a sentence, and their names, in turn."""
    return tuple(_PLACEHOLDER.split(SENTENCES[code]))


def say(code: str, **params: object) -> str:
    """The sentence in English; raises KeyError for a code or a parameter that there is not."""
    parts = list(_parts(code))
    parts[1::2] = [str(params[name]) for name in parts[1::2]]
    return "".join(parts)
