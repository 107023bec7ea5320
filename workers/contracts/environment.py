"""Names of the environment variables and files that every job finds when it starts.

The backend sets them, the wrapper and `workers.runtime.context` read them. Nothing else of the control
plane's environment reaches a job.
"""

API_URL = "BEDPLATE_JOB_API_URL"
"""Base address of the control plane as the job sees it, without a trailing slash: `http://127.0.0.1:8000`."""

WORKLOAD_ID = "BEDPLATE_WORKLOAD_ID"
ATTEMPT_ID = "BEDPLATE_ATTEMPT_ID"
ATTEMPT_NUMBER = "BEDPLATE_ATTEMPT_NUMBER"
RUN_ID = "BEDPLATE_RUN_ID"
"""The run whose job this is; not there for other work. The wrapper says it to clients of MLflow, too."""
RANK = "BEDPLATE_RANK"
"""Index of this member, from 0."""
WORLD_SIZE = "BEDPLATE_WORLD_SIZE"
"""How many members were granted."""

TOKEN_FILE = "BEDPLATE_TOKEN_FILE"  # noqa: S105 - the name of a variable, not a token
"""Path of the file with the attempt token; read it anew for each request, it may be renewed."""
SPEC_FILE = "BEDPLATE_SPEC_FILE"
"""Path of the JSON form of the `JobSpec` or `ServingSpec` (see `specs.spec_to_json`)."""
RESULT_FILE = "BEDPLATE_RESULT_FILE"
"""Where the command may leave a JSON object of at most 1 MiB: the result of the job."""
REPORT_FILE = "BEDPLATE_REPORT_FILE"
"""Where the wrapper leaves `{"exit_code": int, "reason": str, "result": object | null}` at the end."""
SECRETS_DIR = "BEDPLATE_SECRETS_DIR"
"""Folder with one file of mode 0400 per secret."""

SERVE_HOST = "BEDPLATE_SERVE_HOST"
SERVE_PORT = "BEDPLATE_SERVE_PORT"
"""Where a replica must listen (serving only)."""
DATA_RUNNER = "BEDPLATE_DATA_RUNNER"
"""`native` (default) or `ray`."""
RAY_ADDRESS = "BEDPLATE_RAY_ADDRESS"
"""With `ray`: the cluster that cleaning jobs use, `ray://host:10001` or `host:6379`; without it one of their own."""

PATIENCE_SECONDS = "BEDPLATE_PATIENCE_SECONDS"
"""How long a job waits for a control plane that is away (default 900): for an answer that it needs, and at its end,
job and wrapper each, to say what they hold. Told to stop, it leaves within its grace all the same."""
OUTPUT_BYTES = "BEDPLATE_OUTPUT_BYTES"
"""How much of the output the wrapper copies to its own (default 256 MiB); the log of the run has all of it."""
LOG_SPOOL_BYTES = "BEDPLATE_LOG_SPOOL_BYTES"
"""How much of the log may wait on the disk while the control plane is away (default 1 GiB); beyond it, and where half
of what is free would be taken, the oldest lines go, and are counted."""
SYSTEM_METRICS_SECONDS = "BEDPLATE_SYSTEM_METRICS_SECONDS"
"""How far apart the wrapper samples what the job uses (default 10); 0: never."""

SEED = "BEDPLATE_SEED"
"""The seed of the run, where it was given one."""
ENVIRONMENTS_DIR = "BEDPLATE_ENVIRONMENTS_DIR"
"""Where environments of packages are kept for the jobs of this machine; without it in the job's temporary folder."""
ENVIRONMENTS_BYTES = "BEDPLATE_ENVIRONMENTS_BYTES"
"""What they may take together (default 20 GiB); beyond it those go that were not used for longest, and are not now."""
