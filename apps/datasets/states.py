"""Every enum and state table of the datasets app."""

from django.db import models

from apps.common.states import StateMachine


class JobState(models.TextChoices):
    """Of everything that a data job makes: ingestion, profile, cleaning run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobReason(models.TextChoices):
    """Why a data job ended: its workload's reason, or that what it left cannot be used."""

    COMPLETED = "completed"
    UNCHANGED = "unchanged"
    """It ended well, and what came is what came the last time: there is no new version."""
    TOO_MANY_REJECTED = "too_many_rejected"
    """Of ingestions only: more rows were left out than may be."""
    BAD_RESULT = "bad_result"
    """The job ended well, but its result or files are not what it promised."""
    EXIT_NONZERO = "exit_nonzero"
    OUT_OF_MEMORY = "out_of_memory"
    TIME_LIMIT = "time_limit"
    IMAGE_PULL = "image_pull"
    LAUNCH_ERROR = "launch_error"
    ENVIRONMENT_FAILED = "environment_failed"
    LOST = "lost"
    EXCEEDS_QUOTA = "exceeds_quota"
    NO_MATCHING_FLAVOR = "no_matching_flavor"
    CANCELLED_BY_USER = "cancelled_by_user"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_EXPIRED = "approval_expired"
    DELETED_EXTERNALLY = "deleted_externally"
    QUEUE_TIMEOUT = "queue_timeout"
    INPUT_REJECTED = "input_rejected"
    SCALED_DOWN = "scaled_down"
    IDLE = "idle"
    """Of previews only: another took its place, or nobody used it."""


_JOB_STEPS: dict[str, list[str]] = {
    # Straight to the end where the workload never ran: refused by a quota, cancelled while it waited.
    JobState.QUEUED: [JobState.RUNNING, JobState.FAILED, JobState.CANCELLED],
    JobState.RUNNING: [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED],
}

INGESTION = StateMachine("ingestion", JobState, _JOB_STEPS, reasons=JobReason)
PROFILE = StateMachine("profile", JobState, _JOB_STEPS, reasons=JobReason)
VALIDATION_RUN = StateMachine("validation_run", JobState, _JOB_STEPS, reasons=JobReason)
VERSION_COMPARISON = StateMachine("version_comparison", JobState, _JOB_STEPS, reasons=JobReason)
CLEANING_RUN = StateMachine("cleaning_run", JobState, _JOB_STEPS, reasons=JobReason)
PREVIEW = StateMachine("preview", JobState, _JOB_STEPS, reasons=JobReason)


class ScheduleState(models.TextChoices):
    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"


class ScheduleReason(models.TextChoices):
    """Why a schedule is paused."""

    BY_USER = "by_user"
    FAILING = "failing"
    """Too many ingestions failed in a row."""
    NOT_ALLOWED = "not_allowed"
    """Who made it may not ask for ingestions any more."""
    INVALID = "invalid"
    """What it asks for is refused: a host that is not allowed any more, a secret that is gone."""


INGESTION_SCHEDULE = StateMachine(
    "ingestion_schedule",
    ScheduleState,
    {
        ScheduleState.ACTIVE: [ScheduleState.PAUSED, ScheduleState.RETIRED],
        ScheduleState.PAUSED: [ScheduleState.ACTIVE, ScheduleState.RETIRED],
    },
    reasons=ScheduleReason,
)


class ScheduleMode(models.TextChoices):
    """What the next version is made of."""

    REPLACE = "replace"
    """Of what came alone."""
    APPEND = "append"
    """Of the newest version's rows and what came."""


class UploadState(models.TextChoices):
    """Of a file that arrives in pieces."""

    RECEIVING = "receiving"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


UPLOAD = StateMachine(
    "upload",
    UploadState,
    {UploadState.RECEIVING: [UploadState.COMPLETED, UploadState.FAILED, UploadState.CANCELLED, UploadState.EXPIRED]},
)


class VersionState(models.TextChoices):
    DRAFT = "draft"
    VALIDATING = "validating"
    PUBLISHED = "published"
    DEPRECATED = "deprecated"
    REJECTED = "rejected"


DATASET_VERSION = StateMachine(
    "dataset_version",
    VersionState,
    {
        VersionState.DRAFT: [VersionState.VALIDATING],
        VersionState.VALIDATING: [VersionState.PUBLISHED, VersionState.REJECTED],
        VersionState.PUBLISHED: [VersionState.DEPRECATED],
    },
)


class ExpectationKind(models.TextChoices):
    """As `workers.contracts.expectations.KINDS`; a test holds the two together."""

    NOT_NULL = "not_null"
    UNIQUE = "unique"
    BETWEEN = "between"
    IN_SET = "in_set"
    MATCHES = "matches"
    TYPE = "type"
    ROW_COUNT = "row_count"
    FRESHNESS = "freshness"
    FOREIGN_KEY = "foreign_key"
    DISTRIBUTION = "distribution"
    CUSTOM = "custom"


class Severity(models.TextChoices):
    """What it means that an expectation is not fulfilled."""

    BLOCK = "block"
    """The version is not published."""
    WARN = "warn"


class Outcome(models.TextChoices):
    """What became of an expectation."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    """It could not be evaluated: a column is gone, there is nothing to compare with. Counts as not fulfilled."""
    SKIPPED = "skipped"
    """There is nothing to compare with yet: the first version of its dataset."""


class FileFormat(models.TextChoices):
    """How an uploaded file is written."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    JSON = "json"
    PARQUET = "parquet"
    EXCEL = "excel"
    IMAGES = "images"
    TEXTS = "texts"
    ARCHIVE = "archive"


class Sensitivity(models.TextChoices):
    """How guarded a version's content must be."""

    UNCLASSIFIED = "unclassified"


class Relation(models.TextChoices):
    """What a lineage edge says, read as a sentence: `from` relation `to`."""

    INGESTED_FROM = "ingested_from"
    CLEANED_FROM = "cleaned_from"
    APPENDED_TO = "appended_to"
    FITTED_ON = "fitted_on"
    TRAINED_ON = "trained_on"
    EVALUATED_ON = "evaluated_on"
    REGISTERED_FROM = "registered_from"
    SERVES = "serves"
