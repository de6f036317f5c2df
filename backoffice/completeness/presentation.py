"""How audits, their days and what they found look wherever the admin shows them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.base.cells import badge, display_of, label_of, link_to, local_amount
from backoffice.completeness.wording import completeness_of, with_open_days
from backoffice.syncs.progress import press_url
from core.format import DASH, Text, duration, grouped, platform_time
from integrations.completeness.overview import AuditProgress, DayState
from integrations.models import AuditedDay, AuditFinding, Job, OrderAudit, OrderProof, SyncFailure
from integrations.wording import time_of_day
from orders.models import Order
from platforms.models import Platform


@dataclass(frozen=True, slots=True)
class Look:
    """A state as it is shown: a sign and a word, so that neither needs a colour. `name` is for the style sheet."""

    name: str
    sign: str
    label: Text
    meaning: Text


LOOKS: dict[DayState, Look] = {
    DayState.PROVEN: Look(
        "proven", "✓", gettext_lazy("proven"), gettext_lazy("each order that the platform lists is here")
    ),
    DayState.HEALED: Look(
        "healed", "✚", gettext_lazy("healed"), gettext_lazy("the same, after some were fetched")
    ),
    DayState.OPEN: Look(
        "open", "!", gettext_lazy("open"), gettext_lazy("some orders could not be brought in line")
    ),
    DayState.NOT_YET: Look(
        "not-yet", "…", gettext_lazy("not yet"), gettext_lazy("the day was not long over when it was audited")
    ),
    DayState.NEVER: Look(
        "never", "–", gettext_lazy("never audited"), gettext_lazy("in none, or not in all marketplaces")
    ),
}
STATUS_COLOURS: dict[str, str] = {
    OrderAudit.Status.QUEUED: "info",
    OrderAudit.Status.RUNNING: "info",
    OrderAudit.Status.WAITING: "info",
    OrderAudit.Status.SUCCEEDED: "success",
    OrderAudit.Status.PARTIAL: "warning",
    OrderAudit.Status.FAILED: "danger",
}
OUTCOME_COLOURS: dict[str, str] = {
    AuditFinding.Outcome.FOUND: "info",
    AuditFinding.Outcome.HEALED: "success",
    AuditFinding.Outcome.OPEN: "danger",
}
# What a list may say otherwise than the order by itself, and why an order is here alone: completeness/rules.py.
FIELDS: dict[str, Text] = {
    "version": gettext_lazy("changed"),
    "status": gettext_lazy("status"),
    "currency": gettext_lazy("currency"),
    "lines": gettext_lazy("units by SKU"),
    "amount": gettext_lazy("amount of the units"),
}
WHY_ALONE: dict[str, Text] = {
    "pending": gettext_lazy("It is pending: lists leave such orders out, or show them later."),
    "other_marketplace": gettext_lazy("It is of a marketplace that the list is not about."),
    "too_young": gettext_lazy("It was too young when the list was asked for."),
}
NOT_EXPLAINED = gettext_lazy("No reason is known. The order is kept as it is.")


def audit_badge(audit: Job) -> SafeString:
    return badge(display_of(audit, "status"), STATUS_COLOURS.get(audit.status, ""))


def outcome_badge(found: AuditFinding) -> SafeString:
    return badge(display_of(found, "outcome"), OUTCOME_COLOURS.get(found.outcome, ""))


def proof_sentence(proof: OrderProof | None) -> str:
    """How far a platform's orders are proven complete; None: never audited."""
    if proof is None:
        return _("Orders were never audited.")
    if proof.until is None:
        return with_open_days(_("No day of orders is proven complete yet."), proof)
    until = date_format(proof.until, "DATE_FORMAT")
    return with_open_days(_("Orders proven complete until %(day)s.") % {"day": until}, proof)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """How far the orders of a platform are proven complete, for pages that show many platforms."""

    platform: Platform
    sentence: str
    look: Look
    open_days: int
    href: str


def proven(platform: Platform, proof: OrderProof) -> Proven:
    return Proven(
        platform=platform,
        sentence=proof_sentence(proof),
        look=look_of(proof),
        open_days=proof.open_days,
        href=completeness_of(platform.pk),
    )


def look_of(proof: OrderProof | None) -> Look:
    """None: never audited."""
    if proof is None:
        return LOOKS[DayState.NEVER]
    return LOOKS[DayState.OPEN if proof.open_days else DayState.PROVEN if proof.until else DayState.NOT_YET]


def progress_sentence(audit: OrderAudit, progress: AuditProgress) -> str:
    """What an open audit does now, or waits for."""
    if audit.status == OrderAudit.Status.QUEUED and not audit.parts:
        return _("waiting for a worker")
    if not audit.parts:
        return _("asking the platform for its lists")
    if progress.lists < progress.of_lists:
        text = _("the platform makes its lists; %(done)s of %(all)s are compared")
        parts = [text % {"done": progress.lists, "all": progress.of_lists}]
    else:
        text = _("orders are fetched; %(done)s of %(all)s are settled")
        parts = [text % {"done": grouped(progress.settled), "all": grouped(progress.of_orders)}]
    if progress.waits_until is not None:
        at = time_of_day(progress.waits_until, timezone.now())
        parts.append(_("it goes on at %(time)s") % {"time": at})
    return ", ".join(parts)


def cost_line(audit: Job) -> str:
    """ "8 calls, 4 min 06 s of quota"; a dash where it has made none."""
    if not audit.api_calls:
        return DASH
    text = ngettext("%(n)s call, %(time)s of quota", "%(n)s calls, %(time)s of quota", audit.api_calls)
    return text % {"n": grouped(audit.api_calls), "time": _seconds(audit.quota_seconds)}


def cost_table(audit: OrderAudit) -> SafeString:
    """By operation: calls, and the quota that they took."""
    if not audit.calls:
        return SafeString(DASH)
    head = (_("Operation"), _("Calls"), _("Quota"))
    rows = (
        (name, grouped(one["calls"]), _seconds(one["seconds"])) for name, one in sorted(audit.calls.items())
    )
    text = (
        '<table class="oms-cost"><thead><tr><th scope="col">{}</th><th scope="col">{}</th><th scope="col">{}</th></tr>'
        "</thead><tbody>{}</tbody></table>"
    )
    row = '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>'
    return format_html(text, *head, format_html_join("", row, rows))


def found_line(row: OrderAudit | AuditedDay) -> str:
    """ "3 missing, 1 stale"; "nothing amiss" where all is as it is listed."""
    names = ((row.missing, _("missing")), (row.stale, _("stale")), (row.different, _("different")))
    parts = [f"{grouped(count)} {name}" for count, name in names if count]
    return ", ".join(parts) or _("nothing amiss")


def window_line(audit: OrderAudit) -> str:
    """The days that it is about, UTC."""
    first, last = audit.window_start, audit.window_end  # that is when it was asked for
    return f"{date_format(first.date(), 'DATE_FORMAT')} – {date_format(last.date(), 'DATE_FORMAT')}"


def differences(found: AuditFinding) -> Iterator[tuple[Text, str, str]]:
    """What the list says otherwise than what is stored: (what, listed, stored)."""
    for each in found.differences:
        if "field" in each:
            what = FIELDS.get(each["field"], each["field"])
            yield what, _value(each["field"], each["reported"]), _value(each["field"], each["stored"])


def explanation(found: AuditFinding) -> Text:
    """Why an order is here and not in the list; "" for what is in the list."""
    if found.kind != AuditFinding.Kind.ONLY_HERE:
        return ""
    rules = [each["rule"] for each in found.differences if "rule" in each]
    return WHY_ALONE.get(rules[0], NOT_EXPLAINED) if rules else NOT_EXPLAINED


def differences_cell(found: AuditFinding) -> SafeString:
    """Both values of what differed; else what is said of it."""
    shown = list(differences(found))
    if not shown:
        is_missing = found.kind == AuditFinding.Kind.MISSING
        return format_html("{}", explanation(found) or (_("It was not stored.") if is_missing else DASH))
    value = '<dd><span class="oms-listed">{}</span> <b>{}</b></dd>'
    rows = (
        (capfirst(str(what)), _("listed:"), listed, _("stored:"), stored) for what, listed, stored in shown
    )
    both = format_html_join("", f"<div><dt>{{}}</dt>{value}{value}</div>", rows)
    return format_html('<dl class="oms-both">{}</dl>', both)


def reason_cell(found: AuditFinding, *, may_press: bool = False) -> SafeString:
    """Why it stays open, with its failure: a button that tries again, or that it was dismissed. Touches `failure`."""
    if found.outcome != AuditFinding.Outcome.OPEN:
        return SafeString(DASH)
    text = (
        '<span class="oms-sentence">{}</span><span class="oms-when">{}</span>'
        '<span class="oms-complete-days">{}</span>'
    )
    failure, ways = found.failure, SafeString("")
    if failure is not None:
        link = link_to(failure, _("Sync failure #%(id)s") % {"id": failure.pk})
        ways = format_html("{} {}", link, _after(failure, may_press=may_press))
    return format_html(text, found.error_message, found.error_code, ways)


def _after(failure: SyncFailure, *, may_press: bool) -> SafeString | str:
    if not failure.is_open:
        return failure.get_resolution_display()
    if not may_press:
        return ""
    text = '<button type="submit" form="oms-press" formaction="{}" class="oms-quiet-button" aria-label="{}">{}</button>'
    words = _("Try again: %(order)s") % {"order": failure.external_id}, _("Try again")
    return format_html(text, press_url(failure, "replay"), *words)


def _value(field: str, text: str) -> str:
    if field == "status":
        return label_of(Order.Status, text) or DASH
    try:
        if field == "version":
            return platform_time(datetime.fromisoformat(text))
        if field == "amount":
            return local_amount(Decimal(text), "")
    except (ValueError, ArithmeticError):  # written by another version
        return text
    return text or DASH


def _seconds(seconds: float) -> str:
    return duration(timedelta(seconds=round(seconds)))


def with_orders(findings: QuerySet[AuditFinding]) -> QuerySet[AuditFinding]:
    """Each with `order_pk`, the id of the order that it is about, where that is stored."""
    orders = Order.objects.filter(platform=OuterRef("audit__platform"), external_id=OuterRef("external_id"))
    return findings.annotate(order_pk=Subquery(orders.values("pk")[:1]))


def order_cell(found: AuditFinding) -> SafeString:
    """The order's id, which leads to the order where that is stored; of findings that `with_orders` has prepared."""
    order_pk = getattr(found, "order_pk", None)
    return (
        format_html("{}", found.external_id)
        if order_pk is None
        else link_to(Order(pk=order_pk), found.external_id)
    )
