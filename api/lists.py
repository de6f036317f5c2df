"""What lists share beside filters and pages: the fields that a request chooses."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import mixins
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.filters import KnownParameters


class ListView(KnownParameters, mixins.ListModelMixin):
    """Mixin of viewsets, in front: a list whose rows have all fields of the serializer, or those of `fields`."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Without a docstring, which the schema would show: that of the view is about the list.
        view: Any = self
        chosen = chosen_fields(request, list(view.get_serializer_class()().fields))
        page = view.paginate_queryset(view.filter_queryset(view.get_queryset()))
        rows = view.get_serializer(page, many=True).data
        return Response(view.get_paginated_response(only(rows, chosen)).data)


def chosen_fields(request: Request, known: Sequence[str]) -> tuple[str, ...] | None:
    """The fields that `fields` asks for, in the order of `known`; None where it is not given."""
    text = request.query_params.get("fields")
    if text is None:
        return None
    asked = text.split(",")
    if unknown := [name for name in asked if name not in known]:
        names = ", ".join(repr(name[:64]) for name in unknown[:5])
        raise ValidationError({"fields": f"{names} is not known. It takes some of: {', '.join(known)}."})
    return tuple(name for name in known if name in asked)


def only(rows: Sequence[Mapping[str, Any]], chosen: Sequence[str] | None) -> Sequence[Mapping[str, Any]]:
    """The rows with these fields alone; as they are for None. A row may lack a field."""
    return rows if chosen is None else [{name: row[name] for name in chosen if name in row} for row in rows]
