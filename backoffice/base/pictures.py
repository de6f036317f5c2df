"""Pictures of products on pages: found for all rows of a page at once, and served from here."""

from collections.abc import Iterable

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from access.confinement import visible_platforms, within
from core.markup import markup
from integrations.models import ProductPicture
from integrations.pictures.shrinking import CONTENT_TYPE
from platforms.models import Platform

KEPT = 365 * 24 * 3600  # seconds: what stands at an address never changes
KNOWN = ProductPicture.State.KNOWN
# Beside the title, which says the same: read out, a picture would only repeat it.
PICTURE = '<img class="oms-thumb" src="{}" width="40" height="40" alt="" loading="lazy" decoding="async">'
NO_PICTURE = SafeString(
    '<span class="oms-thumb oms-thumb-none" aria-hidden="true">'
    '<span class="material-symbols-outlined">image</span></span>'
)


class Thumbnails:
    """The pictures of these products (platform and ASIN), for the rows of a page: one query, and none where no platform
    among them shows pictures. A place is kept for those that have none, so that nothing moves."""

    def __init__(self, products: Iterable[tuple[Platform, str]]) -> None:
        wanted: dict[int, set[str]] = {}
        for platform, asin in products:
            if platform.show_pictures:
                wanted.setdefault(platform.pk, set()).update({asin} - {""})
        self.are_shown = bool(wanted)
        self._addresses = _addresses(wanted) if any(wanted.values()) else {}

    def of(self, platform: Platform, asin: str) -> SafeString:
        """ "" where the platform shows no pictures."""
        if not platform.show_pictures:
            return SafeString("")
        address = self._addresses.get((platform.pk, asin))
        return markup(PICTURE, address) if address else NO_PICTURE


def _addresses(wanted: dict[int, set[str]]) -> dict[tuple[int, str], str]:
    """By platform and ASIN. The pictures themselves are not read."""
    condition = Q()
    for platform_id, asins in wanted.items():
        condition |= Q(platform=platform_id, asin__in=asins)
    rows = ProductPicture.objects.filter(condition, state=KNOWN).order_by()
    return {
        (platform_id, asin): reverse("product-picture", args=[pk, int(asked_at.timestamp())])
        for platform_id, asin, pk, asked_at in rows.values_list("platform_id", "asin", "pk", "asked_at")
    }


def beside(picture: SafeString, text: SafeString) -> SafeString:
    """The text, with a picture before it where there is one."""
    return markup('<div class="oms-with-thumb">{}{}</div>', picture, text) if picture else text


def product_picture(request: HttpRequest, pk: int, version: int) -> HttpResponse:
    """To those who are signed in and may see the platform. `version` is of this very picture: a number of a row may be
    another one's in a database that was restored."""
    rows = ProductPicture.objects.filter(pk=pk, state=KNOWN, platform__show_pictures=True)
    found = within(rows, visible_platforms(request)).values_list("image", "asked_at").first()
    if found is None or int(found[1].timestamp()) != version:
        raise Http404
    headers = {"Cache-Control": f"private, max-age={KEPT}, immutable", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(bytes(found[0]), content_type=CONTENT_TYPE, headers=headers)
