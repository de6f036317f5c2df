"""Moves encrypted rows to the first key of FIELD_ENCRYPTION_KEY, a batch at a time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models, transaction
from django.db.models import ExpressionWrapper, F

from access.second_factor.models import Factor
from core.encryption import FERNET_PREFIX, Unreadable, read_stored
from orders.buyers import email_digest
from orders.models import OrderBuyer
from platforms.models import Platform
from webhooks.models import Endpoint

BATCH = 200  # rows that are locked at a time


@dataclass(frozen=True, slots=True)
class EncryptedColumn:
    """An encrypted column, and how to call its rows when one cannot be read.

    `digests` gives, by their names, the values of columns that depend on the key as well.
    """

    model: type[models.Model]
    name: str
    row_name: str
    noun: str
    digests: Callable[[Mapping[str, Any]], dict[str, str | None]] = lambda _value: {}


def _buyer_digests(value: Mapping[str, Any]) -> dict[str, str | None]:
    return {"email_digest": email_digest(value)}


COLUMNS = (
    EncryptedColumn(Platform, "api_config", "name", "platform"),
    EncryptedColumn(OrderBuyer, "data", "order__external_id", "buyer data of order", _buyer_digests),
    EncryptedColumn(Endpoint, "signing_secrets", "name", "signing secrets of webhook"),
    EncryptedColumn(Factor, "data", "user__username", "second factor of user"),
)


@dataclass(slots=True)
class Moved:
    """The results for the rows of one column. `unreadable`: a sentence for each that was left as it is."""

    rewritten: int = 0
    were_plain: int = 0
    already: int = 0
    unreadable: list[str] = field(default_factory=list)


def reencrypt(column: EncryptedColumn) -> Iterator[Moved]:
    """Yields what was done, batch by batch. Each is committed before the next one starts."""
    last = None
    while True:
        moved, last = _batch(column, last)
        if last is None:
            return
        yield moved


@transaction.atomic
def _batch(column: EncryptedColumn, after: int | None) -> tuple[Moved, int | None]:
    """The rows after the key `after`, and the last one's key; None where there are no more."""
    rows = column.model._default_manager.order_by("pk")
    if after is not None:
        rows = rows.filter(pk__gt=after)
    first_key, moved, last = Fernet(settings.FIELD_ENCRYPTION_KEY[0]), Moved(), None
    # The stored text, not the decrypted value.
    stored = ExpressionWrapper(F(column.name), output_field=models.TextField())
    locked = rows.select_for_update(of=("self",)) if _can_lock_one_table() else rows.select_for_update()
    for last, name, text in locked.annotate(stored=stored).values_list("pk", column.row_name, "stored")[
        :BATCH
    ]:
        if not text:
            continue
        if _is_encrypted_with(first_key, text):
            moved.already += 1
            continue
        value = read_stored(text)
        if isinstance(value, Unreadable):
            moved.unreadable.append(f"{column.noun} {name}: {value.reason}")
            continue
        column.model._default_manager.filter(pk=last).update(**{column.name: value}, **column.digests(value))
        moved.rewritten += 1
        moved.were_plain += value.was_plain
    return moved, last


def _is_encrypted_with(key: Fernet, text: str) -> bool:
    if not text.startswith(FERNET_PREFIX):
        return False
    try:
        key.decrypt(text.encode())
    except InvalidToken:
        return False
    return True


def _can_lock_one_table() -> bool:
    return bool(transaction.get_connection().features.has_select_for_update_of)
