"""Writes changes, in the transaction of whoever made them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import connection
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from core.database.bulk import BulkInsert
from feed.models import Change

_COLUMNS = ("at", "kind", "platform_id", "object_id", "external_id", "field_names")
_insert = BulkInsert(Change, fields=_COLUMNS)


class Changed(NamedTuple):
    """One object that became different. `fields` are names as the API has them."""

    object_id: int
    external_id: str = ""
    fields: Iterable[str] = ()


def add_changes(kind: Change.Kind, platform_id: int, changed: Sequence[Changed]) -> None:
    """Note that these objects of a platform became different. One statement; none for no object.

    Raises TransactionManagementError outside of a transaction.

    Call it after the rows are written and before the transaction ends: while their locks are held, the changes of one
    object are noted in the order in which they happen.
    """
    _write(kind, (platform_id,) * len(changed), changed)


def add_changes_by_platform(kind: Change.Kind, changed: Sequence[tuple[int, Changed]]) -> None:
    """The same for objects of several platforms, each with its platform's id."""
    _write(kind, [platform_id for platform_id, _ in changed], [each for _, each in changed])


def _write(kind: Change.Kind, platform_ids: Sequence[int], changed: Sequence[Changed]) -> None:
    if not changed:
        return
    if not connection.in_atomic_block:
        raise TransactionManagementError("A change is noted in the transaction that makes it.")
    size = len(changed)
    ids, external_ids, fields = zip(*changed, strict=True)
    names = [",".join(each) for each in fields]
    now = (timezone.now(),) * size
    _insert.write_columns([now, (str(kind),) * size, platform_ids, ids, external_ids, names])
