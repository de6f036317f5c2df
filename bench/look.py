"""`python -m bench.look`: the admin's pages on the database of DATABASE_URL as it is, without filling it first.

    export DATABASE_URL=sqlite:///var/million.sqlite3  # filled by python -m bench.million
    python -m bench.look --rounds 9 --only orders

The database is left as it was: the benchmark's user and session are rolled back.
"""

import argparse
import os
import statistics


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.look", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="how often each page is opened (default 9)")
    parser.add_argument("--only", default="", help="pages with this in their name")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms.settings")
    import django

    django.setup()
    from django.db import transaction

    from bench import admin_pages

    print(f"{'page':44}  median    p95   cpu    SQL  queries  (ms)")
    with transaction.atomic():
        client = admin_pages.logged_in()
        for name, address in admin_pages.pages().items():
            if options.only in name:
                timed = admin_pages.timed_page(client, name, address, options.rounds)
                page, cpu, bare = (
                    statistics.median(figures) for figures in (timed.page, timed.cpu, timed.bare)
                )
                figures = f"{page:7.0f} {timed.p95:6.0f} {cpu:5.0f} {bare:6.1f} {timed.queries:8}"
                print(f"{name:44} {figures}", flush=True)
        transaction.set_rollback(True)


if __name__ == "__main__":
    main()
