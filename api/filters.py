"""Filters of the API's lists. An unknown name or value is refused: a typo must not return everything.

A filter that takes several values finds rows with any of them. Words and ids are separated by commas, or the parameter
is repeated; free text such as a SKU, in which a comma may be part of a value, is repeated alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from access.confinement import visible_platforms
from api.base import ApiViewMixin
from core.iso import read_time
from platforms.models import Platform

LISTING = ("cursor", "page_size", "ordering", "count", "fields")  # what every list takes beside its filters
MOST_VALUES = 500  # of one parameter
LONGEST_SHOWN = 64  # characters of a refused value
NO_FLAG = "It takes true or false."


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
    """A limit of a time: `gte`, which is included, or `lt`, which is not. `of` says what the time is."""

    field_class = TimeField

    def __init__(self, field_name: str, lookup_expr: str, *, of: str, note: str = "", **kwargs: Any) -> None:
        limit = "at this time or later (included)" if lookup_expr == "gte" else "before this time (excluded)"
        label = f"{of} {limit}. ISO 8601; a time without a zone is UTC, a date is its first moment.{note}"
        super().__init__(field_name, lookup_expr, label=label, **kwargs)


MOST_WORDS = 200  # of a search: each is a condition, and SQLite takes a thousand


def few_words(text: str) -> None:
    """Raises ValidationError for more words than a search takes."""
    if len(text.split()) > MOST_WORDS:
        raise forms.ValidationError(f"It has more than {MOST_WORDS} words.", code="invalid")


class TextFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Text exactly as given: blanks at the ends are part of a SKU."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, strip=False, validators=[few_words], **kwargs)


def read_flag(text: str, name: str) -> bool:
    """Raises ValidationError naming the parameter for all but the one form that there is."""
    if text not in ("true", "false"):
        raise ValidationError({name: NO_FLAG})
    return text == "true"


class FlagField(forms.Field):
    """true or false, written like this; None where it is not given."""

    def to_python(self, value: Any) -> bool | None:
        if not value:
            return None
        if value not in ("true", "false"):
            raise forms.ValidationError(NO_FLAG, code="invalid")
        return bool(value == "true")


class FlagFilter(django_filters.BooleanFilter):  # type: ignore[misc]  # no annotations
    """Rows for which something is so, or is not."""

    field_class = FlagField


class Several(forms.Widget):
    """All values of a parameter."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return list(data.getlist(name))


class SeveralField(forms.Field):
    """A list without doubles. `read` makes values of texts, or raises ValidationError."""

    widget = Several

    def __init__(
        self, *, read: Callable[[Sequence[str]], Iterable[Any]], commas: bool, **kwargs: Any
    ) -> None:
        self._read, self._commas = read, commas
        super().__init__(**kwargs)

    def clean(self, value: Sequence[str]) -> list[Any]:
        texts = [text for given in value for text in (given.split(",") if self._commas else [given])]
        if len(texts) > MOST_VALUES:
            raise forms.ValidationError(f"It takes at most {MOST_VALUES} values.", code="invalid")
        if not all(texts):
            raise forms.ValidationError("One of its values is empty.", code="invalid")
        return list(dict.fromkeys(self._read(texts)))


class SeveralFilter(django_filters.Filter):  # type: ignore[misc]  # no annotations
    """Rows with one of several values, which are separated by commas or, without `commas`, given by repeating the
    parameter. `item` is the schema of a value."""

    field_class = SeveralField
    item: Mapping[str, Any] = {"type": "string"}

    def __init__(self, *args: Any, label: str, commas: bool = True, **kwargs: Any) -> None:
        self.commas = commas
        several = "Several are separated by commas." if commas else "Repeat the parameter for several."
        super().__init__(
            *args, lookup_expr="in", label=f"{label} {several}", read=self.read_all, commas=commas, **kwargs
        )

    def read_all(self, texts: Sequence[str]) -> Iterable[Any]:
        """Raises ValidationError for what is no value of this filter."""
        return map(self.read, texts)

    def read(self, text: str) -> Any:
        return text


class TextsFilter(SeveralFilter):
    """Texts exactly as given: blanks are part of a SKU, and so are commas unless they separate."""

    def __init__(self, *args: Any, commas: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, commas=commas, **kwargs)


class IdsFilter(SeveralFilter):
    """Ids of rows."""

    item = {"type": "integer"}

    def read(self, text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise forms.ValidationError("It takes ids, which are whole numbers.", code="invalid")
        return int(text)


class ChoicesFilter(SeveralFilter):
    """Some of `choices`, or of what calling it returns; the refusal lists them. `stored` has what the database has in
    the place of a choice, where that is something else."""

    def __init__(
        self, *args: Any, choices: Any, stored: dict[str, Any] | None = None, label: str = "", **kwargs: Any
    ) -> None:
        self._choices, self._stored = choices, stored or {}
        super().__init__(*args, label=label or "Rows with one of these values.", **kwargs)

    @property
    def names(self) -> list[str]:
        choices = self._choices() if callable(self._choices) else self._choices
        return [str(value) for value, _label in choices]

    @property
    def item(self) -> dict[str, Any]:  # type: ignore[override]
        return {"type": "string", "enum": self.names}

    def read(self, text: str) -> Any:
        if text not in self.names:
            raise forms.ValidationError(
                f"%(value)s is not known. It takes one or more of: {', '.join(self.names)}.",
                code="invalid",
                params={"value": text[:LONGEST_SHOWN]},
            )
        return self._stored.get(text, text)


class PlatformNameFilter(SeveralFilter):
    """Platforms by their names; what is filtered by are their ids."""

    def __init__(self, field_name: str = "platform", **kwargs: Any) -> None:
        super().__init__(field_name, label="Names of platforms.", **kwargs)

    def read_all(self, texts: Sequence[str]) -> Iterable[Any]:
        platforms = Platform.objects.filter(name__in=texts)
        visible = visible_platforms(self.parent.request)
        if visible is not None:
            platforms = platforms.filter(pk__in=visible)
        ids = dict(platforms.values_list("name", "pk"))
        if unknown := [text for text in texts if text not in ids]:
            raise forms.ValidationError(
                "There is no platform %(name)r; GET /platforms lists them.",
                code="invalid",
                params={"name": unknown[0][:LONGEST_SHOWN]},
            )
        return [ids[text] for text in texts]


class FilterBackend(DjangoFilterBackend):  # type: ignore[misc]  # no annotations
    """The view's `filterset_class`, for lists and for what is computed of one; raises ValidationError naming each odd
    parameter."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        lists: Mapping[str, Sequence[str]] = getattr(view, "list_parameters", {})
        beside = lists.get(str(getattr(view, "action", None) or "list"))
        if beside is None:
            return queryset
        filters: dict[str, Any] = self.get_filterset_class(view, queryset).base_filters
        several = [name for name, each in filters.items() if isinstance(each, SeveralFilter)]
        refuse_odd_parameters(request.query_params, known=(*filters, *beside), repeatable=several)
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


class KnownParameters(ApiViewMixin):
    """Mixin of viewsets, in front: no action takes a parameter in the address that it does not know."""

    # By action: what is taken beside the filters of the list, and what is taken where there are no filters.
    list_parameters: ClassVar[Mapping[str, Sequence[str]]] = {"list": LISTING}
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {}

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """For lists and single rows alike."""
        return self.confined(super().filter_queryset(queryset))  # type: ignore[misc]

    def refuse_parameters(self, request: Request) -> None:
        action = getattr(self, "action", None)
        if action not in (None, "metadata", *self.list_parameters):
            refuse_odd_parameters(request.query_params, known=self.parameters.get(str(action), ()))


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
