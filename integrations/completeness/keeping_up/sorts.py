"""The two sorts of lists that keep orders known, and what a catch-up remembers of them.

by last update  all that has changed, and rests while the list is made: regular syncs read on from where these end
by order date   all that was placed in a span, in whatever state it is when the list is made, so also what changes all
                the time. They say nothing of what was placed before, so no mark moves by them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.models import CatchUp
from integrations.protocol import ListKind

Part = dict[str, Any]
UPDATED, CREATED = "updated", "created"  # Window.by
# Orders change again and again while they are new, and around the time when they are shipped: four days later at the
# most where a weekend lies in between. Each day more makes every such list longer by all orders of a day, which take 5
# seconds of CPU where there are 50,000 (decision 24).
PLACED_SPAN = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Sort:
    """`every`: from asking for one to asking for the next. `kept`: as many stored ones are remembered. `column`: the
    time of an order that it goes by. `next_at`: where the place of a catch-up says that none is asked for before."""

    by: str
    kind: ListKind
    every: timedelta
    kept: int
    column: str
    next_at: str


CHANGED = Sort(UPDATED, ListKind.UPDATED, timedelta(minutes=5), 12, "platform_updated_at", "list_at")
# A version is known after this, the time that the platform takes to make a list, and two or three minutes.
PLACED = Sort(CREATED, ListKind.CREATED, timedelta(minutes=15), 2, "purchased_at", "list_by_date_at")
SORTS = (CHANGED, PLACED)


def sort_of(part: Part) -> Sort:
    return PLACED if part.get("by") == CREATED else CHANGED


def parts_of(catch_up: CatchUp, sort: Sort) -> list[Part]:
    """Its lists of this sort, the oldest first."""
    return [part for part in catch_up.parts if sort_of(part) is sort]


def open_parts(catch_up: CatchUp) -> list[Part]:
    """The lists that are being made, the oldest first."""
    return [part for part in catch_up.parts if not part["is_stored"]]


def remembered(catch_up: CatchUp) -> list[Part]:
    """Its lists without those that were stored long ago."""
    forgotten = {
        part["list"]
        for sort in SORTS
        for part in [part for part in parts_of(catch_up, sort) if part["is_stored"]][: -sort.kept]
    }
    return [part for part in catch_up.parts if part["list"] not in forgotten]


def text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
