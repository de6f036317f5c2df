"""How writing to platforms stands at the moment: whether it is on, what waits, and what holds it up."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.utils import timezone

from integrations.models import OutboxEntry, SendingTurn, WritingPolicy, WritingStop
from integrations.shipping.policy import writing_stop
from orders.models import Shipment
from platforms.models import Platform

RECENT, AT_MOST = 100, 1000  # shipments of a platform
GONE_OUT = (Shipment.State.QUEUED, Shipment.State.SENT, Shipment.State.CONFIRMED, Shipment.State.REHEARSED)
Mode = WritingPolicy.Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of one platform. `stop` is the switch for all of them, None while nothing is stopped; `waiting`: entries of the
    outbox. With `paused_until`, nothing is sent before, because of `pause_code`."""

    platform: Platform
    mode: str
    hourly_limit: int = 0
    stop: WritingStop | None = None
    waiting: int = 0
    paused_until: datetime | None = None
    pause_code: str = ""
    pause_message: str = ""

    @property
    def is_on(self) -> bool:
        """Whether shipments can be made for it."""
        return self.platform.is_active and self.mode != Mode.OFF

    @property
    def is_rehearsal(self) -> bool:
        return self.mode == Mode.REHEARSAL


def standings(platforms: Collection[Platform]) -> dict[int, Standing]:
    """By id of the platform. Four queries, whatever there is."""
    ids = [platform.pk for platform in platforms]
    now, stop = timezone.now(), writing_stop()
    policies = WritingPolicy.objects.in_bulk(ids)
    turns = SendingTurn.objects.filter(paused_until__gt=now).in_bulk(ids)
    open_entries = OutboxEntry.objects.open().filter(platform__in=ids).order_by().values_list("platform")
    waiting = dict(open_entries.annotate(Count("pk")))
    return {
        platform.pk: _standing(
            platform,
            policies.get(platform.pk),
            turns.get(platform.pk),
            stop if stop.is_stopped else None,
            waiting.get(platform.pk, 0),
        )
        for platform in platforms
    }


def standing_of(platform: Platform) -> Standing:
    return standings([platform])[platform.pk]


def _standing(
    platform: Platform,
    policy: WritingPolicy | None,
    turn: SendingTurn | None,
    stop: WritingStop | None,
    waiting: int,
) -> Standing:
    return Standing(
        platform=platform,
        mode=policy.mode if policy else Mode.OFF,
        hourly_limit=policy.hourly_limit if policy else 0,
        stop=stop,
        waiting=waiting,
        paused_until=turn.paused_until if turn else None,
        pause_code=turn.pause_code if turn else "",
        pause_message=turn.pause_message if turn else "",
    )


def recent_carriers(platform_id: int) -> list[tuple[str, str, str]]:
    """Code, name and service of the carriers that the last shipments of a platform went with, the last one first.

    One query, answered by the first entries of an index; another one where none of these went out, as after a morning
    with a wrong carrier. Those that did not go out are left out here: asked for a state, MariaDB intersects two indexes
    of all shipments of the platform, and sorts what is left.
    """
    newest = Shipment.objects.filter(platform=platform_id).order_by("-pk")
    rows = newest.values_list("state", "carrier", "carrier_name", "service")
    return _gone_out(rows[:RECENT]) or _gone_out(rows[RECENT:AT_MOST])


def _gone_out(rows: Iterable[tuple[str, str, str, str]]) -> list[tuple[str, str, str]]:
    used = ((code, name, service) for state, code, name, service in rows if state in GONE_OUT and code)
    return list(dict.fromkeys(used))
