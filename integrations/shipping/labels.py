"""Labels that others bought from the platform, and that nobody uses: they hold their units until a person says so.

say_unused   the seller ships what is in them himself, all the same
say_used     they hold their units again
"""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from audit.recording import record
from orders.models import Order, OrderPackage
from orders.shipments import held_by_others
from platforms.locks import hold_platform


def say_unused(order: Order, *, who: str) -> list[OrderPackage]:
    """Of an order, the packages of others that hold units which the platform does not count as shipped: nobody uses
    their labels, as `who` says. That holds as long as the platform says the same of them. Returns them."""

    def mark(package: OrderPackage) -> None:
        package.unused_since, package.unused_by = timezone.now(), who[:150]
        package.unused_status = package.all_status

    return _change(order, held_by_others, mark, "labels.unused")


def say_used(order: Order) -> list[OrderPackage]:
    """Those that somebody called unused hold their units again. Returns them."""

    def unmark(package: OrderPackage) -> None:
        package.unused_since, package.unused_by, package.unused_status = None, "", ""

    return _change(order, unused_of, unmark, "labels.used")


def unused_of(order: Order) -> list[OrderPackage]:
    return [package for package in order.packages.all() if package.is_unused]


def _change(
    order: Order,
    find: Callable[[Order], list[OrderPackage]],
    change: Callable[[OrderPackage], None],
    action: str,
) -> list[OrderPackage]:
    """No package of the order is made, and none is stored, meanwhile."""
    with transaction.atomic():
        hold_platform(order.platform_id)
        stored = Order.objects.defer("payload").prefetch_related("items", "packages", "shipments")
        packages = find(stored.get(pk=order.pk))
        for package in packages:
            change(package)
            package.save(update_fields=["unused_since", "unused_by", "unused_status"])
        if packages:
            record(action, order, changes={"packages": [str(package) for package in packages]})
    return packages
