"""Both sides of the property test: a simulated Amazon, the database, and the time, which passes when told to.

Amazon's clock is right. That of this machine may be ahead of it, or behind.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from conftest import GENEROUS, api_config
from integrations.amazon import clock, tokens
from integrations.models import ApiQuota, SyncFailure, SyncLog
from integrations.tests.comparing import count_faults
from inventory.models import InventoryItem
from orders.models import Order, OrderBuyer, OrderItem
from platforms.models import Platform
from simulator import Account, Between, Empty, NoSku, RefuseData, Rule, Simulator
from simulator.faults.base import Call, Fault, Site
from simulator.scenes import SCENES, Scene
from stateful.amazon import Amazon, Change

TABLES = (SyncFailure, SyncLog, OrderBuyer, OrderItem, Order, InventoryItem, ApiQuota, Platform)
MARKETPLACES = ("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2")
PAGE = 4


class World:
    """`amazon` has the truth, `platform` is the row that OMS syncs. Close it, or the next one meets its clock."""

    def __init__(
        self,
        *,
        seed: int,
        orders: int,
        marketplaces: int,
        clock_ahead: float = 0,
        page_size: int = PAGE,
        scenes: tuple[Scene, ...] = SCENES,
    ) -> None:
        """`clock_ahead`: so many seconds is this machine's clock ahead of Amazon's, below zero behind it."""
        for model in TABLES:
            model.objects.all().delete()
        tokens._tokens.clear()  # they live as long as the process
        clock._measured.clear()
        self.is_well = True  # nothing is planted
        self.refused: set[str] = set()  # data sets; whoever reads orders again, with all of them, empties it
        self._hidden = 0  # how many lists of stock are shown without rows that are there
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._patch = pytest.MonkeyPatch()
        self._ahead = timedelta(seconds=clock_ahead)
        self._patch.setattr(timezone, "now", self.now_here)
        account = Account(
            seed=seed,
            orders=orders,
            skus=7,
            marketplace_ids=MARKETPLACES[:marketplaces],
            end=self._now - timedelta(minutes=5),
            scenes=scenes,
        )
        self.amazon = Amazon(account, lambda: self._now)
        self.sim = Simulator(account, page_size=page_size, clock=lambda: self._now.timestamp())
        self.sim.__enter__()
        self._settings = override_settings(
            AMAZON_SP_API_ENDPOINT=self.sim.endpoint,
            AMAZON_LWA_ENDPOINT=self.sim.lwa_endpoint,
            AMAZON_RETRY_BACKOFF=0.001,
            DATABASE_RETRY_BACKOFF=0.001,
            AMAZON_QUOTAS=GENEROUS,
            MOCK_FALLBACK="never",
        )
        self._settings.enable()
        self.platform = Platform.objects.create(
            name="amazon", api_config=api_config(account), include_pii=True
        )

    def close(self) -> None:
        count_faults(self.sim)
        self.sim.__exit__(None, None, None)
        self._settings.disable()
        self._patch.undo()

    def now_here(self) -> datetime:
        return self._now + self._ahead

    def wait(self, minutes: float) -> None:
        """Time passes, for Amazon and for OMS; the token bucket fills up, which goes by a clock of its own."""
        self._now += timedelta(minutes=minutes)
        ApiQuota.objects.all().delete()

    def plant(self, operation: str, fault: Fault, *, nth: int, times: int) -> None:
        self.is_well = False
        if isinstance(fault, RefuseData):
            self.refused.add(fault.name)
        if isinstance(fault, Empty | NoSku):
            self._hidden += times
            if self._hidden > 1:  # the second of two is believed
                self.amazon.hide_stock()
        self.sim.rules.add(Rule(operation=operation, nth=nth, times=times, fault=fault))

    def change_while_read(self, operation: str, changes: Iterable[tuple[int, Change]]) -> None:
        """Each change happens once that page, counted from now, was made; where it is asked for at all."""
        for page, change in changes:

            def hook(_site: Site, _call: Call, change: Change = change) -> None:
                self.amazon.happen(change)

            self.plant(operation, Between(hook), nth=page, times=1)

    def recover(self) -> None:
        """Amazon is well again."""
        self.is_well = True
        self._hidden = 0
        self.sim.rules.clear()
        self.sim.restore()

    def drop_connection(self) -> None:
        """What the database sees of a process that died: whatever was not committed is gone."""
        assert not connection.in_atomic_block
        connection.close()
