"""One writer at a time for the records of a platform."""

from django.db import connection

from platforms.models import Platform


def hold_platform(platform_id: int) -> None:
    """Wait until no other transaction stores records of this platform, and keep others waiting until this one ends.

    A sync, a replay and a lookup may bring the same record at once: each then finds what the one before has stored, so
    that a record is new once. Syncs that only write their own row do not wait. SQLite has one writer anyway.
    """
    if connection.features.has_select_for_update:
        quote = connection.ops.quote_name
        table, key = quote(Platform._meta.db_table), quote("id")
        lock = connection.ops.for_update_sql(no_key=connection.features.has_select_for_no_key_update)
        # Without the ORM, which takes half a millisecond to find the words: as long as a tenth of the rows of a page.
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {key} FROM {table} WHERE {key} = %s {lock}", [platform_id])  # noqa: S608
