"""What only the channel of an order knows about it."""

from decimal import Decimal

from integrations.registry import CHANNELS
from orders.models import Order
from platforms.models import Source


def seller_page(order: Order) -> str:
    """The order on the platform's own pages for sellers, which know live orders alone; "" where there is none."""
    channel = CHANNELS.get(order.platform.kind)
    if order.source != Source.LIVE or channel is None:
        return ""
    return channel.order_page(order.marketplace_id, order.external_id)


def seller_pages(order: Order) -> str:
    """What the channel calls these pages, in the reader's language."""
    channel = CHANNELS.get(order.platform.kind)
    return str(channel.seller_pages) if channel else ""


def beside_lines(order: Order) -> Decimal:
    """What of the order's total belongs to none of its lines."""
    channel = CHANNELS.get(order.platform.kind)
    return channel.beside_lines(order.payload) if channel else Decimal(0)
