"""The rows of one package together, and the units of the order's lines that they mean."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.spreadsheets import Row, Table
from integrations.registry import CHANNELS
from integrations.shipping.importing.cells import (
    CannotRead,
    RowProblem,
    date_order_of,
    read_identifier,
    read_quantity,
    read_text,
    read_time,
)
from integrations.shipping.importing.columns import LABELS, Columns
from integrations.shipping.rules import Package
from orders.models import Order, Shipment
from orders.shipments import left_to_ship
from platforms.models import Platform

AT_ONCE = 500  # orders in a query
SAME = ("carrier", "carrier_name", "service", "shipped_at")  # in all rows of a package
NOON = time(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row that could be read. `quantity` None: all that is left of what it names."""

    number: int
    order_id: str
    tracking_number: str
    carrier: str
    carrier_name: str
    service: str
    shipped_at: datetime | date | None
    sku: str
    item_id: str
    quantity: int | None


@dataclass(slots=True)
class Parcel:
    """The rows of one order with one tracking number. `problem`: why it cannot be used, and because of which row."""

    rows: list[int] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    problems: dict[int, CannotRead] = field(default_factory=dict)


def parcels_of(table: Table, columns: Columns) -> list[Parcel]:
    """All rows of the table, each in one of them; one that cannot be read spoils its package, so that no package is
    sent with some of its lines missing."""
    reader = _Reader(table, columns)
    parcels: dict[tuple[str, str], Parcel] = {}
    for row in table.rows:
        parcel = parcels.setdefault(reader.key(row), Parcel())
        parcel.rows.append(row.number)
        try:
            parcel.lines.append(reader.line(row))
        except CannotRead as problem:
            parcel.problems[row.number] = problem
    for parcel in parcels.values():
        _compare(parcel)
    return list(parcels.values())


def _compare(parcel: Parcel) -> None:
    """What all rows of a package have to say alike."""
    for line in parcel.lines[1:]:
        for name in SAME:
            if getattr(line, name) != getattr(parcel.lines[0], name):
                first = parcel.lines[0].number
                parcel.problems[line.number] = CannotRead(RowProblem.DIFFERS, row=first, field=LABELS[name])


class _Reader:
    def __init__(self, table: Table, columns: Columns) -> None:
        self._columns = columns
        self._places = {name: table.column(heading) for name, heading in columns.headings.items()}
        self._zone: ZoneInfo = columns.time_zone()
        place = self._places.get("shipped_at")
        texts = [] if place is None else [row.cells[place] for row in table.rows]
        self._date_order = columns.date_order or date_order_of(texts)

    def key(self, row: Row) -> tuple[str, str]:
        """Rows without one of the two are packages of their own."""
        order_id, tracking_number = (
            self._cell(row, name).strip("'= \"") for name in ("order_id", "tracking_number")
        )
        if not order_id or not tracking_number:
            return ("", str(row.number))
        return order_id, "".join(tracking_number.split()).casefold()

    def line(self, row: Row) -> Line:
        """Raises CannotRead."""
        order_id = read_identifier(self._cell(row, "order_id"))
        if not order_id:
            raise CannotRead(RowProblem.NO_ORDER_ID)
        tracking_number = read_identifier(self._cell(row, "tracking_number"))
        if not tracking_number:
            raise CannotRead(RowProblem.NO_TRACKING)
        sku, item_id = self._cell(row, "sku"), read_identifier(self._cell(row, "item_id"))
        columns = self._columns
        return Line(
            number=row.number,
            order_id=order_id,
            tracking_number=tracking_number,
            carrier=read_text(self._cell(row, "carrier")) or columns.carrier,
            carrier_name=read_text(self._cell(row, "carrier_name")) or columns.carrier_name,
            service=read_text(self._cell(row, "service")) or columns.service,
            shipped_at=read_time(self._cell(row, "shipped_at"), self._zone, self._date_order),
            sku=read_text(sku),
            item_id=item_id,
            quantity=read_quantity(self._cell(row, "quantity")),
        )

    def _cell(self, row: Row, name: str) -> str:
        place = self._places.get(name)
        return "" if place is None else row.cells[place]


def orders_of(platform: Platform, parcels: Iterable[Parcel]) -> dict[str, Order]:
    """The orders that are stored, by what the rows call them, with all that `package_of` reads."""
    ids = sorted({line.order_id for parcel in parcels for line in parcel.lines})
    found = dict(_named(platform, ids))
    channel = CHANNELS.get(platform.kind)
    if channel is not None:
        pasted = {text: channel.read_order_id(text) for text in ids if text not in found}
        others = dict(_named(platform, sorted({name for name in pasted.values() if name})))
        found |= {text: others[name] for text, name in pasted.items() if name in others}
    return found


def _named(platform: Platform, ids: list[str]) -> Iterator[tuple[str, Order]]:
    rows = Order.objects.filter(platform=platform).select_related("platform")
    rows = rows.defer("payload", "platform__api_config").prefetch_related(
        "items", "packages", "shipments__lines"
    )
    for start in range(0, len(ids), AT_ONCE):
        for order in rows.filter(external_id__in=ids[start : start + AT_ONCE]):
            yield order.external_id, order


def package_of(order: Order, parcel: Parcel, zone: ZoneInfo, taken: Counter[str]) -> Package:
    """What the rows want shipped. `taken`: units by item id that earlier packages of the file take of this order; those
    of this one join them. Raises CannotRead."""
    first = parcel.lines[0]
    made = next(_made_before(order, first.tracking_number), None)
    lines = _units(order, parcel, taken, {} if made is None else _lines(made))
    if made is None:
        taken.update(lines or {})
    elif lines is not None and _by_sku(order, lines) != _by_sku(order, _lines(made)):
        # Of one order, one tracking number is one package.
        raise CannotRead(RowProblem.TRACKING_USED, number=made.package_number)
    else:
        lines = _lines(made)  # two lines of a SKU are alike in a file
    return Package(
        carrier=first.carrier,
        carrier_name=first.carrier_name,
        service=first.service,
        tracking_number=first.tracking_number,
        shipped_at=_moment(order, first.shipped_at, zone),
        lines=lines,
    )


def _units(
    order: Order, parcel: Parcel, taken: Mapping[str, int], made: Mapping[str, int]
) -> dict[str, int] | None:
    """Units by item id; None where the rows name no lines: all that is left. What is in the package that was `made` of
    these rows before counts as left: it was, when they were read first."""
    named = [line for line in parcel.lines if line.sku or line.item_id]
    if not named:
        return None
    left, units = left_to_ship(order), Counter[str]()
    left |= {item_id: max(left.get(item_id) or 0, count) for item_id, count in made.items()}
    for line in named:
        for item_id, count in list(_of_line(order, line, left, units + Counter(taken))):
            units[item_id] += count
    return dict(units)


def _of_line(
    order: Order, line: Line, left: Mapping[str, int | None], taken: Mapping[str, int]
) -> Iterator[tuple[str, int]]:
    """The units of the order's lines that a row means: of several lines with its SKU, one after the other."""
    items = [
        item
        for item in order.items.all()
        if (item.external_id == line.item_id if line.item_id else item.sku == line.sku)
    ]
    if not items:
        code = RowProblem.ITEM_UNKNOWN if line.item_id else RowProblem.SKU_UNKNOWN
        raise CannotRead(code, line=line.number, sku=line.sku, item=line.item_id)
    wanted = line.quantity
    for item in items:
        here = max(0, (left[item.external_id] or 0) - taken.get(item.external_id, 0))
        count = here if wanted is None else min(here, wanted)
        if count:
            yield item.external_id, count
        wanted = wanted if wanted is None else wanted - count
    if wanted:  # more than is left: it is refused as such, or it is the package that was made of it before
        yield items[0].external_id, wanted


def _made_before(order: Order, tracking_number: str) -> Iterator[Shipment]:
    for shipment in order.shipments.all():
        same = shipment.tracking_number.casefold() == "".join(tracking_number.split()).casefold()
        if same and shipment.state not in Shipment.CLOSED:
            yield shipment


def _lines(shipment: Shipment) -> dict[str, int]:
    return {line.item_external_id: line.quantity for line in shipment.lines.all()}


def _by_sku(order: Order, lines: Mapping[str, int]) -> Counter[str]:
    skus = {item.external_id: item.sku for item in order.items.all()}
    units: Counter[str] = Counter()
    for item_id, count in lines.items():
        units[skus.get(item_id) or item_id] += count
    return units


def _moment(order: Order, shipped_at: datetime | date | None, zone: ZoneInfo) -> datetime | None:
    """A day is its noon; where the platform takes only another part of that day, the moment next to noon."""
    if shipped_at is None or isinstance(shipped_at, datetime):
        return shipped_at
    noon = datetime.combine(shipped_at, NOON, zone).astimezone(UTC)
    channel = CHANNELS.get(order.platform.kind)
    if channel is None:  # which refuses the package anyway
        return noon
    first, last = channel.ship_times(order.purchased_at, timezone.now())
    nearest = max(first, min(noon, last))
    return nearest if nearest.astimezone(zone).date() == shipped_at else noon
