"""Error reports to Sentry, or what speaks its protocol, where SENTRY_DSN is set.

A report leaves the house, so it is made of what is known to be harmless (`scrubbed`), not cleaned of what is known to
be harmful. It has the kind of an error and where in the code it happened; the text of an exception stays here, since a
database quotes values in it. The ids of request and sync lead to the log, which has that text.
"""

from typing import Any

import sentry_sdk
from django.core.exceptions import ImproperlyConfigured
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import BadDsn

from core.log_context import log_context

# Of these loggers the sentence is sent, without the values in it: it is a constant of the code.
CONSTANT = {
    "oms", "backoffice", "api", "monitoring", "integrations", "feed", "audit", "orders", "inventory", "webhooks",
    "access", "platforms", "core", "django", "django_tasks", "django_tasks_db",
}  # fmt: skip
KEPT = ("event_id", "timestamp", "platform", "level", "logger", "release", "environment", "sdk")
OF_EXCEPTION = ("type", "module", "mechanism")
OF_FRAME = (
    "filename",
    "module",
    "function",
    "lineno",
    "in_app",
    "pre_context",
    "context_line",
    "post_context",
)
NOISE = "django.security.DisallowedHost"  # whoever scans the internet makes these


def start(dsn: str, *, release: str, environment: str) -> None:
    """Send what is logged as an error, and what ends a command, from this process on. Raises ImproperlyConfigured where
    the address means nothing."""
    try:
        sentry_sdk.init(
            dsn=dsn,
            release=release,
            environment=environment,
            before_send=scrubbed,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            auto_session_tracking=False,
            send_client_reports=False,
            default_integrations=False,  # no requests, no SQL, no arguments of commands
            auto_enabling_integrations=False,
            integrations=[
                LoggingIntegration(level=None, sentry_logs_level=None),
                ExcepthookIntegration(),
                DedupeIntegration(),
                AtexitIntegration(callback=lambda _pending, _timeout: None),
            ],
        )
    except BadDsn:
        # The value itself is never repeated.
        raise ImproperlyConfigured(
            "SENTRY_DSN is not understood; copy the DSN of the project from Sentry (https://key@host/number), or leave "
            "it empty to send no reports."
        ) from None
    ignore_logger(NOISE)


def scrubbed(event: Event, _hint: Hint) -> Event:
    """A report with nothing in it but code, times, versions, and the ids that log lines have."""
    given: Any = event
    sent: Any = {name: given[name] for name in KEPT if name in given}
    if str(given.get("logger", "")).partition(".")[0] in CONSTANT and "logentry" in given:
        sent["logentry"] = {"message": given["logentry"].get("message", "")}
    if "exception" in given:
        sent["exception"] = {
            "values": [_of_exception(value) for value in given["exception"].get("values", ())]
        }
    sent["tags"] = {name: str(value) for name, value in log_context().items()}
    found: Event = sent
    return found


def _of_exception(value: dict[str, Any]) -> dict[str, Any]:
    sent = {name: value[name] for name in OF_EXCEPTION if name in value}
    frames = (value.get("stacktrace") or {}).get("frames", ())
    sent["stacktrace"] = {
        "frames": [{name: frame[name] for name in OF_FRAME if name in frame} for frame in frames]
    }
    return sent
