"""One turn at fetching pictures for one platform: short, so that a sync that waits behind it hardly notices.

fetch_pictures   asks once for each marketplace, and fetches and stores the pictures that there are
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.errors import (
    AuthenticationError,
    AuthorizationError,
    ConfigError,
    PlatformError,
    RateLimited,
    RequestRefused,
    TransientError,
)
from integrations.models import PictureTurn, ProductPicture, SyncLog
from integrations.pictures.shrinking import SIDE, NoPicture, shrunk
from integrations.pictures.wanted import Batch, wanted_batches
from integrations.protocol import ShowsProducts
from integrations.registry import CHANNELS
from integrations.sync.connection import connected
from platforms.models import Platform, Source

logger = logging.getLogger(__name__)

State = ProductPicture.State
KEEP = 0.5  # of the quota's burst, for whatever else the account asks the same operation
LONGEST = 10.0  # seconds in which files are begun; the rest comes with the next turn
BUSY = timedelta(minutes=5)  # longer than any turn

LOOK = timedelta(minutes=5)  # between two looks for new products, while nothing is wanted
PAUSE = timedelta(minutes=15)  # of a platform, or its hosts of pictures, that does not answer
# A product without a picture; one whose file is no picture, or could not be had this time.
NONE_AGAIN, FAILED_AGAIN, MISSED_AGAIN = timedelta(days=14), timedelta(days=7), timedelta(hours=1)
# Where a person has to act: a marketplace that is denied, and credentials that do not work.
DENIED, CREDENTIALS = timedelta(days=1), timedelta(hours=1)


@dataclass(slots=True)
class _Turn:
    """One turn so far. `refused`: marketplaces that are denied, and until when they are not asked."""

    platform: Platform
    stopping: Callable[[], bool]
    refused: dict[str, datetime]
    problem: PlatformError | None = None
    ends: float = field(default_factory=lambda: time.monotonic() + LONGEST)

    def goes_on(self) -> bool:
        return not self.stopping() and time.monotonic() < self.ends


def fetch_pictures(platform_id: int, *, stopping: Callable[[], bool] = lambda: False) -> datetime | None:
    """Returns when it goes on, None where the scheduler will see to it. Raises DatabaseError, and nothing else."""
    platform = Platform.objects.filter(pk=platform_id, is_active=True, show_pictures=True).first()
    if platform is None or not _take(platform_id):
        return None
    turn, wait = _Turn(platform, stopping, _refused(platform_id)), LOOK
    try:
        wait = _run(turn)
    finally:  # whatever happens, somebody else can go on
        next_at = timezone.now() + wait
        _release(turn, next_at, is_told=wait < LOOK)
    return next_at if wait < LOOK else None


def _take(platform_id: int) -> bool:
    """Whether nobody else is at it, and it is time."""
    PictureTurn.objects.get_or_create(platform_id=platform_id)
    now = timezone.now()
    free = Q(busy_until=None) | Q(busy_until__lt=now)
    turn = PictureTurn.objects.filter(free, platform=platform_id, next_at__lte=now)
    return bool(retry_on_db_error(turn.update)(busy_until=now + BUSY))


def _refused(platform_id: int) -> dict[str, datetime]:
    stored, now = PictureTurn.objects.get(platform=platform_id).refused_sites, timezone.now()
    times = {site: datetime.fromisoformat(text) for site, text in stored.items()}
    return {site: until for site, until in times.items() if until > now}


def _release(turn: _Turn, next_at: datetime, *, is_told: bool) -> None:
    """`is_told`: the workers hear of the next turn from here, so that the scheduler need not tell them."""
    values: dict[str, Any] = {
        "busy_until": None,
        "next_at": next_at,
        "announced_at": next_at if is_told else None,
        "refused_sites": {site: until.isoformat() for site, until in turn.refused.items()},
    }
    if turn.problem is not None:
        values |= {"problem_code": turn.problem.code, "problem_message": str(turn.problem)}
        values["problem_at"] = timezone.now()
    elif not turn.refused:
        values |= {"problem_code": "", "problem_message": "", "problem_at": None}
    retry_on_db_error(PictureTurn.objects.filter(platform=turn.platform).update)(**values)


def _run(turn: _Turn) -> timedelta:
    """How long to wait before the next turn."""
    channel = CHANNELS.get(turn.platform.kind)
    if channel is None or channel.pictures is None:
        return LOOK
    batches = wanted_batches(turn.platform.pk, timezone.now(), channel.pictures.at_once, turn.refused)
    if not batches:
        return LOOK
    try:
        for batch in batches:
            if turn.goes_on():
                _ask_or_leave(turn, batch)
    except RateLimited as error:
        return timedelta(seconds=error.retry_after)
    except PlatformError as error:
        turn.problem = error
        logger.info("No pictures for %s now (%s): %s", turn.platform.name, error.code, error)
        return CREDENTIALS if isinstance(error, AuthenticationError | ConfigError) else PAUSE
    return timedelta(0)


def _ask_or_leave(turn: _Turn, batch: Batch) -> None:
    """A marketplace that is denied is left alone for a day; the others are not."""
    try:
        _ask(turn, batch)
    except AuthorizationError as error:
        turn.problem = error
        turn.refused[batch.site] = timezone.now() + DENIED
        logger.info("No pictures for %s in %s: %s", turn.platform.name, batch.site or "any place", error)


def _ask(turn: _Turn, batch: Batch) -> None:
    """Ask for the batch; for half of it where it is refused, until the one product that it is refused for is alone."""
    with _adapter(turn.platform, batch.source) as adapter:
        asins = batch.asins
        while True:
            try:
                links = adapter.picture_links(batch.site, asins, side=SIDE)
                break
            except RequestRefused as error:
                if len(asins) == 1:
                    _store(turn, asins[0], State.FAILED, reason=str(error), again=FAILED_AGAIN)
                    raise
                asins = asins[: len(asins) // 2]
        for asin in asins:
            if not links.get(asin):
                _store(turn, asin, State.NONE, again=NONE_AGAIN)
        _fetch(turn, adapter, {asin: links[asin] for asin in asins if links.get(asin)})


def _fetch(turn: _Turn, adapter: ShowsProducts, links: dict[str, str]) -> None:
    """Raises TransientError where the files cannot be had now."""
    files = adapter.picture_files(iter(links.values()))
    for asin, link in links.items():
        if not turn.goes_on():
            return
        found = next(files)
        if isinstance(found, TransientError):
            # Others first, the next time: it may be this one alone.
            _store(turn, asin, State.FAILED, url=link, reason=str(found), again=MISSED_AGAIN)
            raise found
        if isinstance(found, PlatformError):
            _store(turn, asin, State.FAILED, url=link, reason=str(found), again=FAILED_AGAIN)
            continue
        try:
            image = shrunk(found)
        except NoPicture as problem:
            _store(turn, asin, State.FAILED, url=link, reason=str(problem), again=FAILED_AGAIN)
        else:
            _store(turn, asin, State.KNOWN, url=link, image=image)


def _store(
    turn: _Turn,
    asin: str,
    state: State,
    *,
    url: str = "",
    reason: str = "",
    image: bytes = b"",
    again: timedelta | None = None,
) -> None:
    now = timezone.now()
    values = {
        "state": state,
        "reason": reason[:500],
        "url": url[:1000],
        "image": image,
        "asked_at": now,
        "ask_again_at": now + again if again else None,
    }
    store = retry_on_db_error(ProductPicture.objects.update_or_create)
    store(platform_id=turn.platform.pk, asin=asin, defaults=values)


@contextmanager
def _adapter(platform: Platform, source: str) -> Iterator[ShowsProducts]:
    """What has the pictures of products of this source. Raises ConfigError."""
    if source == Source.MOCK:
        with closing(CHANNELS[platform.kind].mock()) as mock:
            yield _showing(mock)
        return
    retry_on_db_error(platform.encrypt_plain_config)()
    with connected(platform, SyncLog.Kind.ORDERS, keep=KEEP) as adapter:
        if adapter.source != source:
            text = (
                f"The orders are {source} data, and platform {platform.name} is set to its {adapter.source}."
            )
            raise ConfigError(text, code="other_source")
        yield _showing(adapter)


def _showing(adapter: object) -> ShowsProducts:
    if not isinstance(adapter, ShowsProducts):
        raise ConfigError("This platform has no pictures of products.", code="no_pictures")
    return adapter
