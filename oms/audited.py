"""Which rows the audit watches: whoever may do what, and what people decide. What is done without saving such a row
(exports, readings of buyer data, purges, replays, …) is recorded where it is done."""

from django.contrib.auth.models import Group, User

from access.models import ApiToken
from audit.watching import Watched
from backoffice.models import ScheduledExport
from orders.models import LegalHold
from platforms.models import Platform
from webhooks.models import Endpoint

OF_EXPORTS = (
    "name", "file", "query", "columns", "format", "language", "time_zone", "every", "weekday", "month_day", "hour",
    "destination", "recipients", "folder", "file_stem", "is_stamped", "skips_empty", "owner_id", "is_active",
)  # fmt: skip
WATCHED = (
    Watched(
        noun="user",
        model=User,
        fields=("username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser"),
        secrets=("password",),
        relations=("groups", "user_permissions"),
    ),
    Watched(noun="group", model=Group, fields=("name",), relations=("permissions",)),
    Watched(noun="token", model=ApiToken, fields=("name", "scopes", "platform_ids")),
    Watched(
        noun="platform",
        model=Platform,
        fields=("name", "kind", "display_name", "is_active", "include_pii", "show_pictures"),
        secrets=("api_config",),
    ),
    Watched(noun="hold", model=LegalHold, fields=("platform_id", "order_id", "reason", "until")),
    Watched(
        noun="webhook",
        model=Endpoint,
        fields=("name", "url", "events", "platform_ids", "is_active", "off_reason"),
        secrets=("signing_secrets",),
    ),
    Watched(
        noun="export",
        model=ScheduledExport,
        fields=OF_EXPORTS,
    ),
)


def connect() -> None:
    for watched in WATCHED:
        watched.connect()
