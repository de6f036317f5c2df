"""Stores what people set for SKUs, and records who set it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from audit.recording import record, record_each
from inventory.models import InventoryItem, SkuSettings, SkuTag
from inventory.planning import replan, settings_by_sku
from inventory.thresholds import set_threshold

FIELDS = ("lead_days", "target_days", "unit_cost", "cost_currency", "bin", "tag")
AT_ONCE = 500

Key = tuple[int, str]  # platform, SKU


@dataclass(frozen=True, slots=True)
class Changed:
    """How many SKUs got other settings, and how many rows of stock another threshold."""

    skus: int
    thresholds: int


@transaction.atomic
def set_sku_settings(values: Mapping[Key, Mapping[str, Any]]) -> int:
    """Give each SKU these values, by the names in FIELDS. Returns how many had others.

    What is planned of them follows at once. Each is recorded, with the values before and after.
    """
    return sum(
        _set(platform_id, {sku: values[platform_id, sku] for sku in skus})
        for platform_id, skus in _by_platform(values).items()
    )


@transaction.atomic
def set_tag_days(tags: Iterable[tuple[int, str]], lead_days: int | None, target_days: int | None) -> int:
    """Plan with these days for all SKUs of these tags, each a platform and a name, that have none of their own; None:
    with those of the settings. What is planned of them follows at once. Returns how many tags had others."""
    changed = 0
    for platform_id, name in sorted(set(tags)):
        SkuTag.objects.bulk_create([SkuTag(platform_id=platform_id, name=name)], ignore_conflicts=True)
        tag = SkuTag.objects.select_for_update().get(platform=platform_id, name=name)
        if changes := _apply(tag, {"lead_days": lead_days, "target_days": target_days}):
            tag.save(update_fields=list(changes))
            record("sku_tag.changed", tag, changes=changes)
            chosen = SkuSettings.objects.filter(platform=platform_id, tag=name)
            replan(platform_id, {row.sku: row for row in chosen.order_by()})
            changed += 1
    return changed


@transaction.atomic
def set_planning(
    values: Mapping[Key, Mapping[str, Any]], thresholds: Iterable[tuple[Collection[int], int | None]]
) -> Changed:
    """All of a file, or nothing: settings of SKUs, and thresholds of the rows of stock with these ids."""
    rows = sum(
        set_threshold(items=InventoryItem.objects.filter(pk__in=ids), threshold=threshold)
        for ids, threshold in thresholds
    )
    return Changed(set_sku_settings(values), rows)


def stored_settings(keys: Iterable[Key]) -> dict[Key, SkuSettings]:
    """What is stored of these SKUs; a query for every 500 of a platform."""
    found: dict[Key, SkuSettings] = {}
    for platform_id, skus in _by_platform(keys).items():
        for start in range(0, len(skus), AT_ONCE):
            stored = settings_by_sku(platform_id, skus[start : start + AT_ONCE])
            found |= {(platform_id, sku): row for sku, row in stored.items()}
    return found


def bins_of(keys: Collection[Key]) -> dict[Key, str]:
    """Where these SKUs lie, as far as that is known. One query."""
    rows = SkuSettings.objects.filter(sku__in={sku for _platform, sku in keys}).exclude(bin="").order_by()
    wanted = set(keys)
    return {
        (platform_id, sku): where
        for platform_id, sku, where in rows.values_list("platform_id", "sku", "bin")
        if (platform_id, sku) in wanted
    }


def _by_platform(keys: Iterable[Key]) -> dict[int, list[str]]:
    skus = defaultdict[int, list[str]](list)
    for platform_id, sku in sorted(keys):
        skus[platform_id].append(sku)
    return skus


def _set(platform_id: int, values: Mapping[str, Mapping[str, Any]]) -> int:
    skus, changed = sorted(values), 0
    for start in range(0, len(skus), AT_ONCE):
        some = skus[start : start + AT_ONCE]
        _make_missing(platform_id, [sku for sku in some if _says_something(values[sku])])
        rows = SkuSettings.objects.select_for_update().filter(platform=platform_id, sku__in=some)
        deeds = [(row, _apply(row, values[row.sku])) for row in rows.order_by("pk")]
        others = [(row, changes) for row, changes in deeds if changes]
        SkuSettings.objects.bulk_update([row for row, _changes in others], FIELDS)
        _make_tags(platform_id, {row.tag for row, changes in others if "tag" in changes})
        record_each("sku_settings.changed", [*others])
        replan(platform_id, {row.sku: row for row, _changes in others})
        changed += len(others)
    return changed


def _says_something(values: Mapping[str, Any]) -> bool:
    return any(value not in (None, "") for value in values.values())


def _make_missing(platform_id: int, skus: Collection[str]) -> None:
    """Rows of these SKUs, without settings where there are none yet; somebody else may make them at the same time."""
    SkuSettings.objects.bulk_create(
        [SkuSettings(platform_id=platform_id, sku=sku) for sku in skus], ignore_conflicts=True
    )


def _make_tags(platform_id: int, names: Collection[str]) -> None:
    SkuTag.objects.bulk_create(
        [SkuTag(platform_id=platform_id, name=name) for name in sorted(names) if name], ignore_conflicts=True
    )


def _apply(row: SkuSettings | SkuTag, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Set these values. Returns those that were others before, with both."""
    changes = {}
    for name, value in values.items():
        before = getattr(row, name)
        if before != value:
            changes[name] = [_plain(before), _plain(value)]
            setattr(row, name, value)
    return changes


def _plain(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value
