"""Erasing the buyer data of a whole platform in the background: asked for in a request, done by the scheduler.

The row of Erasure is the durable state. Each batch is one transaction with its entry in the audit and with how far it
has come, so a process that is killed loses nothing, and the next one goes on from there.
"""

import time

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from audit.origin import Origin
from audit.recording import record
from orders.erasing import AT_ONCE, Scope, Why, begin, end_free
from orders.models import Erasure, OrderBuyer
from platforms.models import Platform

SECONDS = 10.0  # at one turn


def ask_to_erase_platform(platform: Platform, *, reason: str) -> Erasure:
    """The receipt, which says how far it is; that of the one that goes on already, where there is one."""
    with transaction.atomic():
        for open_one in _open().filter(about=platform.name):
            if open_one.platform_ids == [platform.pk]:
                return open_one
        asked = begin(Scope.PLATFORM, [platform.pk], platform.name, reason, in_background=True).stored
        facts = {"receipt": asked.number, "by": asked.scope}
        record("buyer_data.erasure_asked", platform, changes=facts, reason=asked.reason)
    return asked


def erase_in_background(seconds: float = SECONDS) -> list[Erasure]:
    """Go on with what was asked for, for a while. Returns what was finished. Raises DatabaseError."""
    end, finished = time.monotonic() + seconds, []
    for erasure in _open().order_by("pk"):
        while time.monotonic() < end:
            if not _erase_some(erasure):
                erasure.refresh_from_db()  # counted in the database, perhaps by processes before this one
                finished.append(erasure)
                break
    return finished


def _open() -> QuerySet[Erasure]:
    return Erasure.objects.filter(in_background=True, finished_at=None)


@transaction.atomic
def _erase_some(erasure: Erasure) -> bool:
    """The next batch; False once nothing is left. Another process that works on the same one makes this a no-op."""
    (platform_id,) = erasure.platform_ids or [0]
    rows = OrderBuyer.objects.filter(order__platform=platform_id, pk__gt=erasure.through).order_by("pk")
    ids = list(rows.values_list("pk", flat=True)[:AT_ONCE])
    mine = Erasure.objects.filter(pk=erasure.pk, through=erasure.through, finished_at=None)
    if not ids:
        mine.update(finished_at=timezone.now())
        return False
    if not mine.update(through=ids[-1]):
        erasure.refresh_from_db()
        return erasure.finished_at is None
    ended = end_free(platform_id, ids, Why.ERASED)
    Erasure.objects.filter(pk=erasure.pk).update(
        orders=F("orders") + len(ended), held=F("held") + len(ids) - len(ended)
    )
    facts = {"receipt": erasure.number, "by": erasure.scope, "orders": len(ended)}
    about = Platform.objects.filter(pk=platform_id).defer("api_config").first()
    by = Origin("service", actor=erasure.made_by)
    record("buyer_data.erased", about, changes=facts, reason=erasure.reason, by=by)
    erasure.through = ids[-1]
    return True
