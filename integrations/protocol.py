"""What every channel delivers: pages of records, and the Adapter that yields them. No Django, no HTTP."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, runtime_checkable

from integrations.errors import PlatformError
from inventory.records import InventoryRecord, ReportedStock
from orders.records import OrderRecord, ReportedLine

Checkpoint = dict[str, Any]  # JSON; what it holds is the adapter's own business
NOTHING: Mapping[str, datetime] = MappingProxyType({})
Record_co = TypeVar("Record_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Window:
    """Orders updated or created (`by`) from `start` until before `end`; both aware.

    `behind` names parts of the scope that are read from another time on, each by itself and after the others;
    `left_out` those that are not asked for, and until when. `doubted_from`: if several parts have no order together,
    each is asked for by itself, from then on; None: an answer without orders is believed.
    """

    by: str
    start: datetime
    end: datetime
    behind: Mapping[str, datetime] = field(default_factory=dict)
    left_out: Mapping[str, datetime] = field(default_factory=dict)
    doubted_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFailure:
    """A record that could not be read. `payload` is without personal data. `mark`: what tells it from others the next
    time it comes, where it has no id."""

    external_id: str
    code: str
    message: str
    payload: dict[str, Any] = field(default_factory=dict)
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know about a run that is no error, e.g. Note("no_fba", "…")."""

    code: str
    message: str

    def as_json(self) -> dict[str, str]:
        """As it stands on the log and in the API."""
        return {"code": self.code, "message": self.message}


class Page(Protocol[Record_co]):
    """What the pages of all streams have: records, what could not be read, and where to continue (None: nowhere)."""

    @property
    def records(self) -> tuple[Record_co, ...]: ...

    @property
    def failures(self) -> tuple[RecordFailure, ...]: ...

    @property
    def next(self) -> Checkpoint | None: ...

    @property
    def notes(self) -> tuple[Note, ...]: ...

    @property
    def unread(self) -> tuple[str, ...]:
        """Parts of the scope that this run does not read, or not to the end; the notes say why."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """`next` is where to continue after this page, None after the last one. `complete_until` is set where the
    platform answers for less time than was asked. `unread`: see Page."""

    records: tuple[OrderRecord, ...]
    failures: tuple[RecordFailure, ...] = ()
    next: Checkpoint | None = None
    notes: tuple[Note, ...] = ()
    unread: tuple[str, ...] = ()
    complete_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The platform refuses to list the stock of this part of the scope, as it does where the account keeps none.

    `note` says so, for a run of an account of which nothing is stored there; otherwise `error` is a failure.
    """

    part: str
    error: PlatformError
    note: Note


@dataclass(frozen=True, slots=True, kw_only=True)
class StockPage:
    """`swept` names the marketplace whose complete list ends with this page ("" of a channel without marketplaces),
    None otherwise; only then may stock rows that were not listed be marked as gone. `restarted`: the sweep of this
    marketplace began again. `unread`: see Page. `absent`: see Absent."""

    records: tuple[InventoryRecord, ...]
    failures: tuple[RecordFailure, ...] = ()
    next: Checkpoint | None = None
    notes: tuple[Note, ...] = ()
    unread: tuple[str, ...] = ()
    swept: str | None = None
    absent: Absent | None = None
    restarted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a connection check looked at. `message` says what works, or what is missing, how to get it, and
    what a sync does without it. `ok` None: it could not be looked at now, which is no problem in itself. `sites`: the
    ids of the sites, such as marketplaces, that the account takes part in, where this step found out."""

    step: str
    ok: bool | None
    message: str
    code: str = ""
    request_id: str = ""
    sites: Sequence[str] = field(default=(), compare=False)

    def as_json(self) -> dict[str, Any]:
        """What is shown of it."""
        return {name: value for name, value in asdict(self).items() if name != "sites"}


@dataclass(slots=True)
class DataSets:
    """Parts of an order that a platform gives or refuses on their own, as seen since the adapter was connected."""

    answered: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Parts:
    """Parts of the scope (marketplaces) that a platform answers for or refuses on their own, as seen since the adapter
    was connected. `refused` holds those that cannot be read for another reason, too; `absent`, of these, those of which
    the platform says that the account has nothing there."""

    answered: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Usage:
    """Calls that an adapter made so far."""

    calls: int = 0
    throttled: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """What a platform grants an account for one operation, as a token bucket."""

    rate: float  # requests per second
    burst: int  # requests that may be made at once when the bucket is full

    @property
    def seconds_per_request(self) -> float:
        return 1 / self.rate


class Budget(Protocol):
    """How many calls one account may still make, by operation. All processes that call for it share the budget."""

    def acquire(self, operation: str) -> float:
        """Take one call: 0.0 where it may be made now; otherwise the seconds until there is one, and none is taken."""
        ...

    def set_rate(self, operation: str, rate: float) -> None:
        """The platform says how many calls a second it grants."""

    def drain(self, operation: str) -> None:
        """The platform refused a call: no token is left."""


class BudgetFor(Protocol):
    """Finds the budget of an account. The key identifies the account and contains no secret; `published` is what
    the platform grants everybody, by operation."""

    def __call__(self, account_key: str, published: Mapping[str, Quota], /) -> Budget: ...


class Unlimited:
    """A Budget that never makes anybody wait."""

    def acquire(self, operation: str) -> float:
        return 0.0

    def set_rate(self, operation: str, rate: float) -> None: ...

    def drain(self, operation: str) -> None: ...


class Meter(Protocol):
    """Counts each call that an adapter made, those for access tokens included."""

    def count(self, operation: str, seconds: float, *, throttled: bool, failed: bool) -> None:
        """`seconds` is how long the call took. `throttled`: refused for want of quota; `failed`: no result otherwise.

        Raises nothing: what is counted must not cost what was fetched.
        """


class Uncounted:
    """A Meter that counts nothing."""

    def count(self, operation: str, seconds: float, *, throttled: bool, failed: bool) -> None: ...


class Adapter(Protocol):
    """Talks to one account. Yields pages as they come and never sees our database.

    Every method raises errors of integrations.errors and nothing else for what a platform or network does.
    """

    @property
    def source(self) -> str:
        """One of platforms.models.Source."""

    @property
    def scope(self) -> str:
        """What an orders window covers, e.g. "NA:ATVPDKIKX0DER"; comma-separated parts."""

    @property
    def usage(self) -> Usage: ...

    @property
    def datasets(self) -> DataSets:
        """What became of each data set that was asked for. Grows with each answer."""

    @property
    def parts(self) -> Parts:
        """What became of each part of the scope that was asked for. Grows with each answer."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """About the account as configured, for every run."""

    def order_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[OrderPage]: ...

    def order(self, external_id: str) -> OrderRecord: ...

    def inventory_pages(
        self, skus: Sequence[str], checkpoint: Checkpoint, *, left_out: Mapping[str, datetime] = NOTHING
    ) -> Iterator[StockPage]:
        """All stock, or that of these SKUs. `left_out` are parts that are not asked for, and until when; where that
        were all of them, all are asked for."""
        ...

    def check(self, window: Callable[[], Window]) -> Iterator[Finding]:
        """Try each thing that a sync needs, with few calls, the same as in a sync; changes nothing and raises nothing.

        `window` settles which orders a sync would ask for now. It asks for the platform's time, so it may raise
        PlatformError.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class TellsTime(Protocol):
    """An adapter whose platform says what time it is there. For all others this machine's clock is right."""

    def clock_offset(self) -> timedelta:
        """What is to be added to this machine's time for the platform's. May make a call; raises PlatformError, also
        where this machine's clock is too far off to go by it."""
        ...


class ListKind(StrEnum):
    """What a list that a platform makes on request is about: orders by when they were placed, by when they last
    changed; or stock."""

    CREATED = "created"
    UPDATED = "updated"
    STOCK = "stock"


@dataclass(frozen=True, slots=True)
class ListState:
    """How far a list is. `document` names what can be read of it. A list that `is_over` without a document has no rows,
    or was cancelled; or `error` says why it was not made."""

    is_over: bool
    document: str = ""
    error: PlatformError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierList:
    """A list that somebody asked for, this program or another one of the same account. It `is_over`, or is still made.

    `start` and `end` are the span of time that it is about; of stock, they say nothing.
    """

    list_id: str
    kind: ListKind
    sites: frozenset[str]
    start: datetime
    end: datetime
    created_at: datetime
    is_over: bool


class MakesLists(Adapter, Protocol):
    """An adapter whose platform makes lists on request, in its own time, as files of a row for each line."""

    @property
    def listed_sites(self) -> tuple[str, ...]:
        """The marketplaces that its lists are about."""
        ...

    def earlier_lists(self, kinds: Sequence[ListKind], since: datetime) -> Sequence[EarlierList]:
        """Those of these kinds that were asked for since then, the newest first, and neither failed nor were cancelled.
        Takes one call. Raises PlatformError."""
        ...


@runtime_checkable
class ListsOrders(MakesLists, Protocol):
    """An adapter whose platform makes lists of orders."""

    def request_order_list(self, window: Window) -> str:
        """Ask for the list of the orders updated or created in `window`, which is no longer than 30 days. Returns its
        id. Raises PlatformError, as the other two do."""
        ...

    def order_list_state(self, list_id: str) -> ListState: ...

    def order_list(self, document: str) -> AbstractContextManager[Iterator[ReportedLine | RecordFailure]]:
        """The rows of the whole list, in any order. What is incomplete never comes out."""
        ...


@runtime_checkable
class ListsStock(MakesLists, Protocol):
    """An adapter whose platform makes lists of stock, each of one marketplace as it is when it is made, and none of it
    within `stock_list_pause` after another one, whoever asked for that."""

    stock_list_pause: timedelta

    def request_stock_list(self, site: str) -> str:
        """Ask for the list of the stock of one marketplace. Returns its id. Raises PlatformError, as the other two
        do."""
        ...

    def stock_list_state(self, list_id: str) -> ListState: ...

    def stock_list(self, document: str) -> AbstractContextManager[Iterator[ReportedStock | RecordFailure]]:
        """The rows of the whole list, in any order. What is incomplete never comes out."""
        ...


@runtime_checkable
class ShowsProducts(Protocol):
    """An adapter whose platform has pictures of products."""

    def picture_links(self, site: str, product_ids: Sequence[str], *, side: int) -> Mapping[str, str]:
        """Where the picture of each of these products is to be had, by its id; "" where the platform has none, or does
        not know the product. Of several sizes, the smallest whose longer side has `side` pixels, or else the largest.

        One call, for no more products than Channel.pictures.at_once. `site`: the marketplace where they were sold; ""
        or one that is not the account's is taken for any of its own. Raises PlatformError.
        """
        ...

    def picture_files(self, links: Iterable[str]) -> Iterator[bytes | PlatformError]:
        """The file behind each of these links, in their order, as it came: nothing says that it is a picture. An error
        in the place of one that cannot be had; a TransientError where others cannot either, for now."""
        ...


@dataclass(frozen=True, slots=True)
class Carrier:
    """Who carries parcels, under the platform's own `code`. `sites`: the ids of the sites that know the code, () for
    all; `services`: names of its services that are known, which is no closed list."""

    code: str
    label: str
    sites: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DispatchLine:
    """So many units of an order's line, by the line's id there. `unit_codes`: a code of each unit, where the platform
    wants these for the product."""

    item_id: str
    quantity: int
    unit_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One package of an order that the seller handed to a carrier.

    package_number  ours, 1 or more, and the package's own within its order for ever: the same number again edits it
    carrier         the platform's code (Channel.carriers); for one that has none Channel.other_carrier, with the
                    name in carrier_name
    shipped_at      aware; within Channel.ship_times
    lines           every line that is in the package, each once, with 1 or more units

    Raises ValueError for what is none of this, whatever the platform.
    """

    order_id: str
    marketplace_id: str
    package_number: int
    carrier: str
    carrier_name: str
    service: str
    tracking_number: str
    shipped_at: datetime
    lines: tuple[DispatchLine, ...]

    def __post_init__(self) -> None:
        if self.shipped_at.tzinfo is None:
            raise ValueError("shipped_at is an aware datetime")
        if self.package_number < 1:
            raise ValueError("a package's number is 1 or more")
        items = {line.item_id for line in self.lines}
        if not items or len(items) < len(self.lines) or any(line.quantity < 1 for line in self.lines):
            raise ValueError("a package holds lines, each once, with 1 or more units")


@runtime_checkable
class ConfirmsShipments(Protocol):
    """An adapter whose platform is told by us what was shipped."""

    @property
    def shows_shipments(self) -> bool:
        """Whether an order that is read shows what the platform was told. False for test data that never changes:
        there, an accepted package is all that there is to see."""
        ...

    def confirm_shipment(self, dispatch: Dispatch) -> str:
        """Tell the platform of one package, or correct what it was told under the same number. Safe to repeat.

        Returns the platform's request id, "" where it gives none, once it has accepted it; whether it shows it is
        only known from the order as read back. Raises ShipmentRefused where it does not take it, and another
        PlatformError where it could not be told, or said nothing; its `perhaps_done` tells whether it may know of
        the package all the same, since calls are repeated here, with the same number.
        """
        ...
