"""An audit from the request to its end: lists are asked for, waited for, compared; what is amiss is fetched.

request_audit   opens one, or returns the one that is open
run_audit       works on it until it is closed, or parked: a list that is not made yet, and quota that is used up, hold
                no worker

Each step is stored before the next one begins, so whoever goes on after a crash repeats at most one of them, and none
of them does harm twice.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.database.retry import DATABASE_ERRORS
from integrations.completeness.claim import AuditLost, Claim
from integrations.completeness.closing import close
from integrations.completeness.comparing import compare_part
from integrations.completeness.healing import heal_next
from integrations.errors import ConfigError, PlatformError, RateLimited, TransientError
from integrations.models import OrderAudit, SyncLog
from integrations.protocol import ListsOrders, TellsTime, Window
from integrations.sync.connection import connected
from platforms.models import Platform, Source

logger = logging.getLogger(__name__)

DEFAULT_DAYS, MOST_DAYS = 30, 730
LONGEST = timedelta(days=30)  # of one list
MARGIN = timedelta(minutes=2)  # lists end so long before the platform's time: clocks differ
POLLS = (15, 30, 60, 120, 300)  # seconds until a list is looked after again; the last one from then on
AT_ONCE, PAUSE = (
    30,
    60.0,
)  # orders that are fetched, and seconds until the next ones: what is granted for one order by its id
LONGEST_WAIT = timedelta(hours=24)  # for one list
MOST_TROUBLES = 20  # of one audit; it rests for a minute after the first, then longer
Stop = Callable[[], bool]


def request_audit(
    platform: Platform,
    *,
    days: int = DEFAULT_DAYS,
    trigger: str,
    user: User | None = None,
    now: datetime | None = None,
) -> tuple[OrderAudit, bool]:
    """The audit of the last so many days, today included, and whether it is new; or the one that is open."""
    now = (now or timezone.now()).astimezone(UTC)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    for _attempt in range(5):  # the open one may be closed between our insert and our look
        try:
            with transaction.atomic():
                audit = OrderAudit.objects.create(
                    platform=platform,
                    trigger=trigger,
                    requested_by=user,
                    open_key=str(platform.pk),
                    queued_at=now,
                    window_start=start,
                    window_end=now,
                )
        except IntegrityError:
            found = OrderAudit.objects.filter(open_key=str(platform.pk)).select_related("platform").first()
            if found is not None:
                return found, False
            continue
        return audit, True
    raise RuntimeError(f"Could neither open an audit of {platform.name} nor find the open one.")


def run_audit(audit_id: int, *, stopping: Stop = lambda: False) -> OrderAudit:
    """Work on it until it is closed, parked, or we are told to stop. Does nothing where it cannot be claimed now."""
    claim = Claim.take(audit_id)
    if claim is None:
        return OrderAudit.objects.select_related("platform").get(pk=audit_id)
    with suppress(AuditLost):  # somebody else works on it then
        _attempt(claim, stopping)
    return OrderAudit.objects.select_related("platform").get(pk=audit_id)


def _attempt(claim: Claim, stopping: Stop) -> None:
    try:
        _work(claim, stopping)
    except RateLimited as error:
        claim.park(error.retry_after)
    except TransientError as error:
        _rest(claim, error)
    except PlatformError as error:
        claim.fail(error)
    except (AuditLost, *DATABASE_ERRORS):
        raise
    except Exception:
        logger.exception("Audit %s of %s broke", claim.audit.pk, claim.audit.platform.name)
        text = "OMS itself made a mistake; its log has the details. What was fetched before is stored."
        claim.fail(PlatformError(text, code="internal"))
    except BaseException:
        claim.give_back()
        raise


def _work(claim: Claim, stopping: Stop) -> None:
    audit = claim.audit
    with _lists_of(audit.platform) as adapter:
        if not audit.parts:
            claim.save(parts=_parts(audit, adapter))
        for number in range(len(audit.parts)):  # all at once: the platform makes them side by side
            _ask(claim, adapter, number)
        for number in range(len(audit.parts)):
            if audit.parts[number]["is_compared"]:
                continue
            if stopping():
                claim.give_back()
                return
            document = _ready(claim, adapter, number)
            if document is None:
                return
            compare_part(claim, adapter, number, document)
    _heal(claim, stopping)


def _heal(claim: Claim, stopping: Stop) -> None:
    """Fetch what is amiss, some orders at a time: waiting for the quota of each one would hold a worker for hours."""
    before = claim.audit.api_calls
    while not stopping():
        if claim.audit.api_calls - before >= AT_ONCE:
            claim.park(PAUSE)
            return
        if not heal_next(claim):
            close(claim)
            return
    claim.give_back()


@contextmanager
def _lists_of(platform: Platform) -> Iterator[ListsOrders]:
    """Raises ConfigError where the platform makes no lists of orders, or what it says is no live data."""
    platform.encrypt_plain_config()
    if not platform.api_config:
        raise ConfigError("No credentials are stored for this platform, so there is nothing to compare with.")
    with connected(platform, SyncLog.Kind.ORDERS) as adapter:
        if not isinstance(adapter, ListsOrders) or adapter.source != Source.LIVE:
            raise ConfigError(f"Platform {platform.name} makes no lists of orders to compare with.")
        yield adapter


def _parts(audit: OrderAudit, adapter: ListsOrders) -> list[dict[str, Any]]:
    """The lists that are to be asked for: by creation for what is proven, by update for what changed."""
    offset = adapter.clock_offset() if isinstance(adapter, TellsTime) else timedelta(0)
    last = (timezone.now() + offset - MARGIN).astimezone(UTC).replace(microsecond=0)
    parts = []
    for by in ("created", "updated"):
        start = audit.window_start.astimezone(UTC)
        while start < last:
            end = min(start + LONGEST, last)
            span = {"by": by, "start": start.isoformat(), "end": end.isoformat()}
            sites = list(adapter.listed_sites)
            parts.append({**span, "sites": sites, "list": "", "polls": 0, "is_compared": False, "days": []})
            start = end
    return parts


def _ask(claim: Claim, adapter: ListsOrders, number: int) -> None:
    """Ask for this part's list, unless that is done."""
    part = claim.audit.parts[number]
    if part["list"]:
        return
    start, end = (datetime.fromisoformat(part[name]) for name in ("start", "end"))
    asked_at = timezone.now()
    list_id = adapter.request_order_list(Window(part["by"], start, end))
    claim.update_part(number, list=list_id, asked_at=asked_at.isoformat())
    claim.count_call()


def _ready(claim: Claim, adapter: ListsOrders, number: int) -> str | None:
    """What names the document of this part's list, "" where the list has no orders; None where it is not made yet, and
    the audit is parked. Raises PlatformError where the list cannot be had."""
    part = claim.audit.parts[number]
    state = adapter.order_list_state(part["list"])
    claim.count_call()
    if state.error is not None:
        raise state.error
    if state.is_over:
        return state.document
    if timezone.now() - datetime.fromisoformat(part["asked_at"]) > LONGEST_WAIT:
        raise PlatformError(
            f"The platform did not make list {part['list']} within a day.", code="list_not_made"
        )
    claim.update_part(number, polls=part["polls"] + 1)
    claim.park(POLLS[min(part["polls"], len(POLLS) - 1)])
    return None


def _rest(claim: Claim, error: TransientError) -> None:
    """Trouble on the way: go on later, unless it has been so for long."""
    troubles = 1 + sum(note["code"] == "trouble" for note in claim.audit.notes)
    if troubles > MOST_TROUBLES:
        claim.fail(error)
        return
    note = {"code": "trouble", "message": str(error)}
    claim.park(max(error.retry_after, min(60.0 * troubles, 900.0)), notes=[*claim.audit.notes, note])
