"""How long the stock of a SKU lasts, and how much of it to order; and the stored plan after its settings changed.

Both are computed from whole numbers alone, so that the page, the file and a pocket calculator agree.
"""

from collections.abc import Collection, Mapping

from django.conf import settings

from inventory.models import PlannedSku, SkuSettings, SkuTag

PACE_DAYS = 30  # what a day sells is the mean of so many
AT_ONCE = 500
PLANNED = ("tag", "lead_days", "target_days", "reorder", "is_late")


def cover_days(available: int | None, sold: int | None) -> int | None:
    """For how many whole days `available` units last where `sold` is what PACE_DAYS sold. None where one of them is not
    known, or where nothing was sold."""
    if available is None or not sold or sold < 0:
        return None
    return max(available, 0) * PACE_DAYS // sold


def reorder(
    *, sold: int | None, available: int | None, inbound: int | None, lead_days: int, target_days: int
) -> int | None:
    """Units to order now, so that the stock lasts until a delivery arrives and for `target_days` after it:
    sold / 30 * (lead time + target cover) - available - inbound, rounded up, and never below 0. None where one of the
    three is not known."""
    if sold is None or available is None or inbound is None:
        return None
    needed = -(-max(sold, 0) * (lead_days + target_days) // PACE_DAYS)
    return max(needed - max(available, 0) - max(inbound, 0), 0)


def is_late(cover: int | None, lead_days: int) -> bool:
    """Whether what is available is sold before something that is ordered today arrives."""
    return cover is not None and cover < lead_days


def is_dead(available: int | None, sold_90: int | None) -> bool:
    """Whether there is stock of which nothing was sold in 90 days, as far as both are known."""
    return available is not None and available > 0 and sold_90 is not None and sold_90 <= 0


def days_of(chosen: SkuSettings | None, tags: Mapping[str, SkuTag]) -> tuple[int, int]:
    """Lead time and target cover of a SKU: its own, those of its tag, or those of the settings. `tags` are those of its
    platform, by name."""
    tag = tags.get(chosen.tag) if chosen else None
    defaults = {"lead_days": settings.PLANNING_LEAD_DAYS, "target_days": settings.PLANNING_TARGET_DAYS}

    def days(name: str) -> int:
        values = [getattr(each, name) for each in (chosen, tag) if each is not None]
        return next((value for value in values if value is not None), defaults[name])

    return days("lead_days"), days("target_days")


def tags_by_name(platform_id: int) -> dict[str, SkuTag]:
    return {tag.name: tag for tag in SkuTag.objects.filter(platform=platform_id)}


def settings_by_sku(platform_id: int, skus: Collection[str] | None = None) -> dict[str, SkuSettings]:
    """Those that are stored, of these SKUs or all of the platform."""
    rows = SkuSettings.objects.filter(platform=platform_id).order_by()
    if skus is not None:
        rows = rows.filter(sku__in=skus)
    return {row.sku: row for row in rows}


def replan(platform_id: int, chosen: Mapping[str, SkuSettings]) -> None:
    """Make the stored plan of these SKUs follow their settings; what was counted stays. Joins the caller's
    transaction."""
    skus, tags = sorted(chosen), tags_by_name(platform_id)
    for start in range(0, len(skus), AT_ONCE):
        rows = list(PlannedSku.objects.filter(platform=platform_id, sku__in=skus[start : start + AT_ONCE]))
        for row in rows:
            row.tag = chosen[row.sku].tag
            row.lead_days, row.target_days = days_of(chosen[row.sku], tags)
            row.reorder = reorder(
                sold=row.sold_30, available=row.available, inbound=row.inbound,
                lead_days=row.lead_days, target_days=row.target_days,
            )  # fmt: skip
            row.is_late = is_late(row.cover_days, row.lead_days)
        PlannedSku.objects.bulk_update(rows, PLANNED)
