"""What a reported order is to the stored one. Pure: records go in, a verdict comes out."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from integrations.completeness.records import KnownOrder, Line
from integrations.completeness.rules import (
    EXPLANATIONS,
    RULES,
    Difference,
    Scope,
    near,
    total,
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
        return Verdict(Kind.STALE) if theirs > ours else Verdict(Kind.SAME, known=("newer_here",))
    unknown, known = [], []
    for difference in _differences(reported, stored):
        names = [rule.__name__ for rule in RULES if rule(difference, reported, stored)]
        known += names[:1]
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
    theirs, ours = _by_sku(reported.lines), _by_sku(stored.lines)
    if theirs != ours:
        found.append(Difference("lines", _written(theirs), _written(ours)))
    there, here = total(reported.lines), total(stored.lines)
    if there is not None and here is not None and not near(there, here, stored.lines):
        found.append(Difference("amount", f"{there:f}", f"{here:f}"))
    return found


def _by_sku(lines: tuple[Line, ...]) -> Counter[tuple[str, bool]]:
    """Units by SKU, whatever lines they are spread over; lines whose units are not known are counted apart."""
    units: Counter[tuple[str, bool]] = Counter()
    for line in lines:
        units[line.sku, line.quantity is None] += 1 if line.quantity is None else line.quantity
    return units


def _written(units: Counter[tuple[str, bool]]) -> str:
    return ", ".join(
        f"{'?' if unknown else count} × {sku or '(no SKU)'}"
        for (sku, unknown), count in sorted(units.items())
    )
