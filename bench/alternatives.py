"""The ways to store a page that are compared. Each takes one page and stores it in one transaction."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from inventory.models import InventoryItem
from inventory.records import InventoryRecord
from inventory.services import KEY
from inventory.services import REPORTED as STOCK_REPORTED
from orders.lines import ITEM_REPORTED
from orders.models import Order, OrderItem, OrderPackage
from orders.packages import PACKAGE_REPORTED
from orders.records import OrderRecord
from orders.services import REPORTED
from platforms.models import Platform, Source

Tables = dict[type[models.Model], list[tuple[Any, ...]]]
HASH = "0" * 64


def order_defaults(record: OrderRecord) -> dict[str, Any]:
    """The values of an order row besides its key, as a programmer would hand them to update_or_create."""
    values = {name: getattr(record, name) for name in REPORTED}
    values["status"] = record.status or Order.Status.UNKNOWN
    values["programs"] = list(record.programs)
    values["buyer_requested_cancellation"] = bool(record.buyer_requested_cancellation)
    return values | {
        "source": Source.LIVE,
        "payload": record.payload,
        "content_hash": HASH,
        "synced_at": timezone.now(),
    }


def orders_row_by_row(platform: Platform, records: Sequence[OrderRecord]) -> None:
    """update_or_create for each order, each item and each package: Django's textbook way."""
    with transaction.atomic():
        for record in records:
            order, _ = Order.objects.update_or_create(
                platform=platform, external_id=record.external_id, defaults=order_defaults(record)
            )
            for item in record.items:
                OrderItem.objects.update_or_create(
                    order=order,
                    external_id=item.external_id,
                    defaults={name: getattr(item, name) for name in ITEM_REPORTED},
                )
            for package in record.packages:
                OrderPackage.objects.update_or_create(
                    order=order,
                    external_id=package.external_id,
                    defaults={name: getattr(package, name) for name in PACKAGE_REPORTED},
                )


def stock_row_by_row(platform: Platform, records: Sequence[InventoryRecord]) -> None:
    with transaction.atomic():
        for record in records:
            InventoryItem.objects.update_or_create(
                platform=platform,
                **{name: getattr(record, name) for name in KEY},
                defaults={name: getattr(record, name) for name in STOCK_REPORTED}
                | {"source": Source.LIVE, "content_hash": HASH, "synced_at": timezone.now()},
            )


def order_tables(platform: Platform, records: Sequence[OrderRecord], first_id: int) -> Tables:
    """The rows of a page with their ids already given, in the driver's own types: see `bare_driver`."""
    orders = [
        Order(pk=number, platform=platform, external_id=record.external_id, **order_defaults(record))
        for number, record in enumerate(records, start=first_id)
    ]
    items = [
        OrderItem(
            order=order, external_id=item.external_id, **{name: getattr(item, name) for name in ITEM_REPORTED}
        )
        for order, record in zip(orders, records, strict=True)
        for item in record.items
    ]
    packages = [
        OrderPackage(
            order=order,
            external_id=package.external_id,
            **{name: getattr(package, name) for name in PACKAGE_REPORTED},
        )
        for order, record in zip(orders, records, strict=True)
        for package in record.packages
    ]
    tables: dict[type[models.Model], list[Any]] = {Order: orders, OrderItem: items, OrderPackage: packages}
    return {model: [driver_row(row) for row in rows] for model, rows in tables.items()}


def stock_tables(platform: Platform, records: Sequence[InventoryRecord]) -> Tables:
    now = timezone.now()
    rows = [
        InventoryItem(
            platform=platform,
            **{name: getattr(record, name) for name in (*KEY, *STOCK_REPORTED)},
            source=Source.LIVE,
            content_hash=HASH,
            synced_at=now,
        )
        for record in records
    ]
    return {InventoryItem: [driver_row(row) for row in rows]}


def driver_columns(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """All columns that are written; the id only of orders, which their items need to know."""
    return [
        field
        for field in model._meta.concrete_fields
        if not field.generated and (model is Order or not field.primary_key)
    ]


def driver_row(instance: models.Model) -> tuple[Any, ...]:
    """An instance as a tuple of what the driver takes without any conversion of ours: text, int, None."""
    row = []
    for field in driver_columns(type(instance)):
        value = getattr(instance, field.attname)
        if isinstance(field, models.JSONField):
            value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        else:
            value = field.get_db_prep_save(value, connection)
        row.append(value if value is None or isinstance(value, int) else str(value))
    return tuple(row)


def bare_driver(tables: Tables) -> None:
    """INSERT through the DB-API connection with executemany: no Django, no look at what is stored, no upsert.

    mysqlclient turns that into INSERTs of many rows; sqlite3 prepares the statement once.
    """
    with transaction.atomic():
        cursor = connection.connection.cursor()
        for model, rows in tables.items():
            cursor.executemany(_insert(model), rows)
        cursor.close()


def _insert(model: type[models.Model]) -> str:
    quote = connection.ops.quote_name
    columns = [quote(str(field.column)) for field in driver_columns(model)]
    mark = "?" if connection.vendor == "sqlite" else "%s"
    marks = ", ".join([mark] * len(columns))
    table = quote(model._meta.db_table)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
