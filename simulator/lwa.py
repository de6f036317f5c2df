"""Login with Amazon: refresh token in, access token out, with LWA's own form of error (spapi-facts 5.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from urllib.parse import parse_qsl

from simulator.account import Account
from simulator.consent import Codes
from simulator.rotation import SCOPE
from simulator.tokens import ACCESS_TOKEN_SECONDS, AccessTokens
from simulator.wire import Canned, Request

INVALID_GRANT = "The request has an invalid grant parameter : refresh_token"
INVALID_CODE = "The request has an invalid grant parameter : code"
# grant type -> the parameter that it takes
NEEDED = {"refresh_token": "refresh_token", "authorization_code": "code"}


def form_params(request: Request) -> dict[str, str]:
    """The fields of a form-encoded body; nothing if the body is something else."""
    if "application/x-www-form-urlencoded" not in request.headers.get("content-type", ""):
        return {}
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def lwa_error(status: int, error: str, description: str) -> Canned:
    return Canned.json(status, {"error": error, "error_description": description})


def check_form(method: str, form: dict[str, str]) -> Canned | None:
    """The refusal of a request that is no grant at all which the simulator knows, else None."""
    if method != "POST":
        return lwa_error(405, "invalid_request", "The token endpoint takes POST only.")
    missing = [name for name in ("grant_type", "client_id", "client_secret") if not form.get(name)]
    if missing:
        return lwa_error(400, "invalid_request", f"The request is missing a required parameter: {missing[0]}")
    if form["grant_type"] == "client_credentials":
        known = form.get("scope") == SCOPE
        return None if known else lwa_error(400, "invalid_scope", "The requested scope is not known.")
    needed = NEEDED.get(form["grant_type"])
    if needed is None:
        return lwa_error(400, "unsupported_grant_type", "The authorization grant type is not supported.")
    if not form.get(needed):
        return lwa_error(400, "invalid_request", f"The request is missing a required parameter: {needed}")
    return None


def grant(access_token: str, refresh_token: str = "") -> Canned:
    document = {"access_token": access_token, "token_type": "bearer", "expires_in": ACCESS_TOKEN_SECONDS}
    return Canned.json(200, document | ({"refresh_token": refresh_token} if refresh_token else {}))


def token_answer(
    method: str,
    form: dict[str, str],
    accounts: Iterable[Account],
    tokens: AccessTokens[Account],
    revoked: Collection[str] = (),
    grantless: AccessTokens[str] | None = None,
    codes: Codes | None = None,
) -> Canned:
    """The client is checked first, then whose refresh token it is, and that nobody revoked it. Tokens for the
    application itself come from `grantless`; `codes` are those of sellers who have just authorised it."""
    refusal = check_form(method, form)
    if refusal is not None:
        return refusal
    accounts = list(accounts)
    client = (form["client_id"], form["client_secret"])
    if not any(client in account.clients for account in accounts):
        return lwa_error(401, "invalid_client", "Client authentication failed")
    if form["grant_type"] == "client_credentials" and grantless is not None:
        return grant(grantless.issue(form["client_id"]))
    if form["grant_type"] == "authorization_code":
        account = codes and codes.take(form["code"], form["client_id"], form.get("redirect_uri", ""))
        if not account:
            return lwa_error(400, "invalid_grant", INVALID_CODE)
        return grant(tokens.issue(account), account.authorise_again())
    for account in accounts:
        if account.refresh_token == form["refresh_token"] and account.refresh_token not in revoked:
            if client in account.clients:
                return grant(tokens.issue(account), account.refresh_token)
            return lwa_error(400, "unauthorized_client", "Not authorized for requested operation")
    return lwa_error(400, "invalid_grant", INVALID_GRANT)
