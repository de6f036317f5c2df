"""The marketplaces whose stock cannot be read in one run, so that the others are read all the same."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from integrations.amazon.marketplaces import Marketplace
from integrations.errors import AuthorizationError, PlatformError, RateLimited, RequestRefused, TransientError
from integrations.protocol import Absent, Checkpoint, Note, Parts

# Lists that break off or go in circles; codes of stock_listing.py.
BROKEN_LISTS = ("page_loop", "page_token_expired")
# Outages in a row: each may take half a minute, and a worker that says nothing for five minutes is taken for lost.
MOST_DOWN = 4


def is_about_a_marketplace(error: PlatformError) -> bool:
    """Whether another marketplace may be answered: not without a connection, with bad credentials, or without
    quota."""
    if isinstance(error, RateLimited):
        return False
    if isinstance(error, TransientError):
        return error.status is not None or error.code == "timeout"
    return isinstance(error, AuthorizationError | RequestRefused) or error.code in BROKEN_LISTS


class UnreadMarketplaces:
    """`ids` are those that were left out so far, by this worker or by those before.

    `left_out` are not asked for, and until when, unless that were all. `parts` is told what Amazon answers for and what
    it refuses, once one answer shows that not everything is refused.
    """

    def __init__(
        self,
        marketplaces: Sequence[Marketplace],
        checkpoint: Checkpoint,
        parts: Parts,
        left_out: Mapping[str, datetime],
    ) -> None:
        self.ids: list[str] = list(checkpoint.get("unread", ()))
        self._all = marketplaces
        self._parts = parts
        self._found = set[str]()  # what this worker did not read
        self._is_read = bool(checkpoint)  # there was a page, in whichever marketplace
        self._new: list[str] = []  # what no page has told yet
        self._notes: list[Note] = []
        self._down = 0  # outages in a row
        resting = [place for place in marketplaces if place.id in left_out]
        if not checkpoint and len(resting) < len(marketplaces):
            self.ids = [place.id for place in resting]
            self._new = list(self.ids)
            self._notes = [_left_out(place, left_out[place.id]) for place in resting]

    @property
    def is_down(self) -> bool:
        """Whether the last answer was an outage; perhaps of all of Amazon."""
        return self._down > 0

    def is_told(self, marketplace: Marketplace, absent: Absent | None) -> None:
        """A page was read; or Amazon answered as it does where the account keeps no stock, which rests like what is
        refused."""
        self._down = 0
        self._is_read = True
        if absent is None:
            self._parts.answered.add(marketplace.id)
        else:
            self._parts.answered.discard(marketplace.id)
            self._parts.refused.add(marketplace.id)
            self._parts.absent.add(marketplace.id)
        self._tell()

    @property
    def is_news(self) -> bool:
        return bool(self._new)

    def leave_out(self, marketplace: Marketplace, error: PlatformError) -> None:
        """Go on without this one. Raises `error` where it is not about one marketplace, where none is left, and where
        nothing is answered any more."""
        if not is_about_a_marketplace(error):
            raise error
        self.ids.append(marketplace.id)
        self._down = self._down + 1 if isinstance(error, TransientError) else 0
        if len(self.ids) == len(self._all) or self._down >= MOST_DOWN:
            raise error
        self._new.append(marketplace.id)
        self._notes.append(_not_read(marketplace, error))
        self._found.add(marketplace.id)
        self._parts.answered.discard(marketplace.id)
        self._tell()

    def checkpoint(self) -> Checkpoint:
        return {"unread": self.ids} if self.ids else {}

    def take_notes(self) -> tuple[Note, ...]:
        notes, self._notes = tuple(self._notes), []
        return notes

    def take_ids(self) -> tuple[str, ...]:
        ids, self._new = tuple(self._new), []
        return ids

    def _tell(self) -> None:
        """What was found is worth remembering once something was read: otherwise all of Amazon may be down."""
        if self._is_read:
            self._parts.refused.update(self._found)


def _not_read(place: Marketplace, error: PlatformError) -> Note:
    if isinstance(error, AuthorizationError | RequestRefused):
        happened = f"Amazon refuses the stock of {place.country} ({place.id}): it was not read"
    else:
        happened = (
            f"Amazon does not list the stock of {place.country} ({place.id}) to its end: not all was read"
        )
    text = (
        f"{happened}, that of the other marketplaces was. What is stored of {place.country} stays, and nothing is "
        f"marked as gone there. OMS asks for it again by itself, after 15 minutes at first and at least once a day. "
        f"{error}"
    )
    return Note("marketplace_not_read", text)


def _left_out(place: Marketplace, until: datetime) -> Note:
    text = (
        f"The stock of {place.country} ({place.id}) was not asked for, since Amazon refused it or did not answer "
        f"before; that of the other marketplaces was read. What is stored of {place.country} stays. OMS asks for it "
        f"again at {until:%Y-%m-%d %H:%M} UTC."
    )
    return Note("marketplace_left_out", text)
