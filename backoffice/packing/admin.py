"""Pick lists: what to fetch, whose orders they are, and how far each is; and the packing slips that go along."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache

from access.confinement import visible_platforms, within
from backoffice.base.cells import badge, datetime_cell, items_at_a_glance, number
from backoffice.base.model_admin import ReadOnlyAdmin
from backoffice.base.pictures import Thumbnails
from backoffice.orders.items import first_picture, items_to_show
from backoffice.packing.picking import PACK, page_of, to_list
from backoffice.packing.slips import SlipForm, slips
from backoffice.packing.words import FROM_THE_RIGHT
from backoffice.users.second_factor.confirming import ask_first
from core.format import grouped
from inventory.sku_settings import bins_of
from orders.models import Order, Pick, PickList
from orders.packing import PickLine, mark_packed, mark_picked, pick_lines, put_back, scanned, skus_to_pick

SEE_BUYER = "orders.view_orderbuyer"
MARKS = {"picked": mark_picked, "packed": mark_packed}


# Where Unicode has the Latin, Greek and Cyrillic letters, which are those of the font of the PDF.
LETTERS_OF_EUROPE = (range(0x0530), range(0x1E00, 0x2000))


@admin.register(PickList)
class PickListAdmin(ReadOnlyAdmin):
    platform_column = "picks__order__platform"
    list_display = ("title", "made_by", "made", "number_orders", "progress")
    search_fields = ("picks__order__external_id",)
    search_help_text = gettext_lazy("Order id")
    empty_text = gettext_lazy("Select orders in the list of orders, and choose the action Pick list.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PickList]:
        in_hand, is_packed = Q(picks__open_key__isnull=False), Q(picks__packed_at__isnull=False)
        counts = in_hand & (is_packed | Order.is_to_ship_when("picks__order__"))
        rows: QuerySet[PickList] = (
            super()
            .get_queryset(request)
            .annotate(
                orders=Count("picks", filter=in_hand, distinct=True),
                to_pack=Count("picks", filter=counts, distinct=True),
                packed=Count("picks", filter=in_hand & is_packed, distinct=True),
            )
        )
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PickList], search_term: str
    ) -> tuple[QuerySet[PickList], bool]:
        """A list may have orders of several platforms: by those that the reader may not see, nothing is found."""
        picks = within(Pick.objects.all(), visible_platforms(request), "order__platform")
        for word in search_term.split():
            named = picks.filter(order__external_id__icontains=word)
            queryset = queryset.filter(pk__in=named.values("pick_list"))
        return queryset, False

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:object_id>/mark/", wrap(self.mark_view), name="orders_picklist_mark"),
            path("<int:object_id>/pdf/", wrap(never_cache(self.pdf_view)), name="orders_picklist_pdf"),
            path("<int:object_id>/slips/", wrap(never_cache(self.slips_view)), name="orders_picklist_slips"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        pick_list = self.get_object(request, object_id)
        if pick_list is None:
            raise Http404
        if not self.has_view_permission(request, pick_list):
            raise PermissionDenied
        picks = list(self._picks(request, pick_list))
        lines = lines_with_bins(picks)
        thumbnails = Thumbnails(
            (pick.order.platform, item.asin) for pick in picks for item in pick.order.items.all()
        )
        context = {
            **self.admin_site.each_context(request),
            "title": str(pick_list),
            "opts": self.opts,
            "original": pick_list,
            "lines": [(line, thumbnails.of(*line.product) if line.product else "") for line in lines],
            "has_pictures": thumbnails.are_shown,
            "has_bins": any(line.bins for line in lines),
            "has_other_letters": any(_has_other_letters(f"{line.sku} {line.title}") for line in lines),
            "picks": [(pick, _glance(pick.order), first_picture(pick.order, thumbnails)) for pick in picks],
            "left": sum(pick.is_to_pack for pick in picks),
            "elsewhere": sum(pick.is_done_elsewhere for pick in picks),
            "may_pack": request.user.has_perm(PACK),
            "form": SlipForm(may_read_buyers=request.user.has_perm(SEE_BUYER)),
        }
        return TemplateResponse(request, "orders/pick_list.html", context)

    def mark_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """POST: what a scanner read, or the orders that were ticked, become picked or packed, or are put back."""
        pick_list = self._posted(request, object_id)
        picks = self._picks(request, pick_list)
        action = request.POST.get("action", "")
        if code := request.POST.get("code", "").strip():
            pick = scanned(picks, code)
            if pick is None:
                messages.error(request, _("“%(code)s” is not on this list.") % {"code": code[:60]})
                return to_list(pick_list)
            picks = picks.filter(pk=pick.pk)
        elif "all" not in request.POST:
            picks = picks.filter(pk__in=[each for each in request.POST.getlist("pick") if each.isdecimal()])
        _report(request, action, _mark(action, picks, request.user.get_username()), code)
        return to_list(pick_list)

    def slips_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """POST, since addresses are recorded when they are read. Prints what is in hand and not packed, or all."""
        pick_list = self._posted(request, object_id)
        form = SlipForm(request.POST, may_read_buyers=request.user.has_perm(SEE_BUYER))
        if not form.is_valid():
            messages.error(request, _("Choose a paper."))
            return to_list(pick_list)
        addresses = bool(form.cleaned_data.get("addresses"))
        if addresses and (asked := ask_first(request, page_of(pick_list))):
            return asked
        picks = self._picks(request, pick_list).filter(open_key__isnull=False)
        reason = f"Packing slips of pick list {pick_list.pk}"
        is_pdf = request.POST.get("as") == "pdf"
        printed = slips(picks, prices=form.cleaned_data["prices"], addresses=addresses, reason=reason)
        if is_pdf:
            size = form.cleaned_data["size"]
            return _pdf(request, pick_list, "slips", lambda pdf: pdf.slips_pdf(printed, size))
        context = {"slips": printed, "size": form.cleaned_data["size"], "title": _("Packing slips")}
        return TemplateResponse(request, "orders/packing_slips.html", context)

    def pdf_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What is to be fetched, as a file to print."""
        pick_list = self.get_object(request, str(object_id))
        if pick_list is None:
            raise Http404
        if not self.has_view_permission(request, pick_list):
            raise PermissionDenied
        lines = lines_with_bins(list(self._picks(request, pick_list)))
        title = str(pick_list)
        return _pdf(request, pick_list, "pick-list", lambda pdf: pdf.pick_list_pdf(title, lines))

    def _posted(self, request: HttpRequest, object_id: int) -> PickList:
        pick_list: PickList | None = self.get_object(request, str(object_id))
        if pick_list is None:
            raise Http404
        if not request.user.has_perm(PACK) or request.method != "POST":
            raise PermissionDenied
        return pick_list

    def _picks(self, request: HttpRequest, pick_list: PickList) -> QuerySet[Pick]:
        rows = pick_list.picks.select_related("order__platform").prefetch_related("order__items")
        return within(rows.order_by("order__ship_by", "pk"), visible_platforms(request), "order__platform")

    @admin.display(description=gettext_lazy("pick list"), ordering="pk")
    def title(self, obj: PickList) -> str:
        return str(obj)

    @admin.display(description=gettext_lazy("made"), ordering="made_at")
    def made(self, obj: PickList) -> SafeString:
        return datetime_cell(obj.made_at)

    @admin.display(description=gettext_lazy("orders"))
    def number_orders(self, obj: Any) -> SafeString:
        return number(obj.orders)

    @admin.display(description=gettext_lazy("state"))
    def progress(self, obj: Any) -> SafeString:
        """Of those that are to be packed: what was shipped by another way, nobody waits for."""
        if not obj.packed and not obj.to_pack:
            return badge(_("nothing left to pack"), "info")
        if obj.packed >= obj.to_pack:
            return badge(_("packed"), "success")
        return badge(
            _("%(packed)d of %(orders)d packed") % {"packed": obj.packed, "orders": obj.to_pack}, "warning"
        )


def _pdf(request: HttpRequest, pick_list: PickList, name: str, write: Callable[[Any], bytes]) -> HttpResponse:
    """The file that `write` makes with the module for it, or the page of the list with the reason why there is none."""
    from backoffice.packing import pdf  # takes 45 MB and a quarter of a second, which no other page needs

    try:
        data = write(pdf)
    except pdf.Unwritable as problem:
        text = _(
            "No PDF was made: %(about)s has letters for which OMS has no font. The page to print has them."
        )
        messages.error(request, text % {"about": problem.about})
        return to_list(pick_list)
    headers = {"Content-Disposition": f'inline; filename="{name}-{pick_list.pk}.pdf"'}
    return HttpResponse(data, content_type="application/pdf", headers=headers)


def _has_other_letters(text: str) -> bool:
    """Whether there are letters that the fonts of the PDF have not, as far as that is known without opening them."""
    return any(char.isalpha() and not _may_be_there(char) for char in text)


def _may_be_there(letter: str) -> bool:
    if any(ord(letter) in some for some in LETTERS_OF_EUROPE):
        return True
    return bool(settings.PDF_FONT_FALLBACK) and unicodedata.bidirectional(letter) not in FROM_THE_RIGHT


def lines_with_bins(picks: Sequence[Pick]) -> list[PickLine]:
    return pick_lines(picks, bins_of(skus_to_pick(picks)))


def _mark(action: str, picks: QuerySet[Pick], who: str) -> int:
    """How many were changed. Without a join: the database changes no rows of a sorted one."""
    rows = Pick.objects.filter(pk__in=list(picks.values_list("pk", flat=True)))
    if action in MARKS:
        return MARKS[action](rows, who)
    return put_back(rows) if action == "back" else 0


def _report(request: HttpRequest, action: str, count: int, code: str) -> None:
    done = {
        "picked": ngettext("%(count)s order is picked.", "%(count)s orders are picked.", count),
        "packed": ngettext("%(count)s order is packed.", "%(count)s orders are packed.", count),
        "back": ngettext("%(count)s order was put back.", "%(count)s orders were put back.", count),
    }
    if not count and code:
        text = _("%(code)s: nothing was changed, it is that far already.")
        messages.warning(request, text % {"code": code})
    elif not count:
        messages.warning(request, _("Nothing was changed: tick orders that are not that far yet."))
    elif code:
        messages.success(request, f"{code}: {done[action] % {'count': grouped(count)}}")
    else:
        messages.success(request, done[action] % {"count": grouped(count)})


def _glance(order: Order) -> str:
    return items_at_a_glance([(units, item.sku) for units, item in items_to_show(order)])
