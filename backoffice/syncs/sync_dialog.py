"""The dialog that starts syncs."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.confinement import Visible, visible_platforms, within
from backoffice.base.cells import link_to
from backoffice.base.channels import sync_label
from backoffice.base.model_admin import go_to, is_htmx, safe_next
from backoffice.syncs.presentation import kind_name
from integrations.errors import BadInput
from integrations.models import SyncLog
from integrations.sync.start import Problem, start_sync, unopened
from integrations.sync.streams import STREAMS, label_of, streams_of
from integrations.sync.windows import WindowRequest
from integrations.window_input import LONGEST_LOOK_BACK_DAYS, read_window, window_again
from integrations.wording import another_open_line, forecast_line, queue_down_line
from platforms.models import SYNC_PERMISSION, Platform

if TYPE_CHECKING:  # unfold has no annotations; its widgets take the place of Django's
    from django.forms import TextInput
else:
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

MOST_ESTIMATED = 10  # platforms
logger = logging.getLogger(__name__)

BOTH = "both"
LAST, DAYS, BETWEEN = "last", "days", "between"


def _moment(**attributes: str) -> forms.DateTimeField:
    widget = TextInput(attrs={"type": "datetime-local", "step": "60", **attributes})
    return forms.DateTimeField(required=False, widget=widget)


def _stream_choices(platforms: Iterable[Platform]) -> list[tuple[str, str]]:
    """What any of these platforms delivers, all of it or one: "Orders and inventory", "Orders", "Inventory"."""
    delivered = {name for platform in platforms for name in streams_of(platform)}
    names = [name for name in STREAMS if name in delivered] or list(STREAMS)
    labels = [label_of(name) for name in names]
    together = " ".join((", ".join(labels[:-1]), _("and"), labels[-1])) if labels[1:] else labels[0]
    return [(BOTH, capfirst(together)), *((name, kind_name(name)) for name in names)]


class StreamSelect(forms.RadioSelect):
    """Marks the streams that have no window, so that the style sheet hides its fields for them."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        stream = STREAMS.get(str(value))
        if stream is not None and not stream.has_window:
            option["attrs"]["data-oms-no-window"] = ""
        return option


class SyncForm(forms.Form):
    """What to sync, of the platforms that are visible. After `is_valid`, `kinds` and `window` say it in the words of
    start_sync."""

    platform = forms.ModelMultipleChoiceField(
        queryset=Platform.objects.all(),
        widget=forms.MultipleHiddenInput,
        error_messages={"required": gettext_lazy("Choose a platform first. Nothing was started.")},
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)
    kind = forms.ChoiceField(
        label=gettext_lazy("What"),
        initial=BOTH,
        widget=StreamSelect,
    )
    span = forms.ChoiceField(
        label=gettext_lazy("Orders of which time"),
        choices=[
            (LAST, gettext_lazy("Since the last sync")),
            (DAYS, gettext_lazy("Of the last days")),
            (BETWEEN, gettext_lazy("From … until …")),
        ],
        initial=LAST,
        widget=forms.RadioSelect,
    )
    days = forms.CharField(
        label=gettext_lazy("Days"),
        required=False,
        initial="7",
        widget=TextInput(attrs={"type": "number", "min": "1", "max": str(LONGEST_LOOK_BACK_DAYS)}),
    )
    since = _moment()
    until = _moment()
    by = forms.ChoiceField(
        label=gettext_lazy("That were"),
        choices=[
            (SyncLog.WindowBy.UPDATED, gettext_lazy("updated in that time")),
            (SyncLog.WindowBy.CREATED, gettext_lazy("created in that time")),
        ],
        initial=SyncLog.WindowBy.UPDATED,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, visible: Visible, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.window = WindowRequest()
        self._offered = within(Platform.objects.all(), visible, "pk")
        platform = self.fields["platform"]
        assert isinstance(platform, forms.ModelMultipleChoiceField)  # noqa: S101  for the type checker
        platform.queryset = self._offered
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)  # noqa: S101  for the type checker
        kind.choices = _stream_choices(self.chosen)
        zone = {"zone": get_current_timezone_name()}
        self.fields["since"].label = _("From (%(zone)s)") % zone
        self.fields["until"].label = _("Until (%(zone)s), empty for now") % zone

    @cached_property
    def chosen(self) -> list[Platform]:
        """The platforms that are named, as far as there are any of these ids."""
        ids = [value for value in self["platform"].value() or [] if str(value).isdecimal()]
        return list(self._offered.filter(pk__in=ids))

    @property
    def kinds(self) -> Sequence[str]:
        kind = self.cleaned_data["kind"]
        return list(STREAMS) if kind == BOTH else (kind,)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        kind = values.get("kind", BOTH)
        if self.errors or (kind != BOTH and not STREAMS[kind].has_window):
            return values
        try:
            self.window = _read(values)
        except BadInput as error:
            self.add_error(error.field, str(error))
        return values


def _read(values: dict[str, Any]) -> WindowRequest:
    """Judged as the API and the command line do. Raises BadInput with the field that is wrong."""
    span, by = values["span"], values["by"]
    if span == DAYS:
        return read_window(days=values["days"] or "0", by=by)
    if span == BETWEEN:
        if values["since"] is None:
            raise BadInput("since", _("Say where to start. Nothing was started."))
        return read_window(since=_iso(values["since"]), until=_iso(values["until"]), by=by)
    if by != SyncLog.WindowBy.UPDATED:
        text = _(
            "Going on from the last sync works by update time; for creation time, choose days or a time."
        )
        raise BadInput("by", text)
    return WindowRequest()


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def sync_view(request: HttpRequest) -> HttpResponse:
    """GET asks, as a page of its own or in a dialog; POST starts. Nothing is started where anything is wrong."""
    if not (request.user.has_perm("platforms.view_platform") and request.user.has_perm(SYNC_PERMISSION)):
        raise PermissionDenied
    if request.method == "POST":
        form = SyncForm(request.POST, visible=visible_platforms(request))
        if form.is_valid():
            start_syncs(request, form.cleaned_data["platform"], form.kinds, form.window)
            return go_to(request, safe_next(request) or reverse("admin:platforms_platform_changelist"))
    else:
        asked = {"next": safe_next(request)}
        if "kind" in request.GET:
            asked["kind"] = request.GET["kind"]
        initial = {"platform": request.GET.getlist("platform"), **asked}
        form = SyncForm(initial=initial, visible=visible_platforms(request))
    context = {
        **admin.site.each_context(request),
        "title": sync_label([platform.kind for platform in form.chosen]),
        "form": form,
        "chosen": form.chosen,
        "back": safe_next(request) or reverse("admin:platforms_platform_changelist"),
        "is_dialog": is_htmx(request),
    }
    return TemplateResponse(request, "platforms/sync.html", context)


def estimate_view(request: HttpRequest) -> HttpResponse:
    """POST the dialog's form: for each platform how long the window will take, as a piece of HTML; nothing where what
    was entered cannot be used, or asks for no window. Starts nothing."""
    if not (request.user.has_perm("platforms.view_platform") and request.user.has_perm(SYNC_PERMISSION)):
        raise PermissionDenied
    form = SyncForm(request.POST, visible=visible_platforms(request))
    if request.method != "POST" or not form.is_valid() or form.window.is_incremental:
        return HttpResponse()
    lines = []
    for platform in form.cleaned_data["platform"][:MOST_ESTIMATED]:
        for kind in (
            name for name in form.kinds if STREAMS[name].has_window and name in streams_of(platform)
        ):
            line = forecast_line(unopened(platform, kind, form.window, SyncLog.Trigger.ADMIN))
            lines += [(kind_name(kind), platform, capfirst(line))] if line else []
    return HttpResponse(format_html_join("", '<p class="oms-panel-text">{} · {}: {}.</p>', lines))


def start_syncs(
    request: HttpRequest,
    platforms: Iterable[Platform],
    kinds: Iterable[str] | None = None,
    window: WindowRequest | None = None,
) -> None:
    """Start syncs of these streams (None: all) of each platform, with one message each. One that fails does not stop
    the others."""
    for platform in platforms:
        streams = streams_of(platform)
        for kind in streams if kinds is None else [name for name in kinds if name in streams]:
            try:
                _start(request, platform, kind, window if streams[kind].has_window else None)
            except Platform.DoesNotExist:
                text = _("%(platform)s was deleted meanwhile. Nothing was started for it.")
                messages.error(request, text % {"platform": platform})
                break
            except Exception:
                logger.exception("The admin could not start the %s sync of %s", kind, platform.name)
                text = _(
                    "%(kind)s sync of %(platform)s could not be started. Look into the sync log; where it is not "
                    "there, press the button again."
                )
                messages.error(request, text % {"kind": kind_name(kind), "platform": platform})


def run_again(request: HttpRequest, log: SyncLog) -> None:
    """Ask for what this sync was asked for: the same window, or the same SKUs."""
    if log.kind not in streams_of(log.platform) or not log.may_run_again:
        messages.info(request, _("There is nothing to run again: it did not fail."))
        return
    try:
        window = window_again(log)
    except BadInput as error:
        messages.error(request, str(error))
        return
    _start(request, log.platform, log.kind, window, skus=log.skus)


def _start(
    request: HttpRequest,
    platform: Platform,
    kind: str,
    window: WindowRequest | None,
    skus: Sequence[str] = (),
) -> None:
    user = request.user if request.user.is_authenticated else None
    started = start_sync(
        platform=platform, kind=kind, trigger=SyncLog.Trigger.ADMIN, user=user, window=window, skus=skus
    )
    log = started.log
    link = link_to(log, _("%(kind)s sync #%(id)s") % {"kind": kind_name(kind), "id": log.pk})
    if started.is_refused:
        hint = _("Start yours again when it has ended, or cancel it.")
        messages.warning(request, format_html("{}: {} {}", link, another_open_line(log), hint))
    elif started.problem == Problem.QUEUE_DOWN:
        messages.error(request, format_html("{}: {}", link, queue_down_line(log)))
    elif started.is_new:
        messages.success(request, format_html(_("{} of {} is queued."), link, platform))
    else:
        text = _("{} of {} is already {}.")
        messages.info(request, format_html(text, link, platform, log.get_status_display()))
