"""Settings of the project. What differs between installations comes from the environment: .env.example."""

from contextlib import suppress
from typing import Any

import django_stubs_ext
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from oms import __version__
from oms.audit_places import audit_log, audit_syslog
from oms.env import (
    BASE_DIR,
    IS_DEMO,
    MAKE_SECRET_KEY,
    database,
    email,
    encryption_keys,
    hsts_preload,
    metrics_token,
    one_of,
    public_url,
    redis_url,
    required,
    source_of_keys,
    switch,
    text,
    whole_number,
)
from oms.exports_settings import exports
from oms.hosts import hosts, origins
from oms.oidc_settings import oidc

django_stubs_ext.monkeypatch()  # ModelAdmin[Platform] and the like at run time

SECRET_KEY = required("SECRET_KEY", MAKE_SECRET_KEY)
DEBUG: bool = switch("DEBUG", default=False)
ALLOWED_HOSTS: list[str] = hosts(text("ALLOWED_HOSTS")) or ["127.0.0.1", "localhost", "[::1]"]

# --- OMS ---------------------------------------------------------------------------------------------
FIELD_ENCRYPTION_KEY = encryption_keys()
FIELD_ENCRYPTION_KEY_FROM = source_of_keys()
DEMO: bool = IS_DEMO  # `make demo`: a shop that is invented, and said to be so wherever its data is shown
MOCK_FALLBACK = one_of("MOCK_FALLBACK", default="auto", choices=("auto", "always", "never"))
ORDERS_INITIAL_DAYS = whole_number("ORDERS_INITIAL_DAYS", default=30, minimum=1)
AUDIT_ORDERS = one_of("AUDIT_ORDERS", default="nightly", choices=("nightly", "off"))
AUDIT_INVENTORY = one_of("AUDIT_INVENTORY", default="nightly", choices=("nightly", "off"))
KEEP_UP = one_of("KEEP_UP", default="auto", choices=("auto", "off"))
# How long regular syncs have to show a shipment before its order is asked for by itself.
SHIPMENT_CHECK_HOURS = whole_number("SHIPMENT_CHECK_HOURS", default=6, minimum=1)
# How far what was read of the orders is read again, for those that become visible late; 0: not at all.
ORDERS_LOOK_BACK_HOURS = whole_number("ORDERS_LOOK_BACK_HOURS", default=24, minimum=0)
ORDERS_LOOK_BACK_DAYS = whole_number("ORDERS_LOOK_BACK_DAYS", default=30, minimum=0)
# Days to plan stock by, where nothing is set for a SKU: from an order at the supplier until the units can be sold, and
# for how long they should last then.
PLANNING_LEAD_DAYS = whole_number("PLANNING_LEAD_DAYS", default=30, minimum=0)
PLANNING_TARGET_DAYS = whole_number("PLANNING_TARGET_DAYS", default=30, minimum=0)
# For simulators and proxies. Both unset: Amazon's own hosts, by region.
AMAZON_SP_API_ENDPOINT = text("AMAZON_SP_API_ENDPOINT")
AMAZON_LWA_ENDPOINT = text("AMAZON_LWA_ENDPOINT")
AMAZON_CONSENT_ENDPOINT = text("AMAZON_CONSENT_ENDPOINT")  # unset: Seller Central of the marketplace
# A public app, or a draft of one, that sellers authorise on Amazon's pages. Private apps have no such pages.
AMAZON_APPLICATION_ID = text("AMAZON_APPLICATION_ID")
AMAZON_APPLICATION_IS_DRAFT = switch("AMAZON_APPLICATION_IS_DRAFT", default=False)
AMAZON_CLIENT_ID = text("AMAZON_CLIENT_ID")
AMAZON_CLIENT_SECRET = text("AMAZON_CLIENT_SECRET")
AMAZON_USER_AGENT = f"oms/{__version__} (Language=Python)"  # obligatory, at most 500 characters
AMAZON_RETRY_BACKOFF = 1.0  # seconds before a failed call is tried again; doubles, with jitter
DATABASE_RETRY_BACKOFF = 1.0  # the same for a database problem that may pass
# operation: (calls per second, calls at once), where new buckets are to differ from Amazon's published ones.
AMAZON_QUOTAS: dict[str, tuple[float, int]] = {}
REDIS_URL = redis_url()
# For how many days the scheduler keeps what grows: a year, and the same month of the year before.
KEEP_SYNC_LOG_DAYS = whole_number("KEEP_SYNC_LOG_DAYS", default=400, minimum=31)
KEEP_API_USAGE_DAYS = whole_number("KEEP_API_USAGE_DAYS", default=400, minimum=2)
KEEP_AUDIT_DAYS = whole_number("KEEP_AUDIT_DAYS", default=730, minimum=365)
# Where entries of the audit go beside the database: "stdout" or a file, a syslog server.
AUDIT_LOG = audit_log(text("AUDIT_LOG"))
AUDIT_SYSLOG = audit_syslog(text("AUDIT_SYSLOG"))
AUDIT_SHIPPED_MINUTES = whole_number("AUDIT_SHIPPED_MINUTES", default=15, minimum=2)  # later is an alert
# To whom backup_database encrypts: public keys of age, or keys of gpg, with commas between them.
BACKUP_ENCRYPT_TO = [each.strip() for each in text("BACKUP_ENCRYPT_TO").split(",") if each.strip()]
KEEP_CHANGES_DAYS = whole_number("KEEP_CHANGES_DAYS", default=90, minimum=1)
KEEP_MESSAGES_DAYS = whole_number("KEEP_MESSAGES_DAYS", default=7, minimum=1)
# Months after purchase and last change that an order is kept; 0: for good.
KEEP_ORDERS_MONTHS = whole_number("KEEP_ORDERS_MONTHS", default=0, minimum=0)
# Requests that a token may make in a minute; 0: as many as it likes.
API_REQUESTS_PER_MINUTE = whole_number("API_REQUESTS_PER_MINUTE", default=1200, minimum=0)
# Requests without a valid token that an address may make in a minute; 0: as many as it likes.
API_FAILURES_PER_MINUTE = whole_number("API_FAILURES_PER_MINUTE", default=60, minimum=0)
# Failed attempts to sign in, with one account and from one address, before it is locked (0: never), and for how long.
LOGIN_FAILURES = whole_number("LOGIN_FAILURES", default=10, minimum=0)
LOGIN_FAILURES_PER_ADDRESS = whole_number("LOGIN_FAILURES_PER_ADDRESS", default=10, minimum=0)
LOGIN_LOCK_MINUTES = whole_number("LOGIN_LOCK_MINUTES", default=15, minimum=1)
# Who has to have a second factor: whoever wants to; whoever may read buyer data, change platforms or manage users; all.
SECOND_FACTOR = one_of("SECOND_FACTOR", default="optional", choices=("optional", "privileged", "all"))
# A provider of OpenID Connect where people may sign in: docs/single-sign-on.md.
_oidc = oidc()
OIDC_ISSUER: str = _oidc["OIDC_ISSUER"]
OIDC_CLIENT_ID: str = _oidc["OIDC_CLIENT_ID"]
OIDC_CLIENT_SECRET: str = _oidc["OIDC_CLIENT_SECRET"]
OIDC_LABEL: str = _oidc["OIDC_LABEL"]
OIDC_SCOPES: str = _oidc["OIDC_SCOPES"]
OIDC_USERNAME_CLAIM: str = _oidc["OIDC_USERNAME_CLAIM"]
OIDC_GROUPS_CLAIM: str = _oidc["OIDC_GROUPS_CLAIM"]
OIDC_GROUPS: list[tuple[str, str]] = _oidc["OIDC_GROUPS"]  # values of that claim, and groups here
OIDC_SUPERUSERS: frozenset[str] = _oidc["OIDC_SUPERUSERS"]
OIDC_REQUIRE: list[tuple[str, str]] = _oidc["OIDC_REQUIRE"]  # claims, and what they must be
OIDC_CREATE_USERS: bool = _oidc["OIDC_CREATE_USERS"]
OIDC_SECOND_FACTOR: bool = _oidc["OIDC_SECOND_FACTOR"]
OIDC_LOGOUT: bool = _oidc["OIDC_LOGOUT"]
# The domain that passkeys are made for; empty: the host under which the page was opened.
PASSKEYS_DOMAIN = text("PASSKEYS_DOMAIN").lower()
# How long somebody who has shown that it is he reads buyer data, changes credentials and makes tokens; 0: is not asked.
CONFIRM_AGAIN_MINUTES = whole_number("CONFIRM_AGAIN_MINUTES", default=10, minimum=0)
# Passwords: how many earlier ones are refused, and how many days one is kept at least and at most (0: any).
PASSWORD_HISTORY = whole_number("PASSWORD_HISTORY", default=10, minimum=0)
PASSWORD_MIN_AGE_DAYS = whole_number("PASSWORD_MIN_AGE_DAYS", default=1, minimum=0)
PASSWORD_MAX_AGE_DAYS = whole_number("PASSWORD_MAX_AGE_DAYS", default=365, minimum=0)
PASSWORD_BREACHED_LIST = text("PASSWORD_BREACHED_LIST")  # a file; without it, none is looked up
# After how long without a page those are signed out who may read buyer data (0: never), and everybody in any case.
SESSION_IDLE_MINUTES = whole_number("SESSION_IDLE_MINUTES", default=30, minimum=0)
SESSION_HOURS = whole_number("SESSION_HOURS", default=12, minimum=1)
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
# Functions without arguments that the scheduler calls once a day, beside its own maintenance.
MAINTENANCE = [
    "api.idempotency.prune_answers",
    "api.throttling.prune_counts",
    "access.tokens.prune_expired",
    "access.lockout.prune_failures",
    "audit.summing.write_sums",
    "access.signed_in.prune_sessions",
    "integrations.completeness.closing.prune_audits",
    "integrations.completeness.stock.closing.prune_stock_audits",
    "integrations.completeness.history.backfills.prune_backfills",
    "integrations.shipping.desk.prune_claims",
    "integrations.completeness.keeping_up.catch_ups.prune_catch_ups",
    "integrations.pictures.cleaning.prune_pictures",
    "access.oidc.signing_out.prune_logout_tokens",
    "webhooks.queue.prune_deliveries",
    "webhooks.queue.prune_events",
    "backoffice.alerts.outbox.prune_messages",
    "backoffice.scheduled.queue.prune_runs",
]
# Functions without arguments that the active scheduler calls at each look, for what is due beside syncs; each returns
# sentences about what it did.
EVERY_LOOK = ["backoffice.scheduled.queue.queue_due", "integrations.pictures.queue.queue_due"]
# Functions without arguments that `manage.py run_webhooks` calls once a minute.
EVERY_MINUTE = ["backoffice.alerts.watch.watch", "audit.summing.write_sums", "audit.shipping.ship"]
# Bytes of a request's body, files that a browser uploads apart.
DATA_UPLOAD_MAX_MEMORY_SIZE = whole_number("MAX_BODY_BYTES", default=2_621_440, minimum=100_000)
EXPORTS_AT_ONCE = whole_number(
    "EXPORTS_AT_ONCE", default=4, minimum=1
)  # in a process: each may hold a thread
# Files of fonts, for letters that the one in the source tree has not: those of Japan, China, Korea, India, Thailand.
PDF_FONT_FALLBACK = [path.strip() for path in text("PDF_FONT_FALLBACK").split(",") if path.strip()]
# Where scheduled exports may go: a folder, mail domains, an S3-compatible store (docs/operations.md).
_exports = exports()
EXPORTS_FOLDER: str = _exports["EXPORTS_FOLDER"]
EXPORTS_EMAIL_DOMAINS: list[str] = _exports["EXPORTS_EMAIL_DOMAINS"]  # [] is any
EXPORTS_STORE_ENDPOINT: str = _exports["EXPORTS_STORE_ENDPOINT"]  # "" is Amazon's own
EXPORTS_STORE_BUCKET: str = _exports["EXPORTS_STORE_BUCKET"]
EXPORTS_STORE_REGION: str = _exports["EXPORTS_STORE_REGION"]
EXPORTS_STORE_PREFIX: str = _exports["EXPORTS_STORE_PREFIX"]
EXPORTS_STORE_PATH_STYLE: bool = _exports["EXPORTS_STORE_PATH_STYLE"]
EXPORTS_STORE_ACCESS_KEY: str = _exports[
    "EXPORTS_STORE_ACCESS_KEY"
]  # "": as boto3 finds them, such as a role
EXPORTS_STORE_SECRET_KEY: str = _exports["EXPORTS_STORE_SECRET_KEY"]
LOG_FORMAT = one_of("LOG_FORMAT", default="text", choices=("text", "json"))
METRICS_TOKEN = metrics_token()
KEEP_WEBHOOK_DELIVERIES_DAYS = whole_number("KEEP_WEBHOOK_DELIVERIES_DAYS", default=30, minimum=4)
# Where webhooks may go: with the defaults, to HTTPS on addresses of the public internet alone.
WEBHOOKS_ALLOW_PRIVATE: bool = switch("WEBHOOKS_ALLOW_PRIVATE", default=False)
WEBHOOKS_REQUIRE_HTTPS: bool = switch("WEBHOOKS_REQUIRE_HTTPS", default=True)
WEBHOOKS_USER_AGENT = f"oms/{__version__} (webhooks)"
# Alerts: docs/alerts.md.
globals().update(email())
EMAIL_IS_ON = bool(text("EMAIL_URL"))
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = text("DEFAULT_FROM_EMAIL") or "oms@localhost"
PUBLIC_URL = public_url()
ALERTS_LAG_INTERVALS = whole_number("ALERTS_LAG_INTERVALS", default=4, minimum=2)
ALERTS_DUE_HOURS = whole_number("ALERTS_DUE_HOURS", default=4, minimum=1)
# Failed attempts to sign in within an hour of which those who manage users are told.
ALERTS_FAILED_SIGN_INS = whole_number("ALERTS_FAILED_SIGN_INS", default=30, minimum=1)
SENTRY_DSN = text("SENTRY_DSN")
SENTRY_ENVIRONMENT = text("SENTRY_ENVIRONMENT") or "production"
if SENTRY_DSN:
    from monitoring import error_reports  # and with it sentry-sdk, where it is asked for

    error_reports.start(SENTRY_DSN, release=f"oms@{__version__}", environment=SENTRY_ENVIRONMENT)

# --- Django ------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the site is OMS's own
    "unfold.contrib.filters",
    "backoffice.base.admin_config.OmsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_tasks",
    "django_tasks_db",
    "feed",
    "audit",
    "platforms",
    "access",
    "orders",
    "inventory",
    "webhooks",
    "integrations",
    "backoffice",
    "api",
    "oms",
]

MIDDLEWARE = [
    "monitoring.request_id.RequestId",
    "monitoring.http.CountRequests",
    "oms.headers.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "api.middleware.RateLimitHeaders",
    "api.middleware.GZip",
    "api.middleware.ConditionalGet",
    "api.middleware.CacheHeaders",
    "api.middleware.BodyLimits",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "backoffice.base.locality.AdminLocality",
    "backoffice.base.no_nul.NoNulInAddresses",
    "django.middleware.common.CommonMiddleware",
    "backoffice.base.signed_out.LogInWithTheWholeWindow",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "access.second_factor.middleware.OnlyWholeSessions",
    "access.signed_in.SessionLimits",
    "audit.origin.AuditOrigin",
    "django.contrib.messages.middleware.MessageMiddleware",
    "backoffice.users.gate.FirstThingsFirst",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "oms.urls"
WSGI_APPLICATION = "oms.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database(default_path=BASE_DIR / "var" / "oms.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["access.backends.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "access.passwords.SeveralKinds"},
    {"NAME": "access.passwords.NotUsedBefore"},
    {"NAME": "access.passwords.NotBreached"},
]
# The first makes new ones; what another one made is made anew when its user signs in.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["oms.formats"]  # times with their zone

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
with suppress(OSError):  # a source tree that is read-only: oms/checks.py says what to do
    STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns where it is missing
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# No collectstatic is needed to try it out. Where it has run, WhiteNoise must not look any further: it would serve the
# files of the source in place of the compressed ones.
WHITENOISE_USE_FINDERS = DEBUG or not (STATIC_ROOT / "oms" / "admin.css").exists()

# --- Security: on unless DEBUG; REQUIRE_HTTPS=off is for plain HTTP inside a trusted network -----------
REQUIRE_HTTPS: bool = switch("REQUIRE_HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = REQUIRE_HTTPS
SECURE_REDIRECT_EXEMPT = [
    r"^healthz/?$",
    r"^readyz/?$",
    r"^metrics/?$",  # a redirect would come too late for the token, and Prometheus may ask inside the network
]
SECURE_HSTS_SECONDS = 31_536_000 if REQUIRE_HTTPS else 0
# Off unless asked for: both bind other hosts of the domain, and a browser that has heard them does not forget.
SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = REQUIRE_HTTPS and switch("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD: bool = REQUIRE_HTTPS and hsts_preload()
# Django's deployment check asks for these two: it cannot know whether the whole domain is served over HTTPS.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
CSRF_FAILURE_VIEW = "backoffice.base.error_pages.csrf_failure"
SESSION_ENGINE = "access.sessions"  # stores no keys
SESSION_COOKIE_NAME = "oms_demo" if DEMO else "sessionid"  # browsers keep cookies by host, whatever the port
SESSION_COOKIE_SECURE = REQUIRE_HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = REQUIRE_HTTPS
CSRF_COOKIE_SECURE = REQUIRE_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS: list[str] = origins(text("CSRF_TRUSTED_ORIGINS"))
BEHIND_TLS_PROXY: bool = switch("BEHIND_TLS_PROXY", default=False)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Background work ----------------------------------------------------------------------------------
TASKS: dict[str, Any]
if REDIS_URL:
    INSTALLED_APPS.append("django_rq")
    # Its migrations are about a page that is not served here. With them, setting REDIS_URL would ask for `migrate`.
    MIGRATION_MODULES = {"django_rq": None}
    RQ_QUEUES = {"default": {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 6 * 3600}}
    # Messages are JSON and say one thing; by default RQ reads pickles, which can run anything.
    RQ = {
        "JOB_CLASS": "integrations.sync.messages.Message",
        "QUEUE_CLASS": "integrations.sync.messages.MessageQueue",
        "WORKER_CLASS": "integrations.sync.messages.MessageWorker",
    }
    TASKS = {"default": {"BACKEND": "integrations.sync.messages.RedisBackend", "QUEUES": ["default"]}}
else:
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# --- REST API -----------------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    # The token comes first so that a request without credentials is answered 401, not 403.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.base.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.base.ModelPermissions"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttling.TokenThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.base.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "api.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["api.filters.FilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "api.schema.AutoSchema",
    "EXCEPTION_HANDLER": "api.errors.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "URL_FORMAT_OVERRIDE": None,  # ?format= is an unknown parameter like any other
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
KNOX_TOKEN_MODEL = "knox.AuthToken"  # noqa: S105  the name of a model, which migrations read
REST_KNOX = {"TOKEN_TTL": None}  # access/tokens.py gives each token its expiry
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "COMPONENT_SPLIT_REQUEST": True,
    "TITLE": "OMS",
    "DESCRIPTION": "Orders and stock of every selling account, in one format. "
    "All times are ISO 8601 in UTC. Every error, also of an address that does not exist (404) or of a method that an "
    "address does not have (405), is a JSON object of the form `Error`.",
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "SERVERS": [{"url": "/"}],
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    # /docs loads nothing from other hosts.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "PREPROCESSING_HOOKS": ["api.schema.without_slash"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.schema.with_headers",
        "api.schema.with_errors",
        "api.schema.exact",
        "api.described.with_texts",
    ],
    "ENUM_NAME_OVERRIDES": {
        "SyncStatus": "integrations.models.SyncLog.Status",
        "OrderStatus": "orders.models.Order.Status",
        "SyncKind": "integrations.models.stream_choices",
        "ByEnum": "integrations.models.SyncLog.WindowBy",
        "ErasureScope": "orders.models.Erasure.Scope",
        "PlatformKind": "integrations.registry.kind_choices",
        "DeliveryStateEnum": "webhooks.models.Delivery.State",
        "CompletenessState": "integrations.models.AuditedDay.State",
        "AuditStatus": "integrations.models.OrderAudit.Status",
        "BackfillStatus": "integrations.models.Backfill.Status",
        "PlanLaneCode": "api.backfills.LANE_CHOICES",
    },
}

# --- Logging: to the console. HTTP libraries below WARNING would print URLs and headers ----------------
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "monitoring.logs.TextFormatter"},
        "json": {"()": "monitoring.logs.JsonFormatter"},
    },
    "filters": {"refusal": {"()": "monitoring.logs.OneLineRefusal"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        name: {"level": "INFO"}
        for name in (
            "oms",
            "backoffice",
            "api",
            "monitoring",
            "integrations",
            "orders",
            "inventory",
            "webhooks",
            "access",
            "platforms",
            "feed",
            "audit",
            "core",
        )
    }
    | {
        name: {"level": "WARNING"}
        for name in ("httpx", "httpcore", "sp_api", "boto3", "botocore", "s3transfer")
    }
    | {
        name: {"level": "WARNING", "filters": ["refusal"]}
        for name in ("django.request", "django.security.csrf")
    },
}


# --- Admin --------------------------------------------------------------------------------------------
def _page(
    title: Any, icon: str, model: str, *permissions: str, every: tuple[str, ...] = (), unless: str = ""
) -> dict[str, Any]:
    """A line of the sidebar, for those who may open it: with one of these permissions, and every one of `every`; not
    for those with the permission `unless`, who find it elsewhere."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": lambda request: (
            any(map(request.user.has_perm, permissions))
            and request.user.has_perms(every)
            and not (unless and request.user.has_perm(unless))
        ),
    }


LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "OMS",
    "SITE_HEADER": "OMS",
    "SITE_SUBHEADER": _("Orders and stock, every channel"),
    "SITE_SYMBOL": "package_2",
    "ENVIRONMENT": "backoffice.base.demo.label",
    "ENVIRONMENT_TITLE_PREFIX": "backoffice.base.demo.title_prefix",
    "LOGIN": {"form": "backoffice.users.signing_in.LoginForm"},
    "SITE_URL": None,
    "DASHBOARD_CALLBACK": "backoffice.home.page.home",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_HISTORY": True,
    "SHOW_LANGUAGES": True,
    "BORDER_RADIUS": "6px",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("oms/favicon.svg")},
    ],
    "STYLES": [
        lambda request: static("oms/admin.css"),
        lambda request: static("oms/lists.css"),
        lambda request: static("oms/order.css"),
        lambda request: static("oms/shipping.css"),
        lambda request: static("oms/print.css"),
    ],
    "SCRIPTS": [
        lambda request: static("oms/zone.js"),
        lambda request: static("oms/labels.js"),
        lambda request: static("oms/admin.js"),
        lambda request: static("oms/lists.js"),
        lambda request: static("oms/shipping.js"),
    ],
    "COLORS": {
        "primary": {
            "50": "oklch(97.0% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {"title": _("Home"), "icon": "home", "link": reverse_lazy("admin:index")},
                    _page(_("Orders"), "orders", "orders_order", "orders.view_order"),
                    _page(_("Pick lists"), "shopping_basket", "orders_picklist", "orders.view_picklist"),
                    {
                        "title": _("Shipping desk"),
                        "icon": "barcode_scanner",
                        "link": reverse_lazy("shipping-desk"),
                        "permission": lambda request: request.user.has_perm("orders.ship_order"),
                    },
                    _page(_("Shipments"), "local_shipping", "orders_shipment", "orders.view_shipment"),
                    {
                        "title": _("Where is my order?"),
                        "icon": "travel_explore",
                        "link": reverse_lazy("where-is-my-order"),
                        "permission": lambda request: request.user.has_perm("orders.view_order"),
                    },
                    {
                        "title": _("Sales"),
                        "icon": "receipt_long",
                        "link": reverse_lazy("sales-report"),
                        "permission": lambda request: request.user.has_perm("orders.view_order"),
                    },
                    _page(
                        _("Inventory"),
                        "inventory_2",
                        "inventory_inventoryitem",
                        "inventory.view_inventoryitem",
                    ),
                    _page(
                        _("Planning"),
                        "event_repeat",
                        "inventory_plannedsku",
                        "inventory.view_inventoryitem",
                    ),
                ],
            },
            {
                "title": _("Synchronisation"),
                "separator": True,
                "items": [
                    _page(_("Platforms"), "storefront", "platforms_platform", "platforms.view_platform"),
                    {
                        "title": _("Writing to platforms"),
                        "icon": "edit_note",
                        "link": reverse_lazy("writing"),
                        "permission": lambda request: request.user.has_perm("orders.view_shipment"),
                    },
                    {
                        "title": _("Health"),
                        "icon": "monitor_heart",
                        "link": reverse_lazy("sync-health"),
                        "permission": lambda request: request.user.has_perm("integrations.view_synclog"),
                    },
                    {
                        "title": _("Completeness"),
                        "icon": "fact_check",
                        "link": reverse_lazy("order-completeness"),
                        "permission": lambda request: request.user.has_perm("integrations.view_synclog"),
                    },
                    _page(_("Sync log"), "sync", "integrations_synclog", "integrations.view_synclog"),
                    _page(
                        _("Sync failures"),
                        "error",
                        "integrations_syncfailure",
                        "integrations.view_syncfailure",
                    ),
                    _page(
                        _("API usage and quotas"),
                        "monitoring",
                        "integrations_apiusage",
                        "integrations.view_apiusage",
                    ),
                    # Who may see the usage sees the quotas there.
                    _page(
                        _("API quotas"),
                        "speed",
                        "integrations_apiquota",
                        "integrations.view_apiquota",
                        unless="integrations.view_apiusage",
                    ),
                ],
            },
            {
                "title": _("Other programs"),
                "separator": True,
                "items": [
                    _page(
                        _("Scheduled exports"),
                        "schedule_send",
                        "oms_scheduledexport",
                        "oms.view_scheduledexport",
                    ),
                    _page(_("Webhooks"), "webhook", "webhooks_endpoint", "webhooks.view_endpoint"),
                    _page(
                        _("Deliveries"),
                        "outbox",
                        "webhooks_delivery",
                        "webhooks.view_delivery",
                        every=("feed.view_change",),
                    ),
                ],
            },
            {
                "title": _("Access"),
                "separator": True,
                "items": [
                    _page(_("Users"), "person", "auth_user", "auth.view_user"),
                    _page(_("Groups"), "group", "auth_group", "auth.view_group"),
                    _page(
                        _("API tokens"), "key", "access_apitoken", "knox.view_authtoken", "access.own_tokens"
                    ),
                    _page(_("Audit"), "history", "audit_auditentry", "audit.view_auditentry"),
                ],
            },
            {
                "title": _("Personal data"),
                "separator": True,
                "items": [
                    _page(_("Erasures"), "person_remove", "orders_erasure", "orders.view_erasure"),
                    _page(_("Legal holds"), "gavel", "orders_legalhold", "orders.view_legalhold"),
                ],
            },
        ],
    },
}
