"""The lower bound for reading orders: the same requests as in a sync; the answers are not used."""

import re
from typing import Any

import httpx

from core.iso import utc_text
from integrations.amazon.adapter import PAGE_SIZE
from integrations.amazon.normalize import ALWAYS_ASKED
from integrations.protocol import Window

PATH = "/orders/2026-01-01/orders"
NEXT = re.compile(rb'"nextToken":"([^"]+)"')


def fetch(endpoint: str, lwa_endpoint: str, api_config: dict[str, Any], window: Window) -> int:
    """Read the pages of that window, one after the other, without parsing them. Returns how many there were."""
    parameters = {
        "lastUpdatedAfter": utc_text(window.start),
        "lastUpdatedBefore": utc_text(window.end),
        "marketplaceIds": api_config["marketplace_id"],
        "maxResultsPerPage": str(PAGE_SIZE),
        "includedData": ",".join(ALWAYS_ASKED),
    }
    pages = 0
    with httpx.Client() as http:
        token = _access_token(http, lwa_endpoint, api_config)
        while True:
            answer = http.get(endpoint + PATH, params=parameters, headers={"x-amz-access-token": token})
            answer.raise_for_status()
            pages += 1
            following = NEXT.search(answer.content)
            if following is None:
                return pages
            parameters["paginationToken"] = following[1].decode()


def _access_token(http: httpx.Client, lwa_endpoint: str, api_config: dict[str, Any]) -> str:
    credentials = {name: api_config[name] for name in ("client_id", "client_secret", "refresh_token")}
    answer = http.post(lwa_endpoint, data={"grant_type": "refresh_token", **credentials})
    return str(answer.raise_for_status().json()["access_token"])
