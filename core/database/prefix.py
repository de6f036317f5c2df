"""Columns that begin with what somebody typed."""

from django.db import connection
from django.db.models import Q

LAST_CHARACTER = "\U0010ffff"


def prefix(field: str, text: str) -> Q:
    """`field` begins with `text`, so that an index finds it: LIKE does not use one on SQLite."""
    if connection.vendor == "postgresql":  # its usual collations sort otherwise
        return Q(**{f"{field}__startswith": text})
    return Q(**{f"{field}__gte": text, f"{field}__lt": text + LAST_CHARACTER})
