"""Calls to the shop: one method, which judges every answer."""

import time
from typing import Any

import httpx

from integrations.errors import (
    AuthenticationError,
    PlatformError,
    RateLimited,
    RequestRefused,
    TransientError,
)
from integrations.protocol import Budget, Meter, Quota, Usage

QUOTAS = {
    "listOrders": Quota(rate=2, burst=40),
    "getOrder": Quota(rate=2, burst=40),
    "listStock": Quota(rate=2, burst=40),
    "listReturns": Quota(rate=2, burst=40),
}


class ShopClient:
    def __init__(self, address: str, key: str, *, budget: Budget, meter: Meter) -> None:
        self.usage = Usage()
        self._budget, self._meter = budget, meter
        self._http = httpx.Client(base_url=address, headers={"X-Key": key}, timeout=10, trust_env=False)

    def get(self, operation: str, path: str, **parameters: Any) -> dict[str, Any]:
        """One call. Raises PlatformError."""
        wait = self._budget.acquire(operation)
        if wait:
            raise RateLimited("The shop's quota is used up.", retry_after=wait)
        self.usage.calls += 1
        began, failed = time.monotonic(), True
        try:
            answer = self._ask(path, parameters)
            failed = False
            return answer
        finally:
            self._meter.count(operation, time.monotonic() - began, throttled=False, failed=failed)

    def close(self) -> None:
        self._http.close()

    def _ask(self, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            response = self._http.get(path, params=parameters)
        except httpx.HTTPError:
            raise TransientError("The shop cannot be reached.", code="connection") from None
        if response.status_code == httpx.codes.OK:
            document: dict[str, Any] = response.json()
            return document
        raise _error(response.status_code, response.headers.get("X-Request", ""))


def _error(status: int, request_id: str) -> PlatformError:
    facts: dict[str, Any] = {"request_id": request_id, "status": status}
    if status == httpx.codes.UNAUTHORIZED:
        return AuthenticationError("The shop does not take this key.", **facts)
    if status == httpx.codes.NOT_FOUND:
        return RequestRefused("The shop does not have it.", code="not_found", **facts)
    return TransientError(f"The shop is closed ({status}).", **facts)
