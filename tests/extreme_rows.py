"""Rows of every model with values at the edges of what their columns hold: whatever may stand in a database.

They are made from the fields of the models, so that new models and fields join by themselves. What is in a JSON column
has a form that the code relies on; forms that are worth trying are in DOCUMENTS.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.utils import timezone

from core.database.bulk import INTEGERS
from core.encryption import EncryptedJSONField, SecretDict

OURS = ("feed", "orders", "inventory", "webhooks", "access", "platforms", "integrations", "oms")
ROWS = 6  # of each model

# Placeholders that platforms use, the first and the last moment of the calendar, and none at all.
MOMENTS = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    None,
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1995, 1, 1, tzinfo=UTC),
)
TEXTS = (
    "x" * 500,
    "\u05e9\u05dc\u05d5\u05dd \u202e\u0639\u0631\u0628\u064a\u202c e"
    + "\u0301" * 30,  # right to left, combining
    "".join(chr(plane << 16 | 0x1F60) for plane in range(17)),  # a character of each plane
    "a/b\\c\"d'e%s%(f)s{{ g }}<script>h&amp;?i#j;=1+1,k ",
    "\x01\x1b\x7f\x85\u2028\ufeff\uffff\t\r\n",
    "",
)
AMOUNTS = (Decimal(99_999_999_999_999), Decimal("-12345678901.2345"), None, Decimal("0.0001"), Decimal(0))
FLOATS = (1e300, 0.0, 1e-300, -1.5)
ODD = {
    "a/b": [None, {"\U0001f984": TEXTS[3]}],
    TEXTS[1]: [1, -1.5, True, 10**18],
    "orderItems": None,
    "proceeds": [],
}
TIMES = [moment.isoformat() if moment else None for moment in MOMENTS]
DOCUMENTS: dict[str, Any] = {
    "orders.Order.programs": list(TEXTS),
    "orders.Order.payload": ODD,
    "orders.OrderChange.changes": [
        ["ship_by", TIMES[0], TIMES[1]],
        ["deliver_by", "no time", None],
        ["status", None, TEXTS[2]],
        ["of another version", TEXTS[0], TEXTS[1], TEXTS[3]],
        ["added", None, 10**12, TEXTS[4]],
    ],
    "orders.OrderPackage.contents": [{"item": TEXTS[0], "quantity": None}, {"item": "1", "quantity": 10**12}],
    "orders.Shipment.shown": {"tracking_number": TEXTS[3], "lines": {TEXTS[0]: 10**12}},
    "integrations.OutboxEntry.content": {
        "package_number": 1,
        "carrier": TEXTS[3],
        "carrier_name": TEXTS[1],
        "service": TEXTS[0],
        "tracking_number": TEXTS[2],
        "shipped_at": TIMES[0],
        "lines": {TEXTS[3]: 10**12},
    },
    "inventory.InventoryItem.details": {TEXTS[1]: {TEXTS[3]: -1, "fc_processing": 10**12}, "reserved": {}},
    "integrations.SyncLog.notes": [{"code": TEXTS[3], "message": text} for text in TEXTS],
    "integrations.SyncLog.skus": list(TEXTS),
    "integrations.SyncFailure.payload": ODD,
    "integrations.OrderAudit.calls": {text: {"calls": 10**12, "seconds": 10.0**12} for text in TEXTS},
    "integrations.AuditFinding.differences": [
        {"field": "status", "reported": TEXTS[2], "stored": ""},
        {"field": TEXTS[3], "reported": TEXTS[0], "stored": TEXTS[1]},
        {"rule": TEXTS[3]},
    ],
    "integrations.AuditFinding.reported": {
        "order_id": TEXTS[3],
        "status": TEXTS[2],
        "purchased_at": TIMES[0],
        "updated_at": None,
        "marketplace_id": TEXTS[1],
        "currency": "",
        "lines": [
            {"sku": TEXTS[0], "quantity": 10**12, "price": "-0.01", "tax": None, "is_cancelled": False},
            {"sku": "", "quantity": None, "price": None, "tax": None, "is_cancelled": True},
        ],
        "is_mended": True,
    },
    "django_tasks_database.DBTaskResult.args_kwargs": {"args": [TEXTS[3]], "kwargs": {}},
    "webhooks.Endpoint.events": list(TEXTS),
    "webhooks.Endpoint.platform_ids": [0, 10**12],
    "oms.AlertSubscription.kinds": list(TEXTS),
    "oms.AlertSubscription.platform_ids": [0, 10**12],
    "oms.ScheduledExport.columns": list(TEXTS),
    "oms.ScheduledExport.recipients": list(TEXTS),
    "access.ApiToken.scopes": list(TEXTS),
    "access.ApiToken.platform_ids": [0, 10**12],
    "orders.Erasure.platform_ids": [10**12],  # those of one platform are made in the background
    "platforms.Platform.credentials_set_at": {"client_secret": TIMES[0], "refresh_token": TIMES[1]},
}

Rows = dict[type[models.Model], list[Any]]


def extreme_rows() -> Rows:
    """Stores ROWS rows of each model of ours and of each that the admin shows. Returns all of them."""
    wanted = {model for model in apps.get_models() if model._meta.app_label in OURS}
    rows: Rows = {}
    for model in sorted(wanted | set(admin.site._registry), key=lambda model: model._meta.label):
        _rows_of(model, rows)
    return rows


def _rows_of(model: type[models.Model], rows: Rows) -> list[Any]:
    if model not in rows:
        rows[model] = []
        for number in range(ROWS):
            row = model(**_values(model, number, rows))
            row.save_base(force_insert=True, raw=True)  # past our own rules, as SQL would
            rows[model].append(row)
    return rows[model]


def _values(model: type[models.Model], number: int, rows: Rows) -> dict[str, Any]:
    unique = {
        name
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint)
        for name in constraint.fields
    } | {name for names in model._meta.unique_together for name in names}
    values: dict[str, Any] = {}
    for place, field in enumerate(model._meta.concrete_fields):
        if isinstance(field, models.AutoField | models.GeneratedField):
            continue
        if field.is_relation and field.null and _leads_back(field, model):
            values[field.name] = None
        elif field.is_relation:
            related = _rows_of(field.related_model, rows)  # type: ignore[arg-type]
            is_none = field.null and number == ROWS - 1
            values[field.name] = None if is_none else related[number % len(related)]
        else:
            # Shifted, so that the rows do not hold all that is odd, or all that is missing, together.
            is_unique = field.unique or field.name in unique
            values[field.name] = _value(field, number, number + place, is_unique=is_unique)
    return values


def _leads_back(field: Any, model: type[models.Model]) -> bool:
    """Whether the rows that it refers to refer to rows of the model themselves."""
    return any(each.related_model is model for each in field.related_model._meta.concrete_fields)


def _value(field: Any, number: int, turn: int, *, is_unique: bool) -> Any:
    if isinstance(field, EncryptedJSONField):
        return SecretDict({"name": TEXTS[turn % len(TEXTS)], "address": {"line": TEXTS[2], "odd/key": ""}})
    if isinstance(field, models.JSONField):
        document = DOCUMENTS.get(str(field.model._meta.label) + f".{field.name}")
        default = field.get_default() if field.has_default() or field.null else {}
        return default if document is None else document
    if isinstance(field, models.BinaryField):
        return b"\x00\xff"
    if isinstance(field, models.BooleanField):
        return bool(turn % 2)
    if isinstance(field, models.TimeField):
        return "23:59:59.999999"
    if isinstance(field, models.DateTimeField):
        return _one_of(field, MOMENTS, number, timezone.now())
    if isinstance(field, models.DateField):
        return _one_of(field, [moment and moment.date() for moment in MOMENTS], number, date(2026, 1, 1))
    if isinstance(field, models.DecimalField):
        return _one_of(field, AMOUNTS, turn, Decimal(1))
    if isinstance(field, models.FloatField):
        return _one_of(field, FLOATS, turn, 1.0)
    if bounds := INTEGERS.get(field.get_internal_type()):
        if any(isinstance(each, models.CheckConstraint) for each in field.model._meta.constraints):
            return field.get_default()
        if is_unique:
            return bounds[1] - number
        return _one_of(field, (*bounds, 0, None), turn, 1)
    if isinstance(field, models.UUIDField):
        return field.get_default()
    return _text(field, number, turn, is_unique=is_unique)


def _one_of(field: Any, values: Sequence[Any], turn: int, otherwise: Any) -> Any:
    value = values[turn % len(values)]
    return value if value is not None or field.null else otherwise


def _text(field: Any, number: int, turn: int, *, is_unique: bool) -> str | None:
    choices = [value for value, _label in field.flatchoices]
    length = field.max_length or 10_000
    if choices and number < ROWS - 1:  # the last row has a value that is none of them
        return str(choices[turn % len(choices)])
    if field.null and turn % 2:
        return None
    text = TEXTS[turn % len(TEXTS)]
    if isinstance(field, models.SlugField):
        text = "slug"
    return f"{number}{text}"[:length] if is_unique else text[:length]
