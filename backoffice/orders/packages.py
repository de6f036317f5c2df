"""The packages of an order on its page."""

from typing import Any

from core.format import DASH, plain_words, platform_time
from orders.models import Order, OrderPackage


def package_rows(order: Order) -> list[dict[str, Any]]:
    """What each package shows; its contents as `2 × SKU-1`, with the line's id where it has no SKU."""
    skus = {item.external_id: item.sku for item in order.items.all()}
    return [
        {
            "carrier": " ".join(filter(None, [package.carrier, package.shipping_service])) or DASH,
            "tracking_number": package.tracking_number or DASH,
            "has_number": bool(package.tracking_number),
            "status": " · ".join(map(plain_words, filter(None, [package.status, package.detailed_status])))
            or DASH,
            "shipped": platform_time(package.shipped_at),
            "contents": _contents(package, skus),
        }
        for package in order.packages.all()
    ]


def _contents(package: OrderPackage, skus: dict[str, str]) -> str:
    lines = [(entry.get("quantity"), entry.get("item", "")) for entry in package.contents]
    return (
        ", ".join(f"{DASH if n is None else n} × {skus.get(item) or item or DASH}" for n, item in lines)
        or DASH
    )
