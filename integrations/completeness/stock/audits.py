"""An audit of stock from the request to its end: lists are asked for, waited for, compared; what is amiss is asked for
by SKU.

request_stock_audit   opens one, or returns the one that is open
run_stock_audit       works on it until it is closed, or parked

A platform may make a list of a marketplace's stock only so often, whoever asks: a list that another program had made
is used, and one that was refused is asked for again later. Each marketplace is on its own: what cannot be had of
one does not hold up the others.

A part is {"site", "swept_at", "list", "asked_at", "is_ours", "polls", "tries", "again_at", "is_compared", "listings",
"unread", "error": {"code", "message"} | None}.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from integrations.completeness.audits import Stop
from integrations.completeness.claim import JobLost, attempt
from integrations.completeness.healing import NOT_OF_ONE
from integrations.completeness.lists import LONGEST_WAIT, POLLS, earlier_lists, moment_in, seconds_until
from integrations.completeness.opening import open_or_find
from integrations.completeness.stock.claim import StockClaim
from integrations.completeness.stock.closing import close
from integrations.completeness.stock.comparing import compare_site
from integrations.completeness.stock.healing import heal_some
from integrations.completeness.stock.stored import has_listed, swept_at
from integrations.errors import AuthorizationError, ConfigError, PlatformError
from integrations.models import StockAudit, SyncLog
from integrations.protocol import ListKind, ListsStock, Meter
from integrations.sync.connection import connected
from platforms.models import Platform, Source

MARGIN = timedelta(minutes=1)  # beyond the platform's own distance between two lists
MOST_TRIES = 3  # lists of a marketplace, in one audit
Part = dict[str, Any]


def request_stock_audit(
    platform: Platform, *, trigger: str, user: User | None = None, now: datetime | None = None
) -> tuple[StockAudit, bool]:
    """An audit of the stock as it is, and whether it is new; or the one that is open."""
    queued_at = now or timezone.now()
    return open_or_find(StockAudit, platform, trigger=trigger, requested_by=user, queued_at=queued_at)


def run_stock_audit(audit_id: int, *, stopping: Stop = lambda: False) -> StockAudit:
    """Work on it until it is closed, parked, or we are told to stop. Does nothing where it cannot be claimed now."""
    claim = StockClaim.take(audit_id)
    if claim is not None:
        with suppress(JobLost):  # somebody else works on it then
            attempt(claim, lambda: _work(claim, stopping))
    return StockAudit.objects.select_related("platform").get(pk=audit_id)


def _work(claim: StockClaim, stopping: Stop) -> None:
    with _lists_of(claim.audit.platform, claim.tally) as adapter:
        if not claim.audit.parts:
            claim.save(parts=[_part(claim.audit.platform, site) for site in adapter.listed_sites])
        _ask(claim, adapter)
        waits = []
        for number in range(len(claim.audit.parts)):
            if stopping():
                claim.give_back()
                return
            waits += _advance(claim, adapter, number)
        while heal_some(claim, adapter):
            if stopping():
                claim.give_back()
                return
        if waits:
            claim.park(min(waits))
        else:
            close(claim)


@contextmanager
def _lists_of(platform: Platform, told: Meter) -> Iterator[ListsStock]:
    """Raises ConfigError where the platform makes no lists of stock, or what it says is no live data."""
    platform.encrypt_plain_config()
    if not platform.api_config:
        raise ConfigError("No credentials are stored for this platform, so there is nothing to compare with.")
    with connected(platform, SyncLog.Kind.INVENTORY, told=told) as adapter:
        if not isinstance(adapter, ListsStock) or adapter.source != Source.LIVE:
            raise ConfigError(f"Platform {platform.name} makes no lists of stock to compare with.")
        yield adapter


def _part(platform: Platform, site: str) -> Part:
    swept = swept_at(platform, site)
    text = "The stock of this marketplace was never read completely, so there is nothing to compare."
    return {
        "site": site,
        "swept_at": None if swept is None else swept.isoformat(),
        "list": "",
        "asked_at": "",
        "is_ours": False,
        "polls": 0,
        "tries": 0,
        "again_at": "",
        "is_compared": False,
        "listings": 0,
        "unread": 0,
        "error": {"code": "never_read", "message": text} if swept is None else None,
    }


def _is_settled(part: Part) -> bool:
    return part["is_compared"] or part["error"] is not None


def _ask(claim: StockClaim, adapter: ListsStock) -> None:
    """Find a list for each marketplace whose time has come: one that was made shortly before, or a new one."""
    wanting = [
        number
        for number, part in enumerate(claim.audit.parts)
        if not _is_settled(part) and not part["list"] and not seconds_until(part["again_at"])
    ]
    if not wanting:
        return
    # So young that no newer one would be made.
    earlier = earlier_lists(adapter, [ListKind.STOCK], timezone.now() - adapter.stock_list_pause)
    for number in wanting:
        site = claim.audit.parts[number]["site"]
        found = next((each for each in earlier if each.sites == {site}), None)
        if found is not None:
            asked_at = found.created_at.isoformat()
            claim.update_part(number, list=found.list_id, asked_at=asked_at, is_ours=False, polls=0)
            continue
        asked_at = timezone.now().isoformat()
        with _of_one_site(claim, number):
            claim.update_part(
                number, list=adapter.request_stock_list(site), asked_at=asked_at, is_ours=True, polls=0
            )


def _advance(claim: StockClaim, adapter: ListsStock, number: int) -> list[float]:
    """Compare the list of this marketplace if it is made; otherwise the seconds until it is looked after again."""
    part = claim.audit.parts[number]
    if _is_settled(part):
        return []
    if not part["list"]:
        return [seconds_until(part["again_at"])]
    with _of_one_site(claim, number):
        state = adapter.stock_list_state(part["list"])
        if not state.is_over:
            return [_poll(claim, number)]
        is_refused = state.error is not None or not state.document
        if is_refused and (state.error or has_listed(claim.audit.platform, part["site"])):
            return [_ask_again(claim, adapter, number, state.error)]
        compare_site(claim, adapter, number, state.document)
    return []


def _poll(claim: StockClaim, number: int) -> float:
    part = claim.audit.parts[number]
    if timezone.now() - datetime.fromisoformat(part["asked_at"]) > LONGEST_WAIT:
        raise PlatformError(
            f"The platform did not make list {part['list']} within a day.", code="list_not_made"
        )
    claim.update_part(number, polls=part["polls"] + 1)
    return float(POLLS[min(part["polls"], len(POLLS) - 1)])


def _ask_again(claim: StockClaim, adapter: ListsStock, number: int, error: PlatformError | None) -> float:
    """A list that was refused, or has nothing although there is stock: later there may be one. That of another program
    costs no try. Raises PlatformError after the last one."""
    part = claim.audit.parts[number]
    tries = part["tries"] + part["is_ours"]
    if tries >= MOST_TRIES:
        raise error or PlatformError(
            f"List {part['list']} is said to have no stock, and stock of that marketplace is stored here. It is not "
            "believed: nothing was compared with it.",
            code="list_not_believed",
        )
    wait = (adapter.stock_list_pause + MARGIN).total_seconds() if part["is_ours"] else 1.0
    again_at = moment_in(wait)
    claim.update_part(number, list="", tries=tries, again_at=again_at)
    return wait


@contextmanager
def _of_one_site(claim: StockClaim, number: int) -> Iterator[None]:
    """What a platform says of one marketplace costs only that one; what is about the account or the moment does not."""
    try:
        yield
    except AuthorizationError as error:
        problem: PlatformError = error
    except NOT_OF_ONE:
        raise
    except PlatformError as error:
        problem = error
    else:
        return
    claim.update_part(number, error={"code": problem.code, "message": str(problem)})
