"""All that the page of a list needs around its rows."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from backoffice.export.scheduling import schedule_links
from backoffice.lists.columns import column_choices
from backoffice.lists.facets import filter_panel
from backoffice.lists.tabs import counts_address, shown_tabs
from backoffice.lists.views import SHARE, is_saved, query_to_save, shown_views


def tools_of(model_admin: Any, request: HttpRequest, changelist: Any) -> dict[str, Any]:
    tabs, views = shown_tabs(model_admin, request), shown_views(model_admin, request)
    query = query_to_save(request)
    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    return {
        "tabs": tabs,
        "views": views,
        "has_current_view": is_saved(views),
        "has_list_tools": len(tabs) > 1 or bool(views) or changelist.has_filters,
        "counts_address": counts_address(model_admin, tabs),
        "panel": filter_panel(request, changelist.filter_specs),
        "column_choices": column_choices(model_admin, request),
        "list_query": query,
        "schedules": schedule_links(
            request, [(export.name, export.label) for export in model_admin.exports], query
        ),
        "may_share": request.user.has_perm(SHARE),
        "views_address": reverse(f"{name}_views"),
        "columns_address": reverse(f"{name}_columns"),
    }
