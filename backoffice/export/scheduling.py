"""Links from a list or report to the form of a scheduled export, with the filters in force."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from core.format import Text

MAY = "oms.add_scheduledexport"


def schedule_links(
    request: HttpRequest, exports: Iterable[tuple[str, Text]], query: str
) -> list[dict[str, Any]]:
    """Of the names and labels of exports; none for those who may not schedule them."""
    if not request.user.has_perm(MAY):
        return []
    address = reverse("admin:oms_scheduledexport_add")
    return [
        {"label": label, "address": f"{address}?{urlencode({'file': name, 'query': query})}"}
        for name, label in exports
    ]
