"""The list of all entries, for those who may see it. Nobody adds, changes or deletes one."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from audit.models import AuditEntry
from backoffice.audit.exports import AUDIT_EXPORTS
from backoffice.audit.wording import ACTIONS, action_text, actor_text, change_lines
from backoffice.base.cells import datetime_cell, display_of, lines_cell, shortened
from backoffice.base.model_admin import DayRangeFilter, DropdownFilter, ReadOnlyAdmin, choices_filter
from backoffice.base.paging import BoundedChangeList
from core.format import DASH


class ActionFilter(DropdownFilter):
    title = gettext_lazy("what")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return list(ACTIONS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("when", "who", "what", "subject", "differences", "why", "where")
    columns = list_display
    list_filter = (ActionFilter, choices_filter("door"), ("at", DayRangeFilter))
    search_fields = ("=actor", "=object_id", "=object_name", "=address", "=request_id")
    search_help_text = gettext_lazy("Complete user name, id or name of an object, address, or request id")
    ordering = ("-id",)
    exports = AUDIT_EXPORTS
    list_fullwidth = True
    platform_column = "platform_id"  # entries of no platform may name any of them
    fields = (
        "sequence", "when", "who", "where", "what", "object_kind", "subject", "differences", "reason",
        "request_id", "digest",
    )  # fmt: skip
    readonly_fields = fields
    empty_text = gettext_lazy("Nobody has done anything yet that is recorded here.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return BoundedChangeList

    @admin.display(description=gettext_lazy("time"), ordering="id")
    def when(self, obj: AuditEntry) -> SafeString:
        return datetime_cell(obj.at)

    @admin.display(description=gettext_lazy("who"))
    def who(self, obj: AuditEntry) -> str:
        return actor_text(obj)

    @admin.display(description=gettext_lazy("what"))
    def what(self, obj: AuditEntry) -> str:
        return action_text(obj)

    @admin.display(description=gettext_lazy("object"))
    def subject(self, obj: AuditEntry) -> SafeString:
        if not obj.object_name:
            return SafeString(DASH)
        name = shortened(obj.object_name, 40)
        address = page_of(obj)
        return format_html('<a class="oms-link" href="{}">{}</a>', address, name) if address else name

    @admin.display(description=gettext_lazy("changes"))
    def differences(self, obj: AuditEntry) -> SafeString:
        return lines_cell(*(shortened(line, 80) for line in change_lines(obj)))

    @admin.display(description=gettext_lazy("reason"))
    def why(self, obj: AuditEntry) -> SafeString:
        return lines_cell(obj.reason or DASH)

    @admin.display(description=gettext_lazy("from"))
    def where(self, obj: AuditEntry) -> str:
        return " · ".join(filter(None, [display_of(obj, "door"), obj.address]))


def page_of(entry: AuditEntry) -> str:
    """The admin's page of the object, which may be gone; "" where there never was one."""
    app, _dot, model = entry.object_kind.partition(".")
    try:
        return reverse(f"admin:{app}_{model}_change", args=[entry.object_id])
    except NoReverseMatch:
        return ""
