"""What /schema says of the fields of answers and bodies: meaning, unit, whose clock, and an example.

By component and field, or for all components by field alone. What a class says of its field itself stays. A test
sees to it that no field is without a description.
"""

from typing import Any

JsonSchema = dict[str, Any]
Text = tuple[str, Any]  # a description, and an example; None where the type says it all

OMS_CLOCK = "By the clock of OMS, UTC."
PLATFORM_CLOCK = "By the clock of the platform, UTC."
AMOUNT = (
    "An amount as decimal text in `currency`, with the decimals of that currency. Null: not known, never 0."
)
TIME = "2026-01-31T08:00:00Z"
CODE = "A stable word for programs. Empty: no error."
OPEN = (
    "As the platform sent it, without personal data. An open object: its fields are the platform's, which adds and "
    "renames them at will. Build on the fields of OMS where there is one."
)


def _amount(of: str, example: str = "12.90") -> Text:
    return f"{of} {AMOUNT}", example


def _time(of: str, clock: str) -> Text:
    return f"{of} {clock}", TIME


COMMON: dict[str, Text] = {
    "id": ("The id that OMS gave the row. It stays.", 12),
    "platform": ("The platform's name.", "shop"),
    "platform_id": ("The platform's id in OMS, which stays where the name is changed.", 1),
    "name": ("A name for people, in one line.", "shop"),
    "display_name": ("A name for people, in one line; empty: `name` is shown.", "Shop US"),
    "external_id": ("The id that the platform gave it.", "111-0000001-0000001"),
    "marketplace_id": ("The marketplace, as the platform calls it; empty: not known.", "ATVPDKIKX0DER"),
    "sku": ("The seller's stock keeping unit, exactly as the platform has it.", "CUP-BLUE"),
    "asin": ("The number of the product in the catalogue of the platform; empty: not known.", "B000000001"),
    "title": ("The title of the product; empty: not known.", "A cup"),
    "currency": ("ISO 4217, of all amounts beside it; empty: not known yet.", "USD"),
    "source": (
        "Where it came from. Only `live` is business; `mock` is invented, `sandbox` is the platform's.",
        None,
    ),
    "kind": ("The stream that was synced.", None),
    "synced_at": _time("When OMS last stored something new of it.", OMS_CLOCK),
    "platform_updated_at": _time("When it last changed on the platform.", PLATFORM_CLOCK),
    "created_at": _time("When it was made.", OMS_CLOCK),
    "error_code": (CODE, "throttled"),
    "error_message": (
        "A sentence for people; its wording may change. Empty: no error.",
        "The quota is used up.",
    ),
    "code": ("A stable word for programs.", "another_sync_is_open"),
    "detail": ("A sentence for people; its wording may change.", "Another sync is open."),
    "message": ("A sentence for people; its wording may change.", "Orders can be read."),
    "request_id": ("The platform's id of its last answer, for its support; empty: none.", "4f7c1a9e-2b"),
    "payload": (OPEN, None),
    "results": ("The rows, in order.", None),
    "checked_at": _time("When the connection was last checked; null: never.", OMS_CLOCK),
    "findings": ("What was tried, in order.", None),
    "secret": ("Checks the signatures. It is never shown again.", "whsec_…"),
    "seconds": ("Seconds.", 0.42),
    "throttled": ("Calls that the platform answered with its rate limit.", 0),
    "threshold": ("Units. The SKU counts as low when no more are available; null: when none is.", 5),
    "orders_interval": ("Minutes between scheduled syncs of orders; 0: none is scheduled.", 15),
    "inventory_interval": ("Minutes between scheduled syncs of stock; 0: none is scheduled.", 60),
    "is_active": ("Whether it takes part in what is done for all; false: switched off.", True),
    "refused": ("Platforms where another sync is open, so that nothing was started for them.", None),
    "syncs": ("One for each platform.", None),
}
ORDER: dict[str, Text] = {
    "status": ("The state of the order, in the words of OMS.", None),
    "platform_status": ("The state in the platform's own words; empty: not known.", "UNSHIPPED"),
    "purchased_at": _time("When the buyer placed the order.", PLATFORM_CLOCK),
    "fulfilled_by": ("Who ships it; empty: the platform does not say.", None),
    "service_level": ("The class of shipping in the platform's words; empty: not known.", "STANDARD"),
    "ship_by": _time("When it has to be shipped at the latest; null: not known.", PLATFORM_CLOCK),
    "deliver_by": _time("When it has to arrive at the latest; null: not known.", PLATFORM_CLOCK),
    "total": _amount("What the buyer pays for the order.", "25.80"),
    "tax": _amount(
        "The tax of the order, which is part of the total or not as the marketplace has it.", "2.10"
    ),
    "invoice_status": ("The state of the invoice in the platform's words; null: it does not say.", "PENDING"),
    "ship_to_country": (
        "The country that the order goes to, as a code of two letters; null: not known.",
        "DE",
    ),
    "programs": ("Programs of the platform that the order is in, in its words.", ["PRIME"]),
    "replaced_order_id": ("The platform's id of the order that this one replaces; empty: none.", ""),
    "buyer_requested_cancellation": ("Whether the buyer asks to cancel.", False),
    "completeness": (
        "report: the order is known by a report of the platform alone. Its lines then have ids of OMS (`report-…`), "
        "which are replaced once the platform was asked for the order itself (full). outdated: it is here in full, "
        "and its status and units are those of a newer report.",
        None,
    ),
    "content_hash": ("Another text where what is stored of the order is something else.", "9f86d081884c7d65"),
    "items": ("The lines of the order.", None),
    "packages": ("Packages that the merchant has sent, as far as the platform lists them.", None),
}
AUDITED_DAY: dict[str, Text] = {
    "day": ("When the orders were placed, UTC.", "2026-11-01"),
    "state": (
        "proven: all that the platform lists is here; healed: after some were fetched; open: some could not be; "
        "not_yet: the day was not long over.",
        None,
    ),
    "orders": ("Orders that the platform lists.", 120),
    "missing": ("Orders that were not stored.", 0),
    "stale": ("Orders of which an older version was stored.", 0),
    "different": ("Orders whose values were others.", 0),
    "only_here": ("Orders that are stored, and not listed.", 0),
    "healed": ("Orders that were fetched and agree since.", 0),
    "open": ("Orders that could not be brought in line.", 0),
    "report": ("The platform's id of the list.", "50000000007"),
    "checked_at": _time("When the audit was closed.", OMS_CLOCK),
}
AUDIT: dict[str, Text] = {
    "status": ("Where it stands.", None),
    "trigger": ("What started it.", None),
    "window": ("The days that it is about.", None),
    "compared": ("Orders that the lists have, each list counted.", 240),
    **{name: AUDITED_DAY[name] for name in ("missing", "stale", "different", "only_here", "healed", "open")},
    "unread": ("Rows of lists that could not be read.", 0),
    "api_calls": ("Calls of the platform, without logins and downloads.", 6),
    "quota_seconds": (
        "Seconds of quota that the calls took, all operations together: each call takes the seconds in which the "
        "account is granted one of its operation.",
        245.6,
    ),
    "calls": ("The same by operation.", {"getReport": {"calls": 2, "seconds": 1.0}}),
    "queued_at": _time("When it was asked for.", OMS_CLOCK),
    "started_at": _time("When it began; null: it has not.", OMS_CLOCK),
    "finished_at": _time("When it was closed; null: it is open.", OMS_CLOCK),
    "resume_at": _time("When it goes on; null: it does not wait.", OMS_CLOCK),
    "days": ("By day and marketplace; empty until it is closed.", []),
}
BACKFILL: dict[str, Text] = {
    **{
        name: AUDIT[name]
        for name in (
            "status",
            "trigger",
            "api_calls",
            "quota_seconds",
            "calls",
            "queued_at",
            "started_at",
            "finished_at",
            "resume_at",
        )
    },
    "phase": (
        "listing: the platform's lists are asked for and stored; completing: each order is fetched in full.",
        None,
    ),
    "window": ("When the orders were placed.", None),
    "listed": ("Orders in the lists that are stored.", 5200),
    "created": ("Orders of these that were not stored before.", 5100),
    "unread": ("Rows of lists that could not be read, and say of no order.", 0),
    "completed": ("Orders that it fetched in full.", 1200),
    "failed": ("Orders that could not be fetched or stored; GET /sync-failures has each.", 0),
    "lacking": ("Orders that are known by report alone, as last counted; null: not counted yet.", 3900),
    "listed_at": _time("When all were listed; null: not yet.", OMS_CLOCK),
    "notes": ("Trouble, as long as it lasts.", []),
    "progress": ("How far it is.", None),
}
CATCH_UP: dict[str, Text] = {
    **{name: BACKFILL[name] for name in BACKFILL if name not in ("phase", "window", "listed_at", "progress")},
    "since": _time(
        "When syncs fell behind: what changed from then on is known by lists first.", PLATFORM_CLOCK
    ),
    "known_until": _time(
        "What changed before is known; null: the first list is not here yet.", PLATFORM_CLOCK
    ),
    "longest_unknown_seconds": ("The most seconds that passed from a change until a list had it here.", 2400),
    "lists": ("Lists that are stored.", 12),
    "changed": ("Orders that lists had a newer version of.", 900),
    "known_by_report": ("Orders of the platform whose newest version is known by report alone, now.", None),
    "alone": ("Orders that were never here in full.", 120),
    "outdated": ("Orders that are here in full, of which a report has a newer version.", 30),
    "to_ship": ("Orders of both that have to be shipped.", 12),
}
BACKFILL_PLAN: dict[str, Text] = {
    "goal": ("What the ways are judged by: complete, all orders in full.", "complete"),
    "span_seconds": ("How long the span is.", 63072000),
    "orders": ("About how many orders it has; null: nobody knows.", 500000),
    "known": ("Orders that are known by report alone.", 0),
    "full": ("Orders that are here in full.", 1200),
    "is_listed": ("Whether these two are all that there are.", False),
    "cheapest": ("The way that is taken; null: none can be.", "report"),
    "why": ("Why it is the cheapest.", "soonest"),
    "reason": ("The same as a sentence.", "Cheapest: lists, then pages and ids side by side."),
    "lanes": ("What each way would take.", None),
    "enrichment": ("How full answers are fetched side by side; null: nothing is known of it.", None),
}
AUDITED_STOCK: dict[str, Text] = {
    "state": (
        "proven: all stock that the platform lists is here; healed: after some SKUs were read again; open: some could "
        "not be; not_yet: it was not compared, and `error_message` says why.",
        None,
    ),
    "listings": ("Listings that the platform ships, as its list has them.", 420),
    "missing": ("Listings that were not stored as listed.", 0),
    "different": ("Listings of which other quantities were stored.", 0),
    "only_here": ("Rows that are stored as listed, and not in the list.", 0),
    "healed": ("Listings that were read again and are as the platform says since.", 0),
    "open": ("Listings that could not be brought in line.", 0),
    "report": ("The platform's id of the list.", "50000000007"),
    "asked_at": _time("As of when the list is; null: there is none.", PLATFORM_CLOCK),
    "checked_at": _time("When the audit was closed.", OMS_CLOCK),
}
STOCK_AUDIT: dict[str, Text] = {
    **AUDIT,
    "compared": ("Listings that the lists have.", 420),
    **{name: AUDITED_STOCK[name] for name in ("missing", "different", "only_here", "healed", "open")},
    "explained": (
        "Differences that mean nothing, by the rule that knows them: docs/completeness.md says which there are.",
        {"changed_since": 12},
    ),
    "marketplaces": ("Empty until it is closed.", []),
}
SYNC: dict[str, Text] = {
    "trigger": ("What started it.", None),
    "status": ("Where it stands.", None),
    "source": ("Where its data came from; empty: nothing has come yet.", None),
    "fetched": ("Records that were read.", 120),
    "created": ("Records that were new.", 20),
    "updated": ("Records that were stored anew.", 5),
    "unchanged": ("Records that were stored as they are already.", 95),
    "failed": ("Records that could not be stored: see /sync-failures.", 0),
    "pages": ("Pages that were read and stored.", 2),
    "api_calls": ("Calls of the platform.", 3),
    "notes": ("What is to be known of the run and is no error.", None),
    "queued_at": _time("When it was asked for.", OMS_CLOCK),
    "started_at": _time("When work on it first began; null: it has not.", OMS_CLOCK),
    "finished_at": _time("When it was closed; null: it is open.", OMS_CLOCK),
    "resume_at": _time("When it goes on, where it waits; null: it does not wait.", OMS_CLOCK),
    "heartbeat_at": _time("When whoever works on it was last heard of; null: never.", OMS_CLOCK),
    "already_open": ("true: it was open before, and the request is answered with it.", False),
    "queue_problem": ("Why the workers could not be told; empty: they were. The scheduler tells them.", ""),
}
WEBHOOK: dict[str, Text] = {
    "is_active": ("false: switched off; nothing is sent, and what happens meanwhile waits.", True),
    "switched_off_at": _time("When it was switched off; null: it is on.", OMS_CLOCK),
    "failing_since": _time("Since when nothing was delivered; null: it works.", OMS_CLOCK),
    "last_delivered_at": _time("When a message was last delivered; null: never.", OMS_CLOCK),
}
HOLD: dict[str, Text] = {
    "order": (
        "The id that the platform gave the order; null: all orders of the platform.",
        "111-0000001-0000001",
    ),
    "reason": ("Why it must be kept, without names or addresses of buyers.", "lawsuit 7"),
    "until": _time("When it ends.", OMS_CLOCK),
    "made_by": ("The user who made it.", "ann"),
    "made_at": _time("When it was made.", OMS_CLOCK),
}
PACKAGE: dict[str, Text] = {
    "carrier": ("The platform's code of the carrier; empty: a draft without one.", "DHL"),
    "carrier_name": ("The name of a carrier that has no code; empty: the code says it.", ""),
    "service": ("The carrier's service, as people call it; empty: not said.", "Paket"),
    "tracking_number": ("As it is sent: without spaces; empty: a draft without one.", "00340434161094"),
    "shipped_at": _time("When it was handed to the carrier; null: a draft that does not say.", OMS_CLOCK),
    "lines": ("What is in it.", None),
}
SHIPMENT: dict[str, Text] = {
    **PACKAGE,
    "order_id": ("The id of OMS of the order.", 34),
    "external_id": ("The id that the platform gave the order.", "111-0000001-0000001"),
    "package_number": ("The number by which the platform tells it from other packages of the order.", 1001),
    "state": ("How far the platform knows of it. Only `confirmed` is proven: the platform shows it.", None),
    "is_rehearsal": ("true: it shows what would be sent, and is never sent.", False),
    "source": ("Where the order came from. Only `live` is business.", None),
    "tries": ("How often its content was given to the worker.", 1),
    "error_code": ("Why it is rejected, not verified, or waits; empty: nothing is wrong.", ""),
    "request_id": ("The platform's id of the last answer, for its support; empty: none.", ""),
    "made_by": ("Who made it.", "ann"),
    "made_at": _time("When it was made.", OMS_CLOCK),
    "queued_at": _time("When its present content was queued; null: it is a draft.", OMS_CLOCK),
    "attempted_at": _time("When the platform was last told of it; null: not yet.", OMS_CLOCK),
    "sent_at": _time("When the platform said that it took it; null: it has not.", OMS_CLOCK),
    "confirmed_at": _time("When the platform was seen to show it; null: it was not.", OMS_CLOCK),
    "rejected_at": _time("When the platform refused it; null: it did not.", OMS_CLOCK),
    "unverified_at": _time(
        "Since when it should have been seen and was not; null: nothing is late.", OMS_CLOCK
    ),
    "cancelled_at": _time("When it was given up; null: it was not.", OMS_CLOCK),
}
SHIPPED_LINE: dict[str, Text] = {
    "item_id": ("The id that the platform gave the line of the order.", "01"),
    "quantity": ("Units in this package.", 1),
}
SHIPPED_ROW: dict[str, Text] = {
    **{name: text for name, text in PACKAGE.items() if name != "lines"},
    "order_id": ("The id that the platform gave the order.", "111-0000001-0000001"),
    "sku": ("The SKU of a line; empty: all that is left, or the line is named.", "CUP-BLUE"),
    "item_id": (
        "The id that the platform gave the line; empty: all that is left, or the SKU is named.",
        "01",
    ),
    "quantity": ("Units of that line in this package; left out: all that is left of it.", 1),
}
FIELDS: dict[str, dict[str, Text]] = {
    "OrderShipments": {
        "next": ("null: there are no more pages.", None),
        "previous": ("null: there are no pages before.", None),
        "count": ("With count=true: how many shipments the order has.", 3),
        "count_is_exact": ("true: there are no more than `count`.", True),
    },
    "Shipment": SHIPMENT,
    "ShipmentLine": SHIPPED_LINE,
    "NewLineRequest": SHIPPED_LINE,
    "NewShipmentRequest": PACKAGE,
    "PatchedCorrectionRequest": PACKAGE,
    "ImportRequest": {**PACKAGE, "rows": ("The rows.", None)},
    "ImportRowRequest": SHIPPED_ROW,
    "Imported": {
        "is_preview": ("true: nothing was done.", False),
        "shipments": ("Packages that were made; of a preview, that would be.", 2),
        "good": ("Rows that are shipped.", 2),
        "known": ("Rows of packages that were made before.", 0),
        "refused": ("Rows of which nothing was done.", 0),
        "rows": ("What became of each row, in the order of the file.", None),
    },
    "ImportedRow": {
        "external_id": ("The id of the order, as the row has it.", "111-0000001-0000001"),
        "tracking_number": ("As the row has it.", "00340434161094"),
        "verdict": ("What became of it.", None),
        "code": ("Why, as a stable word; empty: it is shipped.", ""),
        "message": ("Why, as a sentence for people; empty: it is shipped.", ""),
        "shipment_id": ("The shipment that it is part of; null: none.", 12),
    },
    "Order": ORDER,
    "OrderDetail": ORDER,
    "OrderItem": {
        "external_id": (
            "The platform's id of the line, unique within its order; one of OMS where the order is known by a report.",
            "01",
        ),
        "quantity_ordered": ("Units; null: not known.", 2),
        "quantity_shipped": ("Units; null: not known.", 1),
        "quantity_left": ("Units that still have to be shipped; null: not known.", 1),
        "unit_price": _amount("The price of one unit."),
        "total": _amount("What the buyer pays for the line.", "25.80"),
        "tax": _amount("The tax of the line.", "2.10"),
        "shipping": _amount("Shipping of the line.", "3.99"),
        "discount": _amount("What is taken off the line.", "1.00"),
        "item_subtotal": _amount("What the platform lists as the amount of the goods.", "20.91"),
        "other_charges": _amount("Gift wrap, cash on delivery and whatever else is listed.", "0.00"),
        "item_tax": _amount("The part of the tax that is on the goods.", "1.80"),
        "shipping_tax": _amount("The part of the tax that is on shipping.", "0.30"),
        "gift_wrap_tax": _amount("The part of the tax that is on gift wrap.", "0.00"),
        "discount_tax": _amount("The part of the tax that is on the discount.", "0.00"),
        "tax_model": ("How the tax is collected, in the platform's words; null: it does not say.", "ANY"),
        "tax_responsible_party": ("Who pays it to the authority; null: the platform does not say.", "the platform"),
        "tax_scheme": ("The scheme of the tax, in the platform's words; null: it does not say.", "IOSS"),
    },
    "OrderPackage": {
        "external_id": ("The platform's id of the package, unique within its order.", "1"),
        "carrier": ("Who carries it; empty: not known.", "UPS"),
        "shipping_service": ("The carrier's service; empty: not known.", "Ground"),
        "tracking_number": ("Empty: not known.", "1Z999AA10123456784"),
        "status": ("In the platform's words; empty: not known.", "IN_TRANSIT"),
        "detailed_status": ("In the platform's words; empty: not known.", "PICKED_UP"),
        "packed_at": _time("When it was packed; null: not known.", PLATFORM_CLOCK),
        "shipped_at": _time("When it was shipped; null: not known.", PLATFORM_CLOCK),
        "contents": ("What is in it.", None),
    },
    "Contents": {"quantity": ("Units; null: not known.", 1)},
    "OrderTotal": {
        "status": ("As of an order.", "shipped"),
        "fulfilled_by": ("As of an order; empty: the platform does not say.", "merchant"),
        "source": ("As of an order: `live`, `sandbox` or `mock`.", "live"),
        "orders": ("How many orders there are.", 40),
        "items_without_quantity": ("Items that are not in `units`: their quantity is not known.", 0),
        "total": _amount("Of these orders, as far as known.", "1032.40"),
        "orders_without_total": ("Orders that are not in `total`: theirs is not known.", 0),
        "tax": _amount("Of these orders, as far as known.", "84.12"),
        "orders_without_tax": ("Orders that are not in `tax`: theirs is not known.", 0),
    },
    "OrderTotals": {
        "time_zone": ("Whose days they are.", "UTC"),
        "group_by": ("What was told apart.", ["day", "marketplace_id", "currency", "source"]),
    },
    "Buyer": {
        "name": ("Of the buyer.", "A. Buyer"),
        "email": ("As the platform gives it, often one of its own.", "abc@marketplace.example"),
        "phone": ("As the platform has it.", "+1 555 0100"),
        "company": ("The name of the buyer's company.", "Example Inc."),
        "purchase_order": ("The buyer's own number of the order.", "PO-1"),
    },
    "InventoryItem": {
        "fnsku": ("The label of the unit in the warehouse of the platform; empty: not known.", "X000000001"),
        "condition": ("In the platform's words; empty: not known.", "NewItem"),
        "total": ("Units of all kinds; null: the platform did not report it.", 12),
        "available": ("Units that can be sold; null: the platform did not report it.", 8),
        "reserved": ("Units that are held for orders or being moved; null: not reported.", 2),
        "inbound": ("Units on their way in; null: not reported.", 1),
        "unfulfillable": ("Units that cannot be sold; null: not reported.", 1),
        "researching": ("Units that the platform is looking for; null: not reported.", 0),
        "gone_at": _time("When a full sweep no longer listed the SKU; null: it is listed.", OMS_CLOCK),
        "level": ("How much is left, by `available` and `threshold`.", None),
    },
    "SyncLog": SYNC,
    "OpenedSync": SYNC,
    "Audit": AUDIT,
    "ListedAudit": AUDIT,
    "AuditCost": {
        "calls": ("Calls of this operation.", 2),
        "seconds": ("Seconds of its quota that they took.", 1.0),
    },
    "AuditDay": AUDITED_DAY,
    "AuditedDay": AUDITED_DAY,
    "CatchUp": CATCH_UP,
    "ListedCatchUp": CATCH_UP,
    "KnownByReport": CATCH_UP,
    "Backfill": BACKFILL,
    "ListedBackfill": BACKFILL,
    "BackfillPlan": BACKFILL_PLAN,
    "BackfillLists": {
        "all": ("How many lists cover the span.", 25),
        "asked": ("Lists that were asked for.", 25),
        "made": ("Lists that the platform has made.", 20),
        "stored": ("Lists whose orders are stored.", 19),
    },
    "BackfillOrders": {
        "listed": ("Orders in the stored lists.", 5200),
        "full": ("Orders of the span that are here in full; null: not all are listed yet.", 1300),
        "by_list": ("Orders of the span that are known by report alone; null: not all are listed yet.", 3900),
    },
    "BackfillProgress": {
        "lists": ("The platform's lists.", None),
        "orders": ("The orders of the span.", None),
        "listing_ends": _time("When all are expected to be listed; null: not known, or over.", OMS_CLOCK),
        "completing_ends": _time("When all are expected to be here in full; null: not known.", OMS_CLOCK),
        "is_measured": ("Whether that goes by what was fetched so far, and not by the plan.", False),
    },
    "PlanLane": {
        "lane": ("The way.", "report"),
        "calls": ("Calls by operation.", {"createReport": {"calls": 25, "seconds": 1497.0}}),
        "api_calls": ("Calls of all operations together.", 120),
        "quota_seconds": ("Seconds of quota that they take.", 4200.5),
        "seconds_until_listed": ("Until all orders are known; null: never, or not known.", 1500),
        "seconds_until_complete": ("Until all are here in full; null: never, or not known.", 470000),
        "obstacle": ("Why it cannot be taken; null: it can.", None),
    },
    "PlanEnrichment": {
        "pages": ("Pages that are read.", 2600),
        "orders_by_pages": ("Orders that these bring.", 260000),
        "orders_by_id": ("Orders that come by their ids.", 240000),
        "seconds": ("Until both are done; null: never.", 470000),
    },
    "InventoryAudit": STOCK_AUDIT,
    "ListedInventoryAudit": STOCK_AUDIT,
    "AuditedStock": AUDITED_STOCK,
    "AuditedMarketplace": AUDITED_STOCK,
    "AuditWindow": {
        "start": _time("The first moment.", OMS_CLOCK),
        "end": _time("When it was asked for.", OMS_CLOCK),
    },
    "Window": {
        "since": _time("The start, which is part of it; null: the run has not started.", PLATFORM_CLOCK),
        "until": _time("The end, which is not part of it; null: the run has not started.", PLATFORM_CLOCK),
    },
    "SyncFailure": {
        "sync": ("The id of the sync that met it; null: an audit did.", 7),
        "audit": ("The id of the audit that could not heal it; null: a sync met it.", 3),
        "external_id": ("The id of the record on the platform; empty: it has none.", "111-0000001-0000001"),
        "created_at": _time("When it was met.", OMS_CLOCK),
        "resolved_at": _time("When it was stored or dismissed; null: it is open.", OMS_CLOCK),
        "resolution": ("How it was resolved; empty: it is open.", None),
    },
    "ApiUsage": {
        "operation": ("The platform's name of the call; `token`: logins.", "searchOrders"),
        "hour": _time("When the hour begins.", OMS_CLOCK),
        "calls": ("Calls in this hour.", 30),
        "errors": ("Calls that failed.", 0),
        "seconds": ("Seconds that were spent in calls.", 12.5),
    },
    "Platform": {
        "kind": ("The channel.", None),
        "name": ("The short name for commands and addresses, unique.", "shop"),
        "orders_watermark": _time(
            "The time up to which orders are complete, not included; null: none is.", PLATFORM_CLOCK
        ),
        "check_outcome": ("What the last check of the connection found; {}: there was none.", None),
        "next_syncs": ("By stream.", None),
    },
    "CheckOutcome": {"ok": ("Whether all that is needed works.", True)},
    "Check": {"ok": ("Whether all that is needed works.", True)},
    "StockEndAnswer": {"stock_end": ("What there is to decide, or was decided; null: nothing.", None)},
    "StockEnd": {
        "marketplaces": (
            "Those whose list is refused, and whose stored stock is marked as gone; []: all stock is gone already.",
            ["A1PA6795UKMFR9"],
        ),
        "rows": ("Rows of stock that are stored as listed there.", 40),
        "is_all": ("Whether no other stock is stored as listed: syncs of stock are switched off as well.", True),
        "since": _time("Since when the list is refused; null: it is not.", OMS_CLOCK),
    },
    "Finding": {
        "step": ("What was tried, as a stable word.", "orders"),
        "code": ("A stable word for what is wrong; empty: nothing is.", ""),
    },
    "Due": {
        "due_at": _time("When the next scheduled sync starts; in the past: now; null: none will.", OMS_CLOCK),
        "reason": ("Why, as a stable word.", "regular"),
        "detail": ("Why, as a sentence for people.", "by its interval"),
    },
    "Webhook": WEBHOOK,
    "NewWebhook": WEBHOOK,
    "WebhookRequest": WEBHOOK,
    "PatchedWebhookRequest": WEBHOOK,
    "Delivery": {
        "webhook": ("The id of the webhook.", 1),
        "message_id": ("The header webhook-id, the same over all attempts and replays.", "msg_2f8a"),
        "event": ("The name of the event.", "order.updated"),
        "sequence": ("Of the change; null: the event is no change.", 4711),
        "state": ("Where it stands.", None),
        "attempts": ("How often it was sent.", 1),
        "attempted_at": _time("The last attempt; null: none yet.", OMS_CLOCK),
        "next_at": _time("The next attempt; null: there will be none.", OMS_CLOCK),
        "delivered_at": _time("When it was delivered; null: it is not.", OMS_CLOCK),
        "status": ("The status of the receiver's answer; null: there was none.", 200),
        "problem": ("Why the last attempt was no delivery; empty: it was one.", None),
        "seconds": ("Seconds that the last attempt took; null: there was none.", 0.12),
        "body": ("The body that was sent, as text.", None),
    },
    "Replayed": {"replayed": ("Messages that are sent again.", 3)},
    "Erasure": {
        "receipt": ("The number of the receipt, which the audit has, too.", "4f7c1a9e2b6d8035"),
        "by": ("What was named: an order, an e-mail address or a platform.", None),
        "about": ("The order's id or the platform's name; empty: an e-mail address.", "111-0000001-0000001"),
        "platforms": ("Names of the platforms that were searched; null: all of them.", ["shop"]),
        "orders": ("Of how many orders buyer data was erased.", 3),
        "held": ("Of how many a legal hold keeps it.", 0),
        "not_searched": ("Orders whose data no key decrypts, so that nobody can say whose it is.", 0),
        "reason": ("As it was given.", "request of 2026-01-31"),
        "made_by": ("The user who asked for it, or whoever ran the command.", "ann"),
        "started_at": _time("When it began.", OMS_CLOCK),
        "finished_at": _time("When it ended; null: it stopped before its end, so ask for it again.", OMS_CLOCK),
    },
    "ErasureRequest": {"reason": ("Why, without personal data.", "request of 2026-01-31")},
    "LegalHold": HOLD,
    "LegalHoldRequest": HOLD,
    "PatchedLegalHoldRequest": HOLD,
    "NewLegalHoldRequest": HOLD,
    "InventorySyncRequest": {"sku": ("These SKUs alone; without it, all stock.", ["CUP-BLUE"])},
    "Note": {"code": ("A stable word for programs.", "until_moved")},
}  # fmt: skip
# Of fields that the classes describe themselves.
EXAMPLES: dict[str, Any] = {
    "at": TIME,
    "day": "2026-01-31",
    "since": TIME,
    "until": TIME,
    "days": 30,
    "duration": 3.7,
    "sequence": 4711,
    "last": 4711,
    "units": 55,
    "quantity_left": 1,
    "purge_after": TIME,
    "next_attempt_at": TIME,
    "url": "https://shop.example.com/oms",
    "platform_name": "shop",
}
IN_ADDRESSES = {
    "id": "The id that OMS gave it, as the list has it.",
    "stream": "What is synced.",
}


def with_texts(result: dict[str, Any], **_options: Any) -> dict[str, Any]:
    """A hook: adds what is missing to the fields of all components, and to what stands in addresses."""
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter.setdefault("description", IN_ADDRESSES[parameter["name"]])
    for component, schema in result["components"]["schemas"].items():
        for name, field in schema.get("properties", {}).items():
            text, example = FIELDS.get(component, {}).get(name) or COMMON.get(name) or ("", None)
            if "$ref" in field or ("examples" in field and "description" in field):
                continue  # the component that it refers to says what it is
            if text:
                field.setdefault("description", text)
            example = EXAMPLES.get(name) if example is None else example
            if example is not None and _is_plain(field):
                field.setdefault("examples", [example])
    return result


def _is_plain(field: JsonSchema) -> bool:
    return "type" in field and "enum" not in field
