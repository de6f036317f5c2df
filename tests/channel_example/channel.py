"""Corner Shop as a Channel."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from channel_example.adapter import connect
from channel_example.config import account_key, check
from channel_example.mock import MockShop
from core.format import Text
from integrations.channel import Channel, CredentialField, Credentials, Input

KIND = "corner_shop"
ORDER_ID = re.compile(r"CS-\d+")


def read_order_id(text: str) -> str:
    found = ORDER_ID.search(text)
    return found.group() if found else ""


def summary(stored: Mapping[str, Any]) -> Sequence[Text]:
    return [str(stored.get("shop_url") or "no address"), "key stored" if stored.get("api_key") else "no key"]


CORNER_SHOP = Channel(
    label="Corner Shop",
    connect=connect,
    mock=MockShop,
    credentials=Credentials(
        fields=(
            CredentialField(
                name="shop_url", label="Address of the shop", help="It begins with https://, as in a browser."
            ),
            CredentialField(
                name="api_key",
                label="Key",
                input=Input.SECRET,
                help="In the shop's back room, under Keys.",
            ),
        ),
        check=check,
        summary=summary,
    ),
    account_key=account_key,
    read_order_id=read_order_id,
    order_id_help="Order numbers of a corner shop look like CS-12.",
    streams=("orders", "inventory", "returns"),
    seller_pages="the back room",
    order_page=lambda _site, order_id: f"https://corner.example/back-room/{order_id}",
    advice={"unavailable": "Wait until the shop opens; the next sync asks for the same time again."},
)
