"""Packing slips: one an order, in the marketplace's language, to be printed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from backoffice.base.cells import money
from backoffice.orders.buyer import address_lines
from backoffice.packing.barcodes import code_128
from backoffice.packing.words import WORDS, language_of
from integrations.registry import site_of
from orders.buyer_reading import read_buyer
from orders.models import Order, Pick

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import CheckboxInput, Select
else:
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldBooleanWidget as CheckboxInput

A4 = "a4"
# Labels of printers for parcels, in millimetres; static/oms/slips.css has the same.
LABELS = {"label": (100, 150), "label-4x6": (101.6, 152.4), "label-103x199": (103, 199)}


class SlipForm(forms.Form):
    """How slips are to look. Addresses are offered to those alone who may read buyer data."""

    size = forms.ChoiceField(
        label=_("Paper"),
        choices=[
            (A4, _("A4, one page an order")),
            ("label", _("label, 100 × 150 mm")),
            ("label-4x6", _("label, 4 × 6 in")),
            ("label-103x199", _("label, 103 × 199 mm")),
        ],
        widget=Select(),
    )
    prices = forms.BooleanField(label=_("With prices"), required=False, widget=CheckboxInput())
    addresses = forms.BooleanField(
        label=_("With the buyer's address"),
        required=False,
        widget=CheckboxInput(),
        help_text=_("Each address that is read is recorded."),
    )

    def __init__(self, *args: Any, may_read_buyers: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_read_buyers:
            del self.fields["addresses"]


def slips(picks: Iterable[Pick], *, prices: bool, addresses: bool, reason: str) -> list[dict[str, Any]]:
    """What the template prints. With `addresses`, each reading is recorded with this reason."""
    return [
        _slip(pick.order, prices=prices, address=_address(pick, reason) if addresses else [])
        for pick in picks
    ]


def _slip(order: Order, *, prices: bool, address: list[str]) -> dict[str, Any]:
    site = site_of(order.platform.kind, order.marketplace_id)
    language = language_of(site.code if site else "")
    with override(language):
        lines = [
            {
                "sku": item.sku,
                "title": item.title,
                "quantity": item.units_to_ship,
                "price": money(item.unit_price, item.currency) if prices else "",
            }
            for item in order.items_to_ship
        ]
        return {
            "order": order.external_id,
            "bought": date_format(localtime(order.purchased_at), "DATE_FORMAT"),
            "lines": lines,
            "total": money(order.total, order.currency) if prices else "",
            "address": address,
            "words": WORDS[language],
            "language": language,
            "barcode": code_128(order.external_id),
        }


def _address(pick: Pick, reason: str) -> list[str]:
    """Line by line; [] where nothing is stored (any more)."""
    buyer = read_buyer(pick.order, reason=reason)
    if buyer is None:
        return []
    return address_lines(buyer)
