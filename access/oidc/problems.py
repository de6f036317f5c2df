"""Why nobody was signed in."""

from enum import StrEnum
from typing import Any


class Problem(StrEnum):
    EXPIRED = "expired"  # nothing was begun in this session, or too long ago
    DECLINED = "declined"  # the provider signed nobody in
    UNREACHABLE = "unreachable"  # it did not answer, or with nothing of use
    UNTRUSTED = "untrusted"  # what it said, or somebody in its name, cannot be trusted
    NOT_ALLOWED = "not_allowed"  # OIDC_REQUIRE
    NO_GROUP = "no_group"  # in none that OIDC_GROUPS maps
    UNKNOWN = "unknown"  # no user here, and OIDC_CREATE_USERS is off
    NAME_TAKEN = "name_taken"  # a user of this name is not connected
    INACTIVE = "inactive"


class NotSignedIn(Exception):
    """`why` is for the log: it holds no secret. `facts` are for the audit."""

    def __init__(self, problem: Problem, why: str = "", *, user: Any = None, **facts: str) -> None:
        super().__init__(f"{problem}: {why}" if why else problem.value)
        self.problem, self.user, self.facts = problem, user, facts
