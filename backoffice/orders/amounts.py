"""The amounts of an order on its page: whether they add up, and by how much they do not."""

from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.cells import badge, money
from orders.amounts import Sum

WHY_UNKNOWN = {
    "total": gettext_lazy("The platform did not report the order's total."),
    "lines": gettext_lazy("The platform did not report the total of every line."),
    "currencies": gettext_lazy("The lines are in another currency than the order."),
}


def sum_badge(found: Sum) -> SafeString:
    if found.difference is None:
        return badge(_("cannot be checked"), title=WHY_UNKNOWN[found.why_unknown])
    return badge(_("does not add up"), "danger") if found.difference else badge(_("adds up"), "success")


def sum_cells(found: Sum, currency: str) -> dict[str, Any]:
    """The amounts with their currency, and as a sentence what is wrong with them, "" where they add up."""
    if found.why_unknown:
        verdict = str(WHY_UNKNOWN[found.why_unknown])
    elif found.difference:
        verdict = _(
            "The items do not add up to the total. Compare it with the platform's own page of the order."
        )
    else:
        verdict = ""
    amounts = {name: getattr(found, name) for name in ("lines", "beside", "total", "difference")}
    return {name: money(amount, currency) for name, amount in amounts.items()} | {"verdict": verdict}
