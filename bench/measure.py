"""One measurement in a process of its own, started by `python -m bench`. Prints JSON."""

import argparse
import gc
import json
import logging
from dataclasses import asdict
from typing import Any

from bench import database

OF_A_WORKER = (
    "storing", "memory", "calls", "quota", "history", "backfill", "backfill-memory", "audit", "audit-memory",
    "shipping", "keeping-up", "reading-again", "reading-again-memory",
)  # fmt: skip
MEASUREMENTS = (*OF_A_WORKER, "export", "export-memory", "admin", "lists", "reading")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=MEASUREMENTS)
    parser.add_argument("--name", default="")
    parser.add_argument("--pages", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--orders", type=int, default=0)
    parser.add_argument("--skus", type=int, default=0)
    parser.add_argument("--hours", type=int, default=0)
    options = parser.parse_args()
    database.start()
    logging.disable(logging.INFO)
    print(json.dumps(_measured(options)))
    database.empty()


def _measured(options: argparse.Namespace) -> Any:
    # Only now: models need a Django that was set up.
    from bench import (
        admin_pages,
        api_lists,
        auditing,
        backfilling,
        export,
        history,
        keeping_up,
        million,
        quota,
        reading,
        reading_again,
        shipping,
        storing,
        syncs,
    )
    from core.garbage import collect_rarely

    if options.what in (*OF_A_WORKER, "admin", "lists"):
        collect_rarely()  # as the worker, the commands and gunicorn do
    else:
        gc.freeze()

    if options.what == "memory":
        return syncs.peak_memory(options.orders)
    if options.what == "audit-memory":
        return auditing.peak_memory(options.orders)
    if options.what == "backfill-memory":
        return backfilling.peak_memory(options.orders)
    if options.what == "reading-again-memory":
        return reading_again.peak_memory(options.orders)
    if options.what == "export-memory":
        return export.peak_memory(options.orders)
    if options.what == "calls":
        results = syncs.calls(options.name, orders=options.orders, rounds=options.rounds)
    elif options.what == "quota":
        results = quota.under_quota(options.name, orders=options.orders)
    elif options.what == "shipping":
        results = shipping.under_quota(options.name, shipments=options.orders)
    elif options.what == "history":
        results = history.of_two_years(options.name, orders=options.orders)
    elif options.what == "keeping-up":
        results = keeping_up.of_a_busy_account(options.name, hours=options.hours)
    elif options.what == "reading-again":
        results = reading_again.measure(options.name, orders=options.orders, rounds=options.rounds)
    elif options.what == "backfill":
        results = backfilling.measure(options.name, orders=options.orders, rounds=options.rounds)
    elif options.what == "audit":
        results = auditing.measure(options.name, orders=options.orders, rounds=options.rounds)
    elif options.what == "export":
        with million.in_a_hurry():
            million.fill(orders=options.orders, skus=options.skus)
        results = export.measure(options.name, orders=options.orders, rounds=options.rounds)
    elif options.what == "lists":
        with million.in_a_hurry():
            million.fill(orders=options.orders, skus=options.skus)
        results = api_lists.measure(options.name, rounds=options.rounds)
    elif options.what == "reading":
        results = reading.measure(orders=options.orders, rounds=options.rounds)
    elif options.what == "admin":
        results = admin_pages.measure(
            options.name, orders=options.orders, skus=options.skus, rounds=options.rounds
        )
    else:
        results = storing.measure(options.name, pages=options.pages, rounds=options.rounds)
    return [asdict(result) for result in results]


if __name__ == "__main__":
    main()
