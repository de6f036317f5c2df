"""Webhooks: where events are sent, tests, new secrets; and the log of what was sent, to be replayed."""

import json
from collections.abc import Collection
from typing import Any

from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.cache import add_never_cache_headers
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from access.confinement import visible_platforms
from backoffice.base.cells import datetime_cell, link_to, number, pretty_json, shortened
from backoffice.base.model_admin import Button, DayRangeFilter, OmsAdmin, ReadOnlyAdmin, choices_filter
from backoffice.lists.tabs import ALL, Tab
from backoffice.users.second_factor.confirming import ask_first
from backoffice.webhooks.forms import EndpointForm
from backoffice.webhooks.presentation import (
    delivery_badge,
    endpoint_badge,
    endpoint_sentence,
    outcome_of,
    subject_of,
)
from core.encryption import crypter
from core.format import DASH, format_datetime, grouped
from feed.reading import number_committed
from webhooks.endpoints import (
    IsTest,
    NotTold,
    SwitchedOff,
    add_endpoint,
    change_endpoint,
    deliveries_within,
    endpoints_within,
    replay,
    replay_all,
    replay_each,
    rotate_secret,
    send_test,
)
from webhooks.events import SEE_CHANGES, hidden_events
from webhooks.leases import unattended_filter
from webhooks.models import Delivery, Endpoint
from webhooks.queue import number_of

CHANGE = "webhooks.change_endpoint"
STATE = Delivery.State
SECRET = "webhook_secret"  # noqa: S105  the name of what a session holds
ENDPOINT = Prefetch("endpoint", Endpoint.objects.defer("signing_secrets"))


@admin.register(Endpoint)
class EndpointAdmin(OmsAdmin):
    form = EndpointForm
    list_display = ("name", "short_url", "state", "number_waiting", "number_failed", "delivered")
    list_filter = ("is_active",)
    search_fields = ("name", "url")
    search_help_text = gettext_lazy("Name or URL")
    buttons = ("test_button", "replay_button", "rotate_button")
    readonly_fields = ("state", "matter", "number_waiting", "number_failed", "last_delivered", "created_at")
    empty_text = gettext_lazy("A webhook tells another program what has changed. Add one with its URL.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        queryset: QuerySet[Endpoint] = super().get_queryset(request)
        visible = visible_platforms(request)
        return queryset.defer("signing_secrets").annotate(
            waiting=number_of(STATE.PENDING, visible),
            failed=number_of(STATE.FAILED, visible),
            unattended=ExpressionWrapper(unattended_filter(), output_field=BooleanField()),
        )

    def confine(self, request: HttpRequest, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        return rows.filter(pk__in=endpoints_within(ids))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets: list[Any] = [(None, {"fields": ("name", "url", "events", "platform_ids", "is_active")})]
        if obj is not None:
            shown = ("state", "matter", ("number_waiting", "number_failed"), ("last_delivered", "created_at"))
            sets.append((_("State"), {"fields": shown}))
        return sets

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.user = request.user  # type: ignore[attr-defined]  # a class of this request's own
        form.visible = visible_platforms(request)  # type: ignore[attr-defined]
        return form

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Django makes a transaction of it: changes are numbered before (feed/reading.py)."""
        may = self.has_change_permission(request) if object_id else self.has_add_permission(request)
        if may and (asked := ask_first(request)):
            return asked
        if request.method == "POST":
            number_committed()
        return super().changeform_view(request, object_id, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        """Writes only what was changed: `run_webhooks` writes to the same row, and so may others."""
        if not change:
            obj.shown_secret = add_endpoint(obj)  # type: ignore[attr-defined]  # for response_add
            return
        stored = Endpoint.objects.get(pk=obj.pk)
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        goes_on = change_endpoint(stored, changed)
        if form.cleaned_data["is_active"] and not stored.is_active:
            text = _(
                "It was switched off while the page was open, and still is. Tick active to switch it on."
            )
            messages.warning(request, text)
        if not goes_on:
            text = _(
                "What has changed while it was off is no longer kept. It is told of what changes from now on; the "
                "receiver has to read the lists once."
            )
            messages.warning(request, text)

    def response_add(
        self, request: HttpRequest, obj: Endpoint, post_url_continue: Any = None
    ) -> HttpResponse:
        return self._to_secret_page(request, obj, obj.shown_secret)  # type: ignore[attr-defined]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Deliveries cannot be deleted by themselves; those of a webhook are deleted with it, and are counted here
        instead of being listed one by one."""
        deliveries = Delivery.objects.filter(endpoint__in=objs).count()
        counts = {
            capfirst(Endpoint._meta.verbose_name_plural): len(objs),
            capfirst(Delivery._meta.verbose_name_plural): deliveries,
        }
        return [str(endpoint) for endpoint in objs], counts, set(), []

    def test_button(self) -> Button:
        return Button(
            name="test", label=gettext_lazy("Send a test"), icon="send", run=_send_test, permission=CHANGE
        )

    def replay_button(self) -> Button:
        return Button(
            name="replay",
            label=gettext_lazy("Replay what failed"),
            icon="replay",
            run=_replay_failed,
            permission=CHANGE,
            is_shown=lambda endpoint: endpoint.is_active and bool(getattr(endpoint, "failed", 0)),
        )

    def rotate_button(self) -> Button:
        return Button(
            name="rotate",
            label=gettext_lazy("New secret"),
            icon="key",
            run=self._rotate,
            permission=CHANGE,
        )

    def _rotate(self, request: HttpRequest, endpoint: Endpoint) -> HttpResponse:
        """Confirming leads back to the page of the webhook."""
        return ask_first(request) or self._to_secret_page(request, endpoint, rotate_secret(endpoint))

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.secret_view)
        return [path("<int:pk>/secret/", page, name="webhooks_endpoint_secret"), *super().get_urls()]

    def _to_secret_page(self, request: HttpRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
        """A page that answered the form itself would, loaded again, add a second webhook. So the secret waits in the
        session for the next page, encrypted; a message would lie in a cookie."""
        request.session[SECRET] = [endpoint.pk, crypter().encrypt(secret.encode()).decode()]
        return redirect("admin:webhooks_endpoint_secret", endpoint.pk)

    def secret_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The one answer that holds the secret."""
        owner, sealed = request.session.get(SECRET, (None, ""))
        if owner != pk:
            messages.warning(request, _("The secret is not shown again. If it is lost, make a new one."))
            return redirect("admin:webhooks_endpoint_change", pk)
        del request.session[SECRET]
        endpoint = get_object_or_404(self.get_queryset(request), pk=pk)
        context = {
            **self.admin_site.each_context(request),
            "title": endpoint.name,
            "opts": self.opts,
            "endpoint": endpoint,
            "secret": crypter().decrypt(sealed).decode(),
        }
        response = TemplateResponse(request, "webhooks/secret.html", context)
        add_never_cache_headers(response)
        return response

    @admin.display(description="URL", ordering="url")
    def short_url(self, obj: Endpoint) -> SafeString:
        return shortened(obj.url)

    @admin.display(description=gettext_lazy("state"))
    def state(self, obj: Endpoint) -> SafeString:
        return endpoint_badge(obj)

    @admin.display(description=gettext_lazy("what to do"))
    def matter(self, obj: Endpoint) -> str:
        return endpoint_sentence(obj) or DASH

    @admin.display(description=gettext_lazy("waiting"))
    def number_waiting(self, obj: Any) -> SafeString:
        return number(obj.waiting)

    @admin.display(description=gettext_lazy("failed deliveries"))
    def number_failed(self, obj: Any) -> SafeString:
        return number(obj.failed)

    @admin.display(description=gettext_lazy("last delivery"), ordering="last_delivered_at")
    def delivered(self, obj: Endpoint) -> SafeString:
        return datetime_cell(obj.last_delivered_at)

    @admin.display(description=gettext_lazy("last delivery"))
    def last_delivered(self, obj: Endpoint) -> str:
        """In one line, as the other times on its page."""
        return format_datetime(obj.last_delivered_at)


DELIVERY_TABS = (
    ALL,
    Tab(name="pending", label=gettext_lazy("Pending"), query={"state__exact": "pending"}),
    Tab(name="failed", label=gettext_lazy("Failed"), query={"state__exact": "failed"}, is_alarming=True),
)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "event",
        "subject",
        "webhook",
        "state_badge",
        "number_attempts",
        "outcome",
        "created",
        "next_time",
    )
    columns = list_display
    list_filter = (choices_filter("state"), ("created_at", DayRangeFilter))
    tabs = DELIVERY_TABS
    search_fields = ("external_id",)  # see get_search_results
    search_help_text = gettext_lazy("Order id, SKU, message id, event, or name of the webhook")
    actions = ("replay_selected",)
    buttons = ("replay_button",)
    list_select_related = ()
    empty_text = gettext_lazy("Nothing was sent yet.")
    fieldsets = (
        (None, {"fields": (("event", "subject"), ("webhook", "state_badge"), "outcome", "answer_text")}),
        (
            gettext_lazy("Attempts"),
            {
                "fields": (
                    ("number_attempts", "took"),
                    ("created_time", "last_time"),
                    ("delivered_time", "due_time"),
                )
            },
        ),
        (gettext_lazy("Message"), {"fields": ("message_id", "body_text")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        queryset: QuerySet[Delivery] = super().get_queryset(request)
        hidden = hidden_events(request.user)
        queryset = queryset.exclude(event__in=hidden).prefetch_related(ENDPOINT)
        return queryset.defer("body", "answer") if self.is_list(request) else queryset

    def confine(self, request: HttpRequest, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        return deliveries_within(rows, ids)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was sent are changes: who sees it may see them."""
        return super().has_view_permission(request, obj) and request.user.has_perm(SEE_CHANGES)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        """Whole ids, which may contain spaces; each alternative has an index."""
        if term := search_term.strip():
            named = list(Endpoint.objects.filter(name__icontains=term).values_list("pk", flat=True))
            found = Q(external_id=term) | Q(message_id=term) | Q(event=term) | Q(endpoint__in=named)
            queryset = queryset.filter(found)
        return queryset, False

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CHANGE)

    @admin.action(description=gettext_lazy("Replay"), permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        _report_replayed(request, replay_each(queryset))
        return None

    def replay_button(self) -> Button:
        return Button(
            name="replay", label=gettext_lazy("Replay"), icon="replay", run=_replay_one, permission=CHANGE
        )

    @admin.display(description=gettext_lazy("order id or SKU"))
    def subject(self, obj: Delivery) -> SafeString | str:
        return subject_of(obj)

    @admin.display(description=gettext_lazy("webhook"), ordering="endpoint_id")
    def webhook(self, obj: Delivery) -> SafeString:
        return link_to(obj.endpoint)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, obj: Delivery) -> SafeString:
        return delivery_badge(obj)

    @admin.display(description=gettext_lazy("attempts"), ordering="attempts")
    def number_attempts(self, obj: Delivery) -> SafeString:
        return number(obj.attempts)

    @admin.display(description=gettext_lazy("last answer"))
    def outcome(self, obj: Delivery) -> SafeString | str:
        return outcome_of(obj)

    @admin.display(description=gettext_lazy("created"), ordering="created_at")
    def created(self, obj: Delivery) -> SafeString:
        return datetime_cell(obj.created_at)

    @admin.display(description=gettext_lazy("next attempt"), ordering="next_at")
    def next_time(self, obj: Delivery) -> SafeString:
        return datetime_cell(obj.next_at)

    @admin.display(description=gettext_lazy("beginning of the answer"))
    def answer_text(self, obj: Delivery) -> SafeString:
        return format_html('<pre class="oms-json">{}</pre>', obj.answer or DASH)

    @admin.display(description=gettext_lazy("body"))
    def body_text(self, obj: Delivery) -> SafeString:
        return pretty_json(json.loads(obj.body))

    @admin.display(description=gettext_lazy("created"))
    def created_time(self, obj: Delivery) -> str:
        return format_datetime(obj.created_at)

    @admin.display(description=gettext_lazy("last attempt"))
    def last_time(self, obj: Delivery) -> str:
        return format_datetime(obj.attempted_at)

    @admin.display(description=gettext_lazy("delivered"))
    def delivered_time(self, obj: Delivery) -> str:
        return format_datetime(obj.delivered_at)

    @admin.display(description=gettext_lazy("next attempt"))
    def due_time(self, obj: Delivery) -> str:
        return format_datetime(obj.next_at)

    @admin.display(description=gettext_lazy("duration"))
    def took(self, obj: Delivery) -> str:
        return DASH if obj.seconds is None else _("%(n)s s") % {"n": number_format(obj.seconds, 2)}


def _send_test(request: HttpRequest, endpoint: Endpoint) -> HttpResponse | None:
    try:
        delivery = send_test(endpoint)
    except Endpoint.DoesNotExist:
        return _gone(request)
    _report_tested(request, delivery)
    return None


def _gone(request: HttpRequest) -> HttpResponse:
    messages.error(request, _("The webhook has been deleted meanwhile."))
    return redirect("admin:webhooks_endpoint_changelist")


def _report_tested(request: HttpRequest, delivery: Delivery) -> None:
    if delivery.state == STATE.DELIVERED:
        text = _("The receiver took the test (%(status)s, %(seconds)s s).")
        messages.success(request, text % {"status": delivery.status, "seconds": delivery.seconds})
        return
    if delivery.problem == Delivery.Problem.TIMEOUT:
        text = _(
            "The test was not delivered: the receiver did not answer within 5 seconds, which is as long as a test "
            "waits. Other messages are given 20 seconds."
        )
        messages.error(request, text)
        return
    link = link_to(delivery, _("what it answered"))
    text = _("The test was not delivered: {}. See {}.")
    messages.error(request, format_html(text, delivery.get_problem_display(), link))


def _replay_failed(request: HttpRequest, endpoint: Endpoint) -> None:
    try:
        _report_replayed(request, replay_all(endpoint))
    except SwitchedOff:
        messages.error(request, _("It is switched off, and nothing was replayed. Set it to active first."))


def _replay_one(request: HttpRequest, delivery: Delivery) -> None:
    try:
        replay(delivery)
    except IsTest:
        messages.error(request, _("Tests are not sent again: send another one from the webhook's page."))
    except NotTold:
        text = _(
            "Its webhook is no longer told of this platform, and nothing was sent. Add the platform to it first."
        )
        messages.error(request, text)
    except SwitchedOff:
        messages.error(
            request, _("Its webhook is switched off, and nothing was replayed. Set it to active first.")
        )
    else:
        _report_replayed(request, 1)


def _report_replayed(request: HttpRequest, count: int) -> None:
    text = ngettext("%(count)s message is sent again.", "%(count)s messages are sent again.", count)
    messages.success(request, text % {"count": grouped(count)})
