"""The page "Health": how well syncs went in the last 7 and 30 days, by platform and stream."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.text import capfirst
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from access.confinement import visible_platforms
from backoffice.base.charts import AMBER, RED, Chart, Part, Series
from backoffice.lists.days import Days
from backoffice.syncs.presentation import ended_line
from core.format import DASH, format_datetime, grouped, rough_span
from integrations.lookup.health import BAD, SPANS, Calls, PlatformHealth, StreamHealth, health_of
from integrations.sync.streams import label_of

SEE = "integrations.view_synclog"
DAYS = {7: Days.LAST_7_DAYS, 30: Days.LAST_30_DAYS}  # the lists that the figures lead to are of the same days
WEEK = 7  # days
GREEN = 2  # in the palette of static/oms/charts.js
FEW, MUCH = 10, 90  # percent of a quota: fewer have a decimal, more are pointed out
# Data that are further behind are pointed out: so many intervals, and some minutes for what is on its way.
LATE, ON_ITS_WAY = 3, timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """`width`: how many columns it takes; `title`: more of it, in a tooltip."""

    text: str
    href: str = ""
    title: str = ""
    is_loud: bool = False
    width: int = 1
    detail: str = ""  # in small letters below it


Row = tuple[str, list[Cell]]  # what it is, and a cell for each span, or one for all


@never_cache
def health_view(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    now = timezone.now()
    shown = [_panel(request, health, now) for health in health_of(visible_platforms(request))]
    context = {
        **admin.site.each_context(request),
        "title": _("Health"),
        "panels": shown,
        "spans": SPANS,
        "as_of": format_datetime(now),
        "zone": timezone.localtime(now).tzname(),
    }
    return TemplateResponse(request, "integrations/health.html", context)


def _panel(request: HttpRequest, health: PlatformHealth, now: datetime) -> dict[str, Any]:
    platform = health.platform
    may_open = request.user.has_perm("platforms.view_platform")
    address = reverse("admin:platforms_platform_change", args=[platform.pk])
    return {
        "platform": platform,
        "href": address if may_open else "",
        "groups": list(_groups(health, now)),
        "chart": _chart(health),
    }


def _groups(health: PlatformHealth, now: datetime) -> Iterator[tuple[str, list[Row]]]:
    for item in health.streams:
        yield capfirst(label_of(item.stream)), list(_stream_rows(health, item, now))
    calls = [health.calls[span] for span in SPANS]
    # The platform's, not a stream's: all streams draw from one account.
    yield (
        _("API calls"),
        [
            (_("Calls"), [Cell(text=grouped(made.made)) for made in calls]),
            (_("Throttled"), [Cell(text=grouped(made.throttled)) for made in calls]),
            (_("Quota used"), [_quota(made) for made in calls]),
        ],
    )


def _stream_rows(health: PlatformHealth, item: StreamHealth, now: datetime) -> Iterator[Row]:
    spells = [item.spells[span] for span in SPANS]
    yield _("Syncs"), [Cell(text=grouped(spell.runs)) for spell in spells]
    yield _("Failed"), [_failed(health, item, span) for span in SPANS]
    yield _("Longest gap"), [Cell(text=_span(spell.longest_gap)) for spell in spells]
    yield _("Last good sync"), [Cell(text=_ended(item), width=len(SPANS))]
    yield _("Behind now"), [_behind(health, item, now)]
    yield _("Open failures"), [_open_failures(health, item)]


def _failed(health: PlatformHealth, item: StreamHealth, span: int) -> Cell:
    failed = item.spells[span].failed
    query = {"status__in": ",".join(BAD), "kind__exact": item.stream, "finished_at_in": DAYS[span]}
    return Cell(
        text=grouped(failed),
        href=_list("synclog", health, query) if failed else "",
        is_loud=bool(failed),
    )


def _ended(item: StreamHealth) -> str:
    return ended_line(item.ended) if item.ended else _("never")


def _behind(health: PlatformHealth, item: StreamHealth, now: datetime) -> Cell:
    """Pointed out where the schedule should have brought more."""
    lag = item.lag(now)
    is_scheduled = bool(item.interval) and health.platform.is_active and health.platform.is_configured
    is_late = is_scheduled and (lag is None or lag > timedelta(minutes=item.interval) * LATE + ON_ITS_WAY)
    title = _("complete until %(time)s") % {"time": format_datetime(item.complete_until)}
    text = _("never complete") if lag is None else _span(lag)
    return Cell(
        text=text, title=title if item.complete_until else "", is_loud=is_late, width=len(SPANS)
    )  # fmt: skip


def _open_failures(health: PlatformHealth, item: StreamHealth) -> Cell:
    query = {"kind__exact": item.stream, "state": "open"}
    return Cell(
        text=grouped(item.open_failures),
        href=_list("syncfailure", health, query) if item.open_failures else "",
        is_loud=bool(item.open_failures),
        width=len(SPANS),
    )


def _quota(calls: Calls) -> Cell:
    if calls.share is None:
        return Cell(text=DASH, title=_("not known"))
    percent = 100 * calls.share
    share = number_format(round(percent, 1) if percent < FEW else round(percent))
    return Cell(
        text=_("%(share)s %%") % {"share": share}, detail=calls.busiest, is_loud=percent >= MUCH
    )  # fmt: skip


def _chart(health: PlatformHealth) -> Chart | None:
    """Nothing where nothing was synced: an empty chart looks like a broken one."""
    days = list(health.days.values())
    if not any(day.runs for day in days):
        return None
    return Chart(
        name=f"health-{health.platform.pk}",
        title=_("Syncs by day and week"),
        kind="bar",
        labels=[_day(day, get_language()) for day in health.days],
        series=[
            Series(label=_("went well"), values=[day.good for day in days], colour=GREEN),
            Series(label=_("partly failed"), values=[day.partial for day in days], colour=AMBER),
            Series(label=_("failed"), values=[day.failed for day in days], colour=RED),
        ],
        first_column=_("Day"),
        parts=list(_weeks(health)),
    )


def _weeks(health: PlatformHealth) -> Iterator[Part]:
    """Seven days each, of which the last one is today's: its sums are those of the 7 days beside the picture. The first
    one is what is left of the 30."""
    days = list(health.days.items())
    bounds = sorted({0, *range(len(days) % WEEK, len(days) + 1, WEEK)})
    for begin, end in pairwise(bounds):
        week = days[begin:end]
        first, last = (_day(week[place][0], get_language()) for place in (0, -1))
        runs, failed = (
            sum(counts) for counts in zip(*((day.runs, day.failed) for _date, day in week), strict=True)
        )
        text = ngettext("%(n)s sync", "%(n)s syncs", runs) % {"n": grouped(runs)}
        bad = ngettext("%(n)s failed", "%(n)s failed", failed) % {"n": grouped(failed)}
        yield Part(count=len(week), label=f"{first} – {last}", sums=[text, bad if failed else ""])


@lru_cache(maxsize=1024)  # the same days for each platform
def _day(day: date, _language: str | None) -> str:
    return date_format(day, "j M")


def _list(model: str, health: PlatformHealth, query: dict[str, str]) -> str:
    address = reverse(f"admin:integrations_{model}_changelist")
    return f"{address}?{urlencode({'platform__id__exact': health.platform.pk, **query})}"


def _span(span: timedelta | None) -> str:
    return DASH if span is None else rough_span(span)
