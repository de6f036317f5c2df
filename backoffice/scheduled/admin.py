"""Scheduled exports: the list, the form, and the runs of each."""

from collections.abc import Collection
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from backoffice.base.cells import datetime_cell, shortened, stacked
from backoffice.base.locality import zone_of
from backoffice.base.model_admin import Button, OmsAdmin, choices_filter
from backoffice.export.views import COLUMNS, OPTIONS, TIMES
from backoffice.lists.columns import shown_columns
from backoffice.scheduled import catalogue, wording
from backoffice.scheduled.destinations import offered
from backoffice.scheduled.forms import LONGEST_QUERY, ScheduledExportForm
from backoffice.scheduled.models import ScheduledExport
from backoffice.scheduled.people import MANAGE, exports_of, may_change
from backoffice.scheduled.queue import announce
from backoffice.scheduled.runs import Trigger, request_run
from backoffice.users.second_factor.confirming import ask_first

CHANGE = "oms.change_scheduledexport"
RUNS_SHOWN = 20
# What is planned anew where one of them changes.
OF_THE_PLAN = {"every", "weekday", "month_day", "hour", "time_zone", "is_active"}


@admin.register(ScheduledExport)
class ScheduledExportAdmin(OmsAdmin):
    form = ScheduledExportForm
    platform_column = None
    list_display = ("name_and_what", "planned", "place", "owner_name", "last_result", "next_time")
    columns = list_display
    list_filter = ("is_active", choices_filter("destination"))
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username", "file_stem")
    search_help_text = gettext_lazy("Name, owner, or name of the files")
    buttons = ("run_button", "pause_button", "take_button")
    change_form_outer_before_template = "scheduled/what.html"
    change_form_outer_after_template = "scheduled/runs.html"
    empty_text = gettext_lazy(
        "Filter a list, and choose “Schedule” in its menu Export: its file is then made and sent by itself."
    )
    # Of unfold: which fields the form shows for which choices.
    conditional_fields = {
        "weekday": "every == 'weekly'",
        "month_day": "every == 'monthly'",
        "recipients": "destination == 'email'",
        "folder": "destination != 'email'",
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScheduledExport]:
        queryset: Any = super().get_queryset(request)
        mine: QuerySet[ScheduledExport] = queryset.with_last_run().filter(
            pk__in=exports_of(request.user).order_by().values("pk")
        )
        return mine

    def confine(self, request: HttpRequest, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        return rows  # see exports_of

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or may_change(request.user, obj))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        days = ["days"] if self._may_fill_in(request, obj) else []  # it is a part of the filter
        columns = ["columns"] if self._has_columns(request, obj) else []
        what = ["name", *days, "query", *columns, ("format", "language")]
        sets: list[Any] = [
            (_("What"), {"fields": what}),
            (_("When"), {"fields": ["every", "weekday", "month_day", ("hour", "time_zone")]}),
            (
                _("Where to"),
                {
                    "fields": [
                        "destination",
                        "recipients",
                        "folder",
                        "file_stem",
                        ("is_stamped", "skips_empty"),
                    ]
                },
            ),
            (None, {"fields": ["is_active"]}),
        ]
        return sets

    def _has_columns(self, request: HttpRequest, obj: Any) -> bool:
        item = self._item(request, obj)
        return item is not None and bool(catalogue.column_choices(item))

    def _item(self, request: HttpRequest, obj: Any) -> catalogue.Item | None:
        """What the form is about; None where nobody has chosen yet, or the reader may not have it."""
        name = obj.file if obj else request.GET.get("file", "")
        item = catalogue.items().get(name)
        return item if item is not None and (obj or item.may_be_seen_by(request.user)) else None  # type: ignore[arg-type]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        item = self._item(request, obj)
        if item is None:  # of a list that is gone: it can be looked at, and deleted
            return super().get_form(request, obj, change, **kwargs, form=ModelForm)
        form = super().get_form(request, obj, change, **kwargs)
        form.user, form.item = request.user, item  # type: ignore[attr-defined]  # a class of this request's own
        return form

    def _may_fill_in(self, request: HttpRequest, obj: Any) -> bool:
        return self.has_change_permission(request, obj) if obj else self.has_add_permission(request)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """As the list was when somebody chose “Schedule” there."""
        item = self._item(request, None)
        if item is None:
            return {}
        columns: list[str] = []
        if request.GET.get(COLUMNS) == OPTIONS[COLUMNS] and item.page is not None and item.export is not None:
            columns = list(item.export.with_columns_of(shown_columns(item.page, request)).columns)
        there = [to for to, is_there in offered().items() if is_there]
        return {
            "query": request.GET.get("query", "")[:LONGEST_QUERY],
            "columns": columns,
            "language": get_language(),
            "time_zone": "UTC" if request.GET.get(TIMES) == OPTIONS[TIMES] else zone_of(request).key,
            "destination": there[0] if there else "",
            "recipients": getattr(request.user, "email", ""),
            "hour": 6,
            "month_day": 1,
            "is_stamped": True,
            "is_active": True,
        }

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        may = self.has_change_permission(request) if object_id else self.has_add_permission(request)
        if may and (asked := ask_first(request)):
            return asked
        if not object_id and may and self._item(request, None) is None:
            return self._choose(request)
        return super().changeform_view(request, object_id, *args, **kwargs)

    def _choose(self, request: HttpRequest) -> HttpResponse:
        """The page before the form: what is to be exported."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Schedule an export"),
            "opts": self.opts,
            "items": list(catalogue.seen_by(request.user)),  # type: ignore[arg-type]  # nobody anonymous gets here
            "is_nowhere": not any(offered().values()),
        }
        return TemplateResponse(request, "scheduled/choose.html", context)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        export: ScheduledExport | None = context.get("original")
        item = self._item(request, export)
        if item is not None:
            query = export.query if export else request.GET.get("query", "")[:LONGEST_QUERY]
            context |= {
                "item": item,
                "is_nowhere": not any(offered().values()),
                "filters": catalogue.in_words(request.user, item, query),  # type: ignore[arg-type]
                "list_address": f"{item.list_address}?{query}" if query else item.list_address,
            }
        if export is not None:
            export.is_own = export.owner_id == request.user.pk  # type: ignore[attr-defined]  # for take_button
            context |= {
                "summary": self._summary(export),
                "runs": [
                    {
                        "run": run,
                        "badge": wording.status_badge(run.status),
                        "sentence": wording.run_sentence(run),
                    }
                    for run in export.runs.all()[:RUNS_SHOWN]
                ],
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def _summary(self, export: ScheduledExport) -> list[tuple[str, Any]]:
        return [
            (_("What"), wording.what(export)),
            (_("When"), wording.when(export)),
            (_("Where to"), wording.where_to(export)),
            (_("Owner"), export.owner or _("nobody")),
            (_("Next run"), datetime_cell(export.next_run_at)),
        ]

    def save_model(self, request: HttpRequest, obj: ScheduledExport, form: Any, change: bool) -> None:
        """Writes only what the form has: the worker and the scheduler write to the same row."""
        if not change:
            obj.file, obj.owner_id = form.item.name, request.user.pk
        is_planned_anew = not change or OF_THE_PLAN & set(form.changed_data)
        if is_planned_anew:
            obj.next_run_at = obj.plan.after(timezone.now()) if obj.is_active else None
        if change:
            names = [name for name in ScheduledExportForm.Meta.fields if name in form.cleaned_data]
            obj.save(update_fields=[*names, "next_run_at"] if is_planned_anew else names)
        else:
            obj.save()
        if catalogue.fixed_days(form.user, form.item, obj.query):
            text = _(
                "Its filter names days by their dates, so every file has the same days. Choose days that move."
            )
            messages.warning(request, text)

    def run_button(self) -> Button:
        return Button(
            name="run", label=gettext_lazy("Run now"), icon="play_arrow", run=_run, permission=CHANGE
        )

    def pause_button(self) -> Button:
        return Button(
            name="pause", label=gettext_lazy("Switch off"), icon="pause", run=_pause, permission=CHANGE,
            is_shown=lambda export: export.is_active,
        )  # fmt: skip

    def take_button(self) -> Button:
        return Button(
            name="take", label=gettext_lazy("Take over"), icon="person_add", run=_take_over, permission=MANAGE,
            is_shown=lambda export: not getattr(export, "is_own", False),
        )  # fmt: skip

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def name_and_what(self, obj: ScheduledExport) -> SafeString:
        return stacked(obj.name, wording.what(obj))

    @admin.display(description=gettext_lazy("when"))
    def planned(self, obj: ScheduledExport) -> SafeString:
        return shortened(wording.when(obj))

    @admin.display(description=gettext_lazy("where to"), ordering="destination")
    def place(self, obj: ScheduledExport) -> SafeString:
        return shortened(wording.where_to(obj))

    @admin.display(description=gettext_lazy("owner"), ordering="owner__username")
    def owner_name(self, obj: ScheduledExport) -> str:
        return str(obj.owner or _("nobody"))

    @admin.display(description=gettext_lazy("last run"))
    def last_result(self, obj: ScheduledExport) -> SafeString | str:
        return wording.last_result(obj)

    @admin.display(description=gettext_lazy("next run"), ordering="next_run_at")
    def next_time(self, obj: ScheduledExport) -> SafeString | str:
        return datetime_cell(obj.next_run_at) if obj.is_active else _("off")


def _run(request: HttpRequest, export: ScheduledExport) -> None:
    run, is_new = request_run(export, trigger=Trigger.BUTTON)
    if not is_new:
        messages.warning(request, _("It is being made already."))
    elif announce(run):
        messages.success(
            request, _("A worker makes the file now. How it went is told below: reload the page.")
        )
    else:
        messages.warning(request, _("The queue cannot be reached. The file is made once it is back."))


def _pause(request: HttpRequest, export: ScheduledExport) -> None:
    export.is_active, export.next_run_at = False, None
    export.save(update_fields=["is_active", "next_run_at"])
    messages.success(request, _("It is switched off: nothing is sent until somebody sets it to active."))


def _take_over(request: HttpRequest, export: ScheduledExport) -> HttpResponse | None:
    """From now on it is made with the eyes of whoever takes it."""
    if asked := ask_first(request):
        return asked
    export.owner = request.user  # type: ignore[assignment]  # nobody anonymous gets here
    export.save(update_fields=["owner_id"])
    messages.success(request, _("It is yours now: its files have what you may see."))
    return None
