"""On the page of a platform: whether its account has left FBA, and the button with which a person says so."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.base.model_admin import Button
from core.format import format_datetime, grouped
from integrations.registry import channel_label, site_of
from integrations.sync.stock_end import StockEnd, end_stock, stock_end_of
from platforms.models import Platform

LABEL = gettext_lazy("No FBA any more")


def button() -> Button:
    return Button(
        name="end-stock",
        label=LABEL,
        icon="inventory_2",
        run=report_end,
        permission="platforms.change_platform",
        is_shown=lambda platform: _known(platform) is not None,
    )


def advice(platform: Platform) -> str:
    """What there is to decide, and what follows; "" where nothing is."""
    end = _known(platform)
    if end is None:
        return ""
    words = {
        "channel": channel_label(platform.kind),
        "button": LABEL,
        "places": _places(platform, end),
        "since": format_datetime(end.since),
        "count": grouped(end.rows),
    }
    if end.since is None:
        text = _(
            "%(channel)s lists no stock of this account any more; all that was stored is gone. If the account has left "
            "FBA, press “%(button)s”: syncs of stock are switched off. If not, leave it: OMS goes on asking."
        )
        return text % words
    text = ngettext(
        "%(channel)s has refused the list of stock of this account (%(places)s) since %(since)s, as it does where an "
        "account has no FBA. An outage hardly lasts so long. If the account has left FBA there, press “%(button)s”: "
        "%(count)s row that is stored as listed is marked as gone, with nothing in stock.",
        "%(channel)s has refused the list of stock of this account (%(places)s) since %(since)s, as it does where an "
        "account has no FBA. An outage hardly lasts so long. If the account has left FBA there, press “%(button)s”: "
        "%(count)s rows that are stored as listed are marked as gone, with nothing in stock.",
        end.rows,
    )
    rest = (
        _("Syncs of stock are switched off.") if end.is_all else _("The other marketplaces stay as they are.")
    )
    otherwise = _("If not, leave it: OMS goes on asking.")
    return f"{text % words} {rest} {otherwise}"


def report_end(request: HttpRequest, platform: Platform) -> None:
    """Do what the person decided, and say what follows."""
    end = end_stock(platform)
    if end is None:
        messages.warning(request, _("Nothing was changed: the stock of this account is listed again."))
        return
    done = ngettext(
        "%(count)s row of stock was marked as gone.", "%(count)s rows of stock were marked as gone.", end.rows
    )
    text = done % {"count": grouped(end.rows)}
    if end.is_all:
        off = _("Syncs of stock are off; set the minutes between them to switch them on again.")
        text = f"{text} {off}"
    messages.success(request, text)


def _known(platform: Platform) -> StockEnd | None:
    """Asked once for each page."""
    if not hasattr(platform, "_stock_end"):
        platform._stock_end = stock_end_of(platform)  # type: ignore[attr-defined]
    end: StockEnd | None = platform._stock_end  # type: ignore[attr-defined]
    return end


def _places(platform: Platform, end: StockEnd) -> str:
    sites = [site_of(platform.kind, marketplace) for marketplace in end.marketplaces]
    return ", ".join(str(site.name) for site in sites if site)
