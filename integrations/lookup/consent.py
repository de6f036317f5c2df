"""A seller authorises the application for a platform: away to the channel's pages and back with a code, or with what a
person copied there. What is stored is replaced in one go, once the new credentials work."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit.recording import record
from core.encryption import Unreadable
from integrations.channel import Consent, Granted
from integrations.errors import ConfigError
from integrations.lookup.credentials import replace_tried
from integrations.registry import CHANNELS, channel_label
from platforms.models import Platform

ACCOUNT = "selling_partner_id"


def consent_of(platform: Platform) -> Consent | None:
    """How accounts of its channel are authorised; None where the channel has no pages for that."""
    channel = CHANNELS.get(platform.kind)
    return channel.consent if channel else None


def site_of_consent(platform: Platform, consent: Consent) -> str:
    """The site that is stored, on which the address depends; "" where a person has to choose."""
    stored: Mapping[str, Any] = platform.api_config or {}
    return str(stored.get(consent.site) or "")


def take_consent(platform: Platform, site: str, grant: Granted, back: str) -> str:
    """Exchange the code, try what it brings, store it. Returns the id of the account.

    Raises PlatformError: what is stored stays as it is.
    """
    consent = _offered(platform)
    before = str(_stored(platform).get(ACCOUNT) or "")
    if before and before != grant.account:
        raise ConfigError(
            f"You authorised OMS for the seller {grant.account}, but {platform.name} is the account of the seller "
            f"{before}. Make a platform of its own for the other one, so that their orders stay apart."
        )
    values = consent.exchange(_stored(platform), site, grant, back)
    consent.log_in(values)
    with transaction.atomic():
        replace_tried(platform, values)
        record("platform.authorised", platform, changes={"account": grant.account})
    return grant.account


def take_credentials(platform: Platform, values: Mapping[str, Any]) -> None:
    """Try these credentials, as `Credentials.check` made them of what a person entered, and store them. Raises
    PlatformError: what is stored stays as it is."""
    consent = consent_of(platform)
    if consent is None:
        raise ConfigError(f"{channel_label(platform.kind)} has no pages for that.")
    consent.log_in(values)
    with transaction.atomic():
        replace_tried(platform, values)


def _offered(platform: Platform) -> Consent:
    consent = consent_of(platform)
    if consent is None or not consent.is_offered():
        raise ConfigError(
            f"This installation has no application that sellers of {channel_label(platform.kind)} could authorise on "
            "its pages."
        )
    return consent


def _stored(platform: Platform) -> Mapping[str, Any]:
    if isinstance(platform.api_config, Unreadable):
        raise ConfigError(f"{platform.config_problem} Remove them first, or put the old key back.")
    return platform.api_config or {}
