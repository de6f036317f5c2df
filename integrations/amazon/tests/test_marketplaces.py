"""Amazon's marketplaces, compared with a table of their own. A wrong id would sync another country's shop."""

import pytest

from integrations.amazon.marketplaces import MARKETPLACES, endpoint

# https://developer-docs.amazon.com/sp-api/docs/marketplace-ids, and ISO 4217
PUBLISHED = {
    "CA": ("A2EUQ1WTGCTBG2", "NA", "CAD"),
    "US": ("ATVPDKIKX0DER", "NA", "USD"),
    "MX": ("A1AM78C64UM0Y8", "NA", "MXN"),
    "BR": ("A2Q3Y263D00KWC", "NA", "BRL"),
    "IE": ("A28R8C7NBKEWEA", "EU", "EUR"),
    "ES": ("A1RKKUPIHCS9HS", "EU", "EUR"),
    "GB": ("A1F83G8C2ARO7P", "EU", "GBP"),
    "FR": ("A13V1IB3VIYZZH", "EU", "EUR"),
    "BE": ("AMEN7PMS3EDWL", "EU", "EUR"),
    "NL": ("A1805IZSGTT6HS", "EU", "EUR"),
    "DE": ("A1PA6795UKMFR9", "EU", "EUR"),
    "IT": ("APJ6JRA9NG5V4", "EU", "EUR"),
    "SE": ("A2NODRKZP88ZB9", "EU", "SEK"),
    "ZA": ("AE08WJ6YKNBMC", "EU", "ZAR"),
    "PL": ("A1C3SOZRARQ6R3", "EU", "PLN"),
    "EG": ("ARBP9OOSHTCHU", "EU", "EGP"),
    "TR": ("A33AVAJ2PDY3EV", "EU", "TRY"),
    "SA": ("A17E79C6D8DWNP", "EU", "SAR"),
    "AE": ("A2VIGQ35RCS4UG", "EU", "AED"),
    "IN": ("A21TJRUUN4KGV", "EU", "INR"),
    "SG": ("A19VAU5U5O7RUS", "FE", "SGD"),
    "AU": ("A39IBJ37TRP1C6", "FE", "AUD"),
    "JP": ("A1VC38T7YXB528", "FE", "JPY"),
}


def test_it_has_the_published_ids_regions_and_currencies() -> None:
    known = {each.code: (each.id, each.region, each.currency) for each in MARKETPLACES.values()}
    assert known == PUBLISHED


def test_it_finds_each_by_its_own_id() -> None:
    assert {key: each.id for key, each in MARKETPLACES.items()} == {
        row[0]: row[0] for row in PUBLISHED.values()
    }


@pytest.mark.parametrize(
    ("region", "production"),
    [
        ("NA", "sellingpartnerapi-na.amazon.com"),
        ("EU", "sellingpartnerapi-eu.amazon.com"),
        ("FE", "sellingpartnerapi-fe.amazon.com"),
    ],
)
def test_it_never_mixes_the_hosts_of_sandbox_and_production(region: str, production: str) -> None:
    assert endpoint(region, sandbox=False) == f"https://{production}"
    assert endpoint(region, sandbox=True) == f"https://sandbox.{production}"
