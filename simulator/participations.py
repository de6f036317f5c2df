"""The Sellers API v1: where an account sells (sellers.json, https://github.com/amzn/selling-partner-api-models)."""

from __future__ import annotations

from typing import Any

from simulator.account import Account
from simulator.catalog import MARKETPLACES
from simulator.validation import check_names

_LANGUAGES = {"DE": "de_DE", "FR": "fr_FR", "IT": "it_IT", "ES": "es_ES", "JP": "ja_JP"}


def get_marketplace_participations(account: Account, params: dict[str, str]) -> dict[str, Any]:
    """Every marketplace of the account with how it takes part there; nothing may be asked for."""
    check_names(params, frozenset())
    listed = [
        *account.marketplace_ids,
        *(
            marketplace_id
            for marketplace_id in account.former
            if marketplace_id not in account.marketplace_ids
        ),
    ]
    return {"payload": [_participation(account, marketplace_id) for marketplace_id in listed]}


def _participation(account: Account, marketplace_id: str) -> dict[str, Any]:
    marketplace = MARKETPLACES[marketplace_id]
    return {
        "marketplace": {
            "id": marketplace.id,
            "name": marketplace.name,
            "countryCode": marketplace.country,
            "defaultCurrencyCode": marketplace.currency,
            "defaultLanguageCode": _LANGUAGES.get(marketplace.country, "en_US"),
            "domainName": f"www.{marketplace.name.lower()}",
        },
        "storeName": "Simulated Store",
        "participation": {
            "isParticipating": marketplace_id not in account.former,
            "hasSuspendedListings": marketplace_id in account.suspended,
        },
    }
