"""The rows of a list, piece by piece: which ones they are is settled at the start, eight bytes for each."""

from array import array
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet

CHUNK = 900  # rows: Django asks SQLite for no more than 999 at once


def ids_of(queryset: QuerySet[Any]) -> "array[int]":
    """The primary keys, in the list's order. Rows that arrive later are not in the export, and none is there twice."""
    ids = queryset.values_list("pk", flat=True)
    connection = connections[queryset.db]
    if connection.vendor != "mysql":
        return array("q", ids.iterator(chunk_size=CHUNK))
    # Django's cursor for MySQL fetches the whole answer at once. This one does not.
    from MySQLdb.cursors import SSCursor

    found = array("q")
    try:
        statement = ids.query.sql_with_params()
    except EmptyResultSet:  # filters that no row can meet
        return found
    connection.ensure_connection()
    with connection.connection.cursor(SSCursor) as cursor:
        cursor.execute(*statement)
        found.extend(row[0] for row in cursor)  # columns it is ordered by may stand behind it
    return found


def rows_of(queryset: QuerySet[Any], ids: "array[int]") -> Iterator[list[Any]]:
    """The rows with these ids, chunk by chunk, in this order. Those deleted meanwhile are left out."""
    bare = queryset.order_by()
    for start in range(0, len(ids), CHUNK):
        wanted = ids[start : start + CHUNK]
        found = bare.in_bulk(wanted.tolist())
        yield [found[pk] for pk in wanted if pk in found]
