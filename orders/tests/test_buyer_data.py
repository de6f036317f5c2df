"""How long buyer data is kept, and that it is gone for good then: in time, on request, unless a legal hold keeps it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.db.models.signals import post_delete
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.models import AuditEntry
from feed.models import Change
from orders.erasing import OnHold, erase_of_email, erase_of_order, erase_of_platform, purge_buyers
from orders.models import BuyerDataEnd, LegalHold, Order, OrderBuyer
from orders.records import BuyerRecord, OrderRecord
from orders.services import upsert_orders
from platforms.models import Platform, Source

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
Clock = Callable[[datetime], None]


@pytest.fixture
def platform() -> Platform:
    Platform.objects.filter(name="amazon").update(include_pii=True)
    return Platform.objects.get(name="amazon")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the time."""

    def set_time(moment: datetime) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: moment)

    set_time(START)
    return set_time


def order(number: int = 1, updated: datetime = START, /, **changes: object) -> OrderRecord:
    buyer = BuyerRecord(name="Zoë Canary", email=f"Zoe{number % 2}@Canary.invalid")
    record = OrderRecord(
        external_id=f"902-{number:07d}-0000001",
        purchased_at=START,
        platform_updated_at=updated,
        items=(),
        status="unshipped",
        ship_by=START + DAY,
        deliver_by=START + 4 * DAY,
        buyer=buyer,
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def store(platform: Platform, *records: OrderRecord) -> None:
    upsert_orders(platform=platform, records=records, source=Source.LIVE)


def kept() -> list[str]:
    """The orders with buyer data."""
    return list(OrderBuyer.objects.order_by("pk").values_list("order__external_id", flat=True))


def told_of_buyers() -> int:
    """How often the change feed says that buyer data became different."""
    return Change.objects.filter(kind=Change.Kind.ORDER_UPDATED, field_names__contains="buyer").count()


@pytest.mark.parametrize("window", [{}, {"deliver_by": None}, {"deliver_by": None, "ship_by": None}])
def test_a_late_refund_does_not_bring_deleted_data_back(
    platform: Platform, at: Clock, window: dict[str, None]
) -> None:
    store(platform, order(**window))
    at(START + 60 * DAY)
    assert purge_buyers() == 1
    refunded = order(1, START + 60 * DAY, status="shipped", **window)
    store(platform, refunded)
    moved = replace(
        refunded, deliver_by=START + 80 * DAY, platform_updated_at=refunded.platform_updated_at + DAY
    )
    store(platform, moved)
    assert kept() == []


def test_a_cancelled_order_loses_its_buyer_at_once(platform: Platform) -> None:
    store(platform, order(1, purchased_at=datetime.now(UTC), deliver_by=None, ship_by=None))
    assert len(kept()) == 1
    now = datetime.now(UTC)
    cancelled = order(1, now, status="cancelled", purchased_at=now, deliver_by=None, ship_by=None)
    store(platform, cancelled, replace(cancelled, external_id="902-2"))
    assert (kept(), told_of_buyers()) == ([], 1)
    store(platform, replace(cancelled, status="shipped", platform_updated_at=now + DAY))
    assert kept() == []
    assert BuyerDataEnd.objects.get().why == "cancelled"


def test_data_of_cancelled_orders_that_was_kept_goes_with_the_daily_purge(
    platform: Platform, at: Clock
) -> None:
    store(platform, order(1), order(2))
    Order.objects.filter(external_id=order(1).external_id).update(status="cancelled")
    assert (purge_buyers(), purge_buyers()) == (1, 0)
    assert (kept(), told_of_buyers()) == ([order(2).external_id], 1)


def test_what_was_purged_before_a_crash_is_in_the_audit(
    platform: Platform, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(platform, order(1), order(2), order(3))
    Order.objects.update(status="cancelled")
    monkeypatch.setattr("orders.erasing.AT_ONCE", 2)
    last = Order.objects.latest("pk").pk

    def crash(instance: OrderBuyer, **_signal: object) -> None:
        if instance.pk == last:
            raise KeyboardInterrupt

    post_delete.connect(crash, sender=OrderBuyer)
    try:
        with pytest.raises(KeyboardInterrupt):
            purge_buyers()
    finally:
        post_delete.disconnect(crash, sender=OrderBuyer)
    assert OrderBuyer.objects.count() == 1
    (entry,) = AuditEntry.objects.filter(action="buyer_data.purged")
    assert entry.changes == {"orders": 2}


DAYS = st.one_of(st.none(), st.integers(-5, 90).map(lambda days: START + days * DAY))
STEPS = st.lists(
    st.one_of(
        st.integers(1, 25),  # so many days pass, and what is due is deleted
        st.fixed_dictionaries(
            {
                "deliver_by": DAYS,
                "ship_by": DAYS,
                "status": st.sampled_from(["unshipped", "shipped", "cancelled"]),
            }
        ),
    ),
    min_size=3,
    max_size=9,
)


@settings(max_examples=25, derandomize=True, database=None, deadline=None)
@given(steps=STEPS)
def law_of_the_clock(steps: list[int | dict[str, object]], platform: Platform, at: Clock) -> None:
    """Whatever the platform sends: the day of deletion only comes nearer, and what is over is over."""
    Order.objects.all().delete()
    now, last, is_over = START, None, False
    store(platform, order(1, START))
    for step in steps:
        now += timedelta(days=step) if isinstance(step, int) else timedelta(minutes=1)
        at(now)
        if isinstance(step, int):
            purge_buyers()
        else:
            store(platform, order(1, now, **step))
        day = OrderBuyer.objects.values_list("purge_after", flat=True).first()
        assert not (is_over and day), "it was stored anew"
        assert day is None or last is None or day <= last, "it moved to a later day"
        assert day is None or not isinstance(step, int) or day > now, "it was kept for too long"
        last, is_over = day or last, day is None and BuyerDataEnd.objects.exists()


def test_the_clock_of_buyer_data_only_runs_on(platform: Platform, at: Clock) -> None:
    law_of_the_clock(platform=platform, at=at)


def test_the_data_of_one_order_is_erased_once_for_all(platform: Platform, at: Clock) -> None:
    store(platform, order(1), order(2))
    first, second = Order.objects.order_by("pk")
    receipt = erase_of_order(first)
    assert (receipt.orders, kept()) == ([("amazon", first.external_id)], [second.external_id])
    assert erase_of_order(first).orders == []
    store(platform, order(1, START + DAY, status="shipped"))
    assert (kept(), told_of_buyers()) == ([second.external_id], 1)
    entries = AuditEntry.objects.filter(action="buyer_data.erased", object_id=str(first.pk)).order_by("pk")
    assert [entry.changes["orders"] for entry in entries] == [1, 0]
    assert entries[0].changes["receipt"] == receipt.number


def test_all_orders_of_an_address_are_found_without_the_address(
    platform: Platform, at: Clock, settings: pytest.FixtureRequest
) -> None:
    store(platform, *map(order, range(1, 5)))
    keys = settings.FIELD_ENCRYPTION_KEY  # type: ignore[attr-defined]
    new = "w0Z3bW1rV2hxZ3R5dWlvcGFzZGZnaGprbHp4Y3Zibm0="
    settings.FIELD_ENCRYPTION_KEY = [new, *keys]  # type: ignore[attr-defined]
    receipt = erase_of_email("  zoe1@CANARY.invalid ")
    assert [name for _platform, name in receipt.orders] == [order(1).external_id, order(3).external_id]
    assert erase_of_email("zoe1@canary.invalid").orders == []
    assert len(kept()) == 2
    said = [str(entry.changes) for entry in AuditEntry.objects.filter(action="buyer_data.erased")]
    assert len(said) == 2
    assert "canary" not in "".join(said).casefold()


def test_a_legal_hold_keeps_what_it_names_until_it_ends(platform: Platform, at: Clock) -> None:
    store(platform, order(1), order(2), order(3))
    held = Order.objects.order_by("pk")[0]
    LegalHold.objects.create(platform=platform, order=held, reason="case 7", until=START + 90 * DAY)
    with pytest.raises(OnHold, match="a legal hold keeps"):
        erase_of_order(held)
    store(platform, order(1, START + DAY, status="cancelled"))
    receipt = erase_of_platform(platform)
    assert (len(receipt.orders), receipt.held) == (2, [("amazon", held.external_id)])
    at(START + 89 * DAY)
    assert (purge_buyers(), kept()) == (0, [held.external_id])
    at(START + 91 * DAY)
    assert (purge_buyers(), kept()) == (1, [])
    LegalHold.objects.create(platform=platform, reason="audit", until=START + 99 * DAY)
    with pytest.raises(OnHold):
        erase_of_order(Order.objects.order_by("pk")[1])


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a PRAGMA of SQLite")
def test_sqlite_overwrites_what_is_deleted() -> None:
    assert "PRAGMA secure_delete=ON" in connection.settings_dict["OPTIONS"]["init_command"]
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_migrating_brings_forward_what_was_kept_for_too_long(platform: Platform, at: Clock) -> None:
    store(platform, order(1, START, deliver_by=None), order(2))
    due = list(OrderBuyer.objects.order_by("pk").values_list("purge_after", flat=True))
    late, digests = START + 90 * DAY, list(OrderBuyer.objects.order_by("pk").values_list("email_digest"))
    OrderBuyer.objects.update(purge_after=late, email_digest=None)
    editor = SimpleNamespace(connection=connection)
    import_module("orders.migrations.0012_when_stored_buyer_data_ends").fill(apps, editor)
    rows = OrderBuyer.objects.order_by("pk")
    assert list(rows.values_list("purge_after", flat=True)) == due
    assert list(rows.values_list("email_digest")) == digests
