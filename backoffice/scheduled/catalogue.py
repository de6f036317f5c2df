"""What can be exported by schedule: the exports of the lists, and the reports; with their filters, days and columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from backoffice.base.model_admin import DayRangeFilter
from backoffice.export import Export
from backoffice.export.reader import titles
from backoffice.export.unattended import REPORTS, request_of
from backoffice.lists.addresses import OF_THE_PAGE
from backoffice.lists.days import Days
from backoffice.lists.facets import filter_panel
from backoffice.reports import sales
from core.format import Text


@dataclass(frozen=True, slots=True)
class Item:
    """One of them. `page` is the admin of its list; None for a report."""

    name: str
    label: Text
    page: Any = None
    export: Export | None = None

    @property
    def list_address(self) -> str:
        if self.page is None:
            return reverse("sales-report")
        return reverse(f"admin:{self.page.opts.app_label}_{self.page.opts.model_name}_changelist")

    @property
    def list_label(self) -> str:
        if self.page is None:
            return _("Sales")
        return str(capfirst(self.page.opts.verbose_name_plural))

    def may_be_seen_by(self, user: User) -> bool:
        if self.page is None:
            return user.has_perm(sales.SEE)
        return bool(self.page.has_view_permission(request_of(user, self.list_address, "")))


def items() -> dict[str, Item]:
    """By name, whoever asks."""
    found = {
        export.name: Item(export.name, export.label, page, export)
        for page in admin.site._registry.values()
        for export in getattr(page, "exports", ())
    }
    return found | {name: Item(name, sales.FILES[name][0]) for name in REPORTS}


def problems_of(user: User, item: Item, query: str) -> list[str]:
    """Why the list cannot be asked for this, in sentences; [] where it can. No row is read."""
    if item.page is None:
        problem = sales.problem_of(request_of(user, item.list_address, query))
        return [problem] if problem else []
    problems: list[str] = list(_changelist(user, item, query).problems)
    return problems


def in_words(user: User, item: Item, query: str) -> list[str]:
    """The filters as the chips of the list say them: "Status: Shipped"."""
    if item.page is None:
        return sales.in_words(request_of(user, item.list_address, query))
    changelist = _changelist(user, item, query)
    if changelist.problems:
        return []
    panel = filter_panel(request_of(user, item.list_address, query), changelist.filter_specs)
    return [f"{chip.title}: {chip.value}" for chip in panel.chips]


def _changelist(user: User, item: Item, query: str) -> Any:
    assert item.export is not None  # noqa: S101  for the type checker
    name = f"admin:{item.page.opts.app_label}_{item.page.opts.model_name}_export"
    request = request_of(user, reverse(name, args=[item.export.name, "csv"]), query)
    return item.page.get_changelist_instance(request)


def day_fields(user: User, item: Item) -> dict[str, str]:
    """What it can be asked for by days: the names of the fields, and what people call them. A report has one, without a
    name."""
    if item.page is None:
        return {"": _("Months")}
    model = item.page.model
    return {
        entry[0]: str(capfirst(model._meta.get_field(entry[0]).verbose_name))
        for entry in item.page.get_list_filter(request_of(user, item.list_address, ""))
        if isinstance(entry, tuple) and isinstance(entry[1], type) and issubclass(entry[1], DayRangeFilter)
    }


def _parameters(field: str) -> tuple[str, str, str]:
    """Of the address: days by name, the first day and the last."""
    moving, first, last = (f"{field}_{end}" if field else end for end in ("in", "from", "to"))
    return moving, first, last


def day_choices(user: User, item: Item) -> list[Any]:
    """For a select: days that move with the time, as parameters of the address (`purchased_at_in=yesterday`)."""
    days = sales.OF_MONTHS if item.page is None else tuple(Days)
    return [
        (title, [(f"{_parameters(field)[0]}={day.value}", f"{title}: {day.label}") for day in days])
        for field, title in day_fields(user, item).items()
    ]


def split(user: User, item: Item, query: str) -> tuple[str, str]:
    """The query without days that move, and the choice of these that it holds ("" for none)."""
    rest = QueryDict(query, mutable=True)
    for field in day_fields(user, item):
        moving = _parameters(field)[0]
        if value := rest.pop(moving, [""])[-1]:
            return rest.urlencode(safe=","), f"{moving}={value}"
    return rest.urlencode(safe=","), ""


def joined(user: User, item: Item, query: str, days: str) -> str:
    """The query with this choice of days in the place of whatever days of that field it asks for; its parameters in the
    order of their names, without those that are empty or of a page."""
    whole = QueryDict(query.strip().removeprefix("?"), mutable=True)
    moving, _equals, value = days.partition("=")
    for field in day_fields(user, item):
        if _parameters(field)[0] == moving:
            for name in _parameters(field):
                whole.pop(name, None)
            whole[moving] = value
    ordered = QueryDict(mutable=True)
    for name in sorted(set(whole) - set(OF_THE_PAGE)):
        if values := list(filter(None, whole.getlist(name))):
            ordered.setlist(name, values)
    return ordered.urlencode(safe=",")


def fixed_days(user: User, item: Item, query: str) -> bool:
    """Whether it names days by their dates, which do not move."""
    given = QueryDict(query)
    return any(given.get(name) for field in day_fields(user, item) for name in _parameters(field)[1:])


def column_choices(item: Item) -> list[tuple[str, str]]:
    """Of an export whose columns can be chosen, in the active language."""
    export = item.export
    if export is None or export.is_uploaded:
        return []
    rows = export.annotate((export.lines or item.page.model)._default_manager.all())
    named = titles(export.columns, rows, timezone.get_current_timezone())
    return list(zip(export.columns, named, strict=True))


def seen_by(user: User) -> Iterator[Item]:
    """What this user may have exported, by its label."""
    found = [item for item in items().values() if item.may_be_seen_by(user)]
    yield from sorted(found, key=lambda item: str(item.label))
