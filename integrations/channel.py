"""What a channel brings of its own, as plain data and functions. Its folder builds one Channel; the registry lists it.

Everything else of OMS (sync path, admin, REST, commands) is the same for all channels and asks the Channel.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from django.core.checks import CheckMessage

from core.format import Text
from integrations.protocol import Adapter, BudgetFor, Carrier, Meter, Quota


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


# --- The credentials form -----------------------------------------------------------------------------
class Input(StrEnum):
    """How a person enters a value. A secret is never shown again; left empty, the stored one is kept."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105  no password
    CHOICE = "choice"
    CHOICES = "choices"  # any number of them
    SWITCH = "switch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value to choose. `facts` is what follows from it, by name, for hints and links that show it."""

    value: str
    label: Text
    group: Text = ""
    facts: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """The fact `name` of what is chosen in the field `of`; `otherwise` while nothing is, or nothing known."""

    of: str
    name: str
    otherwise: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A line of help that names a fact and follows the choice, e.g. "Region: Far East"."""

    label: Text
    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link below a field, to where its value is found: https://{host}/{path}."""

    text: Text
    host: str | Fact
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialField:
    """One field of the credentials form. `choices` is called whenever the form is shown, in the reader's language;
    `nothing` is what a choice says while nothing is chosen."""

    name: str
    label: Text
    input: Input = Input.TEXT
    help: Text = ""
    hint: Hint | None = None
    link: Link | None = None
    choices: Callable[[], Sequence[Choice]] | None = None
    nothing: Text = ""


def filled(values: Mapping[str, Any], _stored: Mapping[str, Any]) -> dict[str, Any]:
    """Of the form's values, those that were filled in."""
    return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What api_config of this channel holds, and the form that asks for it.

    check      the strict reading for values that a person enters: returns what to store, or raises ConfigError with
               each wrong field
    show       api_config as stored -> what the form's fields show; secrets are never shown, whatever it returns
    read       the form's values (and what is stored) -> the part of api_config that was entered, {} for nothing
    shown_at   names of api_config that are no fields -> the field that shows what is wrong with them
    summary    api_config as stored -> what is stored of it, in words and without secrets, for those who may only look
    """

    fields: tuple[CredentialField, ...]
    check: Callable[[Any], dict[str, Any]]
    summary: Callable[[Mapping[str, Any]], Sequence[Text]]
    show: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    read: Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]] = filled
    shown_at: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self.fields)

    @property
    def secrets(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self.fields if entry.input == Input.SECRET)


# --- What its rows refer to ---------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Site:
    """One of the places where a channel sells, such as a country's marketplace; rows name it by its id."""

    id: str
    name: Text  # "Germany"
    code: str  # "DE", where there is little room
    zone: str = ""  # "Europe/Paris": whose clock it goes by, "" where that is not known


@dataclass(frozen=True, slots=True)
class Expiry:
    """A value of the credentials that the channel wants renewed. `lasts`: after how many days; `days`: at which ages
    somebody is told; `advice`: what to do then."""

    label: Text
    lasts: int
    days: tuple[int, ...]
    advice: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRotation:
    """How the secret of an application is replaced by one that the channel makes.

    value        the name of the secret in api_config
    application  api_config -> what tells the application: platforms with the same one share the secret
    ask          has the channel make a new secret, with api_config as stored; raises PlatformError
    next_step    how a person comes by it then
    read         (what a person hands over, api_config) -> the secret in it; raises ConfigError
    log_in       tries api_config with the new secret in it; raises PlatformError
    """

    value: str
    application: Callable[[Mapping[str, Any]], str]
    ask: Callable[[Mapping[str, Any]], None]
    next_step: Text
    read: Callable[[str, Mapping[str, Any]], str]
    log_in: Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Granted:
    """What a seller's consent brought. `state` is what the address held that he was sent to."""

    code: str
    account: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """How a seller lets the application read the account, on the channel's own pages (OAuth), or by hand there.

    is_offered  whether this installation can send sellers to these pages
    fields      the names of the credentials' fields that a person fills in who does it by hand
    steps       how that is done, a sentence each
    site        the name of the credentials' field on which the address depends; "" where on none
    page        (value of `site`, state, the address of ours to come back to or "") -> the address to send the seller to
    read        the parameters of the address that he comes back to -> Granted; raises PlatformError where he declined
    exchange    (api_config as stored, value of `site`, Granted, the same address of ours) -> api_config to store;
                raises PlatformError
    log_in      tries api_config; raises PlatformError
    """

    is_offered: Callable[[], bool]
    fields: tuple[str, ...]
    steps: Sequence[Text]
    page: Callable[[str, str, str], str]
    read: Callable[[Mapping[str, str]], Granted]
    exchange: Callable[[Mapping[str, Any], str, Granted, str], dict[str, Any]]
    log_in: Callable[[Mapping[str, Any]], None]
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What comes with pictures of products (integrations.protocol.ShowsProducts), where a channel has them.

    at_once  of how many products one call may ask
    help     what it takes to have them, and what is asked beside the channel's own hosts
    refused  what a person does where the platform refuses them
    """

    at_once: int
    help: Text
    refused: Text


@dataclass(frozen=True, slots=True)
class Listing:
    """The operation that lists a stream, one call a page, and what an account is granted of it unless its answers say
    otherwise."""

    operation: str
    quota: Quota


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOperations:
    """The operations of ListsOrders, one call each: to ask for a list, to look whether it is made, and to get it."""

    request: Listing
    state: Listing
    document: Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOperations:
    """The operations that bring orders in full: `page` lists `page_size` of them, `single` has one by its id. `lists`:
    those that make lists of orders, where the channel does. For plans of how to come by many orders."""

    page: Listing
    page_size: int
    single: Listing
    lists: ListOperations | None = None


def no_page(_site: str, _order_id: str) -> str:
    """The channel has no page of its own for an order."""
    return ""


def no_problems() -> list[CheckMessage]:
    """The channel has no settings of its own."""
    return []


def any_time_until_now(ordered_at: datetime, now: datetime) -> tuple[datetime, datetime]:
    """What was shipped was ordered before, and is shipped now."""
    return ordered_at, now


def nothing_beside(_payload: Any) -> Decimal:
    """All of an order's total belongs to its lines."""
    return Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One kind of platform: how to reach it, and what people see of it.

    account_key    names the account whose quotas api_config shares, and no secret; raises ConfigError where it names
                   none
    streams        names of STREAMS that it delivers
    sites          its marketplaces by id; empty where it has none
    listings       the operation that lists a stream, by name of the stream; for forecasts
    order_operations  the operations that bring orders, for plans; None: plans cannot be made
    order_lag      how long after a change the channel lists an order at the latest: windows end this much earlier
    read_order_id  an order id out of what a person pasted, or ""
    seller_pages   what the channel calls its pages for sellers, e.g. "the back office"
    order_page     (id of the site, order id) -> the address of the order on these pages, or ""
    beside_lines   an order's payload -> what of its total belongs to none of its lines
    unmetered      operations that are counted as API usage and have no quota, such as logins
    fulfilment     what its sellers call orders by who ships them, e.g. {"merchant": "FBM"}
    ships_its_stock the stock that it lists is what it ships itself: orders that the seller ships take nothing of it
    lists_orders   its adapter makes lists of orders (integrations.protocol.ListsOrders), which audits compare with
    lists_stock    its adapter makes lists of stock (integrations.protocol.ListsStock), which audits compare with
    confirms_shipments  its adapter tells the channel what was shipped (integrations.protocol.ConfirmsShipments)
    carriers       the carriers that it knows by a code of its own
    other_carrier  the code under which a carrier goes that has none; "" where there is no such code
    ship_times     (when it was ordered, the time now by the channel's clock) -> the first and the last ship time that
                   the channel takes, both inclusive
    pictures       how its adapter comes by pictures of products; None: it has none
    shipment_advice  code of ShipmentRefused -> what a person does about it
    label_programs code of an order's program -> its name: the channel sells the labels of these orders and confirms
                   their shipments itself, and takes no confirmation
    carrier_programs  code of an order's program -> its name: a carrier of the channel collects the parcels of these
                   orders, and the channel confirms their shipments itself
    expiries       name of a value of api_config -> when it has to be renewed, where the channel wants that
    consent        how a seller authorises the application, where the channel has pages for that
    rotation       how the secret of its applications is replaced, where the channel does that
    roles_page     where a person gives the application the roles that it needs
    advice         error code -> what a person does about it, where that is special here
    check_settings what is wrong with settings of its own, for `manage.py check`
    """

    label: str
    connect: Connect
    mock: Callable[[], Adapter]
    credentials: Credentials
    account_key: Callable[[Mapping[str, Any]], str]
    read_order_id: Callable[[str], str]
    order_id_help: Text  # what its order ids look like
    streams: tuple[str, ...] = ("orders", "inventory")
    sites: Mapping[str, Site] = field(default_factory=dict)
    listings: Mapping[str, Listing] = field(default_factory=dict)
    order_operations: OrderOperations | None = None
    order_lag: timedelta = timedelta(0)
    seller_pages: Text = ""
    order_page: Callable[[str, str], str] = no_page
    beside_lines: Callable[[Any], Decimal] = nothing_beside
    unmetered: tuple[str, ...] = ()
    fulfilment: Mapping[str, Text] = field(default_factory=dict)
    ships_its_stock: bool = False
    lists_orders: bool = False
    lists_stock: bool = False
    confirms_shipments: bool = False
    carriers: Sequence[Carrier] = ()
    other_carrier: str = ""
    ship_times: Callable[[datetime, datetime], tuple[datetime, datetime]] = any_time_until_now
    pictures: Pictures | None = None
    shipment_advice: Mapping[str, Text] = field(default_factory=dict)
    label_programs: Mapping[str, Text] = field(default_factory=dict)
    carrier_programs: Mapping[str, Text] = field(default_factory=dict)
    expiries: Mapping[str, Expiry] = field(default_factory=dict)
    consent: Consent | None = None
    rotation: SecretRotation | None = None
    roles_page: Link | None = None
    advice: Mapping[str, Text] = field(default_factory=dict)
    check_settings: Callable[[], list[CheckMessage]] = no_problems
