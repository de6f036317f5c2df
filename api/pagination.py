"""Cursor pagination by keyset: a page starts after the last row of the page before, whatever was added since.

DRF's own counts offsets among rows that are equal in the first column; orders bought in the same second would be
shown twice or never while others arrive. Here the position is (column, id), which no two rows share.

A page is two queries: the ids of its rows, in order, which an index answers alone where it holds all that the list
is filtered by; and the rows of these ids.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError as FieldError
from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from api.filters import read_flag
from core.database.counting import COUNTED, count_up_to

LARGEST_ID = 2**63 - 1
Row = tuple[int, Any]  # id, and the value of the column that the list is sorted by


@dataclass(frozen=True, slots=True)
class Ordering:
    """By a column, then by id in the same direction. Rows without a value come last, in either direction."""

    name: str  # "-synced_at"
    is_default: bool
    is_nullable: bool

    @property
    def column(self) -> str:
        return self.name.lstrip("-")

    @property
    def is_descending(self) -> bool:
        return self.name.startswith("-")


@dataclass(frozen=True, slots=True)
class _Position:
    """Behind (or, for `back`, before) the row with this value and id."""

    back: bool
    value: Any
    pk: int


def orderings_of(view: Any) -> list[str]:
    """What `ordering` takes in this list, the default first."""
    default = view.ordering[0]
    columns = dict.fromkeys((default.lstrip("-"), *getattr(view, "orderings", ())))
    names = [name for column in columns for name in (column, f"-{column}")]
    return list(dict.fromkeys((default, *names)))


def ordering_of(view: Any, parameters: Any, model: type[Model]) -> Ordering:
    """The one that is asked for. Raises ValidationError naming `ordering`."""
    known = orderings_of(view)
    name = parameters.get("ordering", known[0])
    if name not in known:
        raise ValidationError({"ordering": f"It takes one of: {', '.join(known)}."})
    field: Any = model._meta.get_field(name.lstrip("-"))
    return Ordering(name, is_default=name == known[0], is_nullable=field.null)


class CursorPagination(BasePagination):
    """Answers {"next", "previous", "results"}, and "count" where it is asked for.

    The view's `ordering` is one column and the id, both in the same direction, e.g. ("-purchased_at", "-id"), or the
    id alone; `orderings` are columns that a request may choose instead. A view may have `rows_of(ids)`, which makes
    the rows of a page in another way than reading them from its queryset.
    """

    page_size = 100
    max_page_size = 500

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """One page. Raises ValidationError naming `cursor`, `page_size`, `ordering` or `count`."""
        self._request = request
        parameters = request.query_params
        self._ordering = ordering_of(view, parameters, queryset.model)
        size = self._size(parameters.get("page_size"))
        position = self._decode(parameters.get("cursor"), queryset.model)
        self._count = self._counted(queryset, parameters.get("count"), size)
        back = position is not None and position.back
        found = self._ids_behind(queryset, position, size + 1)
        page, more = found[:size], len(found) > size
        if back:
            page.reverse()
        self._next = self._link(page[-1], back=False) if page and (more or back) else None
        started = position is not None and not back
        self._previous = self._link(page[0], back=True) if page and (started or (back and more)) else None
        return self._rows(view, [pk for pk, _value in page])

    def get_paginated_response(self, data: Any) -> Response:
        body = {"next": self._next, "previous": self._previous, "results": data}
        return Response(body | self._count)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {
            "type": ["string", "null"],
            "format": "uri",
            "description": "The whole address; null: no more pages.",
        }
        properties = {"next": link, "previous": link, "results": schema}
        counted = {
            "count": {"type": "integer", "description": f"With count=true. Counting ends at {COUNTED:,}."},
            "count_is_exact": {"type": "boolean", "description": "false: there are more rows than `count`."},
        }
        return {"type": "object", "required": list(properties), "properties": properties | counted}

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        orderings = orderings_of(view)
        ordering = {"type": "string", "enum": orderings, "default": orderings[0]}
        fields = {"type": "array", "items": {"type": "string"}}
        described: dict[str, tuple[str, dict[str, Any]]] = {
            "cursor": ("From next or previous, with the same filters and ordering.", {"type": "string"}),
            "page_size": ("Rows of a page.", size),
            "ordering": (
                "The order of the rows: by this, then by id; with a minus, the last one first. Rows without a value "
                "come last in both directions.",
                ordering,
            ),
            "count": (
                f"true: say how many rows pass the filters. Counting ends at {COUNTED:,} rows; of a search that many "
                "rows match, at the end of a page. `count_is_exact` says whether there are more.",
                {"type": "boolean", "default": False},
            ),
            "fields": ("The fields of each row to answer, separated by commas; without it, all.", fields),
        }
        return [
            {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
            | ({"style": "form", "explode": False} if schema["type"] == "array" else {})
            for name, (text, schema) in described.items()
        ]

    def _rows(self, view: Any, ids: Sequence[int]) -> list[Any]:
        """Those of these ids that are still there, in this order."""
        if hasattr(view, "rows_of"):
            return list(view.rows_of(ids))
        rows = {row.pk: row for row in view.get_queryset().filter(pk__in=ids).order_by()}
        return [rows[pk] for pk in ids if pk in rows]

    def _ids_behind(self, queryset: QuerySet[Any], position: _Position | None, most: int) -> list[Row]:
        """Up to `most` rows behind the position, or before it, the nearest first.

        Rows with a value are one range of an index, rows without are another one: databases do not agree on where
        these come, and an index is of no use for another order than its own.
        """
        back = position is not None and position.back
        column = self._ordering.column
        sign = "-" if self._ordering.is_descending != back else ""
        parts: list[bool | None] = [False, True] if self._ordering.is_nullable else [None]
        if back:
            parts.reverse()
        if position is not None and self._ordering.is_nullable:
            parts = parts[parts.index(position.value is None) :]
        found: list[Row] = []
        for without_value in parts:
            part = (
                queryset if without_value is None else queryset.filter(**{f"{column}__isnull": without_value})
            )
            if position is not None and without_value in (None, position.value is None):
                part = part.filter(self._behind(position, "lt" if sign else "gt"))
            first = () if without_value else (f"{sign}{column}",)
            # Descending by purchase, rows without a value by id in the same direction.
            part = part.order_by(*dict.fromkeys((*first, f"{sign}id")))
            found += part.values_list("pk", column)[: most - len(found)]
            if len(found) == most:
                break
        return found

    def _behind(self, position: _Position, towards: str) -> Q:
        by_id = Q(**{f"pk__{towards}": position.pk})
        column = self._ordering.column
        if column == "id" or position.value is None:
            return by_id
        # One range of the index, less the rows of equal value that were shown already.
        return Q(**{f"{column}__{towards}e": position.value}) & (
            Q(**{f"{column}__{towards}": position.value}) | by_id
        )

    def _counted(self, queryset: QuerySet[Any], text: str | None, size: int) -> dict[str, Any]:
        if not read_flag("false" if text is None else text, "count"):
            return {}
        is_scan = getattr(self._request, "oms_is_scan", False)  # a search that is costly to count says so
        count, is_exact = count_up_to(queryset, size if is_scan else COUNTED)
        return {"count": count, "count_is_exact": is_exact}

    def _size(self, text: str | None) -> int:
        if text is None:
            return self.page_size
        if not (
            text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= self.max_page_size
        ):
            raise ValidationError({"page_size": f"It takes a whole number from 1 to {self.max_page_size}."})
        return int(text)

    def _link(self, row: Row, *, back: bool) -> str:
        pk, value = row
        shown = value.isoformat() if isinstance(value, date) else value
        # Of the usual ordering, as it was before there were others.
        text = json.dumps(
            [int(back), shown, pk, *([] if self._ordering.is_default else [self._ordering.name])]
        )
        cursor = urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return str(replace_query_param(self._request.build_absolute_uri(), "cursor", cursor))

    def _decode(self, cursor: str | None, model: type[Model]) -> _Position | None:
        if cursor is None:
            return None
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            back, value, pk, *ordering = json.loads(urlsafe_b64decode(padded))
            value = model._meta.get_field(self._ordering.column).to_python(value)  # type: ignore[union-attr]
            if isinstance(value, datetime):
                value.astimezone()  # raises where it is beyond what a database holds
            is_missing = value == "" or (value is None and not self._ordering.is_nullable)
            if back not in (0, 1) or type(pk) is not int or not 0 <= pk <= LARGEST_ID or is_missing:
                raise ValueError
        except (ValueError, TypeError, OverflowError, RecursionError, FieldError):
            raise ValidationError({"cursor": "It is not one that a list gave as next or previous."}) from None
        if ordering != ([] if self._ordering.is_default else [self._ordering.name]):
            raise ValidationError(
                {"cursor": "It belongs to a list in another order; begin without a cursor."}
            )
        return _Position(bool(back), value, pk)
