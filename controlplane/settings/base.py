"""Settings that every installation shares. Values from outside come through `controlplane.env` only."""

from __future__ import annotations

from typing import Any

from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from controlplane import env
from controlplane.logs import logging_config
from controlplane.settings.database import database
from controlplane.settings.panel import UNFOLD as UNFOLD

ENVIRONMENT = env.current()
DATABASE_URL, REDIS_URL = ENVIRONMENT.resolved()

# -- what the apps read ------------------------------------------------------------------------------------------
BEDPLATE_HOME = ENVIRONMENT.home
BEDPLATE_STORAGE_URL = ENVIRONMENT.storage_url
BEDPLATE_JOB_API_URL = ENVIRONMENT.job_api_url
BEDPLATE_GATEWAY_URL = ENVIRONMENT.gateway_url
BEDPLATE_GATEWAY_TOKEN = ENVIRONMENT.needed_gateway_token()
BEDPLATE_BACKEND = ENVIRONMENT.backend
BEDPLATE_RUNTIME_IMAGE = ENVIRONMENT.runtime_image
BEDPLATE_OBSERVE_CLUSTERS_SECONDS = ENVIRONMENT.observe_clusters_seconds
BEDPLATE_REPLICA_HOST = ENVIRONMENT.replica_host
BEDPLATE_DATA_RUNNER = ENVIRONMENT.data_runner
BEDPLATE_RAY_ADDRESS = ENVIRONMENT.ray_address or ""
BEDPLATE_SOURCE_MOST_BYTES = ENVIRONMENT.source_most_bytes
BEDPLATE_OUTPUT_MOST_BYTES, BEDPLATE_DISTANT_BACKENDS = ENVIRONMENT.output_most_bytes, ENVIRONMENT.distant_backends
BEDPLATE_UPLOAD_HOURS = ENVIRONMENT.upload_hours
BEDPLATE_FETCH_HOSTS = ENVIRONMENT.fetch_hosts
BEDPLATE_FETCH_PRIVATE_HOSTS = ENVIRONMENT.fetch_private_hosts
BEDPLATE_PREVIEW_IDLE_SECONDS = ENVIRONMENT.preview_idle_seconds
BEDPLATE_QUEUE_LIMIT_SECONDS = ENVIRONMENT.queue_limit_seconds
BEDPLATE_CURRENCY = ENVIRONMENT.currency
BEDPLATE_SILENT_SECONDS = ENVIRONMENT.silent_seconds
BEDPLATE_FLAPS_MOST = ENVIRONMENT.flaps_most
BEDPLATE_FLAP_SECONDS = ENVIRONMENT.flap_seconds
BEDPLATE_STOP_GRACE_SECONDS = ENVIRONMENT.stop_grace_seconds
BEDPLATE_PREEMPTION_GRACE_SECONDS = ENVIRONMENT.preemption_grace_seconds
BEDPLATE_HINTS = ENVIRONMENT.hints
BEDPLATE_ENCRYPTION_KEY_FILE = ENVIRONMENT.needed_encryption_key_file()
BEDPLATE_REDIS_URL = REDIS_URL or "redis://127.0.0.1:1/0"  # port 1: nobody answers, at once
BEDPLATE_LOG_RETENTION_DAYS = ENVIRONMENT.log_retention_days
BEDPLATE_HOST = ENVIRONMENT.host
BEDPLATE_WORKER_METRICS_PORT = ENVIRONMENT.worker_metrics_port

# -- Django ------------------------------------------------------------------------------------------------------
BASE_DIR = env.ROOT
SECRET_KEY = ENVIRONMENT.needed_secret_key()
DEBUG = ENVIRONMENT.debug
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
ROOT_URLCONF = "controlplane.urls"
ASGI_APPLICATION = "controlplane.asgi.application"
AUTH_USER_MODEL = "access.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # its templates go before the admin's own
    "controlplane.apps.PanelConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "guardian",
    "channels",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "apps.common.apps.CommonConfig",
    "apps.access.apps.AccessConfig",
    "apps.quotas.apps.QuotasConfig",
    "apps.datasets.apps.DatasetsConfig",
    "apps.experiments.apps.ExperimentsConfig",
    "apps.deployments.apps.DeploymentsConfig",
    "controlplane.apps.ControlplaneConfig",
]

MIDDLEWARE = [
    # The first and the last are sync only, which keeps all between them in one thread hop per request.
    "controlplane.middleware.ProbeMiddleware",
    "controlplane.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "controlplane.content_security.ContentSecurityMiddleware",
    "controlplane.static.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "controlplane.middleware.PageLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "controlplane.middleware.RequestMetricsMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "controlplane" / "templates"],  # before those of libraries
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": database(
        DATABASE_URL,
        pool_size=ENVIRONMENT.database_pool_size,
        statement_timeout_seconds=ENVIRONMENT.statement_timeout_seconds,
    )
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": BEDPLATE_REDIS_URL,
        "KEY_PREFIX": "bedplate",
        # Once more, because a connection may be older than a restart of Redis; without a pause, and not for one that
        # says nothing: a request waits for it.
        "OPTIONS": {
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
            "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        },
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LANGUAGE_COOKIE_NAME = "bedplate_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "controlplane" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = ENVIRONMENT.static_folder or BEDPLATE_HOME / "static"
DASHBOARD_BUILD = BASE_DIR / "frontend" / "dist"
GUIDE_IMAGES = BASE_DIR / "docs" / "images"
STATICFILES_DIRS: list[Any] = [DASHBOARD_BUILD] if DASHBOARD_BUILD.is_dir() else []
if GUIDE_IMAGES.is_dir():
    STATICFILES_DIRS.append(("guide", GUIDE_IMAGES))
WHITENOISE_AUTOREFRESH = False
WHITENOISE_USE_FINDERS = False
WHITENOISE_MAX_AGE = 3600
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/dashboard/assets/"  # their names are hashes of their content
WHITENOISE_ALLOW_ALL_ORIGINS = False

LOGGING = logging_config(level=ENVIRONMENT.log_level, form=ENVIRONMENT.log_format)

# -- who is it, and what may they --------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_ENGINE = "apps.access.services.session_store"
SESSION_COOKIE_NAME = "bedplate_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "bedplate_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "apps.common.problems.no_csrf"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE, DATA_UPLOAD_MAX_NUMBER_FILES = 10 << 20, 20_001  # see apps.common.parsers: few elsewhere
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "apps.common.parsers.UploadedToMemory",
    "apps.common.parsers.UploadedToDisk",
]

# -- REST --------------------------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.access.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "apps.access.api.authentication.ScopePermission",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "apps.common.parsers.JsonParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PAGINATION_CLASS": "apps.common.pages.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": [
        "apps.common.pages.RowFilterBackend",
        "apps.common.pages.OrderingFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.common.problems.problem_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Bedplate",
    "DESCRIPTION": "The control plane of an organisation's AI work: governed data, shared GPUs, training, serving.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {  # names of types that clients generate; without them they come from a hash
        "Role": "apps.access.states.Role",
        "Verb": "apps.access.states.Verb",
        "Barred": "apps.access.states.Barred",
        "TokenState": "apps.access.states.TokenState",
        "ApprovalState": "apps.access.states.ApprovalState",
        "WorkloadState": "apps.quotas.states.WorkloadState",
        "WorkloadKind": "apps.quotas.states.WorkloadKind",
        "WorkloadReason": "apps.quotas.states.Reason",
        "Resource": "apps.quotas.states.Resource",
        "BudgetUnit": "apps.quotas.states.BudgetUnit",
        "BudgetPeriod": "apps.quotas.states.BudgetPeriod",
        "BudgetAction": "apps.quotas.states.BudgetAction",
        "PlaceKind": "apps.quotas.api.foresight_serializers.PLACES",
        "WaitKind": "apps.quotas.api.foresight_serializers.KINDS",
        "WhatIfState": "apps.quotas.states.WhatIfState",
        "WhatIfBasis": "apps.quotas.states.WhatIfBasis",
        "WhatIfReason": "apps.quotas.states.WhatIfReason",
        "WhatIfChange": "apps.quotas.states.WhatIfChange",
        "IdleAction": "apps.quotas.states.IdleAction",
        "IncidentKind": "apps.quotas.states.IncidentKind",
        "ConnectionKind": "apps.quotas.states.ConnectionKind",
        "JobState": "apps.datasets.states.JobState",
        "ScheduleState": "apps.datasets.states.ScheduleState",
        "ScheduleMode": "apps.datasets.states.ScheduleMode",
        "UploadState": "apps.datasets.states.UploadState",
        "ExpectationKind": "apps.datasets.states.ExpectationKind",
        "ExpectationSeverity": "apps.datasets.states.Severity",
        "ExpectationOutcome": "apps.datasets.states.Outcome",
        "PreviewChange": "apps.datasets.api.preview_shapes.CHANGES",
        "FindingSeverity": "apps.datasets.api.finding_shapes.SEVERITIES",
        "FormType": "apps.datasets.api.form_views.FORM_TYPES",
        "StoredColumnType": "apps.datasets.api.shapes.COLUMN_TYPES",
        "DataJobKind": "apps.datasets.api.shapes.JOB_KINDS",
        "ColumnType": "apps.datasets.recipes.parsing.TYPES",
        "RecipeStepKind": "workers.contracts.recipes.NAMES",
        "LineageNoun": "apps.datasets.api.lineage_views.NOUNS",
        "LineageRelation": "apps.datasets.states.Relation",
        "DatasetVersionState": "apps.datasets.states.VersionState",
        "RunState": "apps.experiments.states.RunState",
        "RunKind": "apps.experiments.states.RunKind",
        "GoalMode": "apps.experiments.states.GoalMode",
        "JsonType": "apps.experiments.api.table_shapes.JSON_TYPES",
        "InputType": "apps.experiments.api.signatures.INPUT_TYPES",
        "ModelVersionState": "apps.experiments.states.ModelVersionState",
        "ArtifactKind": "apps.experiments.states.ArtifactKind",
        "RevisionState": "apps.deployments.states.RevisionState",
        "EndpointState": "apps.deployments.states.EndpointState",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.common.openapi.describe_problems",
        "apps.common.openapi.describe_messages",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# -- Celery ------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = BEDPLATE_REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 60, "socket_timeout": 15, "socket_connect_timeout": 2}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever; how often, see the consumer
CELERY_WORKER_CONSUMER = "workers.tasks.quick_consumer:QuickConsumer"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = CELERY_WORKER_HIJACK_ROOT_LOGGER = CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_ROUTES = {f"{queue}.*": {"queue": queue} for queue in ("control", "dispatch", "data", "notify")}
CELERY_BEAT_SCHEDULER = "workers.tasks.steady_beat:SteadyScheduler"
CELERY_TIMEZONE = "UTC"
