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
    "window": ("The days that it is about.", None),
    "compared": ("Orders that the lists have, each list counted.", 240),
    **{name: AUDITED_DAY[name] for name in ("missing", "stale", "different", "only_here", "healed", "open")},
    "unread": ("Rows of lists that could not be read.", 0),
    "api_calls": ("Calls of the platform.", 6),
    "queued_at": _time("When it was asked for.", OMS_CLOCK),
    "started_at": _time("When it began; null: it has not.", OMS_CLOCK),
    "finished_at": _time("When it was closed; null: it is open.", OMS_CLOCK),
    "resume_at": _time("When it goes on; null: it does not wait.", OMS_CLOCK),
    "days": ("By day and marketplace; empty until it is closed.", []),
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
FIELDS: dict[str, dict[str, Text]] = {
    "Order": ORDER,
    "OrderDetail": ORDER,
    "OrderItem": {
        "external_id": ("The platform's id of the line, unique within its order.", "01"),
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
    "AuditDay": AUDITED_DAY,
    "AuditedDay": AUDITED_DAY,
    "AuditWindow": {
        "start": _time("The first moment.", OMS_CLOCK),
        "end": _time("When it was asked for.", OMS_CLOCK),
    },
    "Window": {
        "since": _time("The start, which is part of it; null: the run has not started.", PLATFORM_CLOCK),
        "until": _time("The end, which is not part of it; null: the run has not started.", PLATFORM_CLOCK),
    },
    "SyncFailure": {
        "sync": ("The id of the sync that met it.", 7),
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
