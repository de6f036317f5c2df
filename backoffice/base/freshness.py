"""Where somebody confirms that it is he (backoffice/users/second_factor/confirming.py), for pages that ask for it."""

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse


def confirmation_address(request: HttpRequest, following: str = "") -> str:
    """Of the page that asks. Afterwards it leads to `following`, or back to this page."""
    return f"{reverse('confirm')}?{urlencode({'next': following or request.get_full_path()})}"
