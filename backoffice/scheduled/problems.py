"""Why a run has no file where it should be."""

from enum import StrEnum


class Problem(StrEnum):
    NO_OWNER = "no_owner"
    OWNER_INACTIVE = "owner_inactive"
    OWNER_MAY_NOT = "owner_may_not"
    REFUSED = "refused"
    GONE = "gone"
    EMAIL_OFF = "email_off"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    ADDRESS_REFUSED = "address_refused"
    TOO_LARGE = "too_large"
    MAIL = "mail"
    FOLDER_OFF = "folder_off"
    FOLDER_OUTSIDE = "folder_outside"
    DISK = "disk"
    STORE_OFF = "store_off"
    STORE_REFUSED = "store_refused"
    STORE = "store"
    DATABASE = "database"
    UNEXPECTED = "unexpected"
    LOST = "lost"
    OVERTAKEN = "overtaken"


# Nothing was tried: a person has to change something first.
NOT_TRIED = (
    Problem.NO_OWNER, Problem.OWNER_INACTIVE, Problem.OWNER_MAY_NOT, Problem.REFUSED, Problem.GONE, Problem.EMAIL_OFF,
    Problem.ADDRESS_NOT_ALLOWED, Problem.FOLDER_OFF, Problem.FOLDER_OUTSIDE, Problem.STORE_OFF,
)  # fmt: skip
# What may pass is tried again: these, and nothing else.
MAY_PASS = (
    Problem.MAIL, Problem.DISK, Problem.STORE, Problem.DATABASE, Problem.UNEXPECTED, Problem.LOST,
)  # fmt: skip


class NotSent(Exception):
    """`detail` is shown to people: it never has a secret or what a server says in full."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        super().__init__(problem.value)
        self.problem, self.detail = problem, detail


class LeftToAnother(Exception):
    """Somebody else has the run now: what was begun is thrown away, and nothing is written."""


class Stopped(Exception):
    """This process was told to stop: what was begun is thrown away, and the run is for another worker."""
