"""Why Amazon does not take a package, out of what its answer says. Pure: no Django, no HTTP.

Amazon documents no code for it: every refusal is a 400 InvalidInput, and the reason is in its text. SEEN in answers of
Amazon's are those with a source; the others are GUESSED from the names of fields and from the documentation, and what
none of them knows is "refused", with Amazon's own words.

    models#N                        https://github.com/amzn/selling-partner-api-models/issues/N
    jlevers#N                       https://github.com/jlevers/selling-partner-api/issues/N
    docs                            https://developer-docs.amazon.com/sp-api/docs/confirm-the-shipment-status
    clients                         error texts that public clients of this operation compare with
"""

import re

from integrations.errors import ShipmentRefused

CONFIRM = "confirmShipment"

# The first that is found decides: a text about an order that is shipped also speaks of packages and orders.
REASONS: tuple[tuple[str, str], ...] = (
    # SEEN: "Failed to create package due to not finding a matching package or order already fulfilled.
    # ErrorMessage(errorCode=GeneralError, errorDescription=Unable to find package to update for order (…),
    # errorMetric=PackageToUpdateNotFound, packageIndex=null)": models#5037, clients
    (
        r"PackageToUpdateNotFound|already (been )?(fulfilled|shipped|confirmed)|fully (fulfilled|shipped)",
        "already_shipped",
    ),
    # SEEN: "InvalidPackageVersion", "maximum number of allowed updates": clients
    (r"InvalidPackageVersion|maximum number of allowed updates", "no_more_edits"),
    # GUESSED; docs: "Ship+ orders do not support the operation and result in a 400", and so do labels of Amazon's
    (
        r"ship\+|buy ?shipping|(label|shipping) (was |is )?(bought|purchased)|purchased (a )?(shipping )?label",
        "buy_shipping",
    ),
    # SEEN: "ErrorCode: NonexistentOrderItem Description: Failed to find order item list by order ID: …", which one
    # client met with orders that were cancelled meanwhile
    (r"find order item list by order id", "cancelled"),
    # GUESSED
    (r"transparency", "unit_codes"),
    # SEEN: "OrderItemId is invalid, please obtain the value through the getOrderItems API": models#492, jlevers#528
    (r"NonexistentOrderItem|order ?item ?id", "unknown_line"),
    # SEEN: "Failed to create/update package due to overfulfillment": clients
    (r"over-?fulfil|quantit", "bad_quantity"),
    # SEEN: "PackageReferenceId: is invalid, must be a positive numeric value", "fields with invalid type
    # [packageDetail.packageReferenceId]": jlevers#489, models#5094
    (r"package ?reference ?id", "bad_package_number"),
    # GUESSED
    (r"ship ?date|ship time", "bad_date"),
    # SEEN: "ErrorCode: BlockedTrackingId", "DuplicateTrackingId", "Tracking ID: Amazon invalid": clients
    (r"tracking ?(id|number)", "bad_tracking_number"),
    # SEEN: "ErrorCode: InvalidCarrier Description: Selected carrier is not supported", "CarrierNameCorrection": clients
    (r"carrier|shipping ?method", "bad_carrier"),
    # GUESSED
    (r"\b(FBA|AFN)\b|fulfilled by amazon", "fulfilled_by_platform"),
    (r"cancell?ed|cancell?ation", "cancelled"),
    (r"\border (id )?(is |was )?(invalid|not found)|(invalid|unknown) order\b", "not_found"),
    # SEEN: "Failed validation because order …": clients, without what follows
    (r"validation because order|\bpending\b|not (yet )?(ready|eligible)", "not_shippable"),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), code) for pattern, code in REASONS)


def refused_shipment(status: int, problem: str, said: str, request_id: str) -> ShipmentRefused:
    """`problem` is what Amazon says in short, as in every error; `said` all of its texts."""
    code = "not_found" if status == 404 else reason_of(said)
    text = f"Amazon did not take the shipment (HTTP {status}{problem})."
    return ShipmentRefused(text, code=code, request_id=request_id, status=status)


def reason_of(said: str) -> str:
    """One of ShipmentRefused's codes; "refused" where the text does not tell."""
    return next((code for pattern, code in _COMPILED if pattern.search(said)), ShipmentRefused.default_code)
