"""The filters of a list as its reader meets them: fields of a panel beside the rows, and chips of what is asked for.

They are read from Django's filter classes, so that every list has both without saying anything about them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import ValidationError
from django.forms import DateField
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from backoffice.lists.addresses import OF_THE_PAGE, asked_for, given, query_without
from backoffice.lists.days import Days


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One filter: a choice of options, or of several, and where it is about days also two fields for the first and the
    last one. `other_names`: further parameters of the address that it takes the place of."""

    title: str
    name: str
    options: Sequence[Option]
    from_name: str = ""
    to_name: str = ""
    from_value: str = ""
    to_value: str = ""
    is_several: bool = False
    other_names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Chip:
    title: str
    value: str
    remove: str  # the address without it


@dataclass(frozen=True, slots=True)
class FilterPanel:
    facets: Sequence[Facet] = ()
    chips: Sequence[Chip] = ()
    kept: Sequence[tuple[str, str]] = field(
        default_factory=tuple
    )  # parameters of the address that are no field


def filter_panel(request: HttpRequest, specs: Iterable[Any]) -> FilterPanel:
    asked = asked_for(request)
    facets, chips = list[Facet](), list[Chip]()
    if words := asked.get(SEARCH_VAR):
        chips.append(Chip(_("Search"), words, query_without(request, [SEARCH_VAR])))
    for spec in specs:
        if facet := facet_of(spec, asked):
            facets.append(facet)
            chips += _chips_of(request, spec, facet, asked)
    fields = {
        name for facet in facets for name in (facet.name, facet.from_name, facet.to_name, *facet.other_names)
    }
    kept = [(name, value) for name, value in given(request) if name not in {*fields, *OF_THE_PAGE}]
    return FilterPanel(facets, chips, kept)


def facet_of(spec: Any, asked: dict[str, str]) -> Facet | None:
    """None for a filter that has nothing to choose from."""
    title = str(capfirst(spec.title))
    if hasattr(spec, "preset_name"):
        names = (f"{spec.field_path}_from", f"{spec.field_path}_to")
        options = _options(Days.choices, asked.get(spec.preset_name), _("at any time"))
        first, last = (_iso(asked.get(name, "")) for name in names)
        return Facet(
            title=title, name=spec.preset_name, options=options,
            from_name=names[0], to_name=names[1], from_value=first, to_value=last,
        )  # fmt: skip
    name, choices = _choices_of(spec)
    if not name or not choices:
        return None
    if getattr(spec, "takes_several", False):
        return _several(spec, title, choices, asked)
    has_default = getattr(spec, "has_default", False)
    chosen = asked.get(name) or (str(choices[0][0]) if has_default else None)
    return Facet(title=title, name=name, options=_options(choices, chosen, None if has_default else _("all")))


def _several(spec: Any, title: str, choices: Iterable[tuple[Any, Any]], asked: dict[str, str]) -> Facet:
    names = (f"{spec.field_path}__in", f"{spec.field_path}__exact")
    chosen = {value for name in names for value in asked.get(name, "").split(",")}
    options = [Option(str(value), str(label), str(value) in chosen) for value, label in choices]
    return Facet(title=title, name=names[0], options=options, is_several=True, other_names=names[1:])


def _choices_of(spec: Any) -> tuple[str, list[tuple[Any, Any]]]:
    """The parameter that a filter reads, and the values that it takes, with their labels."""
    if isinstance(spec, admin.SimpleListFilter):
        return str(spec.parameter_name), list(spec.lookup_choices)
    name = str(getattr(spec, "lookup_kwarg", ""))
    if isinstance(spec, admin.BooleanFieldListFilter):
        return name, [("1", _("yes")), ("0", _("no"))]
    if isinstance(spec, admin.ChoicesFieldListFilter):
        return name, list(spec.field.flatchoices)
    return name, list(getattr(spec, "lookup_choices", ()))


def _options(choices: Iterable[tuple[Any, Any]], chosen: str | None, everything: str | None) -> list[Option]:
    first = [] if everything is None else [Option("", everything, not chosen)]
    return first + [Option(str(value), str(label), str(value) == chosen) for value, label in choices]


def _chips_of(request: HttpRequest, spec: Any, facet: Facet, asked: dict[str, str]) -> Iterator[Chip]:
    labels = {option.value: option.label for option in facet.options if option.value}
    names = [name for name in dict.fromkeys(spec.expected_parameters()) if name in asked]
    for name in names:
        remove = query_without(request, [name])
        if name == facet.from_name:
            yield Chip(facet.title, _("from %(day)s") % {"day": _day(asked[name])}, remove)
        elif name == facet.to_name:
            yield Chip(facet.title, _("to %(day)s") % {"day": _day(asked[name])}, remove)
        else:
            values = asked[name].split(",") if name.endswith("__in") else [asked[name]]
            yield Chip(facet.title, ", ".join(labels.get(value, value) for value in values), remove)


def _iso(text: str) -> str:
    """What a field for a day takes, whichever way the day was written; "" for what is none."""
    day = _parsed(text)
    return day.isoformat() if day else ""


def _day(text: str) -> str:
    day = _parsed(text)
    return date_format(day, "SHORT_DATE_FORMAT") if day else text


def _parsed(text: str) -> date | None:
    try:
        day: date | None = DateField(required=False).clean(text)
    except ValidationError:
        return None
    return day
