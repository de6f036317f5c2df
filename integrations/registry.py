"""The one place that shows which channels we speak to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.amazon import adapter as amazon
from integrations.amazon import config as amazon_config
from integrations.amazon import marketplaces as amazon_facts
from integrations.amazon import mock as amazon_mock
from integrations.amazon import normalize as amazon_normalize
from integrations.protocol import Adapter, BudgetFor, Meter
from platforms.models import Platform


class Connect(Protocol):
    """Makes an Adapter from api_config as stored; raises ConfigError where that is missing or incomplete.

    The adapter asks the account's budget, which it gets from `budget_for`, before each call, and tells `meter` of
    it. It asks for no data set that is in `leave_out`, until the time that stands there.
    """

    def __call__(
        self,
        api_config: Mapping[str, Any],
        *,
        include_pii: bool,
        budget_for: BudgetFor | None = None,
        leave_out: Mapping[str, datetime] | None = None,
        meter: Meter | None = None,
    ) -> Adapter: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """How to reach one kind of platform.

    `check_config` is the strict reading for values that a person enters: it returns what to store, or raises
    ConfigError with each wrong field. `account_key` names the account whose quotas such values share, and no secret;
    it raises ConfigError where they name none.
    """

    streams: tuple[str, ...] = ("orders", "inventory")  # names of STREAMS that it delivers
    connect: Connect
    mock: Callable[[], Adapter]
    check_config: Callable[[Any], dict[str, Any]]
    account_key: Callable[[Mapping[str, Any]], str]
    order_page: Callable[
        [str, str], str
    ]  # (marketplace id, order id) -> address of the seller's own page, or ""
    read_order_id: Callable[[str], str]  # an order id out of what a person pasted, or ""
    order_id_help: str | Promise  # what its order ids look like
    beside_lines: Callable[
        [Any], Decimal
    ]  # payload -> what of the order's total belongs to none of its lines


ADAPTERS: dict[str, Channel] = {
    Platform.Kind.AMAZON: Channel(
        connect=amazon.connect,
        mock=amazon_mock.MockAmazon,
        check_config=amazon_config.check,
        account_key=lambda api_config: amazon_config.load(api_config).account_key,
        order_page=amazon_facts.order_page,
        read_order_id=amazon_facts.read_order_id,
        order_id_help=_("Amazon's order ids look like 902-3159896-1390916: three, seven and seven digits."),
        beside_lines=amazon_normalize.beside_lines,
    ),
}
