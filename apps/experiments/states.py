"""Every enum and state table of the experiments app."""

from django.db import models

from apps.common.states import StateMachine
from apps.quotas.states import Reason


class RunState(models.TextChoices):
    DRAFT = "draft"
    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


RUN = StateMachine(
    "run",
    RunState,
    {
        # At once where its code runs already, elsewhere.
        RunState.DRAFT: [RunState.QUEUED, RunState.RUNNING, RunState.CANCELLED],
        # Straight to an end where it never ran: refused by a quota, cancelled while it waited.
        RunState.QUEUED: [RunState.RUNNING, RunState.STOPPING, RunState.FAILED, RunState.CANCELLED],
        # Back to the queue: its attempt was lost, and there will be another.
        RunState.RUNNING: [
            RunState.STOPPING,
            RunState.QUEUED,
            RunState.SUCCEEDED,
            RunState.FAILED,
            RunState.CANCELLED,
        ],
        # Back to the queue: it was preempted, not cancelled.
        RunState.STOPPING: [RunState.QUEUED, RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED],
    },
    reasons=Reason,
    # Only of a tracked run: its code says that it goes on.
    reopens={state: [RunState.RUNNING] for state in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)},
)


class RunKind(models.TextChoices):
    """Whose code a run executes."""

    SCRIPT = "script"
    """The script that was sent with it."""
    TABULAR_CLASSIFIER = "tabular_classifier"
    """The built-in trainers, `workers/runtime/training`."""
    TABULAR_REGRESSOR = "tabular_regressor"
    TEXT_CLASSIFIER = "text_classifier"
    IMAGE_CLASSIFIER = "image_classifier"
    BUNDLE = "bundle"
    """A command in the folder of a source bundle."""
    IMAGE = "image"
    """A command in a container image."""
    TRACKED = "tracked"
    """Code that runs elsewhere and says what it does: no workload, no attempt."""


class GoalMode(models.TextChoices):
    """Which values of a metric are better."""

    MAX = "max"
    MIN = "min"


class ArtifactKind(models.TextChoices):
    """What a file that a run left is for."""

    MODEL = "model"
    PREPROCESSOR = "preprocessor"
    REPORT = "report"
    FILE = "file"


class LoggedModelState(models.TextChoices):
    PENDING = "pending"
    """Its files are being sent."""
    READY = "ready"
    FAILED = "failed"


LOGGED_MODEL = StateMachine(
    "logged_model",
    LoggedModelState,
    {LoggedModelState.PENDING: [LoggedModelState.READY, LoggedModelState.FAILED]},
)


class ModelVersionState(models.TextChoices):
    PENDING = "pending"
    """Registered; its files are not verified yet."""
    READY = "ready"
    ARCHIVED = "archived"


class ModelVersionReason(models.TextChoices):
    """Why a model version waits, or is archived."""

    RUNS_CODE = "runs_code"
    """Loading a file of it runs code, or nobody can tell: somebody must approve it."""
    FILE_DAMAGED = "file_damaged"
    """A file is missing, or not the one that the run announced."""
    ARCHIVED_BY_USER = "archived_by_user"
    APPROVAL_DENIED = "approval_denied"


MODEL_VERSION = StateMachine(
    "model_version",
    ModelVersionState,
    {
        ModelVersionState.PENDING: [ModelVersionState.READY, ModelVersionState.ARCHIVED],
        ModelVersionState.READY: [ModelVersionState.ARCHIVED],
    },
    reasons=ModelVersionReason,
)


class UploadState(models.TextChoices):
    RECEIVING = "receiving"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """It was not put together in time."""
    FAILED = "failed"
    """It is not the file that was announced."""


ARTIFACT_UPLOAD = StateMachine(
    "artifact_upload",
    UploadState,
    {
        UploadState.RECEIVING: [
            UploadState.COMPLETED,
            UploadState.CANCELLED,
            UploadState.EXPIRED,
            UploadState.FAILED,
        ]
    },
)
