"""What audits and backfills want of people, as sentences, and the pages where they do it."""

from datetime import date
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.format import format_datetime, grouped
from integrations.completeness.keeping_up.standing import Unknown
from integrations.completeness.of_order import Comparison
from integrations.completeness.overview import DayState
from integrations.completeness.standing import ORDERS, AuditStanding, StillOpen
from integrations.models import AuditFinding, Backfill, OrderProof
from integrations.registry import channel_label
from platforms.models import Platform

STOCK_ON_PAGE, HISTORY_ON_PAGE = "complete-stock", "history"  # sections of the page Completeness


def open_line(still: StillOpen) -> str:
    """What stays open, and what to do."""
    if still.stream != ORDERS:
        text = ngettext(
            "The stock of %(n)s marketplace is not as the platform lists it, for over a night. Replay its SKUs among "
            "the sync failures.",
            "The stock of %(n)s marketplaces is not as the platform lists it, for over a night. Replay their SKUs "
            "among the sync failures.",
            still.count,
        )
        return text % {"n": grouped(still.count)}
    text = ngettext(
        "%(n)s day of orders stays open for over a night: %(day)s. Open it: try its orders again, or dismiss what is "
        "not needed.",
        "%(n)s days of orders stay open for over a night, the first one is %(day)s. Open them: try their orders again, "
        "or dismiss what is not needed.",
        still.count,
    )
    day = date_format(still.first, "DATE_FORMAT") if still.first else ""
    return text % {"n": grouped(still.count), "day": day}


def open_href(still: StillOpen) -> str:
    query: dict[str, object] = {"platform": still.platform_id}
    if still.stream == ORDERS and still.first and still.count == 1:
        return day_href(still.platform_id, still.first)
    if still.stream == ORDERS and still.first:
        return f"{reverse('order-completeness')}?{urlencode(query | {'month': f'{still.first:%Y-%m}'})}"
    return completeness_of(still.platform_id, STOCK_ON_PAGE)


def unknown_line(unknown: Unknown) -> str:
    """What has changed is not known for long, and what to do."""
    text = _(
        "Orders that changed after %(time)s are not known yet: syncs are too slow for what changes, and no list was "
        "made for over an hour. It is asked for again by itself. Cancelled orders may still be among those to be "
        "shipped."
    )
    return text % {"time": format_datetime(unknown.since)}


def audit_line(standing: AuditStanding) -> str:
    """An audit failed, or none ended well for long; and what to do."""
    if standing.stream == ORDERS:
        failed = _("The audit of orders of %(time)s failed: %(why)s")
        never, missed = (
            _("No audit of orders has ended yet."),
            _("No audit of orders has ended well since %(time)s."),
        )
        start = _("“Audit now” on the page Completeness starts one.")
    else:
        failed = _("The audit of stock of %(time)s failed: %(why)s")
        never, missed = (
            _("No audit of stock has ended yet."),
            _("No audit of stock has ended well since %(time)s."),
        )
        start = _("“Audit the stock now” on the page Completeness starts one.")
    if standing.failed is not None:
        of = {"time": format_datetime(standing.failed.finished_at), "why": standing.failed.error_message}
        next_one = _("The next one comes by night.")
        return f"{failed % of} {next_one} {start}"
    what = never if standing.good is None else missed % {"time": format_datetime(standing.good)}
    look = _("One is due each night: see whether manage.py run_scheduler and run_worker run.")
    return f"{what} {look} {start}"


def audit_href(standing: AuditStanding) -> str:
    """The audit that failed, or the page that lists them."""
    if standing.stream != ORDERS:
        return completeness_of(standing.platform_id, STOCK_ON_PAGE)
    if standing.failed is not None:
        return reverse("admin:integrations_orderaudit_change", args=[standing.failed.pk])
    return completeness_of(standing.platform_id)


def backfill_line(backfill: Backfill) -> str:
    text = _(
        "The backfill of orders that ended on %(time)s failed: %(why)s What it brought is stored. Begin it again on "
        "the page Completeness."
    )
    return text % {"time": format_datetime(backfill.finished_at), "why": backfill.error_message}


def completeness_of(platform_id: int, section: str = "") -> str:
    address = f"{reverse('order-completeness')}?{urlencode({'platform': platform_id})}"
    return f"{address}#{section}" if section else address


def compared_line(platform: Platform, compared: Comparison) -> str:
    """That an order was compared with the list of its platform, and how that ended."""
    kind, found = AuditFinding.Kind, compared.found
    if found is None:
        text = _("Compared with the list of %(channel)s on %(time)s: as listed")
    elif not compared.brought_it:
        text = _("Compared with the list of %(channel)s on %(time)s: not as listed. %(why)s")
    elif found.kind == kind.MISSING:
        text = _("Compared with the list of %(channel)s on %(time)s: fetched, because it was missing")
    elif found.kind == kind.STALE:
        text = _(
            "Compared with the list of %(channel)s on %(time)s: fetched, because a newer version was listed"
        )
    else:
        text = _(
            "Compared with the list of %(channel)s on %(time)s: fetched, because it was stored otherwise"
        )
    return text % {
        "channel": channel_label(platform.kind),
        "time": format_datetime(compared.at),
        "why": found.error_message if found else "",
    }


def missing_line(platform: Platform, found: AuditFinding | None) -> str:
    """What audits know of an order that is not stored; None: they found nothing."""
    words = {"channel": channel_label(platform.kind)}
    if found is None:
        return _("No audit found it in the lists of %(channel)s.") % words
    words |= {"id": str(found.audit_id), "why": found.error_message}
    words["day"] = date_format(found.day, "DATE_FORMAT") if found.day else ""
    if found.outcome == AuditFinding.Outcome.HEALED:
        return _("Audit #%(id)s fetched it. It is not stored any more.") % words
    if found.day is None:
        return _("%(channel)s lists it: audit #%(id)s could not fetch it. %(why)s") % words
    text = _("%(channel)s lists it, placed on %(day)s: audit #%(id)s could not fetch it. %(why)s")
    return text % words


def around_line(platform: Platform, proof: OrderProof | None) -> str:
    """Whether the orders of the days on which one that is not stored may have been placed are proven complete."""
    if proof is None:
        return _("Orders of this platform were never audited.")
    if proof.since is None or proof.until is None:
        return with_open_days(_("No day of orders is proven complete yet."), proof)
    text = _(
        "All orders that %(channel)s lists of the days from %(since)s until %(until)s are here: one of these days that "
        "is not stored is not in its lists."
    )
    days = {name: date_format(getattr(proof, name), "DATE_FORMAT") for name in ("since", "until")}
    return with_open_days(text % (days | {"channel": channel_label(platform.kind)}), proof)


def with_open_days(sentence: str, proof: OrderProof) -> str:
    """The sentence, and how many days are open, where any is."""
    if not proof.open_days:
        return sentence
    still_open = ngettext("%(n)s day is open.", "%(n)s days are open.", proof.open_days)
    return f"{sentence} {still_open % {'n': grouped(proof.open_days)}}"


def day_line(day: date, state: DayState) -> str:
    """Whether all orders of the day on which an order was placed are here."""
    lines = {
        DayState.PROVEN: _(
            "It was placed on %(day)s (UTC), a day of which all listed orders are proven to be here."
        ),
        DayState.HEALED: _(
            "It was placed on %(day)s (UTC), a day of which all listed orders were here or were fetched."
        ),
        DayState.OPEN: _(
            "It was placed on %(day)s (UTC), a day that is open: not all listed orders are here."
        ),
        DayState.NOT_YET: _(
            "It was placed on %(day)s (UTC), a day that was not long over when it was audited."
        ),
        DayState.NEVER: _("It was placed on %(day)s (UTC), a day that was not audited in all marketplaces."),
    }
    return lines[state] % {"day": date_format(day, "DATE_FORMAT")}


def day_href(platform_id: int, day: date) -> str:
    query = urlencode({"platform": platform_id, "day": day.isoformat()})
    return f"{reverse('order-completeness-day')}?{query}"
