"""Cursor pagination by keyset: a page starts after the last row of the page before, whatever was added since.

DRF's own counts offsets among rows that are equal in the first column; orders bought in the same second would be
shown twice or never while others arrive. Here the position is (column, id), which no two rows share.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as FieldError
from django.db.models import Model, Q
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Position:
    """Behind (or, for `back`, before) the row with this value and id."""

    back: bool
    value: Any
    pk: int


class CursorPagination(BasePagination):
    """Answers {"next", "previous", "results"}. The view's `ordering` is one column, never NULL, and the id, both in
    the same direction, e.g. ("-purchased_at", "-id"); or the id alone."""

    page_size = 100
    max_page_size = 500

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """One page. Raises ValidationError naming `cursor` or `page_size`."""
        self._request = request
        first: str = view.ordering[0]  # type: ignore[union-attr]
        self._column, descending = first.lstrip("-"), first.startswith("-")
        size = self._size(request.query_params.get("page_size"))
        position = self._decode(request.query_params.get("cursor"), queryset.model)
        back = position is not None and position.back
        sign = "-" if descending != back else ""
        queryset = queryset.order_by(*dict.fromkeys((f"{sign}{self._column}", f"{sign}id")))
        if position is not None:
            queryset = queryset.filter(self._behind(position, "lt" if sign else "gt"))
        rows = list(queryset[: size + 1])
        page, more = rows[:size], len(rows) > size
        if back:
            page.reverse()
        self._next = self._link(page[-1], back=False) if page and (more or back) else None
        started = position is not None and not back
        self._previous = self._link(page[0], back=True) if page and (started or (back and more)) else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next, "previous": self._previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {
            "type": ["string", "null"],
            "format": "uri",
            "description": "The whole address; null: no more pages.",
        }
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, _view: APIView) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        cursor = {"type": "string"}
        return [
            {"name": "cursor", "in": "query", "description": "From next or previous.", "schema": cursor},
            {"name": "page_size", "in": "query", "description": "Rows of a page.", "schema": size},
        ]

    def _behind(self, position: _Position, towards: str) -> Q:
        by_id = Q(**{f"pk__{towards}": position.pk})
        if self._column == "id":
            return by_id
        # One range of the index, less the rows of equal value that were shown already.
        return Q(**{f"{self._column}__{towards}e": position.value}) & (
            Q(**{f"{self._column}__{towards}": position.value}) | by_id
        )

    def _size(self, text: str | None) -> int:
        if text is None:
            return self.page_size
        if not (
            text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= self.max_page_size
        ):
            raise ValidationError({"page_size": f"It takes a whole number from 1 to {self.max_page_size}."})
        return int(text)

    def _link(self, row: Any, *, back: bool) -> str:
        value = getattr(row, self._column)
        shown = value.isoformat() if isinstance(value, datetime) else value
        text = json.dumps([int(back), shown, row.pk])
        cursor = urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return str(replace_query_param(self._request.build_absolute_uri(), "cursor", cursor))

    def _decode(self, cursor: str | None, model: type[Model]) -> _Position | None:
        if cursor is None:
            return None
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            back, value, pk = json.loads(urlsafe_b64decode(padded))
            value = model._meta.get_field(self._column).to_python(value)  # type: ignore[union-attr]
            if isinstance(value, datetime):
                value.astimezone()  # raises where it is beyond what a database holds
            if back not in (0, 1) or type(pk) is not int or not 0 <= pk <= LARGEST_ID or value in (None, ""):
                raise ValueError
        except (ValueError, TypeError, OverflowError, RecursionError, FieldError):
            raise ValidationError({"cursor": "It is not one that a list gave as next or previous."}) from None
        return _Position(bool(back), value, pk)
