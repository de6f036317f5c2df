"""A platform in memory that is told of shipments: what it has is the truth of the tests of shipping.

It behaves as the facts about Amazon say: the same number again edits a package, an order that is shipped whole takes no
further package, an order shows its packages after a while (`lag`), and each change moves its time of change. Faults
are named per call: see FAULTS.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from django.utils import timezone

from integrations.channel import Connect
from integrations.errors import (
    AuthorizationError,
    RateLimited,
    RequestRefused,
    ShipmentRefused,
    TransientError,
)
from integrations.protocol import (
    Carrier,
    DataSets,
    Dispatch,
    Finding,
    OrderPage,
    Parts,
    StockPage,
    Usage,
    Window,
)
from integrations.registry import CHANNELS
from orders.records import OrderItemRecord, OrderRecord, PackageRecord

US = "ATVPDKIKX0DER"
# What may happen to a call of confirm_shipment, by name.
FAULTS = (
    "unheard",  # it never arrives, and the caller gets no answer
    "answer_lost",  # it is done, and the caller gets no answer
    "ignored",  # it is answered with success, and nothing is done
    "throttled",
    "refused_access",
    "killed_before",  # the caller is killed before it is told
    "killed_after",  # the caller is killed after it is told, before anything is stored
)


class Killed(BaseException):
    """As of kill -9: whatever is under way is never stored."""


def lost() -> TransientError:
    error = TransientError("The connection was reset.")
    error.perhaps_done = True
    return error


@dataclass
class Packed:
    tracking_number: str
    carrier: str
    shipped_at: datetime
    lines: dict[str, int]
    seen_from: datetime  # when the platform shows this content
    before: "Packed | None" = None  # what it showed until then
    status: str = "SHIPPED"


@dataclass
class Held:
    """An order as the platform has it."""

    external_id: str
    lines: dict[str, int]
    bought: datetime
    updated: datetime
    is_cancelled: bool = False
    wants_cancelling: bool = False
    fulfilled_by: str = "merchant"
    packages: dict[str, Packed] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    confirmations: int = 0

    @property
    def left(self) -> dict[str, int]:
        left = dict(self.lines)
        for package in self.packages.values():
            for item, units in package.lines.items():
                left[item] -= units
        return left


class Depot:
    """The platform, and the adapter to it, in one. `behind`: changes are dated so much earlier, so that a sync, which
    leaves out the last minutes, brings them at once."""

    source = "live"
    scope = f"NA:{US}"
    notes = ()

    def __init__(self, *, lag: timedelta = timedelta(0), behind: timedelta = timedelta(minutes=5)) -> None:
        self.behind = behind
        self.orders: dict[str, Held] = {}
        self.lag = lag
        self.fault: Callable[[], str] = lambda: ""
        self.closed: set[str] = set()  # ids of orders that nobody may read
        self.told: list[Dispatch] = []
        self.calls: dict[str, int] = {}
        self.usage, self.datasets, self.parts = Usage(), DataSets(), Parts()

    def now(self) -> datetime:
        """When a change of this moment is dated."""
        return timezone.now() - self.behind

    # --- what people and the platform do

    def add(self, external_id: str, **lines: int) -> Held:
        now = self.now()
        held = Held(
            external_id, {name[1:]: units for name, units in lines.items()}, now - timedelta(days=1), now
        )
        self.orders[external_id] = held
        return held

    def truth(self) -> dict[tuple[str, str], tuple[str, dict[str, int]]]:
        """Tracking number and units of each package, by order and number."""
        return {
            (held.external_id, number): (package.tracking_number, package.lines)
            for held in self.orders.values()
            for number, package in held.packages.items()
        }

    def cancel(self, external_id: str) -> None:
        self.orders[external_id].is_cancelled = True
        self.orders[external_id].updated = self.now()

    def ship_elsewhere(self, external_id: str) -> None:
        held = self.orders[external_id]
        rest = {item: units for item, units in held.left.items() if units}
        held.packages["1"] = Packed("OTHER", "UPS", timezone.now(), rest, timezone.now())
        held.updated = self.now()

    def buy_label(self, external_id: str, status: str = "PENDING", **lines: int) -> None:
        """A label is bought from the platform for these units: it has a package of them, which counts as shipped with
        any other status than PENDING and CANCELLED."""
        held, now = self.orders[external_id], timezone.now()
        contents = {name[1:]: units for name, units in lines.items()}
        held.packages["7"] = Packed("TBA7", "UPS", now, contents, now, status=status)
        held.updated = self.now()

    # --- the adapter

    shows_shipments = True

    def confirm_shipment(self, dispatch: Dispatch) -> str:
        self._count("confirmShipment")
        fault = self.fault()
        if fault == "killed_before":
            raise Killed
        if fault == "unheard":
            raise lost()
        if fault == "throttled":
            raise RateLimited("Too many requests.", retry_after=1.0, by_platform=True)
        if fault == "refused_access":
            raise AuthorizationError("Access was refused.")
        self.told.append(dispatch)
        if fault != "ignored":
            self._take(dispatch)
        if fault == "answer_lost":
            raise lost()
        if fault == "killed_after":
            raise Killed
        return f"request-{len(self.told)}"

    def _take(self, dispatch: Dispatch) -> None:
        held = self.orders.get(dispatch.order_id)
        if held is None:
            raise ShipmentRefused("There is no such order.", code="not_found")
        if held.is_cancelled:
            raise ShipmentRefused("The order is cancelled.", code="cancelled")
        if any(package.tracking_number == "TBA7" for package in held.packages.values()):
            raise ShipmentRefused("Its label was bought here.", code="buy_shipping")
        if dispatch.shipped_at > timezone.now() or dispatch.shipped_at < held.bought:
            raise ShipmentRefused("The ship date is out of bounds.", code="bad_date")
        number, lines = str(dispatch.package_number), {line.item_id: line.quantity for line in dispatch.lines}
        before = held.packages.get(number)
        if before is None and not any(held.left.values()):
            raise ShipmentRefused("The order is shipped already.", code="already_shipped")
        left = held.left
        for item, units in lines.items():
            if item not in left:
                raise ShipmentRefused("No such line.", code="unknown_line")
            if units > left[item] + (before.lines.get(item, 0) if before else 0):
                raise ShipmentRefused("More than is left.", code="bad_quantity")
        now = timezone.now()
        held.packages[number] = Packed(
            dispatch.tracking_number, dispatch.carrier, dispatch.shipped_at, lines, now + self.lag, before
        )
        held.updated, held.confirmations = self.now(), held.confirmations + 1

    def order(self, external_id: str) -> OrderRecord:
        self._count("getOrder")
        if external_id in self.closed:
            raise AuthorizationError("This order is not yours to read.")
        if external_id not in self.orders:
            raise RequestRefused("There is no such order.", code="not_found")
        return self.record(self.orders[external_id])

    def order_pages(self, window: Window, checkpoint: dict[str, Any]) -> Iterator[OrderPage]:
        found = [
            held
            for held in self.orders.values()
            if window.start <= max(held.updated, self._shown_at(held)) < window.end
        ]
        for start in range(0, len(found) or 1, 100):
            self._count("searchOrders")
            records = tuple(self.record(held) for held in found[start : start + 100])
            following = {"start": start + 100} if start + 100 < len(found) else None
            yield OrderPage(records=records, next=following)

    def _shown_at(self, held: Held) -> datetime:
        now = timezone.now()
        shown = (package.seen_from for package in held.packages.values() if package.seen_from <= now)
        return max(shown, default=held.bought + self.behind) - self.behind

    def record(self, held: Held) -> OrderRecord:
        now = timezone.now()
        shown = {
            number: package if package.seen_from <= now else package.before
            for number, package in held.packages.items()
        }
        left = dict(held.lines)
        packages = []
        for number, package in shown.items():
            if package is None:
                continue
            for item, units in package.lines.items() if package.status == "SHIPPED" else ():
                left[item] -= units
            contents = tuple({"item": item, "quantity": units} for item, units in package.lines.items())
            packages.append(
                PackageRecord(
                    external_id=number,
                    carrier=package.carrier,
                    tracking_number=package.tracking_number,
                    shipped_at=package.shipped_at,
                    status=package.status,
                    contents=contents,
                )
            )
        is_begun = left != held.lines
        status = "shipped" if not any(left.values()) else "partially_shipped" if is_begun else "unshipped"
        return OrderRecord(
            external_id=held.external_id,
            purchased_at=held.bought,
            platform_updated_at=max(held.updated, self._shown_at(held)),
            status="cancelled" if held.is_cancelled else status,
            platform_status=status.upper(),
            marketplace_id=US,
            fulfilled_by=held.fulfilled_by,
            buyer_requested_cancellation=held.wants_cancelling,
            programs=held.programs,
            items=tuple(
                OrderItemRecord(
                    external_id=item,
                    sku=f"SKU-{item}",
                    quantity_ordered=units,
                    quantity_shipped=units - left[item],
                    quantity_left=left[item],
                )
                for item, units in held.lines.items()
            ),
            packages=tuple(packages),
        )

    def inventory_pages(self, *_args: Any, **_options: Any) -> Iterator[StockPage]:
        yield StockPage(records=())

    def check(self, window: Callable[[], Window]) -> Iterator[Finding]:
        yield from ()

    def close(self) -> None: ...

    def _count(self, operation: str) -> None:
        self.calls[operation] = self.calls.get(operation, 0) + 1


def channel(depot: Depot, name: str = "amazon") -> Any:
    """The registered channel of this name, with the depot behind it."""

    def connect(api_config: Any, **_options: Any) -> Any:
        return depot

    return replace(
        copy.copy(CHANNELS[name]),
        connect=cast(Connect, connect),
        confirms_shipments=True,
        carriers=(
            Carrier("UPS", "UPS"),
            Carrier("DHL", "DHL Express"),
            Carrier("USPS", "USPS", sites=("other",)),
        ),
        other_carrier="Other",
    )
