"""Who may decide what OMS writes: the tab of a platform's page, and the page of the one switch that stops all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.confinement import visible_platforms, within
from backoffice.base.cells import badge
from backoffice.shipping.presentation import SEE, holdup, stop_line, waiting_line
from backoffice.shipping.shipment_page import content_of
from backoffice.users.second_factor.confirming import ask_first
from core.format import format_datetime
from core.text import storable_text
from integrations.errors import BadInput
from integrations.models import OutboxEntry, WritingPolicy
from integrations.registry import CHANNELS, channel_label
from integrations.shipping.overview import Standing, standing_of, standings
from integrations.shipping.policy import policy_of, writing_stop
from integrations.shipping.switching import resume_writing, set_policy, stop_writing
from orders.models import Collection, Shipment
from orders.risk import collections_after, set_collection
from platforms.models import Platform

SWITCH = "integrations.change_writingpolicy"
STOP = "integrations.change_writingstop"
MOST_REHEARSALS = 10
Mode = WritingPolicy.Mode
MODE_COLOURS = {Mode.LIVE: "success", Mode.REHEARSAL: "info"}
MODE_NAMES = {
    Mode.OFF: gettext_lazy("off"),
    Mode.REHEARSAL: gettext_lazy("rehearsal"),
    Mode.LIVE: gettext_lazy("on"),
}
DAYS = "1234567"  # as of ISO 8601: 1 is Monday
USUAL_LIMIT = 500  # shipments in an hour, to begin with


class WritingForm(forms.Form):
    mode = forms.ChoiceField(choices=Mode.choices, widget=forms.RadioSelect)
    hourly_limit = forms.IntegerField(
        min_value=0, required=False, widget=forms.NumberInput({"class": "oms-input", "min": 0})
    )


class CollectionForm(forms.Form):
    at = forms.TimeField(
        label=gettext_lazy("Collected at"),
        required=False,
        widget=forms.TimeInput({"class": "oms-input", "type": "time"}, format="%H:%M"),
        help_text=gettext_lazy("Empty: nobody says when the carrier comes."),
    )
    days = forms.MultipleChoiceField(
        label=gettext_lazy("On"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["days"].choices = list(weekdays())  # type: ignore[attr-defined]  # it is one of choices


def weekdays() -> Iterator[tuple[str, str]]:
    """From Monday on, with the names of the reader's language."""
    for number in DAYS:
        yield number, date_format(date(2024, 1, int(number)), "l")  # that year began with a Monday


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would have been sent."""

    shipment: Shipment
    content: list[tuple[str, str]]
    at: str


def confirms(platform: Platform) -> bool:
    """Whether the channel of this platform is told of shipments."""
    channel = CHANNELS.get(platform.kind)
    return channel is not None and channel.confirms_shipments


def tab_of(request: HttpRequest, platform: Platform) -> dict[str, Any] | None:
    """What the tab shows; None where the channel is not told of shipments, or the reader may not see them."""
    if not confirms(platform) or not request.user.has_perm(SEE):
        return None
    policy, standing = policy_of(platform), standing_of(platform)
    collection = Collection.objects.filter(platform=platform).first()
    limit = policy.hourly_limit or (USUAL_LIMIT if policy.mode == Mode.OFF else 0)
    values = (
        {"at": collection.at, "days": list(collection.days)}
        if collection
        else {"days": list(Collection.WORKDAYS)}
    )
    return {
        "policy": policy,
        "mode": mode_badge(policy.mode),
        "channel": channel_label(platform.kind),
        "standing": standing,
        "stopped": stop_line(standing),
        "holdup": "" if standing.stop else holdup(standing) if standing.waiting else "",
        "waiting": waiting_line(standing.waiting) if standing.waiting else "",
        "form": WritingForm(initial={"mode": policy.mode, "hourly_limit": limit}),
        "may_switch": request.user.has_perm(SWITCH),
        "rehearsals": list(rehearsals(platform)),
        "collection": collection,
        "collection_form": CollectionForm(initial=values),
        "next_collections": next_collections(collection),
    }


def mode_badge(mode: str) -> Any:
    return badge(MODE_NAMES.get(mode, mode), MODE_COLOURS.get(mode, ""))  # type: ignore[call-overload]


def next_collections(collection: Collection | None) -> list[str]:
    if collection is None or not collection.days:
        return []
    return [format_datetime(moment) for moment in collections_after(collection, timezone.now(), 2)]


def rehearsals(platform: Platform) -> Iterator[Rehearsal]:
    """The last ones. Four queries."""
    entries = OutboxEntry.objects.filter(platform=platform, state=OutboxEntry.State.REHEARSED)
    rows = entries.select_related("shipment", "order").order_by("-next_at", "-pk").defer("order__payload")
    for entry in rows.prefetch_related("order__items")[:MOST_REHEARSALS]:
        items = {item.external_id: item for item in entry.order.items.all()}
        entry.shipment.order = entry.order
        content = list(content_of(entry.content, platform.kind, items))
        yield Rehearsal(entry.shipment, content, format_datetime(entry.finished_at))


def _posted(model_admin: Any, request: HttpRequest, object_id: int) -> Platform:
    platform: Platform | None = model_admin.get_object(request, str(object_id))
    if platform is None:
        raise Http404
    if not request.user.has_perm(SWITCH) or request.method != "POST" or not confirms(platform):
        raise PermissionDenied
    return platform


def _tab_address(platform: Platform) -> str:
    return f"{reverse('admin:platforms_platform_change', args=[platform.pk])}?tab=shipping"


def writing_view(model_admin: Any, request: HttpRequest, object_id: int) -> HttpResponse:
    """POST: what OMS may write to a platform from now on. Switching it on asks first whether it is him."""
    platform = _posted(model_admin, request, object_id)
    form, back = WritingForm(request.POST), _tab_address(platform)
    if not form.is_valid():
        messages.error(
            request, _("Nothing was changed: choose off, rehearsal or on, and a number of shipments.")
        )
        return HttpResponseRedirect(back)
    mode, limit = form.cleaned_data["mode"], form.cleaned_data["hourly_limit"] or 0
    if mode == Mode.LIVE:
        if "understood" not in request.POST and policy_of(platform).mode != Mode.LIVE:
            messages.error(request, _("Nothing was changed: say that you have read what writing means."))
            return HttpResponseRedirect(back)
        if asked := ask_first(request, back):
            return asked
    try:
        set_policy(platform, mode=mode, hourly_limit=limit, who=request.user.get_username())
    except BadInput:
        messages.error(
            request, _("Nothing was changed: say how many shipments may be sent in an hour at most.")
        )
    else:
        text = _("Writing to platform %(platform)s: %(mode)s.")
        messages.success(request, text % {"platform": platform, "mode": MODE_NAMES[mode]})
    return HttpResponseRedirect(back)


def collection_view(model_admin: Any, request: HttpRequest, object_id: int) -> HttpResponse:
    """POST: when the carrier collects the parcels of a platform, in the time zone of whoever says so."""
    platform = _posted(model_admin, request, object_id)
    form = CollectionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed: write the time like 16:30."))
        return HttpResponseRedirect(_tab_address(platform))
    at, days = form.cleaned_data["at"], "".join(sorted(form.cleaned_data["days"]))
    set_collection(platform, at=at if days else None, days=days, zone=timezone.get_current_timezone_name())
    messages.success(
        request, _("The collection is stored.") if at and days else _("No collection is stored.")
    )
    return HttpResponseRedirect(_tab_address(platform))


def switch_page(request: HttpRequest) -> HttpResponse:
    """Whether anything is written anywhere. POST `stop` stops it everywhere at once, `resume` lets it go on."""
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    may_stop = request.user.has_perm(STOP) and visible_platforms(request) is None
    if request.method == "POST":
        if not may_stop:
            raise PermissionDenied
        return _switched(request)
    platforms = within(
        Platform.objects.defer("api_config").order_by("name"), visible_platforms(request), "pk"
    )
    told = [platform for platform in platforms if confirms(platform)]
    found = standings(told)
    context = {
        **admin.site.each_context(request),
        "title": _("Writing to platforms"),
        "stop": writing_stop(),
        "may_stop": may_stop,
        "rows": [_row(found[platform.pk]) for platform in told],
    }
    return TemplateResponse(request, "shipping/writing.html", context)


def _row(standing: Standing) -> dict[str, Any]:
    return {
        "platform": standing.platform,
        "mode": mode_badge(standing.mode),
        "limit": standing.hourly_limit,
        "waiting": standing.waiting,
        "holdup": "" if standing.stop or not standing.waiting else holdup(standing),
        "href": _tab_address(standing.platform),
    }


def _switched(request: HttpRequest) -> HttpResponse:
    who = request.user.get_username()
    if "stop" in request.POST:
        stop_writing(who=who, reason=storable_text(request.POST.get("reason", "")).strip())
        messages.success(request, _("Nothing is written to any platform any more. What is queued waits."))
    elif "resume" in request.POST:
        if asked := ask_first(request, reverse("writing")):
            return asked
        resume_writing(who=who)
        messages.success(request, _("Writing goes on. What waited is sent now."))
    return HttpResponseRedirect(reverse("writing"))
