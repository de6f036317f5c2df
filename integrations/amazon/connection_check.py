"""The connection check: what a sync needs, tried one by one with few calls.

token → the right environment → marketplaces → searchOrders → each data set → FBA inventory of each marketplace.
A call that the quota does not allow now is left out, and the finding says when to come back.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from integrations.amazon import participations
from integrations.amazon.config import AmazonConfig
from integrations.amazon.connection_check_orders import ask_for_orders
from integrations.amazon.marketplaces import REGIONS, Marketplace
from integrations.amazon.probe import Asked, ask
from integrations.errors import AuthenticationError
from integrations.protocol import DataSets, Finding

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

STOCK_ROLES = (
    "For stock the app needs the role Amazon Fulfillment or Product Listing: in Seller Central under Develop Apps, "
    "edit the app, add the role, then authorise the app again. Until then OMS fetches orders alone, and stored stock "
    "stays as it is."
)
WRONG_ENVIRONMENT = (
    "Login with Amazon accepts the credentials, but Amazon denies every call in {where}. Which of these it is cannot "
    "be told from here: (1) the account was authorised for another region: choose that region and one of its "
    "marketplaces; (2) {other} credentials are stored: {instead}; (3) the app is a draft, or has no role for orders "
    "or stock: in Seller Central under Develop Apps, edit the app, add the roles, then authorise the app again. Until "
    "then OMS fetches nothing for this platform. Amazon said: {said}"
)


def examine(
    client: "AmazonClient", config: AmazonConfig, datasets: Sequence[str], seen: DataSets
) -> Iterator[Finding]:
    """The findings, in the order of the steps; nothing after a token that Amazon does not give, or does not take.

    `seen` learns which of the `datasets` Amazon gives and refuses.
    """
    token = ask(client.renew_token).finding("token", "Login with Amazon accepts the credentials.")
    yield token
    if not token.ok:
        return
    sells = ask(client.marketplace_participations)
    if isinstance(sells.error, AuthenticationError):
        yield _environment(config, [sells])
        return
    orders = ask_for_orders(client, config, datasets, seen)
    absent = _absent(config, sells)
    stock = {each: _ask_for_stock(client, each) for each in config.marketplaces if each not in absent}
    yield _environment(config, [sells, *orders.asked, *stock.values()])
    yield from _marketplaces(config, sells)
    yield from orders.findings(not_participating=bool(absent))
    for marketplace in config.marketplaces:
        yield _stock_finding(marketplace, stock.get(marketplace))


def _environment(config: AmazonConfig, asked: Sequence[Asked]) -> Finding:
    """Whether the credentials belong to this region, and to production or the sandbox, as far as that shows."""
    where = _where(config)
    if any(each.reached for each in asked):
        return Finding(step="environment", ok=True, message=f"The credentials belong here: {where}.")
    problem = next((each for each in asked if isinstance(each.error, AuthenticationError)), None)
    if problem:
        return problem.finding("environment", "")
    refused = [each for each in asked if each.is_refused]
    if refused and len(refused) == len(asked):
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


def _marketplaces(config: AmazonConfig, sells: Asked) -> Iterator[Finding]:
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


def _absent(config: AmazonConfig, sells: Asked) -> list[Marketplace]:
    """The configured marketplaces where the seller is known not to take part."""
    if config.sandbox or sells.error is not None:
        return []
    found = participations.read(sells.answer)
    return [each for each in config.marketplaces if each.id not in found or not found[each.id].takes_part]


def _ask_for_stock(client: "AmazonClient", marketplace: Marketplace) -> Asked:
    return ask(lambda: client.inventory_summaries(marketplace.id))


def _stock_finding(marketplace: Marketplace, asked: Asked | None) -> Finding:
    step = f"inventory {marketplace.code}"
    if asked is None:
        text = f"Not checked: the seller does not take part in {marketplace.country}."
        return Finding(step=step, ok=None, message=text, code="not_checked")
    if asked.error is not None and asked.reached:
        text = f"The seller does not use FBA ({marketplace.country}); there is no stock to fetch."
        return Finding(step=step, ok=True, message=text, code="no_fba", request_id=asked.error.request_id)
    return asked.finding(step, f"FBA stock can be fetched ({marketplace.country}).", STOCK_ROLES)
