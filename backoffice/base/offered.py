"""What the address of a list may ask for: what the list's own filters, search and columns offer, in words they read.

Whatever else it asks for is refused by name: the page says so and lists no row, the export writes no file. Django would
take any lookup on a field of the row (`title__regex`, `api_config__contains`), drop a value that a filter cannot read,
and list everything.

OfferedChangeList   judges an address; `problems` are sentences for its reader
OfferedLists        makes it the changelist of an admin class, and answers 400 where there are problems
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ERROR_FLAG, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.views import ChangeList

from access.confinement import visible_platforms, within
from backoffice.audit.history import history_page
from backoffice.base.menu import title_of
from backoffice.lists.columns import NamedSorting, headings
from core.encryption import EncryptedJSONField
from platforms.models import Platform

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Admin = ModelAdmin[Any]
else:
    Admin = object

LONGEST_SHOWN = 60  # characters of a refused name or value
LONGEST_NUMBER = 18  # digits of a page or a column
MOST_WORDS = 200  # of a search: more than a title has, and each is a condition; SQLite takes a thousand
YES_OR_NO = ("0", "1", "True", "False")  # as Django's own links say it
# What filters of these classes read, behind the path of their field; the first class that fits counts.
SUFFIXES: Sequence[tuple[type, Sequence[str]]] = (
    (RangeDateFilter, ("_from", "_to")),
    (admin.RelatedFieldListFilter, ("__{target}__exact", "__isnull")),
    (admin.BooleanFieldListFilter, ("__exact", "__isnull")),
    (admin.ChoicesFieldListFilter, ("__exact", "__isnull")),
    (admin.DateFieldListFilter, ("__gte", "__lt", "__isnull")),
    (admin.EmptyFieldListFilter, ("__isempty",)),
    (admin.AllValuesFieldListFilter, ("", "__isnull")),
)


class _Refused(Exception):
    """Holds what `ChangeList.get_filters` returned."""

    def __init__(self, filters: tuple[Any, ...]) -> None:
        super().__init__()
        self.filters = filters


class OfferedChangeList(NamedSorting, ChangeList):  # type: ignore[misc]  # unfold has no annotations
    """A list of rows that holds none where the address asks for something that the list cannot do."""

    problems: list[str]

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        if not self.is_popup:
            # Django's: "Select order to view".
            self.title = title_of(request.path) or capfirst(self.opts.verbose_name_plural)

    def get_filters(self, request: HttpRequest) -> tuple[Any, ...]:
        """Django's. Raises _Refused where there are problems, before a filter meets a value that it cannot read."""
        given = self.get_filters_params()
        unknown = [
            name
            for name, values in given.items()
            if not self.model_admin.lookup_allowed(name, values[-1], request)
        ]
        asked = {name: values for name, values in given.items() if name not in unknown and any(values)}
        for name in set(given) - set(asked):  # a form sends its empty fields, too
            self.filter_params.pop(name)
            self.params.pop(name, None)
        found: tuple[Any, ...] = super().get_filters(request)
        self.problems = [*map(_unknown, unknown), *_unreadable(found[0], asked)]
        self.problems += _search_problems(request.GET.get(SEARCH_VAR, ""))
        self.problems += _page_problems(request.GET.get(PAGE_VAR, ""))
        self.problems += self._order_problems(request.GET.get(ORDER_VAR, ""))
        self.problems += _repeated(request)
        if self.problems:
            raise _Refused(found)
        return found

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        try:
            found: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        except _Refused as refused:
            self.filter_specs, self.has_filters, *_rest = refused.filters
            self.page_num = 1
        except IncorrectLookupParameters:  # a filter found what `_reads` did not foresee
            self.problems.append(_("These filters cannot be used."))
        else:
            return found
        self.has_active_filters = True
        asked = [*self.get_filters_params(), SEARCH_VAR, ORDER_VAR]  # "Show all" must not be refused again
        self.clear_all_filters_qs = self.get_query_string(remove=asked)
        nothing: QuerySet[Any] = self.root_queryset.none()
        return nothing

    def _order_problems(self, text: str) -> Iterator[str]:
        """Django drops each part of `o=2.-3` that it cannot read."""
        for part in filter(None, text.split(".")):
            if not self.can_sort_by(self.name_of(part.removeprefix("-"))):
                yield _("This list cannot be sorted by “%(column)s”.") % {"column": short(part)}


class OfferedLists(Admin):
    """Mixin of every admin class, in front of unfold's. What people do is in the audit, and not in Django's own log,
    whose rows go with the user who made them.

    `platform_column` says of which platform a row is: readers who are confined to others do not find it in the list, in
    an export, by an action or a button, or at its own address. None: rows of no platform, such as users.
    """

    platform_column: str | None = "platform"
    numbers_boxes = True  # whether earlier links count the boxes of the rows as a column

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        visible = visible_platforms(request)
        return rows if visible is None else self.confine(request, rows, visible)

    def confine(self, request: HttpRequest, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        """The rows of these platforms."""
        return within(rows, ids, self.platform_column) if self.platform_column else rows

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A form offers the platforms that its reader may see."""
        visible = visible_platforms(request)
        if db_field.related_model is Platform and visible is not None:
            kwargs["queryset"] = within(Platform.objects.all(), visible, "pk")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """The title of the page of a row is what it is; Django's: "Change order"."""
        if object_id is not None:
            extra_context = {"title": capfirst(self.opts.verbose_name), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, extra_context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return history_page(self, request, object_id)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return OfferedChangeList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Whether a filter of the list reads this parameter. Never one that leads to an encrypted column."""
        if leads_to_encrypted(self.model, lookup):
            return False
        return lookup in offered_parameters(self, request)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Does nothing where a selected row has an id that no row can have; Django's own says that nothing was done."""
        if not all(map(self._can_be_id, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            without = request.POST.copy()
            without.setlist(ACTION_CHECKBOX_NAME, [])
            without["select_across"] = "0"
            request.POST = without  # type: ignore[assignment]  # Django's type of it is of requests that came in
        return super().response_action(request, queryset, *args, **kwargs)

    def _can_be_id(self, text: str) -> bool:
        try:
            self.opts.pk.clean(text, None)
        except (ValidationError, ValueError, OverflowError):
            return False
        return "\0" not in text

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """400 with the reasons and no row for an address that the list cannot answer; the first page, and a word about
        it, in the place of a page behind the last one."""
        response = super().changelist_view(request, extra_context)
        if isinstance(response, HttpResponseRedirect) and response.url == f"{request.path}?{ERROR_FLAG}=1":
            return _first_page(request)
        changelist = (getattr(response, "context_data", None) or {}).get("cl")
        if changelist is not None:
            changelist.headings = list(headings(changelist, request))
        if changelist is not None and changelist.problems:
            messages.error(request, " ".join([*changelist.problems, _("No row is listed.")]))
            response.status_code = 400
        return response


def offered_parameters(model_admin: Any, request: HttpRequest | None) -> frozenset[str]:
    """The parameters that the filters of this list read. Asks no database, as the filters themselves would."""
    entries = model_admin.get_list_filter(request) if request else model_admin.list_filter
    names = {name for entry in entries for name in _parameters_of(model_admin.model, entry)}
    if day := model_admin.date_hierarchy:
        names |= {f"{day}__{part}" for part in ("year", "month", "day")}
    return frozenset(names)


def _parameters_of(model: type[Model], entry: Any) -> Iterator[str]:
    """Of an entry of `list_filter`: a class, the path of a field, or both."""
    if isinstance(entry, type) and issubclass(entry, admin.SimpleListFilter):
        yield from (str(entry.parameter_name), *getattr(entry, "earlier_names", ()))
        return
    path, filter_class = entry if isinstance(entry, tuple | list) else (entry, None)
    field: Any = get_fields_from_path(model, path)[-1]
    if filter_class is None:
        registered = admin.FieldListFilter._field_list_filters  # type: ignore[attr-defined]
        filter_class = next(made for fits, made in registered if fits(field))
    suffixes = getattr(filter_class, "suffixes", None) or next(
        names for base, names in SUFFIXES if issubclass(filter_class, base)
    )
    target = getattr(field, "target_field", field).name
    yield from (path + suffix.format(target=target) for suffix in suffixes)


def leads_to_encrypted(model: type[Model], lookup: str) -> bool:
    """Whether a lookup such as `order__buyer__data__contains` goes through an encrypted column."""
    for part in lookup.split(LOOKUP_SEP):
        try:
            field: Any = model._meta.get_field(part)
        except FieldDoesNotExist:
            return False
        if isinstance(field, EncryptedJSONField):
            return True
        if not field.is_relation or field.related_model is None:
            return False
        model = field.related_model
    return False


def _search_problems(text: str) -> Iterator[str]:
    if "\0" in text:
        yield _("The search holds a NUL character.")
    if len(text.split()) > MOST_WORDS:
        yield _("The search has more than %(most)d words.") % {"most": MOST_WORDS}


def _page_problems(text: str) -> Iterator[str]:
    """A number behind the last page is none: the first page says so."""
    if text and not (text.isdecimal() and len(text) <= LONGEST_NUMBER and int(text) >= 1):
        yield _("“%(number)s” is not the number of a page.") % {"number": short(text)}


def _repeated(request: HttpRequest) -> Iterator[str]:
    names = {SEARCH_VAR: _("The search"), PAGE_VAR: _("The page"), ORDER_VAR: _("The sorting")}
    for name, title in names.items():
        if len(request.GET.getlist(name)) > 1:
            yield _("%(filter)s is given more than once.") % {"filter": title}


def _unreadable(specs: Iterable[Any], asked: dict[str, list[str]]) -> Iterator[str]:
    """What the filters cannot do with the parameters that are theirs."""
    readers = {name: spec for spec in specs for name in spec.expected_parameters()}
    for name, values in asked.items():
        spec = readers.get(name)
        if len(values) > 1:
            yield _("%(filter)s is given more than once.") % {"filter": _title(spec, name)}
        elif spec is None:  # it has nothing to choose from, and is not shown
            yield no_choice(name, values[0])
        else:
            yield from _value_problem(spec, name, values[0])


def _value_problem(spec: Any, name: str, value: str) -> Iterator[str]:
    own = getattr(spec, "value_problem", None)  # of a filter of ours that reads more than its choices
    if own is not None:
        if problem := own(name, value):
            yield problem
    elif not _reads(spec, name, value):
        yield no_choice(_title(spec, name), value)


def _reads(spec: Any, name: str, value: str) -> bool:
    """Whether one of Django's or unfold's filters, or a subclass, can read this value."""
    if name.endswith(("__isnull", "__isempty")):
        return value in YES_OR_NO
    if isinstance(spec, admin.BooleanFieldListFilter):
        return value in YES_OR_NO
    if isinstance(spec, admin.AllValuesFieldListFilter):
        return value in map(str, spec.lookup_choices)
    if isinstance(spec, admin.ChoicesFieldListFilter):
        return value in (str(choice) for choice, _label in spec.field.flatchoices)
    choices = getattr(spec, "lookup_choices", None)
    if choices is not None:
        return value in (str(choice) for choice, _label in choices)
    try:
        spec.field.to_python(value)
    except (ValidationError, ValueError, OverflowError):
        return False
    return True


def _title(spec: Any, name: str) -> str:
    return str(capfirst(spec.title)) if spec is not None else short(name)


def no_choice(title: str, value: str) -> str:
    words = {"filter": capfirst(title), "value": short(value)}
    return _("%(filter)s: “%(value)s” is not one of its choices.") % words


def _unknown(name: str) -> str:
    return _("This list has no filter “%(name)s”.") % {"name": short(name)}


def short(text: str) -> str:
    """Readable, and of one line."""
    shown = text if text.isprintable() else ascii(text)[1:-1]
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"


def _first_page(request: HttpRequest) -> HttpResponse:
    query = request.GET.copy()
    number = "".join(query.pop(PAGE_VAR, []))
    text = _("There is no page %(number)s; this is the first one.")
    messages.warning(request, text % {"number": short(number)})
    return HttpResponseRedirect(f"?{query.urlencode()}")
