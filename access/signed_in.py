"""Who is signed in where, and for how long: sessions end after SESSION_HOURS, and those of users who may read buyer
data after SESSION_IDLE_MINUTES without a page asked for.

What a request needs to know is in its session, which is read anyway. `UserSession` lists the sessions of a user for
himself; it is written at the sign-in, and with the session at most once a minute.
"""

import logging
import re
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from access.models import UserSession
from access.oidc.session import provider_session
from access.passwords import due_in
from access.sessions import digest
from access.who import UserJudged
from core.addresses import client_address
from core.database.retry import DATABASE_ERRORS
from core.text import storable_text

logger = logging.getLogger(__name__)

KEPT = "signed_in"  # in a session: the row, the key it was listed with, and times in seconds since 1970
NOTED_EVERY = 60
READS_BUYERS = "orders.view_orderbuyer"
# What stands in a user agent, in the order in which it is looked for: most name others as well.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Mac OS X", "Linux")


class SessionLimits(UserJudged):
    """Middleware, after those that know the user."""

    def judge(self, request: HttpRequest, user: Any) -> Any:
        return _within_limits(request, user)


def _within_limits(request: HttpRequest, user: Any) -> Any:
    """The user, or nobody. Where the password must be changed, he is known on pages alone, which lead to that."""
    if not user.is_authenticated:
        return user
    kept, now = request.session.get(KEPT), time.time()
    if kept is None:
        _begin(request, user)
    elif _is_over(kept, now):
        end(UserSession.objects.filter(pk=kept["row"]))
        request.session.flush()
        return AnonymousUser()
    elif _is_to_be_noted(request, kept, now) and not _note(request, user, kept, now):
        return AnonymousUser()
    if due_in(request.session) and not request.path.startswith("/admin/"):
        return AnonymousUser()
    return user


def _is_over(kept: dict[str, Any], now: float) -> bool:
    idle = settings.SESSION_IDLE_MINUTES * 60 if kept["reads_buyers"] else 0
    return now - kept["started"] >= settings.SESSION_HOURS * 3600 or bool(idle and now - kept["seen"] >= idle)


def _is_to_be_noted(request: HttpRequest, kept: dict[str, Any], now: float) -> bool:
    """What a page asks for by itself, to stay current, is nobody's doing."""
    if kept["key"] != digest(request.session.session_key or ""):
        return True
    return now - kept["seen"] >= NOTED_EVERY and not (
        request.method == "GET" and "HX-Request" in request.headers
    )


def _begin(request: HttpRequest, user: Any, **_signal: Any) -> None:
    """Also receives user_logged_in."""
    session, now = request.session, time.time()
    if not session.session_key:
        session.create()
    before = session.get(KEPT)
    if before:
        UserSession.objects.filter(pk=before["row"]).delete()
    row = UserSession.objects.create(user=user, **_seen(request))
    session[KEPT] = {
        "row": row.pk,
        "key": row.key_hash,
        "started": now,
        "seen": now,
        "reads_buyers": user.has_perm(READS_BUYERS),
    }


def _note(request: HttpRequest, user: Any, kept: dict[str, Any], now: float) -> bool:
    """False where somebody has ended this session meanwhile. A database that takes no writes ends nobody's session."""
    session, seen = request.session, _seen(request)
    was_modified = session.modified
    session[KEPT] = {
        **kept,
        "key": seen["key_hash"],
        "seen": now,
        "reads_buyers": user.has_perm(READS_BUYERS),
    }
    try:
        with transaction.atomic():
            if not UserSession.objects.filter(pk=kept["row"]).update(**seen):
                row = UserSession.objects.create(user_id=user.pk, **seen)
                session[KEPT]["row"] = row.pk
            session.save()
    except UpdateError:
        session.flush()
        return False
    except DATABASE_ERRORS as error:
        logger.warning("The use of a session could not be noted: %s", error)
    session.modified = was_modified
    return True


def _seen(request: HttpRequest) -> dict[str, Any]:
    return {
        "key_hash": digest(request.session.session_key or ""),
        "last_seen_at": timezone.now(),
        "address": client_address(request),
        "device": device(request.META.get("HTTP_USER_AGENT", "")),
        "provider_session": provider_session(request.session),
    }


def device(agent: str) -> str:
    """Browser and system: "Firefox 140, Linux"; of what is not known, the beginning."""
    system = next((each for each in SYSTEMS if each in agent), "")
    for mark, name in BROWSERS:
        if found := re.search(rf"{mark}\w*/(\d{{1,4}})", agent):
            return ", ".join(filter(None, (f"{name} {found[1]}", system.replace("Mac OS X", "macOS"))))
    return storable_text(agent)[:40]


def alive(user: Any) -> QuerySet[UserSession]:
    """Those of a user that are not over, the one that was used last first."""
    now = timezone.now()
    good = Q(started_at__gt=now - timedelta(hours=settings.SESSION_HOURS))
    if settings.SESSION_IDLE_MINUTES and user.has_perm(READS_BUYERS):
        good &= Q(last_seen_at__gt=now - timedelta(minutes=settings.SESSION_IDLE_MINUTES))
    return UserSession.objects.filter(good, user=user.pk).order_by("-last_seen_at", "-pk")


def end(rows: QuerySet[UserSession]) -> int:
    """Sign out there, at once. Returns how many there were."""
    found = list(rows.values_list("pk", "key_hash"))
    if found:
        with transaction.atomic():
            Session.objects.filter(session_key__in=[key for _pk, key in found]).delete()
            UserSession.objects.filter(pk__in=[pk for pk, _key in found]).delete()
    return len(found)


def end_all_of(user_id: int) -> None:
    end(UserSession.objects.filter(user=user_id))


def is_here(request: HttpRequest, row: UserSession) -> bool:
    """Whether this request came in that session."""
    return row.key_hash == digest(request.session.session_key or "")


def prune_sessions() -> None:
    """Delete the rows of sessions that are over. Raises DatabaseError."""
    UserSession.objects.filter(
        started_at__lt=timezone.now() - timedelta(hours=settings.SESSION_HOURS)
    ).delete()


def _forget(request: HttpRequest | None, **_signal: Any) -> None:
    """Receives user_logged_out, before the session is emptied."""
    kept = request.session.get(KEPT) if request is not None and hasattr(request, "session") else None
    if kept:
        UserSession.objects.filter(pk=kept["row"]).delete()


def connect() -> None:
    user_logged_in.connect(_begin, dispatch_uid="access.session_begins")
    user_logged_out.connect(_forget, dispatch_uid="access.session_ends")
