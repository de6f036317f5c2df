"""What a plan goes by (planner.py), of a platform and a window: its quotas as they stand, what regular syncs need, and
how many orders there may be."""

from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone

from integrations.channel import Listing, ListOperations
from integrations.completeness.lists import LONGEST, POLLS
from integrations.completeness.planner import Facts, Lists
from integrations.completeness.token_math import Bucket, Regular
from integrations.errors import ConfigError
from integrations.models import ApiQuota, OrderAudit, StreamState, SyncLog
from integrations.protocol import Window
from integrations.quota.same_account import others_of
from integrations.quota.token_bucket import kept_back, standing
from integrations.registry import CHANNELS
from integrations.schedule.due import dues_of
from integrations.sync.estimates import COMPLETE, RECENT, guess_orders, records_of_a_page, stored_in
from integrations.sync.lanes import LEFT_BY_LOOK_BACKS
from integrations.sync.streams.states import attach_states, interval_of
from platforms.models import Platform, Source

ORDERS = SyncLog.Kind.ORDERS
ASSUMED = 300.0  # seconds until a list is made, where none was made yet: platforms name no time
LISTS_LOOKED_AT = 5  # audits that tell how long lists take


def facts_of(
    platform: Platform,
    window: Window,
    *,
    orders: int | None = None,
    known: int = 0,
    full: int | None = None,
    is_listed: bool = False,
    now: datetime | None = None,
) -> Facts | None:
    """The facts for a plan; None where the channel has no operations for it, or the credentials name no account.

    `orders`, `known`, `full`, `is_listed`: as in Facts. What is not given is estimated: `orders` by what is stored and
    by earlier syncs, `full` as what is stored of the window and not `known`. Makes no call; changes nothing.
    """
    now = now or timezone.now()
    channel = CHANNELS.get(platform.kind)
    operations = channel.order_operations if channel else None
    if channel is None or operations is None or platform.config_problem or not platform.api_config:
        return None
    try:
        account = channel.account_key(platform.api_config)
    except ConfigError:
        return None
    rows = {row.operation: row for row in ApiQuota.objects.filter(account_key=account)}
    wanted = SyncLog(platform=platform, kind=ORDERS, window_by=window.by)
    wanted.window_start, wanted.window_end = window.start, window.end
    due = dues_of(platform)[ORDERS].at
    watermark = StreamState.of(platform, ORDERS).watermark
    return Facts(
        span=window.end - window.start,
        orders=guess_orders(wanted, Source.LIVE) if orders is None else orders,
        known=known,
        full=_stored_in_full(platform, window, known) if full is None else full,
        is_listed=is_listed,
        page=_bucket(
            operations.page, rows, now, keep=LEFT_BY_LOOK_BACKS, regular=_regular(platform, due, now)
        ),
        single=_bucket(operations.single, rows, now, keep=LEFT_BY_LOOK_BACKS),
        lists=None if operations.lists is None else _lists(platform, operations.lists, rows, now),
        page_size=_page_size(platform, operations.page_size),
        next_regular=None if due is None else max(0.0, (due - now).total_seconds()),
        is_ahead=watermark is not None and window.start >= watermark,
    )


def _stored_in_full(platform: Platform, window: Window, known: int) -> int:
    """How many of the window are stored with all their details, as far as that can be told."""
    stored = stored_in(platform.pk, Source.LIVE, window.by, window.start, window.end).count()
    return max(0, stored - known)


def _bucket(
    listing: Listing,
    rows: Mapping[str, ApiQuota],
    now: datetime,
    *,
    keep: float = 0.0,
    regular: Regular | None = None,
) -> Bucket:
    """As the wallet knows it; as it is published, and full, where it does not."""
    row = rows.get(listing.operation)
    if (
        row is None or row.rate <= 0 or row.burst < 1
    ):  # somebody closed it by hand: for how long, nobody knows
        quota = listing.quota
        row = ApiQuota(rate=quota.rate, burst=quota.burst, tokens=quota.burst, updated_at=now)
    standing(row, now)  # refills it
    tokens = min(row.tokens, float(row.burst))
    return Bucket(listing.operation, row.rate, row.burst, tokens, kept_back(row, keep), regular)


def _lists(
    platform: Platform, operations: ListOperations, rows: Mapping[str, ApiQuota], now: datetime
) -> Lists:
    return Lists(
        request=_bucket(operations.request, rows, now),
        state=_bucket(operations.state, rows, now),
        document=_bucket(operations.document, rows, now),
        longest=LONGEST,
        takes=_seconds_of_a_list(platform),
        looks=tuple(map(float, POLLS)),
    )


def _seconds_of_a_list(platform: Platform) -> float:
    """The longest that a list of the last audits took, as far as looks told."""
    audits = OrderAudit.objects.filter(
        platform=platform, status__in=(OrderAudit.Status.SUCCEEDED, OrderAudit.Status.PARTIAL)
    )
    looked = [
        part["polls"]
        for parts in audits.order_by("-pk").values_list("parts", flat=True)[:LISTS_LOOKED_AT]
        for part in parts
    ]
    if not looked:
        return ASSUMED
    most = max(looked)
    return float(sum(POLLS[:most]) + max(0, most - len(POLLS)) * POLLS[-1])


def _page_size(platform: Platform, most: int) -> int:
    """How many orders pages have had; a page that is not full is the last one of its window."""
    created = SyncLog(platform=platform, kind=ORDERS, window_by=SyncLog.WindowBy.CREATED)
    return max(1, min(most, int(records_of_a_page(created, Source.LIVE))))


def _regular(platform: Platform, due: datetime | None, now: datetime) -> Regular | None:
    """What the regular syncs of all platforms of this account need; those of the others are spread over the intervals
    of the most frequent ones. None where there are none."""
    names = [platform.name, *others_of(platform)]
    needs = []
    for one in Platform.objects.filter(name__in=names, is_active=True):
        attach_states(one)
        if minutes := interval_of(one, ORDERS):
            needs.append((minutes * 60.0, _pages_of_a_run(one)))
    if not needs:
        return None
    every = min(seconds for seconds, _pages in needs)
    calls = sum(pages * every / seconds for seconds, pages in needs)
    first = 0.0 if due is None else max(0.0, (due - now).total_seconds())
    return Regular(calls, every, min(first, every))


def _pages_of_a_run(platform: Platform) -> float:
    """The usual number of pages of a regular sync; one at least."""
    runs = SyncLog.objects.filter(
        platform=platform, kind=ORDERS, source=Source.LIVE, status__in=COMPLETE, is_incremental=True
    )
    pages = list(runs.order_by("-pk").values_list("pages", flat=True)[:RECENT])
    return max(1.0, sum(pages) / len(pages)) if pages else 1.0
