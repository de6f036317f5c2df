"""Refusals, in the body Amazon gives them: `{"errors": [{"code", "message", "details"}]}`."""

from __future__ import annotations

from simulator.wire import Canned

_INVALID = "Request has missing or invalid parameters and cannot be parsed."
_DENIED = "Access to requested resource is denied."


class Refused(Exception):
    """Raised by a rule; the server answers with it."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(f"{status} {code}: {message} {details}".strip())
        self.status = status
        self.error = {"code": code, "message": message, "details": details}

    def answer(self) -> Canned:
        return Canned.json(self.status, {"errors": [self.error]})


def invalid(details: str) -> Refused:
    """400: the request is wrong, `details` says how."""
    return Refused(400, "InvalidInput", _INVALID, details)


def denied(details: str = "") -> Refused:
    """403: token or permission."""
    return Refused(403, "Unauthorized", _DENIED, details)


def not_found(what: str) -> Refused:
    return Refused(404, "NotFound", "The resource specified does not exist.", what)


def quota_used_up() -> Refused:
    return Refused(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")
