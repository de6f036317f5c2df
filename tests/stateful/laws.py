"""What must hold after every step: nothing invented, nothing lost behind the watermark, no run without a reason."""

from collections.abc import Collection, Mapping
from typing import Any

from integrations.models import StreamState, SyncFailure, SyncLog
from integrations.tests.comparing import explained
from integrations.tests.syncing import ORDERS, stored_orders, stored_stock
from inventory.models import InventoryItem
from inventory.services import QUANTITIES
from orders.models import Order, OrderBuyer, OrderItem
from platforms.models import Platform
from stateful.amazon import Amazon

Json = dict[str, Any]
# What an order and its lines have from each data set.
OF_DATA_SETS = {
    "FULFILLMENT": {"status", "platform_status", "fulfilled_by", "service_level", "ship_by", "deliver_by"}
    | {"quantity_shipped", "quantity_left"},
    "PROCEEDS": {"total", "tax", "currency", "shipping", "discount", "item_subtotal", "other_charges"}
    | {"item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax"},
    "CANCELLATION": {"buyer_requested_cancellation"},
    "PACKAGES": {"packages"},
    "TAX": {"invoice_status", "tax_model", "tax_responsible_party", "tax_scheme"},
}
NOTHING: tuple[Any, ...] = (None, "", "unknown", False, [])


def nothing_is_invented(amazon: Amazon, platform: Platform, refused: Collection[str]) -> None:
    """Each order and each row of stock is, in all its fields, one that Amazon showed at some time; none is doubled.

    A field of a data set that was `refused` meanwhile may be of another time, or nothing.
    """
    stored = stored_orders(platform)
    for external_id, order in stored.items():
        versions = amazon.orders[external_id]
        version = versions.get(order["platform_updated_at"])
        assert _is_like(order, version, versions.values(), refused), f"{external_id} was never like that"
    assert Order.objects.count() == len(stored)
    assert OrderItem.objects.count() == sum(len(order["items"]) for order in stored.values())

    gone = set(InventoryItem.objects.exclude(gone_at=None).values_list("marketplace_id", "sku", "fnsku"))
    rows = stored_stock(platform)
    for key, row in rows.items():
        if key in gone:
            assert key in amazon.once_unlisted, f"{key} was listed all the time"
            assert not any(row[name] for name in QUANTITIES)
        else:
            assert row in amazon.stock[key], f"{key} was never like that"
    assert InventoryItem.objects.count() == len(rows)


def watermark_is_not_ahead(
    amazon: Amazon, platform: Platform, complete_since: Mapping[str, int], refused: Collection[str]
) -> None:
    """What Amazon showed before the run began that moved the watermark, and is not younger than it, is stored in its
    latest version, or is an open failure with its name.

    Each marketplace has a watermark of its own. `complete_since`: how many changes there had been when the run began
    that last read it. What became visible hours late is for a look-back to find.
    """
    state = StreamState.of(platform, ORDERS)
    if state.watermark is None:
        return
    stored = stored_orders(platform)
    failures = SyncFailure.objects.open().filter(platform=platform, kind=ORDERS)
    named = set(failures.values_list("external_id", flat=True))
    for external_id, order in amazon.current.items():
        was_there = amazon.seen_since[external_id] <= complete_since[order["marketplace_id"]]
        watermark = state.watermark_of(order["marketplace_id"])
        is_passed = watermark is not None and order["platform_updated_at"] <= watermark
        if was_there and is_passed and external_id not in named | amazon.late:
            versions = amazon.orders[external_id].values()
            found = stored.get(external_id, {})
            assert _is_like(found, order, versions, refused), f"the watermark has passed {external_id}"


def _is_like(order: Json, wanted: Json | None, versions: Collection[Json], refused: Collection[str]) -> bool:
    """Whether the order, with its lines, is the wanted version; fields of refused data sets may be of any version."""
    if wanted is None or not refused or not order:
        return order == wanted
    lines = {line["external_id"]: line for line in wanted["items"]}
    if [line["external_id"] for line in order["items"]] != list(lines):
        return False
    loose = set().union(*(OF_DATA_SETS.get(name, set()) for name in refused))  # buyer data is in no order
    others = [{line["external_id"]: line for line in version["items"]} for version in versions]
    return _has_fields(order, wanted, versions, loose | {"items"}) and all(
        _has_fields(line, lines[key], [known[key] for known in others if key in known], loose)
        for line in order["items"]
        for key in [line["external_id"]]
    )


def _has_fields(row: Json, wanted: Json, versions: Collection[Json], loose: Collection[str]) -> bool:
    return all(
        row[name] == value
        or (
            name in loose and (name == "items" or row[name] in (*NOTHING, *(each[name] for each in versions)))
        )
        for name, value in wanted.items()
    )


def every_run_explains_itself(database_failed: bool) -> None:
    """Each row says how it ended; its counts add up; what it failed to store is listed by name, or as it came."""
    for log in SyncLog.objects.select_related("platform"):
        explained(log, database_failed=database_failed)
        counted = log.created + log.updated + log.unchanged + log.failed
        assert log.fetched == counted, f"{log} fetched {log.fetched} and accounts for {counted}"
        failures = list(log.failures.values_list("external_id", "error_message", "payload"))
        assert len(failures) == log.failed
        assert all((name or payload) and message for name, message, payload in failures)


def buyer_data_that_ended_stays_away() -> None:
    ended = OrderBuyer.objects.filter(order__buyer_data_end__isnull=False)
    assert not ended.exists(), "buyer data was stored anew after it had been deleted for good"
