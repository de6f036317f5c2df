"""What it takes to read a list by order date whose orders are all stored, in the version that it has, as a catch-up
does again and again: beside storing the same list without looking at its times first, in the same run."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bench.auditing import Listed
from bench.backfilling import listed_anew, prepared
from bench.memory import peak_mib
from bench.report import Result
from integrations.completeness.history.listing import store_list
from integrations.completeness.keeping_up.claim import CatchUpClaim
from integrations.completeness.keeping_up.news import news_of
from integrations.models import CatchUp, SyncLog
from platforms.models import Platform

AIM = 60.0  # CPU seconds; one is read every 15 minutes


def measure(database: str, *, orders: int, rounds: int) -> list[Result]:
    """CPU seconds of this process, and how many times as long it takes to store them all the same."""
    platform, adapter, rows = prepared(orders)
    listed_anew(platform, orders)
    cpu, ratios = [], []
    for number in range(rounds):
        cpu.append(_read(platform, adapter, is_picked=True))
        if not number:  # it takes long
            ratios.append(_read(platform, adapter, is_picked=False) / cpu[-1])
    return [
        Result(
            name=f"CPU seconds to read a list by order date of {orders:,} orders, none of which is newer",
            database=database,
            values=tuple(cpu),
            unit="s",
            note=f"{rows:,} rows, {rows / min(cpu):,.0f} a second",
            target=AIM,
            at_most=True,
        ),
        Result(
            name="the same list stored without a look at its times first, to that",
            database=database,
            values=tuple(ratios),
            unit="×",
        ),
    ]


def peak_memory(orders: int) -> float:
    """The largest resident size of this process in MiB, after a list of so many orders was read again."""
    platform, adapter, _rows = prepared(orders)
    listed_anew(platform, orders)
    _read(platform, adapter, is_picked=True)
    return peak_mib()


def _read(platform: Platform, adapter: Listed, *, is_picked: bool) -> float:
    """Seconds of CPU."""
    CatchUp.objects.all().delete()
    now = datetime.now(UTC)
    catch_up = CatchUp.objects.create(
        platform=platform,
        trigger=SyncLog.Trigger.SCHEDULE,
        open_key=str(platform.pk),
        window_start=now - timedelta(days=60),
        queued_at=now,
    )
    claim = CatchUpClaim.take(catch_up.pk)
    if claim is None:
        raise RuntimeError("The catch-up cannot be claimed.")
    options: dict[str, Any] = {"picked": partial(news_of, claim.job)} if is_picked else {}
    began = time.process_time()
    found = store_list(claim, adapter, "created", updates_full=True, **options)
    seconds = time.process_time() - began
    if found.created or found.updated or (found.listed and is_picked):
        raise RuntimeError(f"Something was newer: {found}")
    return seconds
