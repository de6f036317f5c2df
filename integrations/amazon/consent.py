"""A seller authorises the application: on Amazon's pages, which send a code back, or by hand, with a token to copy.

The pages are for public applications and drafts of them. A private application is authorised by its own developer, who
copies the refresh token.
https://developer-docs.amazon.com/sp-api/docs/website-authorization-workflow
https://developer-docs.amazon.com/sp-api/docs/self-authorization
"""

from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.encryption import SecretDict
from integrations.amazon import config
from integrations.amazon.marketplaces import MARKETPLACES
from integrations.amazon.tokens import granted, log_in, lwa_endpoint
from integrations.amazon.transport import new_http
from integrations.channel import Consent, Granted
from integrations.errors import AuthenticationError, ConfigError, TransientError

PATH = "/apps/authorize/consent"
CODE_PROBLEM = (
    "Amazon does not accept the code (invalid_grant): it is good once, for five minutes, and for the application and "
    "the address that asked for it. Begin again."
)


def is_offered() -> bool:
    return bool(settings.AMAZON_APPLICATION_ID)


def page(marketplace_id: str, state: str, back: str) -> str:
    """The consent page in Seller Central of the marketplace. Without `back`, Amazon takes the first address that is
    registered for the application. Raises ConfigError."""
    place = MARKETPLACES.get(marketplace_id)
    if place is None:
        raise ConfigError("Choose a marketplace first: each has a Seller Central of its own.")
    host = settings.AMAZON_CONSENT_ENDPOINT.rstrip("/") or f"https://{place.seller_central}"
    asked = {"application_id": settings.AMAZON_APPLICATION_ID, "state": state}
    if back:
        asked["redirect_uri"] = back
    if settings.AMAZON_APPLICATION_IS_DRAFT:
        asked["version"] = "beta"
    return f"{host}{PATH}?{urlencode(asked)}"


def read(came: Mapping[str, str]) -> Granted:
    """The parameters with which Amazon sends a seller back. Raises AuthenticationError, ConfigError."""
    if error := came.get("error"):
        word = error if error.isascii() and error.replace("_", "").isalnum() else "unknown"
        raise AuthenticationError(
            f"The authorisation was not given (Amazon says: {word[:40]}). The account stays as it was."
        )
    code, account = came.get("spapi_oauth_code", ""), came.get("selling_partner_id", "")
    if not code or not config.SELLER.fullmatch(account):
        raise ConfigError(
            "Amazon's address has no code or no seller in it (spapi_oauth_code, selling_partner_id). Begin again."
        )
    return Granted(code=code, account=account, state=came.get("state", ""))


def exchange(stored: Mapping[str, Any], marketplace_id: str, grant: Granted, back: str) -> dict[str, Any]:
    """The code for a refresh token, and what to store: that, the seller, and the application's own credentials.
    Raises PlatformError; then the code may be used up."""
    values = _with_application(stored)
    form = SecretDict(
        grant_type="authorization_code",
        code=grant.code,
        client_id=values["client_id"],
        client_secret=values["client_secret"],
    )
    if back:
        form["redirect_uri"] = back
    with closing(new_http()) as http:
        try:
            answer = SecretDict(granted(http, lwa_endpoint(), form))
        except AuthenticationError as error:
            if error.code == "invalid_grant":
                raise AuthenticationError(CODE_PROBLEM, code=error.code, status=error.status) from None
            raise error.with_traceback(None) from None
    values |= {"refresh_token": answer.get("refresh_token"), "selling_partner_id": grant.account}
    if not values.get("marketplace_id"):
        values |= {"marketplace_id": marketplace_id, "region": MARKETPLACES[marketplace_id].region}
    return _checked(values)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    try:
        return config.check(values)
    except ConfigError as error:
        if "refresh_token" in error.fields:
            raise TransientError(
                "Login with Amazon took the code, but its answer holds no refresh token. Begin again.",
                code="broken_answer",
            ) from None
        raise


def _with_application(stored: Mapping[str, Any]) -> dict[str, Any]:
    """With client id and secret: those that are stored, or those of the installation. Raises ConfigError."""
    own = SecretDict(client_id=settings.AMAZON_CLIENT_ID, client_secret=settings.AMAZON_CLIENT_SECRET)
    values = SecretDict({**stored, **{name: value for name, value in own.items() if not stored.get(name)}})
    if not values["client_id"] or not values["client_secret"]:
        raise ConfigError(
            "Client id and client secret of the application are not known. Set AMAZON_CLIENT_ID and "
            "AMAZON_CLIENT_SECRET, or store them with the platform."
        )
    return values


CONSENT = Consent(
    is_offered=is_offered,
    fields=("client_id", "client_secret", "refresh_token", "marketplace_id", "sandbox"),
    steps=(
        _(
            "Sign in at the Solution Provider Portal (solutionproviderportal.amazon.com) as the primary user of the "
            "selling account, and open Develop Apps."
        ),
        _(
            "Your app has to have the roles Inventory and Order Tracking and Amazon Fulfillment. If there is no app "
            "yet, press Add new app client, choose SP-API and production, and tick these roles."
        ),
        _("At View, under LWA credentials, copy the client id and the client secret into the fields below."),
        _(
            "In the app's menu, press Authorize app, then Authorize account at the account of your marketplace. Copy "
            "the refresh token into the field below. Amazon shows it once; a new one costs one of 10 authorisations."
        ),
        _("Press Try and store. OMS tries the token at Amazon; what is stored is replaced only if it works."),
    ),
    site="marketplace_id",
    page=page,
    read=read,
    exchange=exchange,
    log_in=log_in,
)
