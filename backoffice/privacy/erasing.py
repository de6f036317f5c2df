"""Erasing buyer data in the admin: the page that asks about an order, and the question on a platform's form."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.db.models import Count, Max
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.format import format_datetime, grouped
from orders.background_erasing import ask_to_erase_platform
from orders.erasing import OnHold, Receipt, erase_of_order
from orders.models import Erasure, LegalHold, Order, OrderBuyer
from platforms.models import Platform

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import TextInput
else:
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

ERASE = "orders.delete_orderbuyer"
KEEP, NOW = "keep", "erase"


class ReasonForm(forms.Form):
    """Why buyer data is read or erased; asked as over the API."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        widget=TextInput(),
        help_text=gettext_lazy("For the audit, without names or addresses of buyers."),
    )


def may_be_asked(request: HttpRequest, platform: Platform | None) -> bool:
    """Whether the form asks what happens to the stored buyer data when a platform no longer stores any."""
    return (
        platform is not None
        and platform.include_pii
        and request.user.has_perms((ERASE, "platforms.change_platform"))
        and OrderBuyer.objects.filter(order__platform=platform).exists()
    )


def erase_order(request: HttpRequest, order: Order, reason: str) -> None:
    try:
        receipt = erase_of_order(order, reason=reason)
    except OnHold as held:
        messages.error(request, _hold_text(held.hold))
        return
    tell(request, receipt)


def end_storing(request: HttpRequest, platform: Platform, *, erases: bool) -> None:
    """The platform stores no more buyer data: erase what it has stored, or say that it stays, and how long."""
    if erases:
        ask_to_erase(request, platform, _("The platform stores no more buyer data."))
        return
    kept = OrderBuyer.objects.filter(order__platform=platform).aggregate(
        count=Count("pk"), last=Max("purge_after")
    )
    if kept["count"]:
        text = ngettext(
            "The buyer data of %(count)s order stays until its time has come: %(last)s at the latest.",
            "The buyer data of %(count)s orders stays until its time has come: %(last)s at the latest.",
            kept["count"],
        )
        messages.info(
            request, text % {"count": grouped(kept["count"]), "last": format_datetime(kept["last"])}
        )


def ask_to_erase(request: HttpRequest, platform: Platform, reason: str) -> Erasure:
    """All that the platform has stored, in the background."""
    asked = ask_to_erase_platform(platform, reason=reason)
    text = _("The buyer data of %(platform)s is being erased in the background. Receipt: %(receipt)s.")
    messages.success(request, text % {"platform": platform, "receipt": asked.number})
    return asked


def tell(request: HttpRequest, receipt: Receipt) -> None:
    """What was erased, and what was not."""
    count = len(receipt.orders)
    text = ngettext(
        "The buyer data of %(count)s order was erased. Receipt: %(receipt)s.",
        "The buyer data of %(count)s orders was erased. Receipt: %(receipt)s.",
        count,
    )
    messages.success(request, text % {"count": grouped(count), "receipt": receipt.number})
    if receipt.held:
        text = ngettext(
            "A legal hold keeps the buyer data of %(count)s order.",
            "A legal hold keeps the buyer data of %(count)s orders.",
            len(receipt.held),
        )
        messages.warning(request, text % {"count": grouped(len(receipt.held))})


def _hold_text(hold: LegalHold) -> str:
    text = _("Nothing was erased: a legal hold keeps it until %(until)s. Its reason: %(reason)s")
    return text % {"until": format_datetime(hold.until), "reason": hold.reason}
