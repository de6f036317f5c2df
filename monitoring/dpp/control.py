"""The shape of a control and of what was found of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    SHORT = "falls_short"
    OUTSIDE = "outside_oms"  # people or the machine have to do it


@dataclass(frozen=True, slots=True)
class Finding:
    """How this installation stands: a sentence without personal data and secrets, and what to do, "" for nothing."""

    state: State
    says: str
    to_do: str = ""


Look = Callable[[], Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One thing that the policy asks for.

    asks      what it asks, in words of our own
    has       the mechanism of OMS, or why there is none
    settings  names of settings that it depends on
    look      looks at this installation
    tests     ids of the tests that show the mechanism at work: path::name
    """

    key: str
    topic: str
    asks: str
    has: str
    look: Look
    settings: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


def good(says: str) -> Finding:
    return Finding(State.OK, says)


def short(says: str, to_do: str) -> Finding:
    return Finding(State.SHORT, says, to_do)


def always(says: str) -> Look:
    """Of what is the same in every installation."""
    return lambda: good(says)


def outside(to_do: str, says: str = "OMS cannot see it.") -> Look:
    """Of what is done outside of OMS, always the same."""
    return lambda: Finding(State.OUTSIDE, says, to_do)
