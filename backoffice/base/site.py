"""The site of the admin: unfold's, which makes for each page what hardly any page shows."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite

from backoffice.base.menu import sections


class OmsSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no annotations
    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """All models that the reader may open: for the home page alone, which looks at them."""
        return SimpleLazyObject(lambda: super(OmsSite, self).get_app_list(request, app_label))

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The whole menu; backoffice/base/menu.py shows each reader what is his."""
        return sections()
