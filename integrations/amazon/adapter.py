"""Amazon as an Adapter: pages of orders and stock of one selling account."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from integrations.amazon import normalize, parse, sandbox
from integrations.amazon.config import AmazonConfig, load
from integrations.amazon.connection_check import check_connection
from integrations.amazon.marketplaces import LWA_TOKEN_URL, endpoint
from integrations.amazon.order_listing import OrderListing
from integrations.amazon.order_span import OrderSpan
from integrations.amazon.quota import QUOTAS, SANDBOX_QUOTAS
from integrations.amazon.stock import stock_pages
from integrations.errors import (
    AuthorizationError,
    ConfigError,
    MalformedRecord,
    RequestRefused,
)
from integrations.protocol import (
    BudgetFor,
    Checkpoint,
    DataSets,
    Finding,
    Meter,
    OrderPage,
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
        endpoint=settings.AMAZON_SP_API_ENDPOINT or endpoint(config.region, sandbox=config.sandbox),
        lwa_endpoint=settings.AMAZON_LWA_ENDPOINT or LWA_TOKEN_URL,
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


class AmazonAdapter:
    """See integrations.protocol.Adapter. Checkpoints hold the page token, and the data sets still asked for."""

    def __init__(
        self,
        config: AmazonConfig,
        client: "AmazonClient",
        *,
        include_pii: bool,
        leave_out: Mapping[str, datetime],
    ) -> None:
        self.source = "sandbox" if config.sandbox else "live"
        self.scope = config.scope
        self.notes = config.notes
        self.datasets = DataSets()
        self._config = config
        self._client = client
        self._all_datasets = normalize.ALWAYS_ASKED + (normalize.PERSONAL if include_pii else ())
        self._leave_out = {name: leave_out[name] for name in self._all_datasets if name in leave_out}

    @property
    def usage(self) -> Usage:
        return self._client.usage

    def order_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[OrderPage]:
        """searchOrders, page after page. In the sandbox: Amazon's published cases, which answer nothing else."""
        if self._config.sandbox:
            yield from sandbox.order_pages(self._client, checkpoint)
            return
        listing, span = self._listing(checkpoint), self._span(window, checkpoint)
        if span.is_empty:
            yield OrderPage(records=(), notes=span.take_notes())
            return
        while True:
            answer = self._search(span, listing)
            token = parse.text(parse.mapping(answer.get("pagination")).get("nextToken"))
            listing.go_to(token)
            if token:  # on its way while this page is read and stored
                self._client.start_search_orders(**self._parameters(span, listing))
            records, failures = normalize.orders(answer["orders"], listing.datasets)
            yield OrderPage(
                records=records,
                failures=failures,
                next=listing.checkpoint() | span.checkpoint() if token else None,
                complete_until=span.complete_until(answer),
                notes=listing.take_notes() + span.take_notes(),
            )
            if not token:
                return

    def order(self, external_id: str) -> OrderRecord:
        """One order by its id, without the data sets that Amazon refuses, like a listing.

        Raises PlatformError; MalformedRecord where the order cannot be read.
        """
        listing = self._listing({})
        while True:
            try:
                answer = self._client.get_order(external_id, includedData=listing.datasets or None)
                listing.confirm()
                break
            except (RequestRefused, AuthorizationError) as error:
                if not listing.drop_refused_datasets(error):
                    raise
        records, failures = normalize.orders([answer["order"]], listing.datasets)
        for failure in failures:
            raise MalformedRecord(failure.message, payload=failure.payload)
        return records[0]

    def inventory_pages(self, skus: Sequence[str], checkpoint: Checkpoint) -> Iterator[StockPage]:
        return stock_pages(self._client, self._config.marketplaces, skus, checkpoint)

    def check(self) -> Iterator[Finding]:
        return check_connection(self._client, self._config, self._all_datasets, self.datasets)

    def clock_offset(self) -> timedelta:
        """See integrations.protocol.TellsTime."""
        self._client.ask_the_time()
        return self._client.clock.offset()

    def close(self) -> None:
        self._client.close()

    def _search(self, span: OrderSpan, listing: OrderListing) -> dict[str, Any]:
        """One page; starts again where Amazon no longer takes the page token, goes on without a refused data set."""
        while True:
            try:
                answer = self._page(span, listing)
                listing.confirm()
                return answer
            except (RequestRefused, AuthorizationError) as error:
                if not (listing.drop_refused_datasets(error) or listing.restart(error)):
                    raise

    def _page(self, span: OrderSpan, listing: OrderListing) -> dict[str, Any]:
        """One page, of a shorter span where Amazon took the end of it for too young."""
        try:
            return self._client.search_orders(**self._parameters(span, listing))
        except RequestRefused as error:
            if listing.token or not span.end_earlier(error):
                raise span.explained(error) from None
        return self._page(span, listing)

    def _span(self, window: Window, checkpoint: Checkpoint) -> OrderSpan:
        return OrderSpan(window, checkpoint, region=self._config.region, clock=self._client.clock)

    def _listing(self, checkpoint: Checkpoint) -> OrderListing:
        return OrderListing(self._all_datasets, self._leave_out, checkpoint, self.datasets)

    def _parameters(self, span: OrderSpan, listing: OrderListing) -> dict[str, Any]:
        """All parameters, repeated with every page: Amazon refuses a token that comes with others."""
        parameters: dict[str, Any] = {
            **span.parameters(),
            "marketplaceIds": [marketplace.id for marketplace in self._config.marketplaces],
            "maxResultsPerPage": PAGE_SIZE,
            "includedData": listing.datasets or None,
        }
        if listing.token:
            parameters["paginationToken"] = listing.token
        return parameters
