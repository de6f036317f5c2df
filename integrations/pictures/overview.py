"""How far the pictures of a platform are, for its page."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from core.format import Text
from integrations.models import PictureTurn, ProductPicture
from integrations.registry import CHANNELS
from platforms.models import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesSoFar:
    """How many products have a picture, have none, and have one that could not be had. `problem`: what stood in the way
    the last time, `advice` what a person does about it, and `next_at` when it is tried again."""

    known: int
    none: int
    failed: int
    problem: str
    advice: Text
    next_at: datetime | None


def has_pictures(kind: str) -> bool:
    """Whether platforms of this kind can show pictures of products."""
    channel = CHANNELS.get(kind)
    return channel is not None and channel.pictures is not None


def pictures_so_far(platform: Platform) -> PicturesSoFar | None:
    """None where no pictures are shown. Two queries."""
    channel = CHANNELS.get(platform.kind)
    if not platform.show_pictures or channel is None or channel.pictures is None:
        return None
    rows = ProductPicture.objects.filter(platform=platform).order_by().values_list("state")
    counts = dict(rows.annotate(products=Count("pk")))
    turn = PictureTurn.objects.filter(platform=platform).exclude(problem_at=None).first()
    refused = turn.refused_sites.values() if turn else ()
    return PicturesSoFar(
        known=counts.get(ProductPicture.State.KNOWN, 0),
        none=counts.get(ProductPicture.State.NONE, 0),
        failed=counts.get(ProductPicture.State.FAILED, 0),
        problem=turn.problem_message if turn else "",
        advice=channel.pictures.refused if refused else "",
        next_at=min(map(datetime.fromisoformat, refused), default=turn.next_at) if turn else None,
    )
