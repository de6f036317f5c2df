"""Which marketplaces one searchOrders call asks for, where Amazon does not answer for all of them at once.

A call covers all marketplaces of the account, and is refused as a whole for one that is denied. Such a group is
divided, and its parts are asked for, until the marketplace is alone that Amazon refuses or breaks on. The others are
read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.iso import utc_text
from integrations.amazon.marketplaces import Marketplace
from integrations.errors import AuthorizationError, PlatformError, RateLimited, RequestRefused, TransientError
from integrations.protocol import Checkpoint, Note, Parts, Window

# Groups up to this size are divided into single marketplaces, larger ones into halves.
FEW = 5
# So many groups without any answer, and all is refused: searchOrders allows 20 calls, then one in three minutes.
MOST_IN_VAIN = 8
MOST_TIMED_OUT = 5  # the same of time-outs: a worker that says nothing for five minutes is taken for lost


@dataclass(frozen=True, slots=True)
class Group:
    """Marketplaces that are asked for together. `start` is set for one that is read from another time than the rest.
    `is_part`: a group that it was part of could not be read; `is_doubted`: that group had no order."""

    ids: tuple[str, ...]
    start: datetime | None = None
    is_part: bool = False
    is_doubted: bool = False


def is_about_marketplaces(error: PlatformError, *, first_page: bool) -> bool:
    """Whether another selection of marketplaces may be answered. On a later page, a refusal is about the page token."""
    if isinstance(error, RateLimited):
        return False
    if error.code == "page_loop":
        return True
    if isinstance(error, TransientError):  # the rest is about the network
        return error.status is not None or error.code == "timeout"
    return isinstance(error, AuthorizationError) or (isinstance(error, RequestRefused) and first_page)


class MarketplaceGroups:
    """What is left to read of one run, group by group; `current` is None once all is read.

    `parts` is told what Amazon answers for and what it refuses, once one answer shows that not everything is refused.
    """

    def __init__(
        self, marketplaces: Sequence[Marketplace], window: Window, checkpoint: Checkpoint, parts: Parts
    ) -> None:
        self._places = {place.id: place for place in marketplaces}
        self._parts = parts
        self._window = window
        self._found = set[str]()  # what is not read
        self._unread: list[str] = []  # of them, what no page has told yet
        self._notes: list[Note] = []
        self._vain: int = checkpoint.get("vain", 0)
        self._is_read: bool = checkpoint.get("is_read", False)
        self.may_divide = True
        self.is_news = False  # whether something was found out since the last checkpoint
        if "groups" in checkpoint:
            self._groups = [_from_json(group) for group in checkpoint["groups"]]
        else:
            self._groups = self._planned(window)

    @property
    def current(self) -> Group | None:
        return self._groups[0] if self._groups else None

    @property
    def window(self) -> Window:
        """The window of the current group."""
        start = self._groups[0].start if self._groups else None
        return replace(self._window, start=start or self._window.start)

    def checkpoint(self) -> Checkpoint:
        self.is_news = False
        return {
            "groups": [_to_json(group) for group in self._groups],
            "vain": self._vain,
            "is_read": self._is_read,
        }

    def confirm(self) -> None:
        """Amazon answered for the current group."""
        group, self._vain = self._groups[0], 0
        self._parts.answered.update(group.ids)
        if group.start is not None and group.start < self._window.start and not group.is_doubted:
            self._notes += [_read_on(self._places[name], group.start) for name in group.ids]

    def doubt(self) -> bool:
        """Whether to ask for each marketplace of the current group by itself, since it has no order together."""
        since, group = self._window.doubted_from, self._groups[0]
        if since is None or len(group.ids) == 1:
            return False
        self._groups.pop(0)
        self._queue([Group((name,), since, is_doubted=True) for name in group.ids])
        self.is_news = True
        return True

    def contradict(self) -> None:
        """The current group has orders. Where it had none together with others, its time is not complete."""
        group = self._groups[0]
        if group.is_doubted and group.start is not None:
            self._groups[0] = replace(group, is_doubted=False)  # said once
            self._unread += group.ids
            self._notes += [_contradicted(self._places[name], group.start) for name in group.ids]

    def finish(self) -> None:
        """The current group is read to its end: what was refused before is about its own marketplaces."""
        self._groups.pop(0)
        self._is_read = True
        self._tell()

    def give_up(self, error: PlatformError, *, first_page: bool) -> None:
        """The current group cannot be read: divide it, or leave it out.

        Raises `error` where it is not about marketplaces, and where nothing was read and nothing is left.
        """
        if not is_about_marketplaces(error, first_page=first_page):
            raise error
        group = self._groups.pop(0)
        most = MOST_TIMED_OUT if error.code == "timeout" else MOST_IN_VAIN
        self._vain += 1
        self.is_news = True
        if len(group.ids) > 1 and self.may_divide and self._vain < most:
            self._queue(_divided(group))
            return
        if not self._is_read and (not self._groups or self._vain >= most):
            if isinstance(error, AuthorizationError | RequestRefused):  # so that not every run searches
                self._parts.refused.update(self._places)
            raise error
        self._leave_out(group, error)

    def take_notes(self) -> tuple[Note, ...]:
        notes, self._notes = tuple(self._notes), []
        return notes

    def take_unread(self) -> tuple[str, ...]:
        unread, self._unread = tuple(self._unread), []
        return unread

    def _planned(self, window: Window) -> list[Group]:
        """All marketplaces in one call, then each that is behind; without those that were refused lately."""
        left_out = [name for name in self._places if name in window.left_out]
        behind = {name: start for name, start in window.behind.items() if name in self._places}
        together = tuple(name for name in self._places if name not in behind)
        if len(left_out) == len(
            self._places
        ):  # none can be left out, and nobody needs to search for one again
            left_out, self.may_divide = [], False
        elif all(start == window.start for start in behind.values()) and not together:
            self.may_divide = False
            return [Group(tuple(behind))]
        self._unread += left_out
        self._notes += [_left_out(self._places[name], window.left_out[name]) for name in left_out]
        groups = [Group(tuple(name for name in together if name not in left_out))]
        groups += [Group((name,), start) for name, start in behind.items() if name not in left_out]
        return [group for group in groups if group.ids]

    def _queue(self, groups: Sequence[Group]) -> None:
        """Breadth first, and before those that are behind: a half that is answered saves calls for its parts."""
        later = [group for group in self._groups if group.start is not None]
        together = [group for group in self._groups if group.start is None]
        self._groups = [*together, *groups, *later]

    def _leave_out(self, group: Group, error: PlatformError) -> None:
        self._found.update(group.ids)
        self._parts.answered.difference_update(group.ids)
        self._unread += group.ids
        self._notes += [_not_read(self._places[name], error) for name in group.ids]
        self._tell()

    def _tell(self) -> None:
        """What was found is worth remembering once something was read: otherwise all of Amazon may be down."""
        if self._is_read:
            self._parts.refused.update(self._found)


def _divided(group: Group) -> list[Group]:
    size = 1 if len(group.ids) <= FEW else -(-len(group.ids) // 2)
    return [
        Group(group.ids[at : at + size], group.start, is_part=True) for at in range(0, len(group.ids), size)
    ]


def _not_read(place: Marketplace, error: PlatformError) -> Note:
    happened = "does not answer for" if isinstance(error, TransientError) else "refuses"
    text = (
        f"Amazon {happened} the orders of {place.country} ({place.id}): they were not read to their end, those of the "
        f"other marketplaces were. What is stored of {place.country} stays. OMS asks for it again by itself, after 15 "
        f"minutes at first and at least once a day, and then reads on from where it was complete. {error}"
    )
    return Note("marketplace_not_read", text)


def _left_out(place: Marketplace, until: datetime) -> Note:
    text = (
        f"The orders of {place.country} ({place.id}) were not asked for, since Amazon did not answer for them before; "
        f"those of the other marketplaces were read. OMS asks for {place.country} again at {until:%Y-%m-%d %H:%M} UTC, "
        "and then reads on from where it was complete."
    )
    return Note("marketplace_left_out", text)


def _contradicted(place: Marketplace, start: datetime) -> Note:
    text = (
        f"Amazon listed no orders for all marketplaces together, and orders of {place.country} ({place.id}) when asked "
        f"for it alone. These were read from {utc_text(start)} on and are stored. The next sync asks for "
        f"{place.country} by itself, from where its orders were known to be complete."
    )
    return Note("empty_answer", text)


def _read_on(place: Marketplace, start: datetime) -> Note:
    text = (
        f"Amazon answers for {place.country} ({place.id}) again: its orders were read from {start:%Y-%m-%d %H:%M} UTC "
        "on, where they were complete."
    )
    return Note("marketplace_read_on", text)


def _to_json(group: Group) -> dict[str, Any]:
    start = group.start.isoformat() if group.start else ""
    doubted = {"is_doubted": True} if group.is_doubted else {}
    return {"ids": list(group.ids), "start": start, "is_part": group.is_part} | doubted


def _from_json(group: dict[str, Any]) -> Group:
    start = datetime.fromisoformat(group["start"]) if group["start"] else None
    return Group(tuple(group["ids"]), start, group["is_part"], group.get("is_doubted", False))
