"""Deletes pictures that nothing needs any more, once a day."""

from django.db.models import Exists, OuterRef, QuerySet

from integrations.models import PictureTurn, ProductPicture
from inventory.models import InventoryItem
from orders.models import OrderItem

AT_ONCE = 500


def prune_pictures() -> int:
    """Delete those of platforms that show none (any more), and of products that neither an order has nor the stock of
    the platform. Returns how many."""
    PictureTurn.objects.filter(platform__show_pictures=False).delete()
    ordered = OrderItem.objects.filter(asin=OuterRef("asin"))  # an index alone; of whichever platform
    stocked = InventoryItem.objects.filter(asin=OuterRef("asin"), platform=OuterRef("platform"))
    unneeded = ProductPicture.objects.filter(~Exists(ordered), ~Exists(stocked))
    hidden = ProductPicture.objects.filter(platform__show_pictures=False)
    return sum(_delete(rows) for rows in (hidden, unneeded))


def _delete(rows: QuerySet[ProductPicture]) -> int:
    deleted = 0
    while ids := list(
        rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
    ):  # one lock does not last long
        ProductPicture.objects.filter(pk__in=ids).delete()
        deleted += len(ids)
    return deleted
