"""The connection check: tries each thing that a sync needs, with few calls.

token → this machine's clock → the right environment → marketplaces → searchOrders → each data set → FBA inventory of
each marketplace. Orders and stock are asked for with the very calls of a sync.
A call that the quota does not allow now is left out, and the finding says when to check again. searchOrders has the
smallest quota of all, one call in three minutes: if everything works, it is called once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from integrations.amazon import normalize, participations, sandbox
from integrations.amazon.clock import BELIEVED, HOW_TO_SET, NOT_CORRECTED, in_words
from integrations.amazon.config import AmazonConfig
from integrations.amazon.datasets import CONTENTS, how_to_get, named_in
from integrations.amazon.marketplaces import REGIONS, Marketplace
from integrations.amazon.order_listing import OrderListing
from integrations.amazon.order_span import OrderSpan
from integrations.amazon.probe import CallResult, try_call
from integrations.errors import AuthenticationError
from integrations.protocol import DataSets, Finding, Note, Parts

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

ORDER_ROLES = (
    "For orders the app needs one of the roles Inventory and Order Tracking, Amazon Fulfillment, Product Listing or "
    "Finance and Accounting: in Seller Central under Develop Apps, edit the app, add the role, then authorise the app "
    "again. Until then, orders cannot be fetched; those that are stored stay as they are."
)
ELSEWHERE = (
    "The likely reason is the marketplace above where the seller does not take part: choose one where it sells. Until "
    "then, orders cannot be fetched; those that are stored stay as they are."
)
LEFT_OUT = (
    "Syncs leave its orders out and fetch those of the other marketplaces; those that are stored stay as they are. OMS "
    "asks for it again by itself, at least once a day, and then reads on from where it was complete. If the seller "
    "does not sell there, take it out of the platform's marketplaces."
)
SILENT = (
    " Amazon takes the question, and leaves the values out silently where the app lacks the restricted role "
    "Direct-to-Consumer Shipping."
)


WORTH_SAYING = timedelta(seconds=5)
CORRECTED = (
    "OMS corrects this where it asks Amazon for orders, so syncs work; the times that OMS writes itself, such as those "
    "of the sync log, are off by as much."
)
STOCK_ROLES = (
    "For stock the app needs the role Amazon Fulfillment or Product Listing: in Seller Central under Develop Apps, "
    "edit the app, add the role, then authorise the app again. Until then OMS fetches orders alone, and stored stock "
    "stays as it is."
)
WRONG_ENVIRONMENT = (
    "Login with Amazon accepts the credentials, but Amazon denies every call in {where}. That may be an outage of "
    "theirs: check again in an hour. If it lasts, it is one of these: (1) the account was authorised for another "
    "region: choose that region and one of its marketplaces; (2) {other} credentials are stored: {instead}; (3) the "
    "app is a draft, or has no role for orders or stock: in Seller Central under Develop Apps, edit the app, add the "
    "roles, then authorise the app again. Until then OMS fetches nothing for this platform. Amazon said: {said}"
)


class FirstPage:
    """Asks for the first page of orders as a sync does now, with the data sets that it is called with.

    `notes` is what a sync would note of the span that it asked for.
    """

    def __init__(
        self,
        settle: Callable[[], OrderSpan],
        ask: Callable[[OrderSpan, OrderListing], dict[str, Any]],
        marketplaces: Sequence[Marketplace],
    ) -> None:
        self.notes: tuple[Note, ...] = ()
        self._settle = settle
        self._ask = ask
        self._all = [place.id for place in marketplaces]
        self._span: OrderSpan | None = None

    def __call__(self, datasets: Sequence[str], only: Marketplace | None = None) -> dict[str, Any]:
        """Of all marketplaces, or of one. Raises PlatformError."""
        if self._span is None:
            self._span = self._settle()
        listing = OrderListing(datasets, {}, {}, DataSets())
        listing.marketplace_ids = [only.id] if only else self._all
        answer = self._ask(self._span, listing)
        self._span.complete_until(answer)
        self.notes += self._span.take_notes()
        return answer


def check_connection(
    client: "AmazonClient",
    config: AmazonConfig,
    datasets: Sequence[str],
    seen: DataSets,
    parts: Parts,
    first_page: FirstPage,
) -> Iterator[Finding]:
    """The findings, in the order of the steps. Nothing follows a token that Amazon does not issue or does not accept.

    Adds to `seen` which of the `datasets` Amazon returns and refuses, and to `parts` the marketplaces it answers for.
    """
    token = try_call(client.renew_token).finding("token", "Login with Amazon accepts the credentials.")
    yield token
    yield from _clock(client.clock.difference())
    if not token.ok:
        return
    sells = try_call(client.marketplace_participations)
    if isinstance(sells.error, AuthenticationError):
        yield _environment(config, [sells])
        return
    orders = _call_orders(client, config, datasets, seen, first_page)
    absent = _absent(config, sells)
    stock = {place: _call_stock(client, place) for place in config.marketplaces if place not in absent}
    yield _environment(config, [sells, *orders.calls, *stock.values()])
    yield from _marketplaces(config, sells)
    parts.answered.update(place.id for place in config.marketplaces if orders.works_in(place))
    yield from orders.findings(not_participating=bool(absent))
    for note in first_page.notes:
        yield Finding(step="window", ok=True, message=note.message, code=note.code)
    for marketplace in config.marketplaces:
        yield _stock_finding(marketplace, stock.get(marketplace))


def _clock(difference: timedelta) -> Iterator[Finding]:
    """How far this machine's clock is off, where that is worth a sentence."""
    if abs(difference) < WORTH_SAYING:
        return
    is_corrected = abs(difference) <= BELIEVED
    text = f"{in_words(difference)} {CORRECTED if is_corrected else NOT_CORRECTED} {HOW_TO_SET}"
    yield Finding(
        step="clock", ok=is_corrected, message=text, code="clock_off" if is_corrected else "clock_wrong"
    )


def _environment(config: AmazonConfig, results: Sequence[CallResult]) -> Finding:
    """Whether the credentials belong to this region, and to production or the sandbox, as far as the answers show."""
    where = _where(config)
    if any(result.reached for result in results):
        return Finding(step="environment", ok=True, message=f"The credentials belong here: {where}.")
    problem = next((result for result in results if isinstance(result.error, AuthenticationError)), None)
    if problem:
        return problem.finding("environment", "")
    refused = [result for result in results if result.is_refused]
    if refused and len(refused) == len(results):
        message = WRONG_ENVIRONMENT.format(
            where=where,
            other="production" if config.sandbox else "sandbox",
            instead="choose the region they are for"
            if config.sandbox
            else "choose region Sandbox, or store others",
            said=refused[0].error,
        )
        request_id = refused[0].error.request_id if refused[0].error else ""
        return Finding(
            step="environment", ok=False, message=message, code="wrong_environment", request_id=request_id
        )
    text = f"It does not show whether the credentials belong here ({where}): no call got an answer."
    return Finding(step="environment", ok=None, message=text, code="not_checked")


def _where(config: AmazonConfig) -> str:
    region = f"region {config.region} ({REGIONS[config.region]})"
    return f"the sandbox of {region}" if config.sandbox else f"{region}, production"


def _marketplaces(config: AmazonConfig, sells: CallResult) -> Iterator[Finding]:
    if config.sandbox and sells.error is None:
        text = "The sandbox answers with its example seller; where yours sells shows in production."
        yield Finding(step="marketplaces", ok=True, message=text)
    elif sells.error is None:
        yield from participations.judge(config.marketplaces, participations.read(sells.answer))
    elif sells.is_refused:
        yield Finding(
            step="marketplaces",
            ok=None,
            message=participations.NO_ROLE,
            code="role_missing",
            request_id=sells.error.request_id,
        )
    else:
        yield sells.finding("marketplaces", "")


def _absent(config: AmazonConfig, sells: CallResult) -> list[Marketplace]:
    """The configured marketplaces where the seller is known not to take part."""
    if config.sandbox or sells.error is not None:
        return []
    found = participations.read(sells.answer)
    return [place for place in config.marketplaces if place.id not in found or not found[place.id].takes_part]


def _call_stock(client: "AmazonClient", marketplace: Marketplace) -> CallResult:
    return try_call(lambda: client.inventory_summaries(marketplace.id))


def _stock_finding(marketplace: Marketplace, result: CallResult | None) -> Finding:
    step = f"inventory {marketplace.code}"
    if result is None:
        text = f"Not checked: the seller does not take part in {marketplace.country}."
        return Finding(step=step, ok=None, message=text, code="not_checked")
    if result.error is not None and result.reached:
        text = f"The seller does not use FBA ({marketplace.country}); there is no stock to fetch."
        return Finding(step=step, ok=True, message=text, code="no_fba", request_id=result.error.request_id)
    return result.finding(step, f"FBA stock can be fetched ({marketplace.country}).", STOCK_ROLES)


@dataclass(frozen=True, slots=True)
class OrdersResult:
    """`calls`: the result of every call, the decisive one last. `datasets`: the result of each data set, where
    known; `places`: of each marketplace, where one call for all of them was refused."""

    calls: list[CallResult]
    datasets: dict[str, CallResult]
    places: dict[Marketplace, CallResult] = field(default_factory=dict)
    sandbox: bool = False

    def works_in(self, place: Marketplace) -> bool:
        """Whether orders of this marketplace can be fetched."""
        return self.places.get(place, self.calls[-1]).error is None

    def findings(self, *, not_participating: bool) -> Iterator[Finding]:
        good = "The sandbox answers with its example orders." if self.sandbox else "Orders can be fetched."
        yield self.calls[-1].finding("orders", good, ELSEWHERE if not_participating else ORDER_ROLES)
        for place, result in self.places.items():
            fetched = f"Orders of {place.country} can be fetched."
            yield result.finding(f"orders {place.code}", fetched, LEFT_OUT)
        for name, result in self.datasets.items():
            silent = SILENT if name in normalize.PERSONAL else ""
            yield result.finding(
                f"data set {name}",
                f"{CONTENTS[name].capitalize()} can be fetched.{silent}",
                f"{how_to_get(name)} Until then OMS stores orders without it: {CONTENTS[name]}.",
            )


def _call_orders(
    client: "AmazonClient",
    config: AmazonConfig,
    datasets: Sequence[str],
    seen: DataSets,
    first_page: FirstPage,
) -> OrdersResult:
    """One call if everything works. Otherwise one without the data sets that the refusals name, then one without any,
    and then one with each alone. If data sets are not to blame: one for each marketplace."""
    if config.sandbox:
        return OrdersResult([try_call(lambda: client.search_orders(**sandbox.SEARCHES[0]))], {}, sandbox=True)

    def search(names: Sequence[str]) -> CallResult:
        return try_call(lambda: first_page(names))

    calls, found, left = [search(datasets)], dict[str, CallResult](), list(datasets)
    while (error := calls[-1].error) and calls[-1].is_refused and (named := named_in(error, left)):
        found |= dict.fromkeys(named, calls[-1])
        left = [name for name in left if name not in named]
        calls.append(search(left))
    if calls[-1].is_refused and left:
        calls.append(search(()))
        alone = {name: search([name]) for name in left} if calls[-1].error is None else {}
    else:
        alone = dict.fromkeys(left, calls[-1]) if calls[-1].error is None else {}
    found |= alone
    places = dict[Marketplace, CallResult]()
    if calls[-1].is_refused and len(config.marketplaces) > 1:
        places = {place: try_call(partial(first_page, left, place)) for place in config.marketplaces}
        working = [result for result in places.values() if result.error is None]
        if not working:
            return OrdersResult([*calls, *places.values()], {})
        calls += working[:1]
        found |= dict.fromkeys(left, working[0])
    if calls[-1].error is not None:
        return OrdersResult(calls, {})
    seen.answered.update(name for name, result in found.items() if result.error is None)
    seen.refused.update(name for name, result in found.items() if result.is_refused)
    return OrdersResult(calls, {name: found[name] for name in datasets if name in found}, places)
