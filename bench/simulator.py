"""`python -m bench.simulator ORDERS [--quotas]`: the simulator, until its input ends.

Each line of input is a number of seconds to put the quotas' clock forward by (0: none), and is answered with the
calls so far.
"""

import argparse
import json
import sys
import time

from simulator import Account, Quotas, Simulator


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("orders", type=int)
    parser.add_argument("--quotas", action="store_true", help="enforce Amazon's published quotas")
    options = parser.parse_args()
    skipped = 0.0
    quotas = Quotas(clock=lambda: time.monotonic() + skipped) if options.quotas else None
    account = Account(orders=options.orders)
    with Simulator(account, quotas=quotas) as server:
        config = {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "refresh_token": account.refresh_token,
            "marketplace_id": account.marketplace_ids[0],
        }
        address = {"endpoint": server.endpoint, "lwa_endpoint": server.lwa_endpoint, "api_config": config}
        print(json.dumps(address), flush=True)
        for line in sys.stdin:
            skipped += float(line)
            print(json.dumps(dict(server.calls)), flush=True)


if __name__ == "__main__":
    main()
