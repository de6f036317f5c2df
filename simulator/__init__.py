"""An Amazon in a box: Login with Amazon, Orders v2026-01-01 and FBA inventory v1 over real HTTP.

For tests, benchmarks and demos: standard library only, no Django, nothing of the rest of the project.

    account = Account(seed=7, orders=1000, skus=500)
    with Simulator(account) as sim:
        ...  # sim.endpoint, sim.lwa_endpoint, sim.calls, sim.requests
    account.truth_orders()  # what should have been stored
"""

from simulator.account import Account
from simulator.catalog import AWKWARD_SKUS
from simulator.neutral import CANARY
from simulator.sandbox import StaticSandbox
from simulator.server import Simulator
from simulator.wire import Canned, RecordedRequest

__all__ = ["AWKWARD_SKUS", "CANARY", "Account", "Canned", "RecordedRequest", "Simulator", "StaticSandbox"]
