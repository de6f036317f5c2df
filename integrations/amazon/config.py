"""api_config of an Amazon platform: the strict reading for what a person enters, the lenient one for a run."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import translation

from core.encryption import SecretDict
from integrations.amazon.credential_text import text_problem
from integrations.amazon.marketplaces import MARKETPLACES, REGIONS, UNITED_STATES, Marketplace
from integrations.errors import ConfigError
from integrations.protocol import Note

REQUIRED = ("client_id", "client_secret", "refresh_token", "marketplace_id")
OPTIONAL = ("region", "additional_marketplace_ids", "selling_partner_id")
LONGEST_ID = 20  # of a marketplace; Amazon's have 12 to 14 characters
SELLER = re.compile(r"[A-Za-z0-9]{5,40}")
INDIA_MIX_UP = " If you mean India: that is A21TJRUUN4KGV, region EU; A19VAU5U5O7RUS is Singapore."


@dataclass(frozen=True, slots=True, kw_only=True)
class AmazonConfig:
    """Complete credentials. `marketplaces` has the main one first; `region` is NA, EU or FE."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    marketplaces: tuple[Marketplace, ...]
    region: str
    selling_partner_id: str = (
        ""  # as Amazon named the seller who authorised the app; "" where the token was pasted
    )
    sandbox: bool = False
    notes: tuple[Note, ...] = ()

    @property
    def scope(self) -> str:
        """What an orders call of this account covers; its parts are separated by commas.

        The account is one of them: what was read of another seller says nothing about this one.
        """
        ids = sorted(marketplace.id for marketplace in self.marketplaces)
        return ",".join([*ids, f"account:{self.account_key[:16]}"])

    @property
    def account_key(self) -> str:
        """Tells application and seller apart, as Amazon's quotas do, without telling who they are.

        The refresh token stands for the seller where Amazon did not name him. The sandbox has quotas of its own.
        """
        seller = self.selling_partner_id or self.refresh_token
        parts = (self.client_id, seller, "sandbox" if self.sandbox else "")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def check(raw: Any) -> dict[str, Any]:
    """What to store for `raw`, as a person entered it: text stripped, the region filled in.

    Raises ConfigError with `fields` naming everything that is wrong with it.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError(
            "api_config must be a JSON object ({…}).", fields={"api_config": "not a JSON object"}
        )
    # SecretDict: a traceback that shows local variables must not show these.
    values = SecretDict({key: _stripped(value) for key, value in raw.items()})
    problems = _problems(values)
    if problems:
        raise _refusal(problems)
    values["region"] = _region_of(values)
    for name in ("additional_marketplace_ids", "selling_partner_id"):
        if not values.get(name):
            values.pop(name, None)
    return values


def load(raw: Mapping[str, Any]) -> AmazonConfig:
    """The configuration of a run, from what is stored.

    As strict as `check`, but for a main marketplace that nobody knows: such a value can only have been written
    past the forms, with SQL, and the run goes on with the United States and a note that says so.
    Raises ConfigError.
    """
    if not raw:
        raise ConfigError("No credentials are stored for this platform.")
    values: dict[str, Any] = SecretDict(raw)
    notes: tuple[Note, ...] = ()
    unknown = str(values.get("marketplace_id") or "")
    if unknown and unknown.strip() not in MARKETPLACES:
        values["marketplace_id"] = UNITED_STATES.id
        if _region_of(values) != "SANDBOX":
            values["region"] = UNITED_STATES.region
        notes = (
            Note(
                "unknown_marketplace",
                f"Marketplace {_shown(unknown)} is not one of Amazon's; the United States "
                f"({UNITED_STATES.id}) was used instead. Correct marketplace_id in the platform's credentials.",
            ),
        )
    with translation.override("en"):  # it is stored with the sync, for all readers
        values = check(values)
    ids = [values["marketplace_id"], *values.get("additional_marketplace_ids", ())]
    marketplaces = tuple(MARKETPLACES[marketplace_id] for marketplace_id in dict.fromkeys(ids))
    return AmazonConfig(
        client_id=values["client_id"],
        client_secret=values["client_secret"],
        refresh_token=values["refresh_token"],
        marketplaces=marketplaces,
        region=marketplaces[0].region,
        selling_partner_id=values.get("selling_partner_id", ""),
        sandbox=values["region"] == "SANDBOX",
        notes=notes,
    )


def _stripped(value: Any) -> Any:
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    return value.strip() if isinstance(value, str) else value


def _region_of(values: Mapping[str, Any]) -> str:
    return str(values.get("region") or "NA").upper()


def _problems(values: Mapping[str, Any]) -> dict[str, str]:
    """Field name -> what is wrong with it."""
    problems = {str(key): "unknown field" for key in values if key not in REQUIRED + OPTIONAL}
    for name in REQUIRED:
        value = values.get(name)
        if value is None or value == "":
            problems[name] = "missing" if name not in values else "empty"
        elif not isinstance(value, str):
            problems[name] = "must be text"
        elif problem := text_problem(name, value):
            problems[name] = problem
    region = values.get("region")
    if region not in (None, "") and (not isinstance(region, str) or region.upper() not in REGIONS):
        problems["region"] = f"unknown region; use one of {', '.join(REGIONS)}"
    if "marketplace_id" not in problems:
        problem = _marketplace_problem(
            values["marketplace_id"], "" if "region" in problems else _region_of(values)
        )
        if problem:
            problems["marketplace_id"] = problem
    problem = _additional_problem(values)
    if problem:
        problems["additional_marketplace_ids"] = problem
    seller = values.get("selling_partner_id")
    if seller not in (None, "") and not (isinstance(seller, str) and SELLER.fullmatch(seller)):
        problems["selling_partner_id"] = "must be the id of a seller, letters and digits"
    return problems


def _marketplace_problem(marketplace_id: str, region: str) -> str:
    """`region` "" leaves the region unchecked: it is wrong itself."""
    marketplace = MARKETPLACES.get(marketplace_id)
    if marketplace is None:
        return f"{_shown(marketplace_id)} is not one of Amazon's marketplaces"
    if region in ("", "SANDBOX", marketplace.region):
        return ""
    hint = INDIA_MIX_UP if marketplace.code == "SG" else ""
    return f"{marketplace.country} belongs to region {marketplace.region}, not {region}.{hint}"


def _additional_problem(values: Mapping[str, Any]) -> str:
    additional = values.get("additional_marketplace_ids")
    if additional in (None, "", []):
        return ""
    if not isinstance(additional, list) or not all(
        isinstance(marketplace_id, str) for marketplace_id in additional
    ):
        return "must be a list of marketplace ids"
    main = MARKETPLACES.get(str(values.get("marketplace_id")))
    for marketplace_id in additional:
        # One account and one call cover one region, in the sandbox too.
        problem = _marketplace_problem(marketplace_id, main.region if main else "")
        if problem:
            return problem
    return ""


def _shown(marketplace_id: str) -> str:
    """Only what can be a marketplace id: a secret may have been pasted into the field."""
    can_be_one = len(marketplace_id) <= LONGEST_ID and marketplace_id.isascii() and marketplace_id.isalnum()
    return repr(marketplace_id) if can_be_one else "what was entered"


def _refusal(problems: dict[str, str]) -> ConfigError:
    listed = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
    return ConfigError(f"The credentials cannot be used: {listed}", fields=problems)
