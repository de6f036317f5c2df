"""How late an order is, or will be, in words."""

from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.cells import badge
from backoffice.base.channels import site_time
from core.format import countdown, format_datetime, short_day
from orders.risk import Leaving, Risk
from platforms.models import Platform

COLOURS = {Risk.LATE: "danger", Risk.MISSES: "danger", Risk.DUE: "warning", Risk.LATER: "info"}
SHORT: dict[Risk, Promise] = {
    Risk.LATE: gettext_lazy("late already"),
    Risk.MISSES: gettext_lazy("will be late"),
    Risk.DUE: gettext_lazy("has to leave next"),
    Risk.LATER: gettext_lazy("has more time"),
    Risk.UNKNOWN: gettext_lazy("without a date"),
}


def risk_badge(risk: Risk, ship_by: datetime | None, now: datetime | None = None) -> SafeString:
    """`in 5 h`, or what there is to say without a time."""
    if ship_by is None or risk == Risk.UNKNOWN:
        return badge(SHORT[Risk.UNKNOWN])
    now = now or timezone.now()
    return badge(countdown(ship_by, now), COLOURS[risk], title=SHORT[risk])


def risk_line(risk: Risk, leaving: Leaving, ship_by: datetime | None) -> str:
    """A sentence: whether it leaves in time."""
    if ship_by is None or risk == Risk.UNKNOWN:
        return _("The platform named no time by which it has to be shipped.")
    if risk == Risk.LATE:
        return _("It should have left already.")
    if leaving.next is None:
        return _("It has to leave within a day.") if risk == Risk.DUE else _("It has more time.")
    words = {"collection": _clock(leaving.next), "following": _clock(leaving.following)}
    if risk == Risk.MISSES:
        return _("It will be late: the carrier comes %(collection)s, after the time it has to leave.") % words
    if risk == Risk.DUE:
        return (
            _("It has to leave with the collection %(collection)s; the one after that is too late.") % words
        )
    return _("It has time until the collection %(following)s.") % words


def ship_by_line(platform: Platform, site_id: str, ship_by: datetime | None) -> str:
    """By when it has to be shipped, in the reader's zone and by the marketplace's clock."""
    if ship_by is None:
        return ""
    there = site_time(platform, site_id, ship_by)
    return f"{format_datetime(ship_by)} ({there})" if there else format_datetime(ship_by)


def _clock(moment: datetime) -> str:
    return f"{short_day(moment, timezone.now())} {timezone.localtime(moment):%H:%M}"
