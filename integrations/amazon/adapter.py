"""Amazon as an Adapter: pages of orders and stock of one selling account."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from integrations.amazon import catalog, normalize, parse, sandbox, shipments
from integrations.amazon.answers import note_of_replacements
from integrations.amazon.config import AmazonConfig, load
from integrations.amazon.connection_check import FirstPage, check_connection
from integrations.amazon.groups import MarketplaceGroups
from integrations.amazon.order_listing import OrderListing
from integrations.amazon.order_span import OrderSpan
from integrations.amazon.quota import QUOTAS, SANDBOX_QUOTAS
from integrations.amazon.report_lists import ReportLists
from integrations.amazon.stock import stock_pages
from integrations.amazon.tokens import lwa_endpoint, sp_api_endpoint
from integrations.errors import (
    AuthorizationError,
    ConfigError,
    MalformedRecord,
    PlatformError,
    RateLimited,
    RequestRefused,
)
from integrations.protocol import (
    NOTHING,
    BudgetFor,
    Checkpoint,
    DataSets,
    Dispatch,
    Finding,
    Meter,
    OrderPage,
    Parts,
    Quota,
    StockPage,
    Unlimited,
    Usage,
    Window,
)
from orders.records import OrderRecord

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

PAGE_SIZE = 100  # Amazon's largest: 1,000 orders cost 10 calls


def connect(
    api_config: Mapping[str, Any],
    *,
    include_pii: bool,
    budget_for: BudgetFor | None = None,
    leave_out: Mapping[str, datetime] | None = None,
    meter: Meter | None = None,
) -> "AmazonAdapter":
    """The adapter of one account, keeping to its budget where there is one. Makes no call. Raises ConfigError.

    `leave_out` has the data sets that a sync does not ask for, and until when.
    """
    config = load(api_config)
    try:
        from integrations.amazon.client import AmazonClient
    except ImportError as error:
        raise ConfigError(
            "python-amazon-sp-api is not installed, so Amazon cannot be reached. "
            "Install it with: pip install -r requirements.txt",
            code="library_missing",
        ) from error
    budget = budget_for(config.account_key, _published(config)) if budget_for else Unlimited()
    client = AmazonClient(
        config,
        endpoint=sp_api_endpoint(config),
        lwa_endpoint=lwa_endpoint(),
        backoff=settings.AMAZON_RETRY_BACKOFF,
        budget=budget,
        meter=meter,
    )
    return AmazonAdapter(config, client, include_pii=include_pii, leave_out=leave_out or {})


def _published(config: AmazonConfig) -> dict[str, Quota]:
    """What a new bucket starts with: Amazon's published quotas, but for those that the settings change."""
    changed = {operation: Quota(*values) for operation, values in settings.AMAZON_QUOTAS.items()}
    published = SANDBOX_QUOTAS if config.sandbox else QUOTAS
    return {operation: changed.get(operation, quota) for operation, quota in published.items()}


class Translation:
    """What `make` is given, and its records and failures. Reads no database, so any thread may make it."""

    answer: Mapping[str, Any] | None = None
    read: normalize.Read[OrderRecord]

    def __init__(self, datasets: Sequence[str]) -> None:
        self._datasets = tuple(datasets)

    def make(self, answer: Mapping[str, Any]) -> None:
        self.read = normalize.orders(answer["orders"], self._datasets)
        self.answer = answer


class AmazonAdapter(ReportLists):
    """See integrations.protocol.Adapter. Checkpoints hold the page token, and the data sets still asked for."""

    def __init__(
        self,
        config: AmazonConfig,
        client: "AmazonClient",
        *,
        include_pii: bool,
        leave_out: Mapping[str, datetime],
    ) -> None:
        self.source = "sandbox" if config.sandbox else "demo" if settings.DEMO else "live"
        self.scope = config.scope
        self.notes = config.notes
        self.datasets = DataSets()
        self.parts = Parts()
        self._config = config
        self._client = client
        self._all_datasets = normalize.ALWAYS_ASKED + (normalize.PERSONAL if include_pii else ())
        self._leave_out = {name: leave_out[name] for name in self._all_datasets if name in leave_out}
        self._ahead: Translation | None = None

    @property
    def usage(self) -> Usage:
        return self._client.usage

    def order_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[OrderPage]:
        """searchOrders, page after page. In the sandbox: Amazon's published cases, which answer nothing else."""
        if self._config.sandbox:
            yield from sandbox.order_pages(self._client, checkpoint)
            return
        groups = MarketplaceGroups(self._config.marketplaces, window, checkpoint, self.parts)
        listing, span = self._listing(checkpoint), self._span(groups.window, checkpoint)
        listing.may_search &= groups.may_divide
        if span.is_empty:
            yield OrderPage(records=(), notes=span.take_notes())
            return
        while groups.current is not None:
            listing.marketplace_ids, first_page = list(groups.current.ids), not listing.token
            try:
                answer = self._search(span, listing, once=first_page and groups.current.is_part)
            except RateLimited:
                if groups.is_news or listing.is_news:  # so that who goes on does not search again
                    yield _page(groups, listing, span)
                raise
            except PlatformError as error:
                groups.give_up(error, first_page=first_page)
                listing, span = listing.next_group(), span.starting_at(groups.window.start)
                continue
            groups.confirm()
            read, until = self._read(answer, listing), span.complete_until(answer)
            token = parse.text(parse.mapping(answer.get("pagination")).get("nextToken"))
            if answer["orders"]:
                groups.contradict()
            elif first_page and not token and groups.doubt():
                listing, span = listing.next_group(), span.starting_at(groups.window.start)
                continue
            problem = listing.go_to(token)
            if problem is None and token:  # on its way while this page is read and stored
                self._ahead = Translation(listing.datasets)
                self._client.start_search_orders(self._ahead.make, **self._parameters(span, listing))
            elif problem is None:
                groups.finish()
                listing, span = listing.next_group(), span.starting_at(groups.window.start)
            yield _page(groups, listing, span, answer, read, until)
            if problem is not None:
                groups.give_up(problem, first_page=first_page)
                listing, span = listing.next_group(), span.starting_at(groups.window.start)
        if groups.is_news:  # what was left out at last
            yield _page(groups, listing, span)

    def order(self, external_id: str) -> OrderRecord:
        """One order by its id, without the data sets that Amazon refuses, like a listing.

        Raises PlatformError; MalformedRecord where the order cannot be read.
        """
        listing = self._listing({})

        def ask(listing: OrderListing) -> dict[str, Any]:
            return self._client.get_order(external_id, includedData=listing.datasets or None)

        answer = _answered(listing, ask, listing.begin_search)
        records, failures = normalize.orders([answer["order"]], listing.datasets)
        for failure in failures:
            raise MalformedRecord(failure.message, payload=failure.payload)
        return records[0]

    @property
    def shows_shipments(self) -> bool:
        """See integrations.protocol.ConfirmsShipments, as for the next one."""
        return not self._config.sandbox

    def confirm_shipment(self, dispatch: Dispatch) -> str:
        """In the sandbox: Amazon's published case, whatever was shipped, since it answers to nothing else."""
        if self._config.sandbox:
            return self._client.confirm_shipment(*sandbox.SHIPMENT)
        return self._client.confirm_shipment(dispatch.order_id, shipments.body_of(dispatch))

    def inventory_pages(
        self, skus: Sequence[str], checkpoint: Checkpoint, *, left_out: Mapping[str, datetime] = NOTHING
    ) -> Iterator[StockPage]:
        return stock_pages(
            self._client, self._config.marketplaces, skus, checkpoint, parts=self.parts, left_out=left_out
        )

    def picture_links(self, site: str, product_ids: Sequence[str], *, side: int) -> Mapping[str, str]:
        """See integrations.protocol.ShowsProducts. In the sandbox, which answers its published case alone: nothing."""
        if self._config.sandbox:
            return dict.fromkeys(product_ids, "")
        own = [place.id for place in self._config.marketplaces]
        place = site if site in own else own[0]
        found = catalog.picture_links(self._client.catalog_items(place, product_ids), place, side=side)
        return {asin: found.get(asin, "") for asin in product_ids}

    def picture_files(self, links: Iterable[str]) -> Iterator[bytes | PlatformError]:
        return self._client.pictures(links)

    def check(self, window: Callable[[], Window]) -> Iterator[Finding]:
        def ask(span: OrderSpan, listing: OrderListing) -> dict[str, Any]:
            return self._answer(span, listing, once=False)

        first_page = FirstPage(lambda: self._span(window(), {}), ask, self._config.marketplaces)
        return check_connection(
            self._client, self._config, self._all_datasets, self.datasets, self.parts, first_page
        )

    def clock_offset(self) -> timedelta:
        """See integrations.protocol.TellsTime."""
        self._client.ask_the_time()
        if self._client.clock.is_wrong:
            self._client.renew_token()  # our clock may have been set since it was measured
        self._client.clock.refuse_if_wrong()
        return self._client.clock.offset()

    def close(self) -> None:
        self._client.close()

    def _search(self, span: OrderSpan, listing: OrderListing, *, once: bool) -> dict[str, Any]:
        """One page; starts again where Amazon no longer takes the page token, goes on without a refused data set."""

        def goes_on(error: PlatformError) -> bool:
            return listing.restart(error) or (not span.is_to_blame(error) and listing.begin_search(error))

        def ask(asked: OrderListing) -> dict[str, Any]:
            return self._answer(span, asked, once=once and asked is listing)

        return _answered(listing, ask, goes_on)

    def _answer(self, span: OrderSpan, listing: OrderListing, *, once: bool) -> dict[str, Any]:
        """One page, of a shorter span where Amazon took the end of it for too young."""
        try:
            return self._client.search_orders(once=once, **self._parameters(span, listing))
        except RequestRefused as error:
            if listing.token or not span.end_earlier(error):
                raise span.explained(error) from None
        return self._answer(span, listing, once=once)

    def _read(self, answer: Mapping[str, Any], listing: OrderListing) -> normalize.Read[OrderRecord]:
        """Its records and failures, which its thread may have made already."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.answer is answer:
            return ahead.read
        return normalize.orders(answer["orders"], listing.datasets)

    def _span(self, window: Window, checkpoint: Checkpoint) -> OrderSpan:
        return OrderSpan(window, checkpoint, region=self._config.region, clock=self._client.clock)

    def _listing(self, checkpoint: Checkpoint) -> OrderListing:
        return OrderListing(self._all_datasets, self._leave_out, checkpoint, self.datasets)

    def _parameters(self, span: OrderSpan, listing: OrderListing) -> dict[str, Any]:
        """All parameters, repeated with every page: Amazon refuses a token that comes with others."""
        parameters: dict[str, Any] = {
            **span.parameters(),
            "marketplaceIds": listing.marketplace_ids,
            "maxResultsPerPage": PAGE_SIZE,
            "includedData": listing.datasets or None,
        }
        if listing.token:
            parameters["paginationToken"] = listing.token
        return parameters


def _answered(
    listing: OrderListing,
    ask: Callable[[OrderListing], dict[str, Any]],
    goes_on: Callable[[PlatformError], bool],
) -> dict[str, Any]:
    """What `ask` answers for the listing's data sets, without those that Amazon refuses, whether it names them or not.

    `goes_on` tells whether to ask again after a refusal that is about none that it names. Raises PlatformError.
    """

    def is_answered(datasets: list[str]) -> bool:
        trial = OrderListing(datasets, {}, {}, DataSets())
        trial.marketplace_ids = listing.marketplace_ids
        try:
            ask(trial)
        except (RequestRefused, AuthorizationError):
            return False
        return True

    while True:
        try:
            listing.search(is_answered)
            answer = ask(listing)
            listing.confirm()
            return answer
        except (RequestRefused, AuthorizationError) as error:
            if not (listing.drop_refused_datasets(error) or goes_on(error)):
                raise


def _page(
    groups: MarketplaceGroups,
    listing: OrderListing,
    span: OrderSpan,
    answer: Mapping[str, Any] | None = None,
    read: normalize.Read[OrderRecord] = ((), ()),
    complete_until: datetime | None = None,
) -> OrderPage:
    """A page with what was read of the answer, or with nothing; where to continue, and what was found out since the
    last page."""
    records, failures = read
    replaced = note_of_replacements(answer, answer["orders"], "orderId") if answer else ()
    place = listing.checkpoint() | span.checkpoint() | groups.checkpoint()
    return OrderPage(
        records=records,
        failures=failures,
        next=None if groups.current is None else place,
        notes=listing.take_notes() + span.take_notes() + groups.take_notes() + replaced,
        unread=groups.take_unread(),
        complete_until=complete_until,
    )
