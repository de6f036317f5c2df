"""Fixtures for every test: an environment of its own, and Amazon in a box."""

import os
from collections.abc import Callable, Iterator
from typing import Any

# Before Django reads its settings: the tests must not depend on, or touch, what a developer has in .env.
os.environ["SECRET_KEY"] = "for tests only, not a secret, long enough to please the deployment check 0123456789"
os.environ["FIELD_ENCRYPTION_KEY"] = "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="
os.environ["DEBUG"] = "off"
os.environ["REQUIRE_HTTPS"] = "off"
os.environ["ALLOWED_HOSTS"] = "127.0.0.1,localhost,testserver"
for name in ("MOCK_FALLBACK", "ORDERS_INITIAL_DAYS", "AMAZON_SP_API_ENDPOINT", "AMAZON_LWA_ENDPOINT"):
    os.environ[name] = {"MOCK_FALLBACK": "auto", "ORDERS_INITIAL_DAYS": "30"}.get(name, "")
os.environ.setdefault("DATABASE_URL", "")
os.environ.setdefault("REDIS_URL", "")

import pytest

from simulator import Account, Simulator


def api_config(account: Account, **changes: Any) -> dict[str, Any]:
    """The credentials of a simulated account, as a person would store them."""
    from integrations.amazon.marketplaces import MARKETPLACES

    main, *more = account.marketplace_ids
    config: dict[str, Any] = {
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "refresh_token": account.refresh_token,
        "marketplace_id": main,
        "region": MARKETPLACES[main].region,
    }
    if more:
        config["additional_marketplace_ids"] = more
    return config | changes


@pytest.fixture
def box(settings: Any) -> Iterator[Callable[..., Simulator]]:
    """Starts a simulator and points the application at it: `sim = box(orders=30, skus=5)`."""
    started: list[Simulator] = []

    def start(account: Account | None = None, **options: Any) -> Simulator:
        server_options = {
            key: options.pop(key)
            for key in ("page_size", "order_token_seconds", "inventory_token_seconds", "clock")
            if key in options
        }
        account = account or Account(**{"seed": 7, "orders": 30, "skus": 5, **options})
        simulator = Simulator(account, **server_options)
        started.append(simulator.__enter__())
        settings.AMAZON_SP_API_ENDPOINT = simulator.endpoint
        settings.AMAZON_LWA_ENDPOINT = simulator.lwa_endpoint
        settings.AMAZON_RETRY_BACKOFF = 0.001
        return simulator

    yield start
    for simulator in started:
        simulator.__exit__(None, None, None)
