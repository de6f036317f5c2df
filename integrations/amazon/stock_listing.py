"""The pages of one question about FBA stock. A page token lives 30 seconds, so nothing pauses between pages for longer.

Facts: fbaInventory.json in https://github.com/amzn/selling-partner-api-models
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from integrations.amazon import parse
from integrations.amazon.answers import note_of_replacements
from integrations.amazon.marketplaces import Marketplace
from integrations.errors import PlatformError, RateLimited, RequestRefused
from integrations.protocol import Note

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

MOST_PAGES = 20_000  # a million SKUs at 50 a page
MOST_RESTARTS = 3
TOKEN_SECONDS = 30.0
TRAVEL_SECONDS = 4.0  # of them, for the way of two calls
NOTHING_GONE = "What was read before is stored, and no SKU was marked as gone."
GOES_IN_CIRCLES = "Amazon's list of stock goes in circles; the rest was not read."


@dataclass(frozen=True, slots=True)
class Part:
    """One page; `notes` are about it alone. `restarted`: it is the first page, and what was listed before counts no
    more."""

    summaries: list[Any]
    last: bool
    restarted: bool
    notes: tuple[Note, ...] = ()


class QuotaTooSlow(RateLimited):
    """There is no quota for the next page before its token expires; the listing has to begin again."""


def listing(client: "AmazonClient", marketplace: Marketplace, parameters: dict[str, Any]) -> Iterator[Part]:
    """Page after page, from the first one again where Amazon no longer takes the token of a later one.

    `parameters` are those of `AmazonClient.inventory_summaries`. Raises RequestRefused for the first page alone,
    QuotaTooSlow, and PlatformError.
    """
    token, born, restarts, restarted = "", 0.0, 0, True
    seen: set[str] = set()
    while True:
        try:
            answer = _page(client, marketplace, parameters, token, born)
        except RequestRefused as error:
            if not token:
                raise
            if restarts == MOST_RESTARTS:
                raise _expired(marketplace, error) from error
            token, restarts, restarted, seen = "", restarts + 1, True, set()
            continue
        born = time.monotonic()
        token = parse.text(parse.mapping(answer.get("pagination")).get("nextToken"))
        rows = answer["payload"]["inventorySummaries"]
        notes = note_of_replacements(answer, rows, "sellerSku")
        yield Part(rows, last=not token, restarted=restarted, notes=notes)
        if token in seen or len(seen) > MOST_PAGES:  # the page itself is good
            raise PlatformError(GOES_IN_CIRCLES, code="page_loop")
        seen.add(token)
        restarted = False
        if not token:
            return


def too_slow(marketplace: Marketplace, error: QuotaTooSlow) -> PlatformError:
    """The sentence for a quota with which the list cannot be read to its end."""
    return PlatformError(
        f"Amazon's list of stock in {marketplace.country} cannot be read to its end: the next call is allowed in "
        f"{error.retry_after:.0f} seconds, but Amazon forgets where a list goes on after {TOKEN_SECONDS:.0f}. "
        f"{NOTHING_GONE} Ask Amazon's support why this account is granted so few calls of getInventorySummaries "
        "(usual are two a second); until then, sync the SKUs that matter by name.",
        code="quota_too_slow",
        request_id=error.request_id,
    )


def _page(
    client: "AmazonClient", marketplace: Marketplace, parameters: dict[str, Any], token: str, born: float
) -> dict[str, Any]:
    """One page. For a later one, quota is waited for here as long as its token lives."""
    if token:
        parameters = parameters | {"nextToken": token}
    left = TOKEN_SECONDS - TRAVEL_SECONDS - (time.monotonic() - born)
    while True:
        try:
            return client.inventory_summaries(marketplace.id, **parameters)
        except RateLimited as error:
            if not token:
                raise
            if error.retry_after > left:
                text, request_id = str(error), error.request_id
                raise QuotaTooSlow(text, retry_after=error.retry_after, request_id=request_id) from error
            left -= max(error.retry_after, 0.1)
            client.pause(error.retry_after)


def _expired(marketplace: Marketplace, error: RequestRefused) -> PlatformError:
    return PlatformError(
        f"Amazon's list of stock in {marketplace.country} broke off {MOST_RESTARTS + 1} times: Amazon forgets where a "
        f"list goes on after {TOKEN_SECONDS:.0f} seconds, and the next page was not read in time. {NOTHING_GONE} The "
        f"next sync reads it from the beginning; if that fails as well, look for what slows this machine down. {error}",
        code="page_token_expired",
        request_id=error.request_id,
        status=error.status,
    )
