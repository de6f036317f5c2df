"""The credentials form of an Amazon platform, as plain data.

The region is not asked for: it follows from the marketplace, unless Amazon's sandbox is meant.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.format import Text
from integrations.amazon import config
from integrations.amazon.marketplaces import MARKETPLACES, REGIONS, UNITED_STATES, Marketplace
from integrations.channel import Choice, CredentialField, Credentials, Fact, Hint, Input, Link

SANDBOX = "SANDBOX"
# Apps and Services → Develop Apps; the same path on the host of every country.
DEVELOP_APPS = Link(
    text=gettext_lazy("Open Develop Apps in Seller Central"),
    host=Fact(of="marketplace_id", name="host", otherwise=UNITED_STATES.seller_central),
    path="sellingpartner/developerconsole",
)


def flag_emoji(code: str) -> str:
    """The flag of a country: its two letters as regional indicators."""
    return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code)


def marketplace_label(marketplace: Marketplace) -> str:
    """With the id: guides and Seller Central speak of both."""
    country = _(marketplace.country)
    return f"{flag_emoji(marketplace.code)} {country}, {marketplace.currency} ({marketplace.id})"


def marketplace_choices() -> list[Choice]:
    """By region, and in it by country in the reader's language."""
    regions = list(dict.fromkeys(marketplace.region for marketplace in MARKETPLACES.values()))
    return [
        Choice(
            value=marketplace.id,
            label=marketplace_label(marketplace),
            group=_(REGIONS[marketplace.region]),
            facts={"region": _(REGIONS[marketplace.region]), "host": marketplace.seller_central},
        )
        for marketplace in sorted(
            MARKETPLACES.values(), key=lambda place: (regions.index(place.region), _(place.country))
        )
    ]


def show(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The form has a switch for the sandbox in the place of the region."""
    return {**stored, "sandbox": _region(stored) == SANDBOX}


def read(values: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, with the region that follows from it; {} where nothing was, and nothing is stored."""
    entered = {name: value for name, value in values.items() if value and name != "sandbox"}
    if not entered and not stored:
        return {}
    if "refresh_token" not in entered and stored.get("selling_partner_id"):
        entered["selling_partner_id"] = stored["selling_partner_id"]  # another token may be another seller's
    if values.get("sandbox"):
        return entered | {"region": SANDBOX}
    known = MARKETPLACES.get(str(entered.get("marketplace_id")))
    if known is not None:
        return entered | {"region": known.region}
    before = _region(stored)
    return entered | {"region": before if before != SANDBOX else "NA"}


def summary(stored: Mapping[str, Any]) -> Sequence[Text]:
    """Which values are stored; no secret, and of the client id its last four characters."""
    client_id = str(stored.get("client_id") or "")
    marketplace = MARKETPLACES.get(str(stored.get("marketplace_id")))
    region = str(stored.get("region") or "NA")
    seller = stored.get("selling_partner_id")
    return [
        *([_("seller %(seller)s") % {"seller": seller}] if seller else []),
        _("client id …%(end)s") % {"end": client_id[-4:]} if client_id else _("no client id"),
        _("client secret stored") if stored.get("client_secret") else _("no client secret"),
        _("refresh token stored") if stored.get("refresh_token") else _("no refresh token"),
        _(REGIONS.get(region, region)),
        _(marketplace.country) if marketplace else _("unknown marketplace"),
    ]


def _region(stored: Mapping[str, Any]) -> str:
    return str(stored.get("region") or "").upper()  # "eu" is fine in SQL


CREDENTIALS = Credentials(
    fields=(
        CredentialField(
            name="client_id",
            label=gettext_lazy("Client id"),
            help=gettext_lazy("At View, under LWA credentials. It begins with amzn1.application-oa2-client."),
            link=DEVELOP_APPS,
        ),
        CredentialField(
            name="client_secret",
            label=gettext_lazy("Client secret"),
            input=Input.SECRET,
            help=gettext_lazy("At View, under LWA credentials, beside the client id."),
            link=DEVELOP_APPS,
        ),
        CredentialField(
            name="refresh_token",
            label=gettext_lazy("Refresh token"),
            input=Input.SECRET,
            help=gettext_lazy("At Authorize app in the app's menu. It begins with Atzr|."),
            link=DEVELOP_APPS,
        ),
        CredentialField(
            name="marketplace_id",
            label=gettext_lazy("Marketplace"),
            input=Input.CHOICE,
            choices=marketplace_choices,
            nothing=gettext_lazy("Select the main marketplace"),
            hint=Hint(
                label=gettext_lazy("Region:"),
                fact=Fact(
                    of="marketplace_id",
                    name="region",
                    otherwise=gettext_lazy("follows from the marketplace"),
                ),
            ),
        ),
        CredentialField(
            name="additional_marketplace_ids",
            label=gettext_lazy("More marketplaces"),
            input=Input.CHOICES,
            choices=marketplace_choices,
            help=gettext_lazy("Of the same region and the same account; leave empty for one."),
        ),
        CredentialField(
            name="sandbox",
            label=gettext_lazy("Use Amazon's sandbox"),
            input=Input.SWITCH,
            help=gettext_lazy("Asks Amazon for its test data, with credentials of a sandbox application."),
        ),
    ),
    check=config.check,
    summary=summary,
    show=show,
    read=read,
    shown_at={"region": "sandbox"},
)
