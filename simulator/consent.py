"""The pages on which a seller authorises an application, and the codes that they send back (spapi-facts 5.2)."""

from __future__ import annotations

import hashlib
import html
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from simulator.account import Account
from simulator.tokens import Clock
from simulator.wire import Canned

CONSENT_PATH = "/apps/authorize/consent"
CONFIRM_PATH = "/apps/authorize/confirm"
CODE_SECONDS = 300
APPLICATION_ID = "amzn1.sp.solution.sim"


def seller_id(account: Account) -> str:
    """The same whatever token the account has by now."""
    digest = hashlib.sha256(f"{account.book.seed} {account.first_refresh_token}".encode()).hexdigest()
    return f"A{digest[:13].upper()}"


@dataclass(frozen=True, slots=True)
class Code:
    account: Account
    back: str
    until: float


class Codes:
    """Those that were handed out; each is good once, for five minutes, with the address that it was sent to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, Code] = {}

    def issue(self, account: Account, back: str) -> str:
        code = uuid.uuid4().hex
        with self._lock:
            self._issued[code] = Code(account, back, self._clock() + CODE_SECONDS)
        return code

    def take(self, code: str, client_id: str, back: str) -> Account | None:
        """Whose code it is; None where it is good no more, or belongs to another application or address."""
        with self._lock:
            known = self._issued.pop(code, None)
        if known is None or self._clock() >= known.until:
            return None
        return known.account if (known.account.client_id, known.back) == (client_id, back) else None


def consent_page(params: Mapping[str, str], accounts: Iterable[Account], back: str) -> Canned:
    """Asks as which seller; `back` is the registered address where the request names none."""
    if params.get("application_id") != APPLICATION_ID:
        return _page(
            400, "<p>MD1000: this application is not known. Is it a draft? Then version=beta is missing.</p>"
        )
    if not urlsplit(params.get("redirect_uri", back)).netloc:
        return _page(400, "<p>MD9100: no address to go back to is registered for this application.</p>")
    links = []
    for account in accounts:
        query = urlencode({**params, "seller": seller_id(account)})
        href = html.escape(f"{CONFIRM_PATH}?{query}")
        links.append(f'<p><a href="{href}">Confirm as {seller_id(account)}</a></p>')
    return _page(200, "<p>OMS asks for access to your orders and your stock.</p>" + "".join(links))


def confirmed(params: Mapping[str, str], accounts: Iterable[Account], codes: Codes, back: str) -> Canned:
    """Sends the browser back with a code, as Amazon does once the seller has confirmed."""
    back = params.get("redirect_uri", back)
    account = next((each for each in accounts if seller_id(each) == params.get("seller")), None)
    if account is None:
        return _page(400, "<p>This seller is not known.</p>")
    answer = {
        "state": params.get("state", ""),
        "selling_partner_id": seller_id(account),
        "spapi_oauth_code": codes.issue(account, back),
    }
    return Canned(302, headers={"Location": f"{back}{'&' if '?' in back else '?'}{urlencode(answer)}"})


def _page(status: int, body: str) -> Canned:
    head = '<!doctype html><html lang="en"><title>Seller Central (simulated)</title>'
    text = f"{head}<h1>Simulated Amazon</h1>{body}</html>"
    return Canned(status, text.encode(), {"Content-Type": "text/html; charset=utf-8"})
