"""Where a form of a list leads back to."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse


def list_address(model_admin: Any, request: HttpRequest, query: str | None = None) -> str:
    """The list, as the form that was sent describes it."""
    address = reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_changelist")
    asked = request.POST.get("query", "") if query is None else query
    return f"{address}?{asked}" if asked else address
