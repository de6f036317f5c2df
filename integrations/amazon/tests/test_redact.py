"""A person's data, planted at its place in Amazon's model, is not in what is kept as evidence; the rest is."""

import json
from pathlib import Path
from typing import Any

import pytest

from integrations.amazon import normalize
from integrations.amazon.redact import MOST_LEVELS, without_personal_data

CANARY = "CANARY-of-a-person"
MODEL = Path(__file__).resolve().parents[4] / "shared" / "spapi-models" / "orders_2026-01-01.json"
ADDRESS = (
    "name", "companyName", "addressLine1", "addressLine2", "addressLine3", "city", "districtOrCounty",
    "stateOrRegion", "municipality", "postalCode", "countryCode", "phone", "addressType",
)  # fmt: skip
# https://developer-docs.amazon.com/sp-api/docs/access-orders-pii, and what is about a person besides. "[]": a list.
PERSONAL = (
    *(
        f"buyer.{name}"
        for name in ("buyerName", "buyerEmail", "buyerCompanyName", "buyerPurchaseOrderNumber")
    ),
    *(f"recipient.deliveryAddress.{name}" for name in ADDRESS),
    "recipient.deliveryAddress.extendedFields.streetName",
    "recipient.deliveryPreference.addressInstruction",
    "recipient.deliveryPreference.dropOffLocation",
    "payment.paymentExecutions.[].cardBrand",
    "payment.paymentExecutions.[].authorizationCode",
    "tax.taxRegistrations.[].legalName",
    "tax.taxRegistrations.[].taxRegistrationNumber",
    *(f"tax.taxRegistrations.[].taxRegistrationAddress.{name}" for name in ADDRESS),
    "orderItems.[].product.customization.customizedUrl",
    "orderItems.[].cancellation.cancellationRequest.cancelReason",
    "orderItems.[].cancellation.cancellationExecution.cancelReason",
    "orderItems.[].fulfillment.packing.giftOption.giftMessage",
    *(f"packages.[].shipFromAddress.{name}" for name in ADDRESS[:1] + ADDRESS[2:11]),
)
PERSONAL_BRANCHES = (
    "buyer.",
    "recipient.",
    "payment.",
    "tax.taxRegistrations.",
    "packages.[].shipFromAddress.",
)


def planted(path: str, value: Any = CANARY) -> Any:
    """A JSON value with `value` at the path."""
    for name in reversed(path.split(".")):
        value = [value] if name == "[]" else {name: value}
    return value


def order_with(path: str) -> dict[str, Any]:
    plain = {
        "orderId": "1",
        "createdTime": "2026-01-01T00:00:00Z",
        "lastUpdatedTime": "2026-01-01T00:00:00Z",
        "orderItems": [{"orderItemId": "1"}],
    }
    extra: dict[str, Any] = planted(path)
    if "orderItems" in extra:
        extra["orderItems"][0].setdefault("orderItemId", "1")
    return plain | extra


@pytest.mark.parametrize("path", PERSONAL)
def test_it_keeps_no_personal_attribute(path: str) -> None:
    assert CANARY not in json.dumps(normalize.order(order_with(path)).payload)


@pytest.mark.parametrize("path", PERSONAL)
def test_it_keeps_none_with_a_failure_either(path: str) -> None:
    _, (failure,) = normalize.orders([order_with(path) | {"createdTime": "never"}], ())
    assert failure.payload["orderId"] == "1"
    assert CANARY not in json.dumps(failure.payload)


def leaves(model: dict[str, Any], node: dict[str, Any], path: str = "") -> list[str]:
    """The paths of all single values below a definition of the model."""
    if "$ref" in node:
        node = model["definitions"][node["$ref"].split("/")[-1]]
    if node.get("type") == "array":
        return leaves(model, node["items"], f"{path}.[]")
    if "properties" not in node:
        return [path.removeprefix(".")]
    return [
        leaf for name, inner in node["properties"].items() for leaf in leaves(model, inner, f"{path}.{name}")
    ]


def test_it_keeps_every_other_attribute_of_amazons_model() -> None:
    if not MODEL.exists():
        pytest.skip(f"Amazon's model is not here: {MODEL}")
    model = json.loads(MODEL.read_text(encoding="utf-8"))
    paths = leaves(model, {"$ref": "#/definitions/Order"})
    lost = {path for path in paths if CANARY not in json.dumps(without_personal_data(planted(path)))}
    assert set(PERSONAL) <= set(paths)
    assert {path for path in lost if not path.startswith(PERSONAL_BRANCHES)} <= set(PERSONAL)
    assert {path for path in paths if path.startswith(PERSONAL_BRANCHES)} <= lost


@pytest.mark.parametrize(
    "path",
    [
        "salesChannel.channelName",
        "salesChannel.marketplaceName",
        "orderItems.[].product.title",
        "orderItems.[].product.condition.conditionNote",
        "orderItems.[].promotion.breakdowns.[].promotionId",
        "tax.taxInvoicing.buyerInvoicePreference",
        "packages.[].trackingNumber",
        "orderItems.[].fulfillment.shipping.shippingConstraints.recipientIdentityVerification",
        "orderItems.[].fulfillment.shipping.shippingConstraints.recipientAgeVerification",
        "somethingNew.[].attribute",
    ],
)
def test_it_keeps_what_is_harmless(path: str) -> None:
    assert without_personal_data(planted(path)) == planted(path)


@pytest.mark.parametrize(
    "name", ["giftRecipientName", "contactPhone", "BUYEREMAIL", "birthDate", "deliveryNote"]
)
def test_it_catches_attributes_that_amazon_may_add(name: str) -> None:
    assert without_personal_data({"orderId": "1", "new": [{name: CANARY}]}) == {"orderId": "1", "new": [{}]}


def test_it_changes_nothing_in_what_it_was_given() -> None:
    original = {"buyer": {"buyerName": "A"}, "list": [{"phone": "1"}]}
    without_personal_data(original)
    assert original == {"buyer": {"buyerName": "A"}, "list": [{"phone": "1"}]}


def test_it_leaves_out_what_is_nested_deeper_than_databases_take() -> None:
    deep: Any = CANARY
    for _ in range(MOST_LEVELS + 1):
        deep = [deep]
    assert CANARY not in json.dumps(without_personal_data(deep))
    assert CANARY in json.dumps(without_personal_data(deep[0]))
