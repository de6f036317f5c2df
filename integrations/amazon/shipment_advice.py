"""What a person does about a package that Amazon does not take, by the code of ShipmentRefused; or that OMS did not
send, by the code of its rule."""

from django.utils.translation import gettext_lazy as _

from core.format import Text

SHIPMENT_ADVICE: dict[str, Text] = {
    "already_shipped": _(
        "Amazon has all of this order as shipped: by this package, with a label of Buy Shipping, by another program, "
        "or in Seller Central. Compare its packages with yours; there is nothing left to send."
    ),
    "bad_carrier": _(
        "Amazon does not take this carrier here. Choose another code, or Other with the carrier's name."
    ),
    "bad_date": _(
        "The ship time must be after the order and not in the future. Correct it and send it again."
    ),
    "bad_package_number": _("Amazon does not take the number of the package. Make the shipment anew."),
    "bad_quantity": _(
        "More units than Amazon has left to ship. Fetch the order again: another package may hold some of them."
    ),
    "bad_tracking_number": _(
        "Amazon does not take the tracking number: it is none of this carrier, or of another shipment. Correct it and "
        "send it again."
    ),
    "buy_shipping": _(
        "The label was bought from Amazon (Buy Shipping), which confirms the shipment itself. There is nothing to "
        "send. If this parcel left with another label, stop one of the two."
    ),
    "cancelled": _("The order was cancelled. Stop the parcel if you still can."),
    "confirms_itself": _(
        "Buy the label in Seller Central (Buy Shipping): that confirms the shipment. If it was bought, all is done."
    ),
    "fulfilled_by_platform": _("Amazon ships this order itself (FBA). There is nothing to send."),
    "in_other_packages": _(
        "A label of Buy Shipping confirms itself once it is used: there is nothing to send. If it is not used, cancel "
        "it in Seller Central, or say on the page on which the order is shipped that nobody uses it; then send this "
        "again."
    ),
    "no_more_edits": _("Amazon takes no more changes of this package. Correct it in Seller Central."),
    "not_found": _(
        "The account has no such order in this marketplace. Check the order, and which account it belongs to."
    ),
    "not_shippable": _(
        "Amazon does not let this order be shipped yet, or no longer. Look at it in Seller Central, and send it again "
        "once it can be."
    ),
    "refused": _(
        "What Amazon says is all that is known. If it does not help, open a case at Amazon with the request id."
    ),
    "platform_carries": _(
        "Arrange the collection in Seller Central (Easy Ship), and print its label there. OMS shows the package once "
        "Amazon does."
    ),
    "shipped_elsewhere": _(
        "Compare the package that Amazon shows with yours. If two parcels left, stop one of them; there is nothing to "
        "send."
    ),
    "unit_codes": _(
        "The product takes part in Transparency: Amazon wants a code of each unit. Confirm the shipment in Seller "
        "Central."
    ),
    "unknown_line": _(
        "A line is not of this order any more. Fetch the order again and make the shipment anew."
    ),
}
