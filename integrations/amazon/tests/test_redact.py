"""A person's data, planted at its place in Amazon's model, is not in what is kept as evidence; the rest is."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.amazon import normalize
from integrations.amazon.redact import BRANCHES, HARMLESS, MOST_LEVELS, without_personal_data
from integrations.amazon.redact import PERSONAL as SAYS_SO

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


def filtered(value: Any, levels: int = MOST_LEVELS) -> Any:
    """What `without_personal_data` is to answer, attribute by attribute."""
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return None
    if isinstance(value, list):
        return [filtered(each, levels - 1) for each in value]
    return {
        name: filtered(each, levels - 1)
        for name, each in value.items()
        if name not in BRANCHES and (name in HARMLESS or not SAYS_SO.search(name))
    }


NAMES = st.one_of(
    st.sampled_from([*sorted(BRANCHES), *sorted(HARMLESS), *{path.split(".")[-1] for path in PERSONAL}]),
    st.sampled_from(["orderId", "proceeds", "orderItems", "amount", "buyerInvoicePreference", "BuyerName"]),
    st.text(max_size=12),
)
SINGLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SINGLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=30,
)


@given(VALUES, st.integers(min_value=0, max_value=MOST_LEVELS))
def test_it_is_the_filter_attribute_by_attribute(value: Any, levels: int) -> None:
    """Byte for byte: the order of attributes is part of the payload that is hashed."""
    assert repr(without_personal_data(value, levels=levels)) == repr(filtered(value, levels))


@given(
    st.lists(st.dictionaries(NAMES, SINGLE | st.just([]) | st.just({}), max_size=4), min_size=2, max_size=6)
)
def test_what_it_learned_from_one_object_does_not_spoil_the_next(objects: list[dict[str, Any]]) -> None:
    swapped = [{name: {"inner": value, "phone": CANARY} for name, value in each.items()} for each in objects]
    for each in [*objects, *swapped, *objects]:
        assert repr(without_personal_data(each)) == repr(filtered(each))


@pytest.mark.parametrize("value", ["text", {"phone": CANARY, "kind": "new"}, [{"phone": CANARY}], None])
def test_an_attribute_may_change_its_type_from_object_to_object(value: Any) -> None:
    """The names alone do not tell whether there is something to look into."""
    plain: Any
    for plain in ("text", None, 1, [], {}):
        without_personal_data({"id": "1", "detail": plain})
    assert CANARY not in repr(without_personal_data({"id": "1", "detail": value}))


def test_it_copies_only_what_holds_something_personal() -> None:
    original: dict[str, Any] = {
        "total": {"amount": "1"},
        "items": [{"id": "1"}, {"id": "2", "phone": CANARY}],
    }
    kept = without_personal_data(original)
    assert kept == {"total": {"amount": "1"}, "items": [{"id": "1"}, {"id": "2"}]}
    assert kept["total"] is original["total"]
    assert kept["items"][0] is original["items"][0]
    assert original["items"][1]["phone"] == CANARY
