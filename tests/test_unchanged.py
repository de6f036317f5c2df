"""What has not changed stays `unchanged`, whatever became of keys and releases since it was stored."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command

from integrations.models import SyncLog
from integrations.sync.windows import WindowRequest
from integrations.tests.syncing import (
    INVENTORY,
    no_writes,
    platform_of,
    stored_orders,
    sync,
)
from inventory.models import InventoryItem
from orders.models import Order, OrderBuyer, OrderChange, OrderItem
from platforms.models import Platform
from simulator import Simulator

pytestmark = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]


def with_buyers(sim: Simulator) -> tuple[Platform, SyncLog]:
    """The platform after its first sync of 30 orders, those of their buyers included whose time is not over."""
    platform = platform_of(sim)
    platform.include_pii = True
    platform.save()
    first = sync(platform)
    assert first.created == 30
    assert OrderBuyer.objects.count() > 5
    return platform, first


def again(platform: Platform, first: SyncLog) -> tuple[int, int, int]:
    """The same window once more: created, updated, unchanged."""
    log = sync(platform, window=WindowRequest("updated", first.window_start, first.window_end))
    assert log.status == SyncLog.Status.SUCCEEDED
    return log.created, log.updated, log.unchanged


def contents() -> list[list[dict[str, Any]]]:
    """Every row of orders, lines, and buyers, decrypted; without what is made again in silence where a key is another:
    the hash, and the digest of the e-mail."""
    orders: list[dict[str, Any]] = [
        {**row, "content_hash": ""} for row in Order.objects.order_by("pk").values()
    ]
    items: list[Any] = list(OrderItem.objects.order_by("pk").values())
    buyers: list[Any] = [{**row, "email_digest": ""} for row in OrderBuyer.objects.order_by("pk").values()]
    return [orders, items, buyers]


def hashes() -> dict[int, str]:
    return dict(Order.objects.values_list("pk", "content_hash"))


def test_it_changes_no_order_when_the_encryption_key_is_rotated(
    start_simulator: StartSimulator, settings: Any
) -> None:
    platform, first = with_buyers(start_simulator())
    before, hashed = contents(), hashes()
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEY]
    assert again(platform, first) == (0, 0, 30)
    assert contents() == before
    assert not OrderChange.objects.exists()
    others = {pk for pk, content_hash in hashes().items() if content_hash != hashed[pk]}
    assert others >= set(OrderBuyer.objects.values_list("pk", flat=True))
    with no_writes():  # the hashes are those of the new key now
        assert again(platform, first) == (0, 0, 30)


def test_it_changes_no_order_after_the_old_key_is_gone(
    start_simulator: StartSimulator, settings: Any
) -> None:
    platform, first = with_buyers(start_simulator())
    before = contents()
    new = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEY = [new, *settings.FIELD_ENCRYPTION_KEY]
    call_command("reencrypt")
    settings.FIELD_ENCRYPTION_KEY = [new]
    platform.refresh_from_db()
    assert again(platform, first) == (0, 0, 30)
    assert contents() == before
    assert not OrderChange.objects.exists()


def test_it_keeps_buyer_data_whose_key_was_taken_away_too_early(
    start_simulator: StartSimulator, settings: Any
) -> None:
    """Somebody replaces the key instead of putting one in front, enters the credentials again, and then notices."""
    sim = start_simulator()
    _platform, first = with_buyers(sim)
    before, keys = contents(), settings.FIELD_ENCRYPTION_KEY
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode()]
    assert again(platform_of(sim), first) == (0, 0, 30)
    settings.FIELD_ENCRYPTION_KEY = keys
    assert contents() == before


def test_it_hashes_what_is_not_personal_without_any_key(
    start_simulator: StartSimulator, settings: Any
) -> None:
    sim = start_simulator()
    platform = platform_of(sim)
    first, stock = sync(platform), sync(platform, INVENTORY)
    settings.SECRET_KEY = "another one, as after a restore on another machine 0123456789"
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEY]
    with no_writes():
        assert again(platform, first) == (0, 0, 30)
        log = sync(platform, INVENTORY)
    assert (log.updated, log.unchanged) == (0, stock.created)


def test_it_writes_nothing_after_another_secret_key(start_simulator: StartSimulator, settings: Any) -> None:
    platform, first = with_buyers(start_simulator())
    settings.SECRET_KEY = "another one, as after a restore on another machine 0123456789"
    with no_writes():
        assert again(platform, first) == (0, 0, 30)


def test_it_changes_nothing_in_a_database_that_an_earlier_release_filled(
    start_simulator: StartSimulator, settings: Any
) -> None:
    """Whose hashes had SECRET_KEY for their key, and for stock the text of Python's values."""
    sim = start_simulator()
    platform, first = with_buyers(sim)
    stock = sync(platform, INVENTORY)
    before, shelf = contents(), list(InventoryItem.objects.order_by("pk").values())
    for order in Order.objects.prefetch_related("items"):
        old = hashlib.blake2b(digest_size=32, key=settings.SECRET_KEY.encode()[:64])
        old.update(json.dumps([order.external_id, order.payload]).encode())
        Order.objects.filter(pk=order.pk).update(content_hash=old.hexdigest())
    for row in InventoryItem.objects.all():
        old = hashlib.blake2b(repr((row.sku, row.available)).encode(), digest_size=32)
        InventoryItem.objects.filter(pk=row.pk).update(content_hash=old.hexdigest())
    assert again(platform, first) == (0, 0, 30)
    log = sync(platform, INVENTORY)
    assert (log.created, log.updated, log.unchanged) == (0, 0, stock.created)
    assert contents() == before
    assert not OrderChange.objects.exists()
    kept = [{**row, "content_hash": ""} for row in shelf]
    assert [{**row, "content_hash": ""} for row in InventoryItem.objects.order_by("pk").values()] == kept
    with no_writes():
        assert again(platform, first) == (0, 0, 30)
        assert sync(platform, INVENTORY).unchanged == stock.created


def test_it_changes_only_orders_for_which_a_new_field_brings_news(start_simulator: StartSimulator) -> None:
    """As a release leaves the table that adds a column: its default everywhere, and hashes without the field."""
    sim = start_simulator()
    platform = platform_of(sim)
    first = sync(platform)
    truth = stored_orders(platform)
    with_news = set(Order.objects.exclude(replaced_order_id="").values_list("external_id", flat=True))
    assert 0 < len(with_news) < 30
    Order.objects.update(replaced_order_id="", content_hash="0" * 64)
    assert again(platform, first) == (0, len(with_news), 30 - len(with_news))
    assert stored_orders(platform) == truth
    changes = OrderChange.objects.select_related("order")
    assert {change.order.external_id for change in changes} == with_news
    assert {tuple(each[0] for each in change.changes) for change in changes} == {("replaced_order_id",)}


@pytest.mark.parametrize("part", ["order", "line", "vanished line", "payload", "buyer"])
def test_it_repairs_what_differs_whatever_the_hash_says(start_simulator: StartSimulator, part: str) -> None:
    """Where the hash differs, each stored value counts: those of the order, its lines, its payload, its buyer."""
    platform, first = with_buyers(start_simulator())
    order = Order.objects.filter(buyer__isnull=False, items__isnull=False).first()
    assert order is not None
    before = contents()
    if part == "order":
        Order.objects.filter(pk=order.pk).update(service_level="Other")
    elif part == "line":
        order.items.update(title="Another title")
    elif part == "vanished line":
        OrderItem.objects.create(order=order, external_id="not Amazon's")
    elif part == "payload":
        Order.objects.filter(pk=order.pk).update(payload={"orderId": order.external_id})
    else:
        buyer = OrderBuyer.objects.get(pk=order.pk)
        buyer.data = {**buyer.data, "name": "Somebody Else"}
        buyer.save()
    Order.objects.update(content_hash="0" * 64)
    assert again(platform, first) == (0, 1, 29)
    assert OrderChange.objects.get().order_id == order.pk
    synced = Order.objects.get(pk=order.pk).synced_at
    for row in before[0]:
        if row["id"] == order.pk:
            row["synced_at"] = synced
    assert contents() == before
