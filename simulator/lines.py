"""The lines of an order: which products, how many, at what price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from simulator.catalog import AWKWARD_SKUS, Product, product
from simulator.model import CANARY, Line
from simulator.scenes import FREE_OF_CHARGE, WITHOUT_AMOUNTS, Scene

_COUNTS = (1, 2, 3, 4, 5)
_WEIGHTS = (40, 30, 15, 10, 5)
_AT_LEAST_TWO = frozenset({Scene.TWIN_LINES, Scene.CANCELLED_LINE, Scene.BARE_ITEMS, Scene.PARTIAL})


@dataclass(frozen=True, slots=True)
class Draft:
    """What the lines need to know about their order."""

    index: int
    scene: Scene
    status: str
    currency: str
    sku_count: int
    rng: Random

    @property
    def exponent(self) -> int:
        return 0 if self.currency == "JPY" else -2


def make_lines(draft: Draft, item_ids: list[str]) -> tuple[Line, ...]:
    """1 to 5 lines (2.1 on average). `item_ids` holds an id for each possible line."""
    count = draft.rng.choices(_COUNTS, _WEIGHTS)[0]
    if draft.scene in _AT_LEAST_TWO:
        count = max(count, 2)
    products = [_pick(draft, position) for position in range(count)]
    if draft.scene is Scene.TWIN_LINES:
        products[1] = products[0]
    return tuple(_line(draft, n, item_ids[n], products[n], n == count - 1) for n in range(count))


def _pick(draft: Draft, position: int) -> Product:
    # Every third order begins with the next awkward SKU, so that few orders show them all.
    if position == 0 and draft.index % 3 == 0:
        return product(draft.index // 3 % min(draft.sku_count, len(AWKWARD_SKUS)))
    return product(draft.rng.randrange(draft.sku_count))


def _line(draft: Draft, position: int, external_id: str, item: Product, last: bool) -> Line:
    ordered, shipped, cancelled = _quantities(draft, position, last)
    named = (draft.scene, True) not in ((Scene.BARE_ITEMS, position == 0), (Scene.BLANKS, last))
    title = item.title
    if draft.scene is Scene.LONG_TITLE and position == 0:
        title = (f"{item.title} – " + "sehr großes Etui, 大容量, ✓ " * 40)[:499] + "Ω"
    amounts = {} if draft.scene in WITHOUT_AMOUNTS else _amounts(draft, ordered)
    asked = draft.scene is Scene.BUYER_CANCEL and position == 0
    return Line(
        external_id=external_id,
        sku=item.sku if named else "",
        asin=item.asin if named else "",
        title=title if named else "",
        quantity_ordered=ordered,
        quantity_shipped=shipped,
        currency=draft.currency if amounts else "",
        gift_message=f"Happy birthday! {CANARY}-GIFT-{draft.index}" if draft.scene is Scene.GIFT else "",
        customized_url=_custom_url(draft) if draft.scene is Scene.CUSTOMIZED and position == 0 else "",
        cancel_requester="BUYER" if asked else "",
        cancelled_by=("BUYER", "MERCHANT", "AMAZON")[draft.rng.randrange(3)] if cancelled else "",
        cancel_reason=f"Ordered twice. {CANARY}-REASON-{draft.index}" if asked or cancelled else "",
        **amounts,
    )


def _custom_url(draft: Draft) -> str:
    return f"https://zme-caps.amazon.invalid/t/{CANARY}-CUSTOM-{draft.index}/blob"


def _quantities(draft: Draft, position: int, last: bool) -> tuple[int, int | None, bool]:
    """(ordered, shipped, is this line cancelled)."""
    ordered = 1 if draft.rng.random() < 0.7 else draft.rng.randrange(2, 6)
    if draft.status == "cancelled" or (draft.scene is Scene.CANCELLED_LINE and last):
        return 0, 0, True
    if draft.scene is Scene.NO_QUANTITIES:
        return ordered, None, False
    if draft.status == "shipped":
        return ordered, ordered, False
    if draft.status == "partially_shipped" and position == 0:
        return ordered + 1, ordered, False
    return ordered, 0, False


def _amounts(draft: Draft, ordered: int) -> dict[str, Decimal | None]:
    """The amounts of a line; a value that Amazon would leave out is None, which is not 0."""
    rng, exponent, full = draft.rng, draft.exponent, draft.scene is Scene.BREAKDOWNS
    cent = Decimal(1).scaleb(exponent)
    if draft.scene in FREE_OF_CHARGE:
        zero = Decimal(0).scaleb(exponent)
        return {"unit_price": zero, "item_amount": zero, "total": zero}
    unit = Decimal(rng.randrange(300, 15000)).scaleb(exponent)
    item = unit * ordered
    shipping = Decimal(rng.randrange(0, 900)).scaleb(exponent) if full or rng.random() < 0.4 else None
    tax = (item * Decimal("0.08")).quantize(cent) if full or rng.random() < 0.7 else None
    discount = (item / 10).quantize(cent) if full or rng.random() < 0.25 else None
    wrap = Decimal(399).scaleb(exponent) if draft.scene is Scene.GIFT else None
    zero = Decimal(0).scaleb(exponent)
    total = item + (shipping or zero) + (wrap or zero) + (tax or zero) - (discount or zero)
    return {
        "unit_price": unit,
        "item_amount": item,
        "shipping": shipping,
        "gift_wrap": wrap,
        "tax": tax,
        "discount": discount,
        "total": total,
    }
