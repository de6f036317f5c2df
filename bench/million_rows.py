"""Demo shops with everything but orders: stock, syncs, failures, API calls; as rows for the database driver."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

DAYS = 400
NOW = datetime.now(UTC).replace(microsecond=0)
SYNC_DAYS = 60
USAGE_HOURS = 24 * 14
FAILURES = 240

STOCK = (
    "platform", "marketplace_id", "sku", "asin", "fnsku", "title", "condition", "total", "available", "reserved",
    "inbound", "unfulfillable", "researching", "source", "platform_updated_at", "content_hash", "synced_at", "gone_at",
)  # fmt: skip
SYNC = (
    "platform", "kind", "trigger", "status", "source", "is_incremental", "window_by", "window_start", "window_end",
    "skus", "fetched", "created", "updated", "unchanged", "failed", "pages", "api_calls", "throttled", "error_code",
    "error_message", "request_id", "notes", "queued_at", "started_at", "finished_at", "resume_at", "open_key",
    "cancel_requested", "credentials_digest", "lease_token", "checkpoint",
)  # fmt: skip
FAILURE = (
    "log", "platform", "kind", "external_id", "error_code", "error_message", "payload", "created_at", "resolved_at",
    "resolution",
)  # fmt: skip
USAGE = ("platform", "operation", "hour", "calls", "throttled", "errors", "seconds")

ADJECTIVES = ("Steel", "Oak", "Cotton", "Bamboo", "Glass", "Wool", "Copper", "Ceramic", "Linen", "Slate")
THINGS = (
    "water bottle",
    "desk lamp",
    "towel",
    "cutting board",
    "storage jar",
    "blanket",
    "kettle",
    "mug",
    "apron",
)
COLOURS = ("blue", "green", "grey", "black", "white", "red", "natural")
OUTAGE = (
    "unavailable",
    "Amazon did not answer in time, 4 times in a row. What was read before is stored; the next sync goes on there.",
)
OPERATIONS = {"searchOrders": 18, "getInventorySummaries": 60, "token": 2}


@dataclass(frozen=True, slots=True)
class Shop:
    pk: int
    name: str
    currency: str
    marketplaces: tuple[str, ...]
    share: int  # of all orders, in per cent
    position: int
    shops: int


SHOPS = (
    ("demo-us", "USD", ("ATVPDKIKX0DER",), 46),
    ("demo-de", "EUR", ("A1PA6795UKMFR9", "A13V1IB3VIYZZH"), 24),
    ("demo-uk", "GBP", ("A1F83G8C2ARO7P",), 15),
    ("demo-jp", "JPY", ("A1VC38T7YXB528",), 9),
    ("demo-ca", "CAD", ("A2EUQ1WTGCTBG2",), 6),
)


def open_shops() -> list[Shop]:
    """The platforms, with credentials that nobody accepts and without a schedule."""
    from integrations.models import StreamState
    from platforms.models import Platform

    shops = []
    for position, (name, currency, marketplaces, share) in enumerate(SHOPS):
        config = {
            "client_id": f"amzn1.application-oa2-client.{name}",
            "client_secret": "made-up",
            "refresh_token": "made-up",
            "marketplace_id": marketplaces[0],
        }
        platform, _is_new = Platform.objects.update_or_create(name=name, defaults={"api_config": config})
        until = NOW - timedelta(minutes=7 + position)
        StreamState.write(platform.pk, "orders", interval_minutes=0, watermark=until)
        StreamState.write(platform.pk, "inventory", interval_minutes=0)
        shops.append(Shop(platform.pk, name, currency, marketplaces, share, position, len(SHOPS)))
    return shops


def moment(value: datetime) -> str:
    """A time as every driver takes it: SQLite and MySQL keep UTC without a zone."""
    from django.db import connection

    return str(value) if connection.features.supports_timezones else str(value.replace(tzinfo=None))


def sku(index: int) -> str:
    return f"DEMO-{index:06d}"


def asin(index: int) -> str:
    return f"B0{index:08d}"


def title(index: int) -> str:
    adjective, thing = ADJECTIVES[index % len(ADJECTIVES)], THINGS[index // 10 % len(THINGS)]
    return f"{adjective} {thing}, {COLOURS[index // 90 % len(COLOURS)]}, no. {index}"


def stock(shops: Sequence[Shop], skus: int) -> Iterator[Sequence[Any]]:
    """A row for each SKU, in the first marketplace of the shop that sells it."""
    chance = random.Random(1)
    now = moment(NOW - timedelta(minutes=20))
    for index in range(skus):
        shop = shops[index % len(shops)]
        draw = chance.random()
        available = 0 if draw < 0.012 else int(chance.random() ** 2 * 400) + 1
        reserved, inbound = int(chance.random() * 9), 0 if draw < 0.7 else int(chance.random() * 100)
        gone = moment(NOW - timedelta(days=chance.randrange(1, 90))) if draw > 0.99 else None
        yield (
            shop.pk, shop.marketplaces[0], sku(index), asin(index), f"X00{index:07d}", title(index), "NewItem",
            0 if gone else available + reserved + inbound, 0 if gone else available, 0 if gone else reserved,
            0 if gone else inbound, 0, 0, "live", now, f"{index:064x}", now, gone,
        )  # fmt: skip


def syncs(shops: Sequence[Shop]) -> Iterator[Sequence[Any]]:
    """One of each kind an hour, oldest first; now and then one fails, and the newest are worth a look."""
    chance = random.Random(2)
    for hour in range(SYNC_DAYS * 24, 0, -1):
        for shop in shops:
            for kind in ("orders", "inventory"):
                status = chance.choices(("succeeded", "partial", "failed"), (97, 2, 1))[0]
                if hour == 1:
                    status = {("demo-jp", "orders"): "failed", ("demo-uk", "orders"): "waiting"}.get(
                        (shop.name, kind), "succeeded"
                    )
                yield _sync(chance, shop, kind, status, NOW - timedelta(hours=hour - 1, minutes=20))


def _sync(chance: random.Random, shop: Shop, kind: str, status: str, start: datetime) -> Sequence[Any]:
    fetched = chance.randrange(20, 150) if kind == "orders" else 20_000
    created = fetched // 3 if kind == "orders" else 0
    failed = 1 if status == "partial" else 0
    is_orders, is_open = kind == "orders", status == "waiting"
    error = (*OUTAGE, f"demo-{chance.randrange(10**9)}") if status == "failed" else ("", "", "")
    return (
        shop.pk, kind, "schedule", status, "live", True, "updated" if is_orders else "",
        moment(start - timedelta(hours=1)) if is_orders else None, moment(start) if is_orders else None, "[]", fetched,
        created, fetched // 3, fetched - created - fetched // 3 - failed, failed, fetched // 100 + 1,
        fetched // 100 + 1, int(is_open), *error, "[]", moment(start), moment(start),
        None if is_open else moment(start + timedelta(seconds=chance.randrange(3, 90))),
        moment(NOW + timedelta(minutes=12)) if is_open else None, f"{shop.pk}:{kind}" if is_open else None, False, "",
        "", "{}",
    )  # fmt: skip


def failures() -> Iterator[Sequence[Any]]:
    """Belong to the newest syncs that ended partly failed; every sixth is still open."""
    from integrations.models import SyncLog

    columns = ("id", "platform_id", "kind", "queued_at")
    logs = SyncLog.objects.filter(status="partial").order_by("-id").values_list(*columns)[:FAILURES]
    # Oldest first, as they would have come.
    for number, (log_id, platform_id, kind, at) in enumerate(reversed(logs)):
        is_open = number % 6 == 0
        yield (
            log_id, platform_id, kind, f"900-{number:07d}-{number:07d}" if kind == "orders" else sku(number),
            "malformed", "An amount could not be read: it is no number.", "{}", moment(at),
            None if is_open else moment(at + timedelta(minutes=50)), "" if is_open else "replayed",
        )  # fmt: skip


def usage(shops: Sequence[Shop]) -> Iterator[Sequence[Any]]:
    chance = random.Random(3)
    this_hour = NOW.replace(minute=0, second=0)
    for hours in range(USAGE_HOURS):
        for shop in shops:
            for operation, calls in OPERATIONS.items():
                made = max(1, int(calls * chance.uniform(0.5, 1.4)))
                throttled = chance.randrange(1, 4) if calls > 5 and chance.random() < 0.04 else 0
                at = moment(this_hour - timedelta(hours=hours))
                yield shop.pk, operation, at, made, throttled, 0, round(made * 0.31, 2)
