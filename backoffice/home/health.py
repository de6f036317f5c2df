"""The state of each platform, its last good sync, and what to do next. As many queries for any number of platforms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.db import models
from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from access.confinement import Visible, within
from audit.shipping import Waiting
from core.format import format_datetime, grouped
from integrations.errors import CONFIG_CODES, REFUSED_CODES
from integrations.lookup.overview import good_ends, has_rows
from integrations.lookup.renewals import Renewal
from integrations.models import SyncLog
from integrations.schedule.due import Due, Reason, attach_dues, dues_of
from integrations.sync.streams import STREAMS, label_of, streams_of
from integrations.sync.streams.states import interval_columns, interval_of
from integrations.wording import due_line
from platforms.models import Platform, Source


class State(models.TextChoices):
    """The most urgent first: the order of the list."""

    CREDENTIALS = "credentials", gettext_lazy("needs credentials")
    REFUSED = "refused", gettext_lazy("refused for over a day")
    FAILING = "failing", gettext_lazy("failing")
    MOCK = "mock", gettext_lazy("mock data")
    SANDBOX = "sandbox", gettext_lazy("sandbox data")
    NEW = "new", gettext_lazy("not synced yet")
    WAITING = "waiting", gettext_lazy("waiting")
    OK = "ok", gettext_lazy("ok")
    INACTIVE = "inactive", gettext_lazy("inactive")


COLOURS = {
    State.CREDENTIALS: "danger",
    State.REFUSED: "danger",
    State.FAILING: "danger",
    State.MOCK: "warning",
    State.SANDBOX: "warning",
    State.NEW: "info",
    State.WAITING: "info",
    State.OK: "success",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Of each stream that its channel delivers, `good` has the end of the last good sync, None where there was none;
    `intervals` has the minutes between scheduled ones."""

    platform: Platform
    state: State
    good: dict[str, datetime | None]
    intervals: dict[str, int]
    logs: Sequence[SyncLog]
    href: str

    @property
    def next_step(self) -> str:
        """What a person should do, as a sentence in the active language; empty where nothing is to do."""
        return _next_step(self.state, self.platform, self.logs)

    @property
    def sentence(self) -> str:
        """State and next step: "needs credentials: Enter the credentials of the selling account."."""
        return f"{self.state.label}: {self.next_step}" if self.next_step else str(self.state.label)

    @property
    def colour(self) -> str:
        return COLOURS.get(self.state, "")

    @property
    def last_good(self) -> list[tuple[str, datetime | None]]:
        """Kind by name, with the time."""
        return [(str(capfirst(label_of(kind))), moment) for kind, moment in self.good.items()]


def lag_line(stream: str, good: datetime | None, interval: int) -> str:
    """A stream lags: when its last good sync ended, None for never, and the minutes between syncs."""
    every = _("%(n)d h") % {"n": interval // 60} if interval % 60 == 0 else _("%(n)d min") % {"n": interval}
    words = {"kind": label_of(stream), "time": format_datetime(good), "interval": every}
    if good is None:
        return _("No %(kind)s sync has succeeded yet, though one is due every %(interval)s.") % words
    text = _("The last good %(kind)s sync ended %(time)s, though one is due every %(interval)s.")
    return text % words


def age_line(renewal: Renewal, now: datetime) -> str:
    """How old a value of the credentials is, and how long until it has to be renewed."""
    days, left = renewal.age(now), renewal.left(now)
    text = ngettext("The %(value)s is %(days)d day old.", "The %(value)s is %(days)d days old.", days)
    age = text % {"value": renewal.expiry.label, "days": days}
    if left > 0:
        end = ngettext("%(days)d day is left.", "%(days)d days are left.", left) % {"days": left}
    elif left == 0:
        end = _("It ends today.")
    else:
        late = ngettext("Its time ended %(days)d day ago.", "Its time ended %(days)d days ago.", -left)
        end = late % {"days": -left}
    return f"{age} {end}"


def renewal_line(renewal: Renewal, now: datetime) -> str:
    """The same, and what to do."""
    return f"{age_line(renewal, now)} {renewal.expiry.advice}"


def scheduler_line(seen_at: datetime | None) -> str:
    """No scheduler works: when one was last seen."""
    advice = _("Nothing is synced by schedule. Start run_scheduler.")
    if seen_at is None:
        never = _("No scheduler has ever run.")
        return f"{never} {advice}"
    seen = _("No scheduler has been seen since %(time)s.") % {"time": format_datetime(seen_at)}
    return f"{seen} {advice}"


def sender_line(seen_at: datetime | None) -> str:
    """Nobody sends to webhooks, or looks for alerts: when somebody last looked."""
    advice = _("Webhooks are told nothing, and alerts come late or not at all. Start run_webhooks.")
    if seen_at is None:
        never = _("run_webhooks has never run.")
        return f"{never} {advice}"
    seen = _("run_webhooks does not do its work; it last looked for alerts %(time)s.")
    return f"{seen % {'time': format_datetime(seen_at)}} {advice}"


def workers_line(messages: int, oldest: datetime | None) -> str:
    """Messages wait for workers, and none takes them."""
    text = ngettext(
        "%(count)s message waits for a worker since %(time)s, and none takes it. Start run_worker.",
        "%(count)s messages wait for a worker, the oldest since %(time)s, and none takes them. Start run_worker.",
        messages,
    )
    return text % {"count": grouped(messages), "time": format_datetime(oldest)}


def queue_line() -> str:
    return _("The queue cannot be reached. Syncs that are asked for are stored, and start once it is back.")


def shipping_line(behind: Waiting) -> str:
    what = ngettext(
        "%(count)s entry of the audit waits to be shipped to %(place)s; it stays in the database until then.",
        "%(count)s entries of the audit wait to be shipped to %(place)s; they stay in the database until then.",
        behind.entries,
    ) % {"count": number_format(behind.entries), "place": behind.place}
    if behind.refused_at:
        why = _("It has taken nothing since %(time)s. The log of manage.py run_webhooks says why.")
        return f"{what} {why % {'time': format_datetime(behind.refused_at)}}"
    since = format_datetime(behind.since) if behind.since else ""
    why = _("The oldest is of %(time)s. See whether manage.py run_webhooks runs, which ships them.")
    return f"{what} {why % {'time': since}}"


def of_platforms(visible: Visible = None) -> list[Health]:
    """These platforms, those that need attention first."""
    platforms = list(within(_with_syncs(tuple(STREAMS)), visible, "pk").all())
    newest = SyncLog.objects.defer("checkpoint", "notes", "skus").in_bulk(
        [pk for platform in platforms for kind in STREAMS if (pk := getattr(platform, f"latest_{kind}"))]
    )
    attach_dues([platform for platform in platforms if _is_refused(_logs(platform, newest))])
    healths = [_health(platform, newest) for platform in platforms]
    order = list(State)
    return sorted(healths, key=lambda health: (order.index(health.state), health.platform.name))


def with_problems(healths: Sequence[Health]) -> list[SyncLog]:
    """The newest syncs of active platforms that did not succeed: failed ones first, then waiting ones."""
    logs = [log for health in healths if health.platform.is_active for log in health.logs]
    failed = [log for log in logs if log.status in (SyncLog.Status.FAILED, SyncLog.Status.FALLBACK)]
    waiting = [log for log in logs if log.status == SyncLog.Status.WAITING]
    return sorted(failed, key=lambda log: -log.pk) + sorted(waiting, key=lambda log: str(log.resume_at))


@cache
def _with_syncs(streams: tuple[str, ...]) -> QuerySet[Platform]:
    """All platforms, each with `latest_orders` (id of its newest orders sync), `good_orders` (when the last good one
    ended), the same for inventory, `has_mock`, and the intervals. Made once: to make it takes longer than to read
    it."""
    platforms = Platform.objects.all()
    for kind in streams:
        logs = SyncLog.objects.filter(platform=OuterRef("pk"), kind=kind).order_by("-id")
        logs = logs.exclude(status=SyncLog.Status.DEFERRED)  # the one that it waits for says more
        logs = logs.exclude(trigger=SyncLog.Trigger.LOOK_BACK)  # what is new comes with the others
        platforms = platforms.annotate(**{f"latest_{kind}": Subquery(logs.values("pk")[:1])})
    return platforms.annotate(has_mock=has_rows(Source.MOCK), **good_ends(streams), **interval_columns())


def _health(platform: Platform, newest: dict[int, SyncLog]) -> Health:
    logs = _logs(platform, newest)
    for log in logs:
        log.platform = platform
    state = _state(platform, logs)
    return Health(
        platform=platform,
        state=state,
        good={kind: getattr(platform, f"good_{kind}") for kind in streams_of(platform)},
        intervals={kind: interval_of(platform, kind) for kind in streams_of(platform)},
        logs=logs,
        href=reverse("admin:platforms_platform_change", args=[platform.pk]),
    )


def plain_line(platform: Platform) -> dict[str, str]:
    """For the top of the home page: credentials that are stored unencrypted."""
    sentence = _(
        "They were written with SQL. The scheduler encrypts them within a minute; it cannot where they are no JSON "
        "object. Enter them in the form of the platform, which replaces them."
    )
    return {
        "title": _("%(platform)s: credentials are stored unencrypted") % {"platform": platform},
        "sentence": sentence,
        "href": reverse("admin:platforms_platform_change", args=[platform.pk]),
    }


def _logs(platform: Platform, newest: dict[int, SyncLog]) -> list[SyncLog]:
    """Its newest sync of each stream."""
    return [newest[pk] for kind in STREAMS if (pk := getattr(platform, f"latest_{kind}")) in newest]


def _is_refused(logs: Sequence[SyncLog]) -> bool:
    return any(log.error_code in REFUSED_CODES - CONFIG_CODES for log in logs)


def _resting(platform: Platform, logs: Sequence[SyncLog]) -> list[Due]:
    """What is tried once a day, since it was refused for so long."""
    dues = dues_of(platform).values() if _is_refused(logs) else ()
    return [due for due in dues if due.reason == Reason.RESTING]


def _state(platform: Platform, logs: Sequence[SyncLog]) -> State:
    """The most urgent state that is true. `states` come first, because they are about the platform as a whole."""
    statuses = {log.status for log in logs}
    unusable = any(log.status == SyncLog.Status.FAILED and log.error_code in CONFIG_CODES for log in logs)
    has_mock = getattr(platform, "has_mock", False)
    states = {
        State.INACTIVE: not platform.is_active,
        State.CREDENTIALS: bool(platform.config_problem) or unusable,
        State.REFUSED: bool(_resting(platform, logs)),
        State.MOCK: has_mock and not platform.is_configured,
    }
    more = {
        State.CREDENTIALS: not platform.is_configured,
        State.FAILING: SyncLog.Status.FAILED in statuses,
        State.MOCK: has_mock or SyncLog.Status.FALLBACK in statuses,
        State.SANDBOX: Source.SANDBOX in {log.source for log in logs},
        State.WAITING: SyncLog.Status.WAITING in statuses,
        State.OK: any(getattr(platform, f"good_{kind}") for kind in STREAMS),
    }
    return next((state for group in (states, more) for state, is_true in group.items() if is_true), State.NEW)


def _next_step(state: State, platform: Platform, logs: Sequence[SyncLog]) -> str:
    """What a person should do, as a sentence; empty where nothing is to do."""
    if platform.config_problem:
        return platform.config_problem
    reason = next((log.error_message for log in logs if log.status == SyncLog.Status.FAILED), "")
    if state == State.CREDENTIALS and platform.is_configured:
        return reason
    if state == State.REFUSED:
        return due_line(_resting(platform, logs)[0])
    steps = {
        State.CREDENTIALS: _("Enter the credentials of the selling account."),
        State.FAILING: reason,
        State.MOCK: _("Mock data is stored. Enter credentials that work."),
        State.SANDBOX: _("Test data of the platform's sandbox is stored, and is in no figure."),
        State.NEW: _("Check the connection, then start the first sync."),
    }
    if state == State.MOCK and platform.is_configured:
        return next((log.error_message for log in logs if log.error_message), "") or steps[state]
    return steps.get(state, "")
