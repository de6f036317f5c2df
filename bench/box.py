"""`python -m bench.box ORDERS`: the simulator, until its input ends; each line of input is answered with its calls."""

import json
import sys

from simulator import Account, Simulator


def main(orders: int) -> None:
    account = Account(orders=orders)
    with Simulator(account) as box:
        config = {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "refresh_token": account.refresh_token,
            "marketplace_id": account.marketplace_ids[0],
        }
        address = {"endpoint": box.endpoint, "lwa_endpoint": box.lwa_endpoint, "api_config": config}
        print(json.dumps(address), flush=True)
        for _line in sys.stdin:
            print(json.dumps(dict(box.calls)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
