"""What a reported order is to the stored one. Pure: records go in, a verdict comes out."""

from dataclasses import dataclass
from enum import StrEnum

from integrations.completeness.records import KnownOrder
from integrations.completeness.rules import (
    EXPLANATIONS,
    Difference,
    Scope,
    agree,
    known_by,
    total,
    units,
    whole_seconds,
)


class Kind(StrEnum):
    SAME = "same"
    MISSING = "missing"  # the platform has it, and it is not here
    STALE = "stale"  # the platform has a newer version
    DIFFERENT = "different"  # the same version, with other values
    ONLY_HERE = "only_here"  # the list does not have it


@dataclass(frozen=True, slots=True)
class Verdict:
    """`differences` are those that no rule knows; `known` names the rules that knew others, or why an order is here
    alone."""

    kind: Kind
    differences: tuple[Difference, ...] = ()
    known: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether nothing has to be fetched."""
        return self.kind in (Kind.SAME, Kind.ONLY_HERE)


def compare(reported: KnownOrder, stored: KnownOrder | None) -> Verdict:
    """What the stored order is to the reported one; None: it is not stored.

    Where the stored version is the newer one, nothing else is compared: the list was made before.
    """
    if stored is None:
        return Verdict(Kind.MISSING)
    theirs, ours = whole_seconds(reported.updated_at), whole_seconds(stored.updated_at)
    if theirs is not None and ours is not None and theirs != ours:
        if theirs > ours:
            return Verdict(Kind.STALE, (Difference("version", theirs.isoformat(), ours.isoformat()),))
        return Verdict(Kind.SAME, known=("newer_here",))
    unknown: list[Difference] = []
    known: list[str] = []
    for difference in _differences(reported, stored):
        names = known_by(difference, reported, stored)
        known += names
        if not names:
            unknown.append(difference)
    kind = Kind.DIFFERENT if unknown else Kind.SAME
    return Verdict(kind, tuple(unknown), tuple(dict.fromkeys(known)))


def explain(stored: KnownOrder, scope: Scope) -> Verdict:
    """Why an order is here that lies in the list's span of time, and not in the list. `known` is empty where that
    cannot be explained; it is kept all the same."""
    names = [rule.__name__ for rule in EXPLANATIONS if rule(stored, scope)]
    return Verdict(Kind.ONLY_HERE, known=tuple(names[:1]))


def _differences(reported: KnownOrder, stored: KnownOrder) -> list[Difference]:
    found = []
    if reported.status != stored.status:
        found.append(Difference("status", reported.status, stored.status))
    if reported.currency != stored.currency:
        found.append(Difference("currency", reported.currency, stored.currency))
    if not agree("lines", reported, stored):
        found.append(Difference("lines", _written(reported), _written(stored)))
    if not agree("amount", reported, stored):
        found.append(Difference("amount", f"{total(reported.lines):f}", f"{total(stored.lines):f}"))
    return found


def _written(order: KnownOrder) -> str:
    return ", ".join(
        f"{'?' if unknown else count} × {sku or '(no SKU)'}"
        for (sku, unknown), count in sorted(units(order.lines).items())
    )
