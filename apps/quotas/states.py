"""Every enum and state table of the quotas app."""

from django.db import models

from apps.common.states import StateMachine


class WorkloadKind(models.TextChoices):
    """Which of the two specs a workload carries."""

    JOB = "job"
    SERVING = "serving"


class Resource(models.TextChoices):
    """What is counted: thousandths of a core, bytes, whole devices."""

    CPU_MILLIS = "cpu_millis"
    MEMORY_BYTES = "memory_bytes"
    GPUS = "gpus"


class Preemption(models.TextChoices):
    """Whether work of a priority may take the place of what runs: never, or of what has a lower priority."""

    NEVER = "never"
    LOWER_PRIORITY = "lower_priority"


class ConnectionKind(models.TextChoices):
    """How the control plane connects to a cluster: with a kubeconfig, as the pod that it is there, or with a token."""

    KUBECONFIG = "kubeconfig"
    IN_CLUSTER = "in_cluster"
    TOKEN = "token"  # noqa: S105 - a kind, no token


class IdleAction(models.TextChoices):
    """What is done about work whose GPUs do nothing: nothing, its owner is told, or it is stopped some time later."""

    OFF = "off"
    WARN = "warn"
    STOP = "stop"


class IncidentKind(models.TextChoices):
    """What is wrong with a machine: what a device reports (`workers.backends.base`), or what became of the machine."""

    XID = "xid"
    ECC = "ecc"
    ROWS = "rows"
    RESET = "reset"
    GONE = "gone"
    FLAPPING = "flapping"
    """It went away too often."""
    LOST = "lost"
    """Its backend does not have it any more."""
    DRAINED = "drained"
    """Somebody says so."""


class WorkloadState(models.TextChoices):
    PENDING = "pending"
    ADMITTED = "admitted"
    LAUNCHING = "launching"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Reason(models.TextChoices):
    """Why a workload is in its state: the closed list. `WAITING` and `ENDED` say which word fits which state."""

    WAITING_FOR_QUOTA = "waiting_for_quota"
    WAITING_FOR_CAPACITY = "waiting_for_capacity"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    BUDGET_EXHAUSTED = "budget_exhausted"
    QUALITY_BLOCKED = "quality_blocked"
    BACKING_OFF = "backing_off"
    PREEMPTED = "preempted"
    RECLAIMED = "reclaimed"
    EVICTED = "evicted"
    NODE_LOST = "node_lost"
    NO_CAPACITY = "no_capacity"
    START_TIMEOUT = "start_timeout"
    COMPLETED = "completed"
    EXIT_NONZERO = "exit_nonzero"
    OUT_OF_MEMORY = "out_of_memory"
    TIME_LIMIT = "time_limit"
    IMAGE_PULL = "image_pull"
    LAUNCH_ERROR = "launch_error"
    LOST = "lost"
    EXCEEDS_QUOTA = "exceeds_quota"
    NO_MATCHING_FLAVOR = "no_matching_flavor"
    CANCELLED_BY_USER = "cancelled_by_user"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_EXPIRED = "approval_expired"
    DELETED_EXTERNALLY = "deleted_externally"
    SCALED_DOWN = "scaled_down"
    IDLE = "idle"
    QUEUE_TIMEOUT = "queue_timeout"
    INPUT_REJECTED = "input_rejected"
    """The data that it waited for will not be published."""
    ENVIRONMENT_FAILED = "environment_failed"
    """The packages that it asks for cannot be installed."""


WAITING = frozenset(
    {
        Reason.WAITING_FOR_QUOTA,
        Reason.WAITING_FOR_CAPACITY,
        Reason.WAITING_FOR_APPROVAL,
        Reason.BUDGET_EXHAUSTED,
        Reason.QUALITY_BLOCKED,
        Reason.BACKING_OFF,
        Reason.PREEMPTED,
        Reason.RECLAIMED,
        Reason.EVICTED,
        Reason.NODE_LOST,
        Reason.NO_CAPACITY,
        Reason.START_TIMEOUT,
    }
)
"""Why something waits, or is stopped in order to wait again."""

ENDED = frozenset(Reason) - WAITING
"""Why something ended."""

CANCELLING = frozenset(
    {
        Reason.CANCELLED_BY_USER,
        Reason.APPROVAL_DENIED,
        Reason.APPROVAL_EXPIRED,
        Reason.SCALED_DOWN,
        Reason.IDLE,
        Reason.QUEUE_TIMEOUT,
        Reason.INPUT_REJECTED,
    }
)
"""Ended because somebody, or a rule, wanted it to: such an end is `cancelled`."""

REQUEUED = frozenset({Reason.PREEMPTED, Reason.RECLAIMED, Reason.EVICTED, Reason.START_TIMEOUT})
"""Stopped by us in order to start again later: such an end is `pending`."""

MAKING_WAY = frozenset({Reason.PREEMPTED, Reason.RECLAIMED})
"""Why something leaves for something else: it was less important, or what it had borrowed is wanted back."""

GOES_ON = REQUEUED - {Reason.START_TIMEOUT}
"""Stopped in order to go on elsewhere from its checkpoint: it is given the longer grace to write one."""

OVERRIDDEN = REQUEUED | {Reason.LOST}
"""Stopped by us for a reason that gives way to somebody's wish to end it."""

WORKLOAD = StateMachine(
    "workload",
    WorkloadState,
    {
        WorkloadState.PENDING: [WorkloadState.ADMITTED, WorkloadState.CANCELLED, WorkloadState.FAILED],
        WorkloadState.ADMITTED: [WorkloadState.LAUNCHING, WorkloadState.PENDING, WorkloadState.CANCELLED],
        WorkloadState.LAUNCHING: [
            WorkloadState.RUNNING,
            WorkloadState.PENDING,
            WorkloadState.STOPPING,
            WorkloadState.SUCCEEDED,
            WorkloadState.FAILED,
        ],
        WorkloadState.RUNNING: [
            WorkloadState.STOPPING,
            WorkloadState.SUCCEEDED,
            WorkloadState.FAILED,
            WorkloadState.PENDING,
        ],
        WorkloadState.STOPPING: [
            WorkloadState.PENDING,
            WorkloadState.CANCELLED,
            WorkloadState.SUCCEEDED,
            WorkloadState.FAILED,
        ],
    },
    reasons=Reason,
)

OCCUPYING = WORKLOAD.active - {WorkloadState.PENDING}
"""States that hold quota and places on nodes: from admission until the last member is proven gone."""

LAUNCHED = OCCUPYING - {WorkloadState.ADMITTED}
"""States in which there is an attempt that a backend knows or may know."""


class BudgetUnit(models.TextChoices):
    """What a budget counts: hours of whole GPUs of any kind, or money by the rates of a pool."""

    GPU_HOURS = "gpu_hours"
    MONEY = "money"


class BudgetPeriod(models.TextChoices):
    """How long a budget lasts before it begins anew, in days of UTC."""

    MONTH = "month"
    QUARTER = "quarter"
    FIXED = "fixed"
    """From one day to another, once."""


class BudgetAction(models.TextChoices):
    """What happens at a threshold: it is told; new work waits for somebody's approval; work waits for the budget."""

    WARN = "warn"
    REQUIRE_APPROVAL = "require_approval"
    BLOCK = "block"


class WhatIfState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class WhatIfBasis(models.TextChoices):
    """What both worlds begin with: what runs and waits now; or nothing, and what comes is the work of the past hours,
    or that of a trace that was uploaded."""

    NOW = "now"
    LEDGER = "ledger"
    TRACE = "trace"


class WhatIfReason(models.TextChoices):
    """Why there is no answer."""

    CHANGED_MEANWHILE = "changed_meanwhile"
    """Something that a change names is not there any more."""
    INTERRUPTED = "interrupted"
    """Whatever worked it out has ended."""


class WhatIfChange(models.TextChoices):
    """What is changed."""

    QUOTA = "quota"
    WEIGHT = "weight"
    PRIORITY = "priority"
    ADD_NODES = "add_nodes"
    REMOVE_NODES = "remove_nodes"


WHAT_IF = StateMachine(
    "what_if",
    WhatIfState,
    {
        WhatIfState.QUEUED: [WhatIfState.RUNNING, WhatIfState.FAILED],
        WhatIfState.RUNNING: [WhatIfState.SUCCEEDED, WhatIfState.FAILED],
    },
    reasons=WhatIfReason,
)
