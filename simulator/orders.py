"""Orders computed from (seed, index) alone: `outline` is cheap and enough for searching, `make_order` makes all of
it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from simulator.catalog import MARKETPLACES, UNKNOWN_MARKETPLACES, scatter
from simulator.lines import Draft, make_lines
from simulator.model import CANARY, Order, Person, Window
from simulator.scenes import ASSOCIATIONS, OUTSIDE_AMAZON, SCENES, WITHOUT_AMOUNTS, Scene, scene_of, status_of

SPREAD = timedelta(days=20)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000
_IDS = 10**14
_ITEM_IDS = 10**13
# Coprime with powers of ten: multiplying by it modulo 10^n is a bijection, so no two indexes share an id.
_STEP = 61_803_398_874_989
_UNSTEP = pow(_STEP, -1, _IDS)
_ID_SHAPE = re.compile(r"(?:S01|11[1-4])-(\d{7})-(\d{7})")
_SERVICE_LEVELS = ("STANDARD", "EXPEDITED", "SECOND_DAY", "NEXT_DAY", "FREE_ECONOMY")
_PROGRAMS = ((), ("PRIME",), ("PRIME", "PREMIUM"), ())


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, exact, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


@dataclass(frozen=True, slots=True)
class Book:
    """The parameters of an account's orders."""

    seed: int
    orders: int
    skus: int
    marketplace_ids: tuple[str, ...]
    end: datetime
    spread: timedelta = SPREAD
    scenes: tuple[Scene, ...] = SCENES


@dataclass(frozen=True, slots=True)
class Outline:
    """The values that a search filters by."""

    status: str
    platform_status: str
    marketplace_id: str
    outside_amazon: bool
    fulfilled_by: str


def order_id(book: Book, index: int) -> str:
    """111-1234567-1234567 on Amazon, S01-… from outside."""
    number = (index * _STEP + scatter(book.seed, 0, 1)) % _IDS
    prefix = "S01" if scene_of(index, book.scenes) in OUTSIDE_AMAZON else f"11{1 + index % 4}"
    return f"{prefix}-{number // 10**7:07d}-{number % 10**7:07d}"


def order_index(book: Book, external_id: str, count: int) -> int | None:
    """The index behind an order id, or None when it is not among the first `count` orders."""
    match = _ID_SHAPE.fullmatch(external_id)
    if match is None:
        return None
    number = int(match[1] + match[2])
    index = (number - scatter(book.seed, 0, 1)) * _UNSTEP % _IDS
    return index if index < count and order_id(book, index) == external_id else None


def updated_ms(book: Book, index: int) -> int:
    """When the order last changed: the orders fill the `spread` before `end`, in the order of their index."""
    if scene_of(index, book.scenes) is Scene.SAME_TIME and index:
        index -= 1
    spread = book.spread // timedelta(milliseconds=1)
    start = to_ms(book.end) - spread
    noise = scatter(book.seed, index, 2)
    moment = start + (index * 1000 + noise % 1000) * spread // (max(book.orders, 1) * 1000)
    return max(start, moment - moment % 1000) if index % 3 == 0 else moment


def created_ms(book: Book, index: int) -> int:
    """When the order was placed: up to 5 days before it last changed."""
    updated = updated_ms(book, index)
    if scene_of(index, book.scenes) is Scene.UNCHANGED:
        return updated
    created = updated - scatter(book.seed, index, 3) % (5 * _DAY_MS)
    return created - created % 1000 if index % 2 else created


def outline(book: Book, index: int) -> Outline:
    scene = scene_of(index, book.scenes)
    status, platform_status = status_of(scene)
    noise = scatter(book.seed, index, 4)
    marketplace_id = book.marketplace_ids[noise % len(book.marketplace_ids)]
    outside = scene in OUTSIDE_AMAZON
    if outside:
        unknown = UNKNOWN_MARKETPLACES[noise % len(UNKNOWN_MARKETPLACES)]
        marketplace_id = unknown if scene is Scene.NON_AMAZON_UNKNOWN else ""
    fulfilled_by = "platform" if outside or noise >> 20 & 1 else "merchant"
    if scene is Scene.NO_WINDOWS:
        fulfilled_by = ""
    return Outline(status, platform_status, marketplace_id, outside, fulfilled_by)


def make_order(book: Book, index: int) -> Order:
    """Order number `index`; equal arguments give equal orders."""
    scene, known, rng = (
        scene_of(index, book.scenes),
        outline(book, index),
        Random(scatter(book.seed, index, 5)),
    )
    home = MARKETPLACES[
        known.marketplace_id if known.marketplace_id in MARKETPLACES else book.marketplace_ids[0]
    ]
    currency = home.currency
    if scene is Scene.FOREIGN_CURRENCY:
        currency = "USD" if currency == "EUR" else "EUR"
    lines = make_lines(Draft(index, scene, known.status, currency, book.skus, rng), item_ids(book, index))
    tip = Decimal(5) if scene is Scene.TIP else None
    amounts = [line.total for line in lines if line.total is not None]
    total = None if scene in WITHOUT_AMOUNTS else sum(amounts, tip or Decimal(0))
    created = from_ms(created_ms(book, index))
    ship_by, deliver_by = (None, None) if scene is Scene.NO_WINDOWS else _windows(created, rng)
    association = ASSOCIATIONS.get(scene, "")
    return Order(
        index=index,
        external_id=order_id(book, index),
        created=created,
        updated=from_ms(updated_ms(book, index)),
        status=known.status,
        platform_status=known.platform_status,
        channel="NON_AMAZON" if known.outside_amazon else "AMAZON",
        marketplace_id=known.marketplace_id,
        marketplace_name="Non-Amazon" if known.outside_amazon else home.name,
        fulfilled_by=known.fulfilled_by,
        service_level="" if scene in (Scene.NO_WINDOWS, Scene.BLANKS) else rng.choice(_SERVICE_LEVELS),
        ship_by=ship_by,
        deliver_by=None if scene is Scene.BLANKS else deliver_by,
        currency="" if total is None else currency,
        total=total,
        tip=tip,
        programs=_programs(scene, rng),
        # The original is usually an order of ours; for the first few it is one from before our time.
        replaced_order_id=order_id(book, max(index - 40, 0)) if association else "",
        association=association,
        lines=lines,
        person=_person(index, home.country),
        business=scene is Scene.BUSINESS,
        blanks=scene is Scene.BLANKS,
        extras=scene is Scene.UNKNOWN_EXTRAS,
    )


def item_ids(book: Book, index: int) -> list[str]:
    """Five item ids of 14 digits; those of every tenth order begin with a zero."""
    lead = 0 if index % 10 == 3 else 1 + index % 9
    numbers = ((index * 8 + line) * _STEP + scatter(book.seed, 0, 6) for line in range(5))
    return [f"{lead}{number % _ITEM_IDS:013d}" for number in numbers]


def _windows(created: datetime, rng: Random) -> tuple[Window, Window]:
    day = created.replace(hour=0, minute=0, second=0, microsecond=0)
    ship = Window(day + timedelta(days=1), day + timedelta(days=3, seconds=-1))
    deliver = Window(day + timedelta(days=3), day + timedelta(days=5 + rng.randrange(6), seconds=-1))
    return ship, deliver


def _programs(scene: Scene, rng: Random) -> tuple[str, ...]:
    special = {
        Scene.UNKNOWN_EXTRAS: ("PRIME", "HOLOGRAM_DELIVERY", "FULFILLMENT_ORDERS"),
        Scene.PENDING_AVAILABILITY: ("PREORDER",),
        Scene.BUSINESS: ("AMAZON_BUSINESS",),
    }
    return special.get(scene) or rng.choice(_PROGRAMS)


def _person(number: int, country: str) -> Person:
    tag = f"{CANARY}-{number}"
    return Person(
        number=number,
        name=f"Zoë Müller {tag}",
        email=f"{tag}@marketplace.amazon.invalid",
        phone=f"+1 555 0100 {tag}",
        company=f"Müller & Töchter {tag}",
        street=f"{number % 300} Elm Street {tag}",
        city=("Springfield", "Köln", "São Paulo", "大阪市")[number % 4],
        postal_code=f"9{number % 10000:04d} {tag}",
        country=country,
    )
