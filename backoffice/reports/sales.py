"""The report of sales in the admin: a page that links to the orders behind each figure, and its files."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBadRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from access.confinement import visible_platforms, within
from access.second_factor.sessions import is_fresh
from backoffice.base.cells import amount_cell, number
from backoffice.base.channels import channels_in_use, site_flag
from backoffice.base.choices import platform_choices
from backoffice.base.freshness import confirmation_address
from backoffice.base.model_admin import is_htmx
from backoffice.export.as_csv import csv_stream
from backoffice.export.as_xlsx import xlsx_stream
from backoffice.export.reader import MACHINE, of_language
from backoffice.export.scheduling import schedule_links
from backoffice.export.views import LABELS, TYPES, in_slot, send_file, take_token, too_many
from backoffice.lists.days import Days, current_day
from backoffice.orders.filters import NOT_KNOWN
from backoffice.reports.sales_table import (
    SALES_COLUMNS,
    TAX_COLUMNS,
    Platforms,
    ReportColumn,
    Row,
    amounts_of,
    chunks_of,
    headings,
)
from core.dates import ForgivingZone
from core.format import DASH
from orders.models import Order
from orders.sales import (
    MOST_MONTHS,
    Months,
    Place,
    Remitted,
    Report,
    Sales,
    sales_report,
    totals_by_currency,
)
from orders.sales_sums import Lines, Orders
from platforms.models import Platform, Source

SEE = "orders.view_order"
OF_MONTHS = (Days.THIS_MONTH, Days.LAST_MONTH)
MONTHS = 3  # that are shown to those who choose none
MOST_SHOWN = 300  # rows of the page
FILES: dict[str, Any] = {
    "sales": (gettext_lazy("Sales"), SALES_COLUMNS),
    "sales-taxes": (gettext_lazy("Tax by who pays it"), TAX_COLUMNS),
}
NOT_CANCELLED = ",".join(status for status in Order.Status.values if status != Order.Status.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the address asks for. `problem` says why the months in it cannot be shown, "" where they can."""

    months: Months
    platform_id: int | None
    zone: ForgivingZone
    problem: str = ""


@never_cache
@require_safe
def sales_page(request: HttpRequest) -> HttpResponseBase:
    """The page, which asks for its tables once it is shown; these to htmx."""
    _check(request)
    scope = _scope(request)
    if is_htmx(request) and not scope.problem:
        return TemplateResponse(request, "reports/sales_result.html", _result(request, scope))
    choices = platform_choices(visible_platforms(request))
    context = {
        **admin.site.each_context(request),
        "title": _("Sales"),
        "scope": scope,
        "is_demo": settings.DEMO,
        "first_month": f"{scope.months.first:%Y-%m}",
        "last_month": f"{scope.months.last:%Y-%m}",
        "last_day": scope.months.end - timedelta(days=1),
        "platform_choices": choices,
        "several_platforms": len(choices) > 1,
        "presets": list(_presets(request)),
        "files": list(_file_links(request)),
        "schedules": schedule_links(
            request, [(name, label) for name, (label, _columns) in FILES.items()], request.GET.urlencode()
        ),
        "address": request.get_full_path(),
    }
    return TemplateResponse(request, "reports/sales.html", context, status=400 if scope.problem else 200)


def _result(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    platforms, report = _report(request, scope)
    sites = sites_in_use(request)
    return {
        "rows": [_sales_cells(sites, row, platforms) for row in report.sales[:MOST_SHOWN]],
        "row_count": len(report.sales),
        "most_shown": MOST_SHOWN if len(report.sales) > MOST_SHOWN else 0,
        "taxes": [_tax_cells(row, platforms) for row in _by_marketplace(report.taxes)[:MOST_SHOWN]],
        "sums": [_cells(*sums, currency) for currency, sums in totals_by_currency(report.sales).items()],
        "has_countries": any(row.place.ship_to_country for row in report.sales),
        "several_platforms": len(platforms) > 1,
    }


@never_cache
@require_safe
def sales_file(request: HttpRequest, report: str, extension: str) -> HttpResponseBase:
    """The whole report as a file, in as many rows as the page counts."""
    if report not in FILES or extension not in TYPES:
        raise Http404
    _check(request)
    page, token = reverse("sales-report"), take_token(request)
    if not is_fresh(request):
        return HttpResponseRedirect(confirmation_address(request, f"{page}?{request.GET.urlencode()}"))
    scope = _scope(request)
    if scope.problem:
        return HttpResponseBadRequest(scope.problem, content_type="text/plain; charset=utf-8")
    platforms, found = _report(request, scope)
    label, columns = FILES[report]
    rows: Sequence[Row] = found.sales if report == "sales" else found.taxes
    send = partial(
        send_file, request, name=report, extension=extension, rows=len(rows),
        chunks=chunks_of(rows, columns, platforms), file=_writer(extension, str(label), columns),
        token=token,
    )  # fmt: skip
    return in_slot(send, lambda: too_many(request, page))


def problem_of(request: HttpRequest) -> str:
    """Why the report cannot be made as the address asks for it; "" where it can."""
    return _scope(request).problem


def in_words(request: HttpRequest) -> list[str]:
    """What the address asks for, as people say it: "Months: last month", "Platform: Shop"."""
    asked = request.GET
    found = [f"{_('Months')}: {day.label}" for day in OF_MONTHS if asked.get("in") == day]
    span = [("from", _("From")), ("to", _("To"))]
    found += [f"{label}: {asked[name]}" for name, label in span if asked.get(name)]
    scope = _scope(request)
    if scope.platform_id is not None:
        platforms = Platform.objects.defer("api_config").filter(pk=scope.platform_id)
        found += [f"{_('Platform')}: {each}" for each in within(platforms, visible_platforms(request), "pk")]
    return found


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(SEE):
        raise PermissionDenied


def _presets(request: HttpRequest) -> Iterator[dict[str, Any]]:
    """This month and the last one, each by a link, for the platform that is chosen."""
    platform = {"platform": request.GET["platform"]} if request.GET.get("platform") else {}
    for day in OF_MONTHS:
        address = f"?{urlencode({'in': day.value, **platform})}"
        yield {"label": day.label, "address": address, "is_chosen": request.GET.get("in") == day}


def _writer(extension: str, label: str, columns: dict[str, ReportColumn]) -> Any:
    if extension == "machine.csv":
        return partial(csv_stream, list(columns), reader=MACHINE)
    titles = headings(columns)
    if extension == "csv":
        return partial(csv_stream, titles, reader=of_language())
    return partial(xlsx_stream, titles, sheet_name=label, amounts=amounts_of(columns))


def _scope(request: HttpRequest) -> Scope:
    """`?from=2026-09&to=2026-11&platform=1`, `?in=last_month`, or `?in=this_month`; this month and the two before it
    where nothing is asked for."""
    today, zone = current_day(), ForgivingZone(str(timezone.get_current_timezone()))
    months, problem = Months.until(today, MONTHS), ""
    if request.GET.get("in") == Days.LAST_MONTH:
        months = Months.until(today.replace(day=1) - timedelta(days=1), 1)
    elif request.GET.get("in") == Days.THIS_MONTH:
        months = Months.until(today, 1)
    first, last = request.GET.get("from", ""), request.GET.get("to", "")
    if first or last:
        try:
            until = _month(last) if last else months.last
            months = Months(first=_month(first) if first else until, last=until)
        except ValueError:
            text = _(
                "Choose a first and a last month such as %(month)s, in this order, and %(most)d months at most."
            )
            problem = text % {"month": f"{months.last:%Y-%m}", "most": MOST_MONTHS}
    platform = request.GET.get("platform", "")
    is_id = platform.isascii() and platform.isdecimal() and len(platform) < 10
    return Scope(months=months, platform_id=int(platform) if is_id else None, zone=zone, problem=problem)


def _month(text: str) -> date:
    """The first day of `2026-11`. Raises ValueError."""
    day = date.fromisoformat(f"{text}-01")
    if not 2000 <= day.year <= 2098:
        raise ValueError(text)
    return day


def _report(request: HttpRequest, scope: Scope) -> tuple[Platforms, Report]:
    """The report about live orders of the platforms that the reader may see, and these platforms."""
    visible = visible_platforms(request)
    platforms = within(Platform.objects.defer("api_config"), visible, "pk")
    found = {platform.pk: platform for platform in platforms}
    if scope.problem:
        return found, Report(sales=(), taxes=())
    ids = [pk for pk in found if scope.platform_id in (None, pk)]
    return found, sales_report(ids, scope.months, scope.zone)


def _file_links(request: HttpRequest) -> Any:
    query = request.GET.urlencode()
    for name, (label, _columns) in FILES.items():
        for extension, kind in LABELS.items():
            address = reverse("sales-file", args=[name, extension])
            yield {"label": label, "kind": kind, "address": f"{address}?{query}".rstrip("?")}


def _by_marketplace(taxes: Sequence[Remitted]) -> list[Remitted]:
    """The countries of each marketplace added up."""
    found: dict[Any, Remitted] = {}
    for row in taxes:
        of = row.place
        place = Place(
            month=of.month, platform_id=of.platform_id, marketplace_id=of.marketplace_id, currency=of.currency,
            ship_to_country=None,
        )  # fmt: skip
        key = (place, row.tax_model, row.tax_responsible_party)
        lines = found[key].lines + row.lines if key in found else row.lines
        found[key] = Remitted(place=place, tax_model=key[1], tax_responsible_party=key[2], lines=lines)
    return sorted(found.values(), key=lambda row: row.sort_key)


def _place_cells(place: Place, platforms: Platforms) -> dict[str, Any]:
    platform = platforms[place.platform_id]
    return {
        "month": date_format(place.month, "M Y"),
        "platform": platform,
        "marketplace": site_flag(platform, place.marketplace_id),
        "currency": place.currency,
    }


def _sales_cells(sites: Collection[str], row: Sales, platforms: Platforms) -> dict[str, Any]:
    address = orders_address(sites, row.place)
    return {
        **_place_cells(row.place, platforms),
        **_cells(row.orders, row.lines, row.place.currency),
        "country": row.place.ship_to_country,
        "orders_address": address and f"{address}&status__in={NOT_CANCELLED}",
        "cancelled_address": address and f"{address}&status__exact={Order.Status.CANCELLED}",
    }


def _cells(orders: Orders, lines: Lines, currency: str) -> dict[str, Any]:
    amounts = {
        name: amount_cell(getattr(lines, name), currency)
        for name in ("net", "tax", "shipping", "discount", "total")
    }
    return {
        **amounts,
        "orders": number(orders.orders),
        "has_orders": bool(orders.orders),
        "cancelled": number(orders.cancelled),
        "has_cancelled": bool(orders.cancelled),
        "units": number(lines.units),
        "currency": currency,
        "lines": lines,
    }


def _tax_cells(row: Remitted, platforms: Platforms) -> dict[str, Any]:
    titles = {
        "item_tax": _("Items"), "shipping_tax": _("Shipping"), "gift_wrap_tax": _("Gift wrap"),
        "discount_tax": _("Discount"), "other_tax": _("Not broken down"), "tax": _("Tax"),
    }  # fmt: skip
    currency = row.place.currency
    return {
        **_place_cells(row.place, platforms),
        "payer": row.tax_responsible_party or DASH,
        "model": row.tax_model or "",
        "lines": row.lines,
        "line_count": number(row.lines.lines),
        "amounts": [
            (title, amount_cell(getattr(row.lines, name), currency)) for name, title in titles.items()
        ],
    }


def sites_in_use(request: HttpRequest) -> set[str]:
    """The marketplaces for which the list of orders has a filter."""
    return {site for channel in channels_in_use(request) for site in channel.sites}


def orders_address(sites: Collection[str], place: Place) -> str:
    """The list of the orders behind a row; "" where the list has no filter for its marketplace, which are `sites`."""
    if place.marketplace_id not in sites:
        return ""
    last = Months(first=place.month, last=place.month).end - timedelta(days=1)
    query = {
        "purchased_at_from": place.month.isoformat(),
        "purchased_at_to": last.isoformat(),
        "platform__id__exact": place.platform_id,
        "marketplace": place.marketplace_id,
        "currency": place.currency or NOT_KNOWN,
        "ship_to_country": place.ship_to_country or NOT_KNOWN,
        "source__exact": Source.LIVE,
    }
    return f"{reverse('admin:orders_order_changelist')}?{urlencode(query)}"
