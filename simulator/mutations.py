"""What happens to an account after it was made: orders that change and orders that are new.

Only the differences are kept; an order is still computed when somebody asks for it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from simulator.neutral import Line, Order
from simulator.orders import Outline, from_ms, to_ms
from simulator.scenes import SHIPPED

_CANCELLED = ("cancelled", "CANCELLED")
Timeline = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Edit:
    """How an order differs from the one that its index makes; `created` in ms, None where that stays."""

    updated: int
    created: int | None = None
    revision: int = 0


def revised_status(status: tuple[str, str], revision: int) -> tuple[str, str]:
    """What becomes of a status: whatever is not shipped is, then it is cancelled, shipped again, and so on."""
    for _ in range(revision):
        status = SHIPPED if status != SHIPPED else _CANCELLED
    return status


def revised_outline(known: Outline, edit: Edit) -> Outline:
    status, platform_status = revised_status((known.status, known.platform_status), edit.revision)
    return replace(known, status=status, platform_status=platform_status)


def revised_order(order: Order, edit: Edit) -> Order:
    """Each revision shows: in the status, and once it has shipped in the quantities of the lines."""
    status, platform_status = revised_status((order.status, order.platform_status), edit.revision)
    return replace(
        order,
        created=order.created if edit.created is None else from_ms(edit.created),
        updated=from_ms(edit.updated),
        status=status,
        platform_status=platform_status,
        lines=tuple(_shipped(line) for line in order.lines) if edit.revision else order.lines,
    )


def moment_ms(at: datetime | None) -> int:
    """`at` in ms, now where it is None. Raises ValueError for a time without a time zone."""
    if at is not None and at.tzinfo is None:
        raise ValueError("at must be an aware datetime")
    return to_ms(at or datetime.now(UTC))


def move(timeline: Timeline, old: tuple[int, int] | None, new: tuple[int, int]) -> None:
    """Put an entry where it belongs now, and take it from where it was."""
    if old is not None:
        del timeline[bisect_left(timeline, old)]
    insort(timeline, new)


def _shipped(line: Line) -> Line:
    return replace(line, quantity_shipped=line.quantity_ordered)
