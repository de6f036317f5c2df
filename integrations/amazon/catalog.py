"""Pictures of products, as the Catalog Items API v2022-04-01 lists them. Pure: an answer goes in, links come out.

From Amazon's model (catalogItems_2022-04-01.json, https://github.com/amzn/selling-partner-api-models), read in a stored
copy: one marketplace and at most 20 identifiers a call, 10 items a page unless pageSize says otherwise, and
items[].images[].images[] with variant, link, height and width, on m.media-amazon.com in its example. As seen by sellers
(models#506): a MAIN picture comes in several sizes, and items without any are met.

Not verified against Amazon itself: that the small size is there for every product, and how products that the catalogue
does not know are answered; here, they are taken for missing in `items`.
"""

from collections.abc import Mapping
from typing import Any

from integrations.amazon import parse

AT_ONCE = 20  # identifiers in one call, and items in one answer
MAIN = "MAIN"


def picture_links(answer: Mapping[str, Any], site: str, *, side: int) -> dict[str, str]:
    """By ASIN, for those that are listed: see integrations.protocol.ShowsProducts."""
    links = {}
    for item in parse.objects(answer.get("items")):
        if asin := parse.text(item.get("asin")):
            links[asin] = _link(_images(item, site), side)
    return links


def _images(item: Mapping[str, Any], site: str) -> list[dict[str, Any]]:
    """Those of the marketplace, or else of whichever is listed; the main picture in all its sizes, where it is told."""
    groups = parse.objects(item.get("images"))
    of_site = [group for group in groups if parse.text(group.get("marketplaceId")) == site]
    images = [image for group in of_site or groups for image in parse.objects(group.get("images"))]
    images = [image for image in images if parse.text(image.get("link"))]
    return [image for image in images if parse.text(image.get("variant")) == MAIN] or images


def _link(images: list[dict[str, Any]], side: int) -> str:
    sized = sorted(((_side(image), parse.text(image["link"])) for image in images), key=lambda each: each[0])
    enough = [link for longer, link in sized if longer >= side]
    return enough[0] if enough else sized[-1][1] if sized else ""


def _side(image: Mapping[str, Any]) -> int:
    """Its longer side in pixels; 0 where it does not say."""
    sides = (image.get("height"), image.get("width"))
    return max((side for side in sides if isinstance(side, int)), default=0)
