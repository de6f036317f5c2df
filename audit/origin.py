"""Who acts here and now, by which way in, and from where: what each entry of the audit says of its author."""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponseBase

from audit.models import AuditEntry
from core.addresses import client_address

Door = AuditEntry.Door


@dataclass(frozen=True, slots=True)
class Origin:
    """`actor_id` is a user's id; None for somebody at the command line, OMS itself, and who is not signed in."""

    door: str
    actor: str = ""
    actor_id: int | None = None
    address: str = ""


_current: ContextVar[HttpRequest | Origin | None] = ContextVar("audit_origin", default=None)


def origin() -> Origin:
    """Of the request, the command or the service that runs here. Elsewhere, as in a shell: the user of the system."""
    current = _current.get()
    if isinstance(current, Origin):
        return current
    return _of_request(current) if current is not None else of_system_user()


def _of_request(request: HttpRequest) -> Origin:
    """Asked for late: a token is looked at after the middleware."""
    # REST framework puts the user of a token here; where nobody has signed in there is none.
    user = getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    return Origin(
        door=Door.ADMIN if request.path.startswith("/admin") else Door.API,
        actor=user.get_username() if user is not None and known else "",
        actor_id=user.pk if user is not None and known else None,
        address=client_address(request),
    )


def of_system_user() -> Origin:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        name = ""
    return Origin(Door.COMMAND, actor=name[:150])


OF_SERVICE = Origin(Door.SERVICE)


@contextmanager
def acting_as(who: Origin) -> Iterator[None]:
    token = _current.set(who)
    try:
        yield
    finally:
        _current.reset(token)


class AuditOrigin:
    """Middleware, after the one that knows the user. What is recorded while the request is answered is its doing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = _current.set(request)
        try:
            return self._get_response(request)
        finally:
            _current.reset(token)
