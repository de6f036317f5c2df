"""Access tokens, and page tokens that carry their own state."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from simulator.errors import denied, invalid

Owner = TypeVar("Owner")
Clock = Callable[[], float]

ACCESS_TOKEN_SECONDS = 3600


class AccessTokens(Generic[Owner]):
    """Tokens that were handed out, to whom, and until when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, tuple[Owner, float]] = {}
        self._revoked: set[str] = set()

    def issue(self, owner: Owner) -> str:
        token = f"Atza|{uuid.uuid4().hex}"
        with self._lock:
            self._issued[token] = (owner, self._clock() + ACCESS_TOKEN_SECONDS)
        return token

    def owner(self, token: str) -> Owner:
        """Whose token this is. Raises the two refusals that Amazon words differently (spapi-facts 5.4)."""
        with self._lock:
            known = None if token in self._revoked else self._issued.get(token)
        if known is None:
            raise denied("The access token you provided is revoked, malformed or invalid.")
        if self._clock() >= known[1]:
            raise denied("The access token you provided has expired.")
        return known[0]

    def handed_out(self) -> list[str]:
        """Every access token so far, oldest first."""
        return list(self._issued)

    def expire_all(self) -> None:
        with self._lock:
            self._issued = {token: (owner, self._clock()) for token, (owner, _) in self._issued.items()}

    def revoke(self, owners: Iterable[Owner]) -> None:
        """Forget the tokens of these owners: Amazon no longer knows them."""
        gone = list(owners)
        with self._lock:
            self._revoked |= {token for token, (owner, _) in self._issued.items() if owner in gone}


@dataclass(frozen=True, slots=True)
class PageState:
    """Where the next page starts: after `position`; `bound` is the window's end as it was on page one."""

    position: tuple[int, int]
    bound: int


class PageTokens:
    """Makes and reads page tokens. A token holds position, expiry and a digest of the other parameters."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._generation = 0

    def expire_all(self) -> None:
        """All page tokens handed out so far are expired from now on."""
        self._generation += 1

    def make(self, scope: str, params: Mapping[str, str], state: PageState) -> str:
        expires = self._clock() + self._seconds
        fields = [*state.position, state.bound, expires, self._generation, _digest(scope, params)]
        text = json.dumps(fields, separators=(",", ":")).encode()
        # Standard base64, as Amazon's: the token holds "+", "/" and "=" and has to be encoded in a URL.
        return base64.b64encode(_checksum(text) + text).decode()

    def read(self, name: str, token: str, scope: str, params: Mapping[str, str]) -> PageState:
        """The state in a token; refuses one that is not ours, too old, or used with other parameters."""
        try:
            raw = base64.b64decode(token, validate=True)
            if _checksum(raw[6:]) != raw[:6]:
                raise ValueError("checksum")
            first, second, bound, expires, generation, digest = json.loads(raw[6:])
        except ValueError as error:
            raise invalid(f"{name} is invalid.") from error
        if self._clock() >= expires or generation != self._generation:
            raise invalid(f"{name} has expired.")
        if digest != _digest(scope, params):
            raise invalid(f"{name} must be used with the same parameters as the request that returned it.")
        return PageState((first, second), bound)


def _checksum(text: bytes) -> bytes:
    return hashlib.sha256(b"simulator" + text).digest()[:6]


def _digest(scope: str, params: Mapping[str, str]) -> str:
    text = json.dumps([scope, sorted(params.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
