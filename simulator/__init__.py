"""A simulated Amazon: Login with Amazon, Orders v2026-01-01 (and confirmShipment of v0), FBA inventory v1, Sellers v1,
Reports 2021-06-30, and of Catalog Items v2022-04-01 the pictures, over HTTP.

For tests, benchmarks and demos: standard library only, no Django, nothing of the rest of the project.

    account = Account(seed=7, orders=1000, skus=500)
    with Simulator(account) as sim:
        ...  # sim.endpoint, sim.lwa_endpoint, sim.calls, sim.requests
    account.truth_orders()  # what should have been stored
    account.truth_shipments()  # what it was told

Faults can be added by rule:

    rule = Rule(operation="searchOrders", nth=3, fault=Answer(503, body="html"))
    with Simulator(account, rules=[rule], quotas=Quotas(speed=60)) as sim:
        sim.rules.add(Rule(every=5, fault=Reset()))
"""

from simulator.account import Account
from simulator.catalog import AWKWARD_SKUS
from simulator.faults.hiding import HideOrders, ListLate, LoseUpdates
from simulator.faults.kinds import (
    Answer,
    Between,
    ChangeNothing,
    CompleteUntil,
    Cut,
    Delay,
    Deny,
    Empty,
    ExpirePageTokens,
    ExpireTokens,
    LoopPages,
    LoseAnswer,
    Mutate,
    NextRowToo,
    NotUtf8,
    OddName,
    OnlyOf,
    RefuseData,
    RefuseSku,
    RepeatPage,
    Reset,
    Revoke,
    SetClock,
    Slow,
    SpoilRow,
)
from simulator.faults.pages import NoSku, OddPagination, OlderTwin
from simulator.faults.reports import BreakRows, CutShort, DoubleRows, EndReport, ExpireLinks, SlowReport
from simulator.faults.rules import Rule
from simulator.model import CANARY
from simulator.quotas import Limit, Quotas
from simulator.sandbox import StaticSandbox
from simulator.server import Simulator
from simulator.wire import Canned, RecordedRequest

__all__ = [
    "AWKWARD_SKUS",
    "CANARY",
    "Account",
    "Answer",
    "Between",
    "BreakRows",
    "Canned",
    "ChangeNothing",
    "CompleteUntil",
    "Cut",
    "CutShort",
    "Delay",
    "Deny",
    "DoubleRows",
    "Empty",
    "EndReport",
    "ExpireLinks",
    "ExpirePageTokens",
    "ExpireTokens",
    "HideOrders",
    "Limit",
    "ListLate",
    "LoopPages",
    "LoseAnswer",
    "LoseUpdates",
    "Mutate",
    "NextRowToo",
    "NoSku",
    "NotUtf8",
    "OddName",
    "OddPagination",
    "OlderTwin",
    "OnlyOf",
    "Quotas",
    "RecordedRequest",
    "RefuseData",
    "RefuseSku",
    "RepeatPage",
    "Reset",
    "Revoke",
    "Rule",
    "SetClock",
    "Simulator",
    "Slow",
    "SlowReport",
    "SpoilRow",
    "StaticSandbox",
]
