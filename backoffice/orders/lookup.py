""" "Where is my order?" in the admin: paste an id, see what is known, ask the platform, store what it says."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View

from access.confinement import visible_platforms, within
from backoffice.base.cells import source_badge
from backoffice.base.channels import channels_in_use
from backoffice.orders.audited import Audited, audited, day_of_answer
from backoffice.orders.order_page import due_badge, shipping_of
from backoffice.orders.status import state_badges
from backoffice.orders.timeline import readable
from backoffice.shipping.presentation import SEE as SEE_SHIPMENTS
from backoffice.shipping.presentation import SHIP
from backoffice.syncs.presentation import status_badge
from core.format import format_datetime, platform_time
from integrations.completeness.failures import recheck
from integrations.errors import PlatformError
from integrations.lookup.order import Answer, ask, is_likely_id, read_order_id, store
from integrations.lookup.stored import KnownOrder, known_orders, order_id_of_package, orders_like
from integrations.models import StreamState, SyncLog
from integrations.registry import channel_label
from platforms.models import SYNC_PERMISSION, Platform

SEE = "orders.view_order"
LONGEST_ID = 128


class WhereIsMyOrder(View):
    """GET ?id=… says what is known. POST `ask` asks one platform or all; POST `store` stores its answer."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm(SEE):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, request.GET.get("id", ""), {})

    def post(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(SYNC_PERMISSION):
            raise PermissionDenied
        text = request.POST.get("id", "")
        external_id = _read(text)
        if not external_id:
            return self._page(request, text, {})
        if "store" in request.POST:
            return self._store(request, external_id, _platform(request, request.POST["store"]))
        chosen = request.POST.get("ask", "")
        platforms = (
            _platforms(request).filter(is_active=True) if chosen == "all" else [_platform(request, chosen)]
        )
        return self._page(request, text, {platform.pk: _ask(platform, external_id) for platform in platforms})

    def _store(self, request: HttpRequest, external_id: str, platform: Platform) -> HttpResponse:
        user: Any = request.user  # not anonymous: it has the permission
        try:
            order, outcome = store(platform, external_id, user=user)
            recheck(platform, external_id, user=user)
        except PlatformError as error:
            return self._page(request, external_id, {platform.pk: {"error": _sentence(error)}})
        if outcome.created:
            messages.success(request, _("The order is stored now."))
        elif outcome.updated:
            messages.success(request, _("The order is stored as the platform reports it now."))
        else:
            messages.info(request, _("The order was stored like that already; nothing was changed."))
        return HttpResponseRedirect(reverse("admin:orders_order_change", args=[order.pk]))

    def _page(self, request: HttpRequest, text: str, answers: dict[int, dict[str, Any]]) -> HttpResponse:
        external_id, tracking_number = _read(text), ""
        visible = visible_platforms(request)
        found = known_orders(external_id, visible) if external_id else []
        is_stored = any(one.order for one in found)
        if external_id and not is_stored and (of_package := order_id_of_package(external_id, visible)):
            external_id, tracking_number = of_package, external_id
            found = known_orders(external_id, visible)
        is_stored = any(one.order for one in found)
        alike = [] if is_stored or not external_id else orders_like(external_id, visible)
        context = {
            **admin.site.each_context(request),
            "title": _("Where is my order?"),
            "alike": [(order, due_badge(order) or state_badges(order)) for order in alike],
            "pasted": text[:LONGEST_ID],
            "external_id": external_id,
            "tracking_number": tracking_number,
            "is_too_long": bool(text.strip()) and not external_id,
            "is_odd": bool(external_id) and not is_likely_id(external_id) and not (is_stored or alike),
            "id_help": " ".join(str(channel.order_id_help) for channel in channels_in_use(request)),
            **_cards(found, answers, {} if alike else audited(external_id, found)),
            "may_ask": request.user.has_perm(SYNC_PERMISSION),
            "may_see_shipments": request.user.has_perm(SEE_SHIPMENTS),
            "may_ship": request.user.has_perm(SHIP),
            "may_see_syncs": request.user.has_perm("integrations.view_synclog"),
            "may_see_failures": request.user.has_perm("integrations.view_syncfailure"),
        }
        return TemplateResponse(request, "orders/where.html", context)


def _read(text: str) -> str:
    """The id; "" for what no order id can be."""
    external_id = read_order_id(text)
    return external_id if len(external_id) <= LONGEST_ID and "\0" not in external_id else ""


def _platforms(request: HttpRequest) -> QuerySet[Platform]:
    """Those that the reader may see."""
    return within(Platform.objects.all(), visible_platforms(request), "pk")


def _platform(request: HttpRequest, text: str) -> Platform:
    return get_object_or_404(
        _platforms(request), pk=text if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    )


def _ask(platform: Platform, external_id: str) -> dict[str, Any]:
    try:
        answer = ask(platform, external_id)
    except PlatformError as error:
        return {"error": _sentence(error)}
    if answer.problem is not None:
        return {"error": answer.problem.message}
    return {
        "answer": answer,
        "source": source_badge(answer.source),
        "differences": list(readable(answer.changes or [])),
        "lines": sum(item.quantity_ordered or 0 for item in answer.record.items) if answer.record else 0,
        "verdict": _verdict(platform, answer),
        "day": day_of_answer(platform, answer.record),
        "covering": [{"log": log, "state": status_badge(log)} for log in answer.covering],
    }


def _sentence(error: PlatformError) -> str:
    """With the platform's request id, unless the sentence contains it."""
    text = str(error)
    if error.request_id and error.request_id not in text:
        request_id = _("Request id: %(id)s") % {"id": error.request_id}
        text = f"{text} {request_id}"
    return text


def _cards(
    found: list[KnownOrder], answers: dict[int, dict[str, Any]], audits: dict[int, Audited]
) -> dict[str, Any]:
    """Where one has the order, those that know nothing of it come last and folded, unless they were asked."""
    cards = [
        _card(known, answers.get(known.platform.pk)) | {"audited": audits.get(known.platform.pk)}
        for known in found
    ]
    if not any(card["order"] for card in cards):
        return {"found": cards}
    others = [card for card in cards if not (card["order"] or card["failures"] or card["asked"])]
    for card in others[:1]:
        card["is_first_other"] = True
    return {"found": [card for card in cards if card not in others] + others, "others": len(others)}


def _card(known: KnownOrder, answer: dict[str, Any] | None) -> dict[str, Any]:
    logs = [log for log in (known.open_sync, *known.broken) if log is not None]
    return {
        "known": known,
        "platform": known.platform,
        "channel": channel_label(known.platform.kind),
        "order": known.order,
        "source": source_badge(known.order.source) if known.order else "",
        "shipping": shipping_of(known.order) if known.order else None,
        "fetched": ", ".join(site.code for site in known.fetched),
        "failures": known.failures,
        "syncs": [{"log": log, "state": status_badge(log)} for log in logs],
        "asked": answer,
    }


def _verdict(platform: Platform, answer: Answer) -> str:
    """Which sync should have brought what the platform says now, as a sentence."""
    record = answer.record
    if record is None or answer.changes == []:
        return ""
    watermark = StreamState.of(platform, SyncLog.Kind.ORDERS).watermark_of(record.marketplace_id)
    times = {
        "changed": platform_time(record.platform_updated_at),
        "until": format_datetime(watermark),
    }
    if answer.covering:
        log = answer.covering[0]
        if log.status in SyncLog.GOOD:
            text = _(
                "It changed at %(changed)s. Sync #%(id)s covered that time and was read to its end: the platform did "
                "not list the order then, or it could not be stored (see the failures)."
            )
        elif log.is_open:
            text = _("It changed at %(changed)s. Sync #%(id)s, which is not done yet, should bring it.")
        else:
            text = _("It changed at %(changed)s. Sync #%(id)s should have brought it, and did not end well.")
        return text % (times | {"id": log.pk})
    if watermark is None:
        return _(
            "No live orders sync of this platform was ever completed: the first one brings recent orders."
        )
    if record.platform_updated_at >= watermark:
        text = _("It changed at %(changed)s; orders are complete until %(until)s. The next sync brings it.")
    else:
        text = _(
            "It last changed at %(changed)s, before the time that any sync covered. Store it here, or start a sync "
            "with an earlier start."
        )
    return text % times
