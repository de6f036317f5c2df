"""/docs: what the API has, for people. /schema is the same for programs."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import NotAuthenticated

from api.errors import is_browser


class DocsView(SpectacularSwaggerSplitView):
    """Its script has an address of its own, since pages have none inline.

    A browser that nobody is logged in with goes to the login page, and comes back.
    """

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, NotAuthenticated) and is_browser(self.request):
            return redirect_to_login(self.request.get_full_path())
        return super().handle_exception(exc)
