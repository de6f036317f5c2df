"""What Amazon is told of a package: the body of confirmShipment, Orders API v0. Pure: no Django, no HTTP.

https://github.com/amzn/selling-partner-api-models (ordersV0.json: ConfirmShipmentRequest)
https://developer-docs.amazon.com/sp-api/docs/confirm-the-shipment-status
"""

from datetime import UTC, datetime
from typing import Any

from integrations.protocol import Dispatch, DispatchLine


def body_of(dispatch: Dispatch) -> dict[str, Any]:
    """Every attribute that the model requires, and of the others those that hold something."""
    package: dict[str, Any] = {
        # As text: a number is refused, https://github.com/amzn/selling-partner-api-models/issues/5094
        "packageReferenceId": str(dispatch.package_number),
        "carrierCode": dispatch.carrier,
        "trackingNumber": dispatch.tracking_number,
        "shipDate": _time(dispatch.shipped_at),
        "orderItems": [_item(line) for line in dispatch.lines],
    }
    if dispatch.carrier_name:
        package["carrierName"] = dispatch.carrier_name
    if dispatch.service:
        package["shippingMethod"] = dispatch.service
    return {"marketplaceId": dispatch.marketplace_id, "packageDetail": package}


def _item(line: DispatchLine) -> dict[str, Any]:
    item: dict[str, Any] = {"orderItemId": line.item_id, "quantity": line.quantity}
    if line.unit_codes:
        item["transparencyCodes"] = list(line.unit_codes)
    return item


def _time(moment: datetime) -> str:
    """As in Amazon's example: UTC with milliseconds, rounded down, so that it is never in the future."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
