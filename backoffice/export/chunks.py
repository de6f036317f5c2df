"""The rows of a list, piece by piece. Their ids are read at the start, eight bytes for each.

Pieces go by column, as tuples out of the database. A model instance for each row would take several times as long.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connections, transaction
from django.db.models import QuerySet

CHUNK = 900  # rows: Django asks SQLite for no more than 999 at once

Cells = Sequence[Sequence[Any]]  # the values of each column, all columns of the same length


class Chunk(NamedTuple):
    """A number of rows of the list, and the cells of those that still exist."""

    listed: int
    cells: Cells


def ids_of(queryset: QuerySet[Any]) -> "array[int]":
    """The primary keys, in the list's order. Rows that arrive later are not in the export, and no row is in it
    twice."""
    ids = queryset.values_list("pk", flat=True)
    connection = connections[queryset.db]
    if connection.vendor == "postgresql":
        # A cursor on the server, whatever DISABLE_SERVER_SIDE_CURSORS says: a million ids at once take memory. Inside
        # one transaction, because a pooler (PgBouncer) may take the next to a server process without that cursor.
        with transaction.atomic(using=queryset.db):
            rows = ids.query.get_compiler(queryset.db).results_iter(chunked_fetch=True, chunk_size=CHUNK)
            return array("q", (row[0] for row in rows))
    if connection.vendor != "mysql":
        return array("q", ids.iterator(chunk_size=CHUNK))
    # Django's cursor for MySQL fetches the whole answer at once. This one does not.
    from MySQLdb.cursors import SSCursor

    found = array("q")
    try:
        statement = ids.query.sql_with_params()
    except EmptyResultSet:  # filters that no row can match
        return found
    connection.ensure_connection()
    with connection.connection.cursor(SSCursor) as cursor:
        cursor.execute(*statement)
        found.extend(row[0] for row in cursor)  # columns it is ordered by may stand behind it
    return found


def chunks_of(
    queryset: QuerySet[Any], ids: "array[int]", *, key: str, paths: Sequence[str]
) -> Iterator[Chunk]:
    """What these fields hold where `key` is one of the ids, in the order of the ids.

    A key with several rows has them by their own ids; rows that were deleted meanwhile are left out.
    """
    bare = queryset.order_by("pk").values_list(key, *paths)
    for start in range(0, len(ids), CHUNK):
        wanted = ids[start : start + CHUNK]
        found: dict[int, list[tuple[Any, ...]]] = {}
        for row in bare.filter(**{f"{key}__in": wanted.tolist()}):
            found.setdefault(row[0], []).append(row)
        rows = [row for pk in wanted for row in found.get(pk, ())]
        yield Chunk(len(wanted), list(zip(*rows, strict=True))[1:] or [()] * len(paths))
