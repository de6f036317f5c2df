"""Form fields about Amazon's marketplaces: by country, with flag and currency, and where Seller Central is."""

from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from integrations.amazon.marketplaces import MARKETPLACES, REGIONS, UNITED_STATES, Marketplace

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import Select
else:
    from unfold.widgets import UnfoldAdminSelectWidget as Select

Choices = list[tuple[str | Promise, Any]]

# Apps and Services → Develop Apps; the same path on the host of every country.
DEVELOP_APPS = "sellingpartner/developerconsole"


def flag(code: str) -> str:
    """The flag of a country: its two letters as regional indicators."""
    return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code)


def marketplace_label(each: Marketplace) -> str:
    """With the id: guides and Seller Central speak of both."""
    return f"{flag(each.code)} {_(each.country)}, {each.currency} ({each.id})"


def marketplace_choices() -> Choices:
    """By country, grouped by region."""
    groups: Choices = []
    for region in dict.fromkeys(each.region for each in MARKETPLACES.values()):
        members = sorted(
            (each for each in MARKETPLACES.values() if each.region == region),
            key=lambda each: _(each.country),
        )
        groups.append((_(REGIONS[region]), [(each.id, marketplace_label(each)) for each in members]))
    return groups


class MarketplaceSelect(Select):
    """Each option knows its region and its Seller Central, for the script that shows them."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        known = MARKETPLACES.get(str(value))
        if known is not None:
            option["attrs"] |= {
                "data-region": _(REGIONS[known.region]),
                "data-seller-central": known.seller_central,
            }
        return option


def region_hint(marketplace_id: str) -> SafeString:
    """The region that follows from the marketplace; the script keeps it so."""
    known = MARKETPLACES.get(marketplace_id)
    region = _(REGIONS[known.region]) if known else _("follows from the marketplace")
    text = '{} <output data-oms-region for="id_marketplace_id">{}</output>'
    return format_html(text, _("Region:"), region)


def seller_central_link(marketplace_id: str, path: str = DEVELOP_APPS) -> SafeString:
    """A link to a page of Seller Central, on the host of the marketplace; the script follows the choice."""
    host = MARKETPLACES.get(marketplace_id, UNITED_STATES).seller_central
    text = (
        '<a class="oms-link" data-oms-seller-central href="https://{}/{}" target="_blank" rel="noreferrer">{}'
        '<span class="material-symbols-outlined oms-inline-icon" aria-hidden="true">open_in_new</span>'
        '<span class="oms-unseen">{}</span></a>'
    )
    return format_html(text, host, path, _("Open Develop Apps in Seller Central"), _("(opens a new tab)"))
