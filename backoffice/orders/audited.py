"""What audits say of an order that somebody looks for: for each platform, whether they know it, and whether the days
around are proven."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date

from backoffice.completeness.wording import around_line, completeness_of, day_href, day_line, missing_line
from integrations.completeness.of_order import found_of_order
from integrations.completeness.overview import current_sites, days_of, lists_orders, proofs_of
from integrations.lookup.stored import KnownOrder
from orders.records import OrderRecord
from platforms.models import Platform


@dataclass(frozen=True, slots=True)
class Audited:
    """`sentence` about the order, `around` about the days; `href` shows these."""

    sentence: str
    around: str
    href: str


def audited(external_id: str, found: Sequence[KnownOrder]) -> dict[int, Audited]:
    """By platform, of those that make lists of orders, where the order is not stored. Two queries."""
    platforms = [
        known.platform for known in found if known.order is None and lists_orders(known.platform.kind)
    ]
    ids = [platform.pk for platform in platforms]
    findings, proofs = found_of_order(external_id, ids), proofs_of(ids)
    said = {}
    for platform in platforms:
        newest = next(iter(findings.get(platform.pk, ())), None)
        proof = proofs.get(platform.pk)
        day = newest.day if newest else None
        said[platform.pk] = Audited(
            missing_line(platform, newest) if proof or newest else "",
            around_line(platform, proof),
            day_href(platform.pk, day) if day else completeness_of(platform.pk),
        )
    return said


def day_of_answer(platform: Platform, record: OrderRecord | None) -> tuple[str, str] | None:
    """What is known of the day on which an order was placed that the platform was asked for: a sentence, and where it
    is shown. Five queries."""
    if record is None or not lists_orders(platform.kind):
        return None
    day: date = record.purchased_at.astimezone(UTC).date()
    [known] = days_of(platform, day, day, required=current_sites(platform))
    return day_line(day, known.state), day_href(platform.pk, day)
