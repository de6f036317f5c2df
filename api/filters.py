"""Filters of the API's lists. An unknown name or value is refused: a typo must not return everything."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from api.base import ApiViewMixin
from core.iso import read_time
from platforms.models import Platform

PAGINATION = ("cursor", "page_size")


class TimeField(forms.Field):
    """ISO 8601; a time without a zone is UTC."""

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            moment = read_time(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            hint = " In a URL, write the plus sign as %(plus)s." if " " in value.strip() else ""
            text = f"It is not a time. Write it like 2026-01-31 or 2026-01-31T08:00:00Z.{hint}"
            raise forms.ValidationError(text, code="invalid", params={"plus": "%2B"}) from None


class TimeFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]  # no annotations
    field_class = TimeField


MOST_WORDS = 200  # of a search: each is a condition, and SQLite takes a thousand


def few_words(text: str) -> None:
    """Raises ValidationError for more words than a search takes."""
    if len(text.split()) > MOST_WORDS:
        raise forms.ValidationError(f"It has more than {MOST_WORDS} words.", code="invalid")


class TextFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Text exactly as given: blanks at the ends are part of a SKU."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, strip=False, validators=[few_words], **kwargs)


class KnownChoiceFilter(django_filters.ChoiceFilter):  # type: ignore[misc]
    """One of `choices`; the refusal lists them."""

    def __init__(self, *args: Any, choices: Any, **kwargs: Any) -> None:
        self._choices = choices
        super().__init__(*args, choices=choices, **kwargs)

    @property
    def field(self) -> Any:
        choices = self._choices() if callable(self._choices) else self._choices
        names = ", ".join(value for value, _label in choices)
        self.extra["error_messages"] = {
            "invalid_choice": f"%(value)s is not known. It takes one of: {names}."
        }
        return super().field


@extend_schema_field(str)
class PlatformNameFilter(django_filters.ModelChoiceFilter):  # type: ignore[misc]
    """A platform by its name."""

    def __init__(self, field_name: str = "platform") -> None:
        super().__init__(
            field_name=field_name,
            queryset=Platform.objects.defer("api_config"),
            to_field_name="name",
            error_messages={
                "invalid_choice": "There is no platform of that name; GET /platforms lists them."
            },
        )

    def filter(self, queryset: QuerySet[Any], value: Platform | None) -> QuerySet[Any]:
        return queryset if value is None else queryset.filter(**{self.field_name: value.pk})


class FilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """The view's `filterset_class`, for lists alone; raises ValidationError naming each odd parameter."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        if getattr(view, "action", "list") != "list":
            return queryset
        known = self.get_filterset_class(view, queryset).base_filters
        refuse_odd_parameters(request.query_params, known=(*known, *PAGINATION))
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


class KnownParameters(ApiViewMixin):
    """Mixin of viewsets, in front: routes other than lists, whose filters do it, take no parameter in the address."""

    def refuse_parameters(self, request: Request) -> None:
        if getattr(self, "action", None) not in (None, "list", "metadata"):
            refuse_odd_parameters(request.query_params, known=())


def refuse_odd_parameters(
    parameters: QueryDict, *, known: Iterable[str], repeatable: Iterable[str] = ()
) -> None:
    """Raises ValidationError for parameters that are unknown, empty, or given twice without being `repeatable`."""
    known, problems = list(known), {}
    for name, values in parameters.lists():
        if name not in known:
            names = f" Known are: {', '.join(sorted(known))}." if known else " No parameter is."
            problems[name] = f"It is not known here.{names}"
        elif "" in values:
            problems[name] = "It is empty; leave it out instead."
        elif any("\0" in value for value in values):
            problems[name] = "It holds a NUL."
        elif len(values) > 1 and name not in repeatable:
            problems[name] = "It is given more than once."
    if problems:
        raise ValidationError(problems)
