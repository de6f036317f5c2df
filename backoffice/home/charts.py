"""The charts of the home page: named, and in the order in which they are drawn. Without figures there is no chart."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.confinement import Visible, within
from backoffice.base.charts import AMBER, OTHERS, Amount, Chart, Series
from backoffice.home import figures
from backoffice.home.attention import list_of
from core.format import DASH, grouped
from core.money import decimals_of
from integrations.models import ApiUsage
from integrations.quota.usage import hourly
from integrations.registry import site_of
from platforms.models import Platform, Source

MOST_LINES = 7  # platforms that are told apart; the others are one


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesCharts:
    """`note`: which orders are in no amount; `as_of`: when all of it was counted."""

    orders: list[Chart]
    revenues: list[Chart]
    note: str
    as_of: datetime


def of_sales(source: Source, visible: Visible) -> SalesCharts:
    """Orders per day by platform, and revenue per day by platform for each currency."""
    found, as_of = figures.kept(f"sales:{source}", lambda: figures.sales(source))  # once for all readers
    sales = [sale for sale in found if visible is None or sale.platform_id in visible]
    if not sales:
        return SalesCharts(orders=[], revenues=[], note="", as_of=as_of)
    days = figures.last_days()
    names = _told_apart(sales)
    orders = Chart(
        name="orders",
        title=_("Orders per day"),
        kind="bar",
        labels=[_day(day) for day in days],
        series=_by_platform(sales, days, names, lambda sale: sale.orders),
        first_column=_("Day"),
        headline=grouped(sum(sale.orders for sale in sales)),
        note=_("The last 30 days, by platform, without cancelled orders."),
    )
    unknown = sum(sale.unknown for sale in sales)
    text = ngettext(
        "%(count)s order has no known total and is in no amount.",
        "%(count)s orders have no known total and are in no amount.",
        unknown,
    )
    note = text % {"count": grouped(unknown)} if unknown else ""
    return SalesCharts(orders=[orders], revenues=_revenues(sales, days, names), note=note, as_of=as_of)


def of_best_sellers(source: Source, visible: Visible) -> list[Chart]:
    """The SKUs that sold best."""
    name = f"best-sellers:{source}"
    found, _as_of = figures.kept(name, lambda: figures.best_sellers(source, visible), visible)
    if not found:
        return []
    chart = Chart(
        name="skus",
        title=_("Units by SKU"),
        kind="rank",
        labels=[sku for sku, _units in found],
        series=[Series(label=_("units"), values=[units for _sku, units in found])],
        first_column=_("SKU"),
        note=_("The best sellers of the last 30 days, without cancelled orders."),
        hrefs=[list_of("orders_order", q=sku) for sku, _units in found],
    )
    return [chart]


def of_usage(visible: Visible) -> list[Chart]:
    """Calls to the platforms by hour; those that were refused for lack of quota on top."""
    found = hourly(within(ApiUsage.objects.all(), visible))
    if not any(found.calls):
        return []
    throttled = sum(found.throttled)
    answered = [calls - refused for calls, refused in zip(found.calls, found.throttled, strict=True)]
    chart = Chart(
        name="calls",
        title=_("API calls per hour"),
        kind="bar",
        labels=[date_format(timezone.localtime(hour), "j M, H:i") for hour in found.hours],
        series=[
            Series(label=_("answered"), values=answered),
            Series(label=_("throttled"), values=found.throttled, colour=AMBER),
        ],
        first_column=_("Hour"),
        headline=grouped(sum(found.calls)),
        note=ngettext(
            "The last 48 hours; %(count)s call was throttled.", "The last 48 hours; %(count)s calls were throttled.",
            throttled,
        ) % {"count": grouped(throttled)},
    )  # fmt: skip
    return [chart]


def of_stock(visible: Visible) -> list[Chart]:
    """Units available over time, a line for each marketplace; of those with most units, where there are many."""
    found, _as_of = figures.kept("stock", figures.stock_by_day)  # once for all readers
    shown = [each for each in found if visible is None or each[0][0] in visible][:MOST_LINES]
    days = sorted({day for _where, units in shown for day in units})
    if not days:
        return []
    platforms = Platform.objects.only("name", "display_name", "kind").in_bulk(
        [platform for (platform, _id), _units in shown]
    )
    chart = Chart(
        name="stock",
        title=_("Units in stock"),
        kind="line",
        labels=[_day(day) for day in days],
        series=[
            Series(
                label=_listing(platforms.get(platform), marketplace),
                values=[units.get(day) for day in days],
                colour=place % OTHERS,
            )
            for place, ((platform, marketplace), units) in enumerate(shown)
        ],
        first_column=_("Day"),
        note=_(
            "Available at the end of each day, by marketplace. One unit may be listed in several of them."
        ),
    )
    return [chart]


def _listing(platform: Platform | None, site_id: str) -> str:
    """`My shop, DE`; the platform alone where it has no marketplaces. It may be deleted since it was counted."""
    site = site_of(platform.kind, site_id) if platform else None
    name = str(platform) if platform else DASH
    return f"{name}, {site.code if site else site_id}" if site_id else name


def _revenues(sales: Sequence[figures.Sales], days: Sequence[date], names: dict[int, str]) -> list[Chart]:
    """One chart for each currency, the one with most orders first: amounts of two currencies have no sum."""
    by_currency = defaultdict(list)
    for sale in sales:
        if sale.revenue is not None:
            by_currency[sale.currency].append(sale)
    ranked = sorted(by_currency.items(), key=lambda pair: -sum(sale.orders for sale in pair[1]))
    return [_revenue(currency, found, days, names) for currency, found in ranked]


def _revenue(
    currency: str, sales: Sequence[figures.Sales], days: Sequence[date], names: dict[int, str]
) -> Chart:
    total = sum((sale.revenue or Decimal(0) for sale in sales), Decimal(0))
    whole = _money(currency)
    return Chart(
        name=f"revenue-{currency}",
        title=_("Revenue per day, %(currency)s") % {"currency": currency or _("unknown currency")},
        kind="bar",
        labels=[_day(day) for day in days],
        series=_by_platform(sales, days, names, lambda sale: sale.revenue or Decimal(0)),
        first_column=_("Day"),
        headline=f"{whole(total)} {currency}".strip(),
        show=whole,
    )


def _told_apart(sales: Sequence[figures.Sales]) -> dict[int, str]:
    """The platforms by id, most orders first, with their names; behind the first seven all are "others"."""
    counts: dict[int, int] = defaultdict(int)
    for sale in sales:
        counts[sale.platform_id] += sale.orders
    platforms = Platform.objects.only("name", "display_name").in_bulk(list(counts))
    shown = Counter(map(str, platforms.values()))
    ranked = sorted(counts, key=lambda pk: (-counts[pk], pk))
    names = {}
    for place, pk in enumerate(ranked):
        platform = platforms.get(pk)  # it may be deleted since it was counted
        if platform is None or place >= MOST_LINES:
            names[pk] = _("others")
        else:
            names[pk] = str(platform) if shown[str(platform)] == 1 else f"{platform} ({platform.name})"
    return names


def _by_platform(
    sales: Sequence[figures.Sales],
    days: Sequence[date],
    names: dict[int, str],
    amount: Callable[[figures.Sales], Amount],
) -> list[Series]:
    sums: dict[tuple[str, date], Amount] = defaultdict(int)
    for sale in sales:
        sums[names[sale.platform_id], sale.day] += amount(sale)
    present = {names[sale.platform_id] for sale in sales}
    return [
        Series(label=name, values=[sums[name, day] for day in days], colour=place % OTHERS)
        for place, name in enumerate(dict.fromkeys(names.values()))
        if name in present
    ]


def _money(currency: str) -> Callable[[Amount], str]:
    """Amounts with the decimals of the currency; a float's tail of SQLite is cut off."""
    decimals = decimals_of(Decimal(0), currency)
    return lambda amount: number_format(
        round(Decimal(amount), decimals), decimal_pos=decimals, force_grouping=True
    )


def _day(day: date) -> str:
    """`23 Nov`; today, which is not over yet, by its name."""
    return _("today") if day == timezone.localdate() else str(date_format(day, "j M"))
