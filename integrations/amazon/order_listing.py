"""A listing of orders from its first page to its last: where it is, and what it learned on the way."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone

from integrations.amazon import normalize
from integrations.amazon.datasets import named_in
from integrations.errors import PlatformError, RequestRefused
from integrations.protocol import Checkpoint, DataSets, Note

MOST_PAGES = 20_000  # two million orders; a listing that goes on longer does not end
MOST_RESTARTS = 3
UNNAMED = (400, 403)  # statuses of refusals that may be about a data set although they name none
# Amazon says 24 hours; what is beyond it is our margin. orders_2026-01-01.json, Pagination.nextToken
TOKEN_LIFE = timedelta(hours=24) - timedelta(minutes=10)
LOST_TOKEN = "Amazon no longer took the page token; the window was read again."  # noqa: S105  no secret


class OrderListing:
    """`asked` are the data sets of the account, `leave_out` those of them that are not asked for, and until when.

    The parameters may not change between pages, so a listing that goes on from a checkpoint asks for what it asked
    before. What Amazon gives and refuses is told to `seen`, once an answer proves it.
    """

    def __init__(
        self,
        asked: Sequence[str],
        leave_out: Mapping[str, datetime],
        checkpoint: Checkpoint,
        seen: DataSets,
    ) -> None:
        self.token: str = checkpoint.get("token", "")
        self.marketplace_ids: list[str] = []  # whoever asks sets them
        self.datasets: list[str] = checkpoint.get(
            "datasets", [name for name in asked if name not in leave_out]
        )
        self._restarts: int = checkpoint.get("restarts", 0)
        self._got_at: str = checkpoint.get("got_at", "")  # the token
        self._tokens: set[str] = {self.token}
        self._seen = seen
        self._refused: set[str] = set()
        # The data sets before any was left out that no refusal named, and which selections of them Amazon answers.
        self._wanted: list[str] = checkpoint.get("wanted") or self.datasets
        self._answers: dict[str, bool] = checkpoint.get("answers", {})
        self.may_search = checkpoint.get("may_search", True)
        self._said: str = checkpoint.get("said", "")  # the refusal for which a search was begun
        self._refusal: PlatformError | None = None
        self._guess: Note | None = None  # that the personal data sets are refused
        self._may_guess = True
        self.is_news = False  # whether the search found out something since the last checkpoint
        missing = [name for name in leave_out if name not in self.datasets]
        self._notes = [_left_out(name, leave_out[name]) for name in missing]
        if self.token and _is_dead(self._got_at) and self._restart():
            self._notes.append(Note("restarted", LOST_TOKEN))

    def checkpoint(self) -> Checkpoint:
        self.is_news = False
        place = {"token": self.token, "datasets": self.datasets, "restarts": self._restarts}
        return place | {
            "got_at": self._got_at,
            "wanted": self._wanted,
            "answers": self._answers,
            "may_search": self.may_search,
            "said": self._said,
        }

    def next_group(self) -> "OrderListing":
        """The first page for other marketplaces, with the same data sets."""
        following = OrderListing(self.datasets, {}, {}, self._seen)
        following._notes = self._notes
        following.may_search = following._may_guess = False  # what is refused now is about the marketplaces
        return following

    def go_to(self, token: str) -> PlatformError | None:
        """Where this page says that the next one is; "" after the last. Returns the problem of a listing that goes in
        circles or never ends: it cannot be read on, and this page is good all the same."""
        if token and token in self._tokens:
            return PlatformError(
                "Amazon's list of orders repeats itself: a page named an earlier page as the next one. "
                "What was read is stored; the next sync asks for the same time span again.",
                code="page_loop",
            )
        if len(self._tokens) > MOST_PAGES:
            return PlatformError(
                f"Amazon's list of orders did not end after {MOST_PAGES} pages.", code="page_loop"
            )
        self._tokens.add(token)
        self.token, self._got_at = token, timezone.now().isoformat()
        return None

    def drop_refused_datasets(self, error: PlatformError) -> bool:
        """Whether there is something to leave out: a data set that the refusal names, or the personal ones.

        On a later page the window is read again from its first page without it.
        """
        named = named_in(error, self.datasets)
        refused = named or [name for name in self.datasets if name in normalize.PERSONAL]
        is_guess = not named
        if not refused or (
            is_guess and (self.token or isinstance(error, RequestRefused) or not self._may_guess)
        ):
            return False
        if self.token and not self._restart():
            return False
        note = self._leave_out(refused, str(error))
        if named:
            self._wanted = self.datasets
        else:
            self._guess, self._may_guess = note, False
        return True

    def begin_search(self, error: PlatformError) -> bool:
        """Whether to search for data sets that Amazon refuses without naming them, after it refused a first page."""
        if self.token or not self.may_search or error.status not in UNNAMED or not self._wanted:
            return False
        self._said, self._refusal, self.is_news = str(error), error, True
        return True

    def search(self, ask: Callable[[list[str]], bool]) -> None:
        """Go on with a search that was begun, also by another worker; nothing is asked twice in one run.

        `ask` tells whether Amazon answers with these data sets alone. It is asked without any; if that works, by
        halves; and in the end once more for what was found, since refusals of a moment, one after the other, look like
        one of a data set. Raises the refusal again where no data set is to blame.
        """
        if not self._said:
            return
        works_without = self._is_answered(ask, [])
        refused = _refused_among(self._wanted, partial(self._is_answered, ask)) if works_without else []
        if refused and self._is_answered(ask, refused, again=True):
            refused = []
        said, self._said, self.may_search = self._said, "", False
        if self._guess is not None:  # was not to blame, or not alone
            self._refused.difference_update(self._wanted)
            self._notes = [note for note in self._notes if note is not self._guess]
        self.datasets = list(self._wanted)
        if refused:
            self._leave_out(refused, said)
        if self._refusal is not None and not works_without:
            raise self._refusal

    def _is_answered(
        self, ask: Callable[[list[str]], bool], names: list[str], *, again: bool = False
    ) -> bool:
        key = ",".join([*names, "again"] if again else names)
        if key not in self._answers:
            self._answers[key] = ask(names)
            self.is_news = True
        return self._answers[key]

    def restart(self, error: PlatformError) -> bool:
        """Whether to read the window again from its first page: the token of a later page was refused."""
        if not self.token or not isinstance(error, RequestRefused) or not self._restart():
            return False
        self._notes.append(Note("restarted", LOST_TOKEN))
        return True

    def confirm(self) -> None:
        """Amazon answered: it gives what was asked for, and the refusals before were about what is left out now."""
        self._seen.answered.update(self.datasets)
        self._seen.refused |= self._refused

    def _leave_out(self, refused: Sequence[str], said: str) -> Note:
        self.datasets = [name for name in self.datasets if name not in refused]
        self._refused.update(refused)
        text = (
            f"Amazon refused the data sets {', '.join(refused)}; the orders were read without them, and they are not "
            f"asked for again for a day. {said}"
        )
        self._notes.append(note := Note("dataset_refused", text))
        return note

    def take_notes(self) -> tuple[Note, ...]:
        notes, self._notes = tuple(self._notes), []
        return notes

    def _restart(self) -> bool:
        """Back to the first page, so often and no more."""
        if self._restarts >= MOST_RESTARTS:
            return False
        self._restarts += 1
        self.token, self._tokens = "", {""}
        return True


def _refused_among(names: list[str], answers: Callable[[list[str]], bool]) -> list[str]:
    """Which of these data sets Amazon refuses. They are refused together."""
    if len(names) == 1:
        return [] if answers(names) else names
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    refused = [] if answers(halves[0]) else _refused_among(halves[0], answers)
    # If nothing is wrong with the first half, it is with the second, which need not be asked for as a whole.
    if refused and answers(halves[1]):
        return refused
    return refused + _refused_among(halves[1], answers)


def _is_dead(got_at: str) -> bool:
    """Whether Amazon no longer takes a token that it gave then, so that asking would cost a call for nothing."""
    return bool(got_at) and timezone.now() - datetime.fromisoformat(got_at) > TOKEN_LIFE


def _left_out(name: str, until: datetime) -> Note:
    text = (
        f"Amazon refused the data set {name} before, so the orders were read without it; it is not asked for again "
        f"until {until:%Y-%m-%d %H:%M} UTC."
    )
    return Note("dataset_left_out", text)
